"""HBase as the lab acts on it: its servers, and the rows in its tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from lab.services.hbase import REGION_PAGES, REGION_SERVER
from lab.topology import Host
from scripts.clients.http import HttpError
from scripts.drivers.driver import Driver, Report, Site
from scripts.errors import LabError

GONE = 404
PATH = "/rows"
PAGE = 10_000  # rows that one answer has at most
REST = 10  # times as long as counting took
PATIENCE_S = 60.0  # a count reads the key of every row


class RegionServer(Driver):
    """Like any service; but it serves only when its tables can be read, for which it needs a master
    that has begun its work."""

    def silent(self, site: Site, host: Host) -> str:
        try:
            rows(site, host).tables()
        except LabError as error:
            return error.what
        return ""

    def verify(self, site: Site, report: Report) -> bool:
        def there() -> str:
            names = [name for host in site.carriers(self.name)
                     for name in rows(site, host).tables()]
            return ", ".join(names) or "none yet"

        return super().verify(site, report) and report.check(self.name, "tables", there)


class Rows:
    """What is in one HBase, by the lab's viewer among its pages. Raises HttpError."""

    def __init__(self, ask: Any) -> None:
        self._ask = ask

    def tables(self) -> list[str]:
        """The names of all tables."""
        return [str(name) for name in self._ask("GET", PATH)["tables"]]

    def count(self, table: str) -> int:
        """The rows of a table; none where it is not there."""
        try:
            return int(self._ask("GET", f"{_path(table)}?count=true")["count"])
        except HttpError as error:
            if error.status == GONE:
                return 0
            raise

    def rows(
        self, table: str, most: int, start: str = "", *, since: int = 0, column: str = ""
    ) -> list[dict[str, Any]]:
        """The first rows from a key on, in the order of their keys, with their cells; none where
        the table is not there. since: only cells with this timestamp or a later one; column: only
        those of this one (`d:city`)."""
        path = f"{_path(table)}/{quote(start, safe='')}" if start else _path(table)
        words = {"limit": most, **({"since": since} if since else {}),
                 **({"column": column} if column else {})}
        try:
            found: list[dict[str, Any]] = self._ask("GET", f"{path}?{urlencode(words)}")["rows"]
        except HttpError as error:
            if error.status == GONE:
                return []
            raise
        return found

    def state(self, table: str) -> dict[str, Any] | None:
        """How many regions of a table are served (`regions`), their size (`size_mb`), and the
        changes they had since they were opened (`written`); None where it is not there."""
        try:
            found: dict[str, Any] = self._ask("GET", f"{_path(table)}?state=true")
        except HttpError as error:
            if error.status == GONE:
                return None
            raise
        return found

    def every(
        self, table: str, *, since: int = 0, column: str = ""
    ) -> Iterator[dict[str, Any]]:
        """All of them, as `rows` has them."""
        last, page = "", True
        while page:
            found = self.rows(table, PAGE, last, since=since, column=column)
            page = len(found) == PAGE
            yield from (one for one in found if not last or one["row"] != last)
            last = found[-1]["row"] if found else last

    def drop(self, table: str) -> None:
        """Take a whole table away; nothing where there is none."""
        try:
            self._ask("DELETE", _path(table))
        except HttpError as error:
            if error.status != GONE:
                raise

    def find(self, table: str, run: str) -> str | None:
        """The key of the row that a run of `fab verify` wrote, if it is there."""
        keys = (one["row"] for one in self.rows(table, 1000)
                if any(cell["value"] == run for cell in one["cells"].values()))
        return next(keys, None)

    def remove(self, table: str, row: str) -> None:
        """Take one row away."""
        self._ask("DELETE", f"{_path(table)}/{quote(row, safe='')}")


class Counts:
    """How many rows tables have, counted anew when as long has passed as counting took, ten times:
    who looks every other second is not to keep a large table busy."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, float]] = {}  # and when to count again

    def of(self, there: Rows, table: str) -> int:
        """Raises HttpError."""
        began = time.monotonic()
        if table in self._known and began < self._known[table][1]:
            return self._known[table][0]
        found = there.count(table)
        now = time.monotonic()
        self._known[table] = (found, now + REST * (now - began))
        return found


def values(row: dict[str, Any]) -> dict[str, str]:
    """The values of a row, by family and column."""
    return {name: cell["value"] for name, cell in row["cells"].items()}


def _path(table: str) -> str:
    return f"{PATH}/{quote(table, safe='')}"


def rows(site: Site, host: Host) -> Rows:
    """The HBase of a host, through SSH."""
    return Rows(site.http(host, REGION_PAGES, REGION_SERVER, PATIENCE_S))
