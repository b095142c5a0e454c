"""How far those have come who read topics to carry them elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

Place = tuple[str, int]


@dataclass(frozen=True)
class Reach:
    """One partition as its reader has it. low, end: the first offset that is kept and the next one
    to be written. read: the next one to be read; None where nothing was read yet."""

    topic: str
    partition: int
    low: int
    end: int
    read: int | None

    @property
    def place(self) -> Place:
        return self.topic, self.partition

    @property
    def lag(self) -> int:
        """Offsets up to the end; markers of transactions between records are among them."""
        return max(0, self.end - max(self.low, self.read or 0))


def still(before: Mapping[Place, Reach], now: Iterable[Reach]) -> tuple[Reach, ...]:
    """Where records waited before, and nothing was read since."""
    return tuple(
        one for one in now
        if one.lag and (was := before.get(one.place)) and was.lag and was.read == one.read
    )


@dataclass
class Expected:
    """What a store should have of one topic's records, counted record by record, in the order of
    each partition. by_key: the last record of a key is its document; else each record is one.
    deletes: a record without a value takes its key's document away. letters: the places (partition
    and offset) of records that went to the dead letter topic, and are no documents."""

    by_key: bool
    deletes: bool
    letters: frozenset[tuple[int, int]] = frozenset()
    _names: set[bytes] = field(default_factory=set)
    _count: int = 0

    def add(self, partition: int, offset: int, key: bytes | None, *, empty: bool) -> None:
        """One record; `empty`: it has no value."""
        if (partition, offset) in self.letters:
            return
        if not self.by_key:
            self._count += not empty
        elif not empty:
            self._names.add(key or b"")
        elif self.deletes:
            self._names.discard(key or b"")

    @property
    def documents(self) -> int:
        return len(self._names) if self.by_key else self._count


@dataclass(frozen=True)
class Letter:
    """A record that is no document: where it stands, which sink says so, and why."""

    connector: str
    topic: str
    partition: int
    offset: int
    reason: str

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition} at offset {self.offset}: {self.reason}"


@dataclass(frozen=True)
class Carried:
    """One topic and its documents. end: the log's end, of all partitions together. expected: the
    documents that there should be of what was read; None where there was too much to count."""

    topic: str
    end: int
    lag: int
    documents: int
    expected: int | None
    letters: int

    @property
    def missing(self) -> int | None:
        return None if self.expected is None else max(0, self.expected - self.documents)

    @property
    def extra(self) -> int | None:
        """What the store has more; nobody can tell while the sink has not read all: it commits what
        it has read a moment after it has written it."""
        if self.expected is None or self.lag:
            return None
        return max(0, self.documents - self.expected)

    def as_json(self) -> dict[str, object]:
        return {
            "topic": self.topic, "log_end": self.end, "documents": self.documents,
            "expected": self.expected, "missing": self.missing, "extra": self.extra,
            "dead_letters": self.letters, "lag_records": self.lag,
        }
