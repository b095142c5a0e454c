"""What a drill's sink has written: documents of an index, or rows of a table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from lab.drills.log import Kept
from lab.drills.sink import NAMES, kept, malformed
from lab.options.sinks import Sink
from lab.services import hbase
from lab.services.sinks import store_host
from scripts.drills.topics import KEYS
from scripts.drivers.driver import Site
from scripts.drivers.rows import Rows, rows
from scripts.drivers.stores import Documents, documents
from scripts.errors import LabError

INDEX = "kafkalab-drill"  # or the table
NUMBERS = ("number", "check")  # the fields that are numbers; in a row all are text


class Store(Protocol):
    """What both kinds of store have. All of it raises LabError where the store does not answer."""

    def every(self, name: str) -> Iterable[Mapping[str, Any]]: ...

    def count(self, name: str) -> int: ...

    def drop(self, name: str) -> None: ...


S = TypeVar("S", bound=Store)


class Stock(ABC, Generic[S]):
    """Raises LabError where the store does not answer."""

    def __init__(self, there: S, run: str) -> None:
        self._there, self._run = there, run

    @abstractmethod
    def fresh(self) -> list[Kept]:
        """What can be found and was not yet told; some of it may be told again."""

    def every(self) -> list[Kept]:
        """All that is there."""
        return [self._kept(one) for one in self._there.every(INDEX)]

    def count(self) -> int:
        """How much that is."""
        return self._there.count(INDEX)

    def drop(self) -> None:
        """Take all of it away."""
        self._there.drop(INDEX)

    @abstractmethod
    def serves(self) -> bool:
        """Whether all of it can be read and written."""

    @abstractmethod
    def _kept(self, one: Mapping[str, Any]) -> Kept:
        """What stands there, as the log has it."""


class Index(Stock[Documents]):
    """Documents, by the order of the store's operations."""

    def __init__(self, there: Documents, run: str) -> None:
        super().__init__(there, run)
        self._after = -1

    def fresh(self) -> list[Kept]:
        try:
            found = self._there.after(INDEX, self._after)
        except LabError:
            # It may give the numbers of operations once more that it had not yet secured.
            self._after = -1
            raise
        if found:
            self._after = found[-1]["sort"][0]
        return [self._kept(one) for one in found]

    def serves(self) -> bool:
        return self._there.health() != "red"

    def _kept(self, one: Mapping[str, Any]) -> Kept:
        return kept(self._run, one["_id"], one["_version"], one["_source"])


class Table(Stock[Rows]):
    """Rows, by their cells' timestamps, which are offsets."""

    def __init__(self, there: Rows, run: str, *, by_key: bool) -> None:
        super().__init__(there, run)
        self._fronts = [Front(number, by_key=by_key) for number in range(KEYS)]

    def fresh(self) -> list[Kept]:
        since = min(one.offset for one in self._fronts)
        found = []
        for row in self._there.every(INDEX, since=since, column=f"{hbase.FAMILY}:number"):
            (cell,) = row["cells"].values()
            number = int(cell["value"]) if cell["value"].isdecimal() else -1
            if number >= 0:
                self._fronts[number % KEYS].note(number, cell["timestamp"])
            found.append(Kept(row["row"], number, cell["timestamp"]))
        return found

    def serves(self) -> bool:
        self._there.rows(INDEX, 1)
        return True

    def _kept(self, one: Mapping[str, Any]) -> Kept:
        """Of a row that is not whole, cells of two records say, nothing is believed."""
        cells = {name.partition(":")[2]: cell for name, cell in one["cells"].items()}
        (version, *others) = {cell["timestamp"] for cell in cells.values()}
        source: dict[str, object] = {
            name: int(cell["value"]) if name in NUMBERS and cell["value"].isdecimal()
            else cell["value"] for name, cell in cells.items()
        }
        return kept(self._run, one["row"], version, {} if others else source)


class Front:
    """How far a partition's records were found without a gap: what is new has a later offset.

    number: of the partition; its records have the numbers that leave it when divided by KEYS.
    by_key: a row stands for the earlier records of its key as well.
    """

    def __init__(self, number: int, *, by_key: bool) -> None:
        self.offset = 0
        self._next, self._by_key = number, by_key
        self._ahead: dict[int, int] = {}  # offsets of what was found beyond a gap
        self._newest: dict[int, int] = {}  # by key

    def note(self, number: int, offset: int) -> None:
        if number < self._next:
            return
        # A record that a mirror has copied twice counts from its first place.
        self._ahead[number] = min(offset, self._ahead.get(number, offset))
        slot = number % NAMES
        self._newest[slot] = max(number, self._newest.get(slot, number))
        while malformed(self._next) or self._found(self._next):
            self.offset = max(self.offset, self._ahead.pop(self._next, 0))
            self._next += KEYS

    def _found(self, number: int) -> bool:
        if self._by_key:
            return self._newest.get(number % NAMES, -1) >= number
        return number in self._ahead


def stock(sink: Sink, site: Site, run: str) -> Stock[Any]:
    """What a sink's drill has in its store, of one run."""
    host = store_host(sink, site.datacenter)
    if sink.kind == hbase.KIND:
        return Table(rows(site, host), run, by_key=sink.by_key)
    return Index(documents(site, host, sink.kind), run)
