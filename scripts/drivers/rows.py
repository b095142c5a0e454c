"""HBase as the lab acts on it: its servers, and the rows in its tables."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from lab.services.hbase import REGION_PAGES, REGION_SERVER
from lab.topology import Host
from scripts.clients.http import HttpError
from scripts.drivers.driver import Driver, Report, Site
from scripts.errors import LabError

GONE = 404
PATH = "/rows"
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

    def rows(self, table: str, most: int, start: str = "") -> list[dict[str, Any]]:
        """The first rows from a key on, in the order of their keys, with their cells; none where
        the table is not there."""
        path = f"{_path(table)}/{quote(start, safe='')}" if start else _path(table)
        try:
            found: list[dict[str, Any]] = self._ask("GET", f"{path}?limit={most}")["rows"]
        except HttpError as error:
            if error.status == GONE:
                return []
            raise
        return found

    def find(self, table: str, run: str) -> str | None:
        """The key of the row that a run of `fab verify` wrote, if it is there."""
        keys = (one["row"] for one in self.rows(table, 1000)
                if any(cell["value"] == run for cell in one["cells"].values()))
        return next(keys, None)

    def remove(self, table: str, row: str) -> None:
        """Take one row away."""
        self._ask("DELETE", f"{_path(table)}/{quote(row, safe='')}")


def values(row: dict[str, Any]) -> dict[str, str]:
    """The values of a row, by family and column."""
    return {name: cell["value"] for name, cell in row["cells"].items()}


def _path(table: str) -> str:
    return f"{PATH}/{quote(table, safe='')}"


def rows(site: Site, host: Host) -> Rows:
    """The HBase of a host, through SSH."""
    return Rows(site.http(host, REGION_PAGES, REGION_SERVER, PATIENCE_S))
