"""Consumer groups: who is in them, what each member reads, and how far behind it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.data.topics import LABS
from lab.data.words import legible

At = tuple[str, int]
COLUMNS = ("group", "state", "members", "partitions", "lag")
DETAIL = ("group", "topic", "partition", "committed", "next", "lag", "member", "note")
MEMBERS = ("group", "client", "host", "reads")


@dataclass(frozen=True)
class Member:
    """id: what the coordinator calls it. partitions: what it is to read, in order. instance: what
    it calls itself where it keeps its partitions over a restart (KIP-345)."""

    id: str
    client: str
    host: str
    partitions: tuple[At, ...] = ()
    instance: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id, "client": self.client, "host": self.host,
            "partitions": [{"topic": topic, "partition": part} for topic, part in self.partitions],
        }

    def row(self, group: str) -> tuple[str, ...]:
        topics = sorted({topic for topic, _ in self.partitions})
        reads = "; ".join(
            f"{topic} {' '.join(str(part) for name, part in self.partitions if name == topic)}"
            for topic in topics
        )
        return legible(group), legible(self.client), legible(self.host), reads or "nothing"


@dataclass(frozen=True)
class Position:
    """One partition as a group reads it. committed: the next offset to be read, None where nothing
    was committed. first, next: of the partition, None where they are not known. member: its id."""

    topic: str
    partition: int
    committed: int | None
    first: int | None
    next: int | None
    member: str | None = None
    gone: bool = False  # there is no such partition (any more)
    bare: bool = False  # only markers of transactions follow

    @property
    def lag(self) -> int | None:
        """Offsets that are there and not read; None where that cannot be said."""
        if self.committed is None or self.first is None or self.next is None:
            return None
        if self.bare:
            return 0
        return max(self.next - max(self.committed, self.first), 0)

    @property
    def note(self) -> str:
        """What is not as one would think, in words."""
        if self.gone:
            return "no such partition any more"
        if self.committed is None:
            return "nothing committed yet"
        if self.next is None or self.first is None:
            return "no leader answers"
        if self.committed > self.next:
            return "behind the end: the topic was made anew"
        if self.committed < self.first:
            return f"{self.first - self.committed:,} expired unread"
        return "read to the last record: a transaction's marker follows" if self.bare else ""

    def as_json(self) -> dict[str, Any]:
        return {
            "topic": self.topic, "partition": self.partition, "committed": self.committed,
            "first": self.first, "next": self.next, "lag": self.lag, "member": self.member,
            "note": self.note,
        }


@dataclass(frozen=True)
class Group:
    """state: in Kafka's words. protocol: how members share partitions ("range"), "" for none."""

    name: str
    state: str
    protocol: str = ""
    coordinator: int | None = None
    members: tuple[Member, ...] = ()
    positions: tuple[Position, ...] = ()

    @property
    def lag(self) -> int | None:
        """Of all partitions that can tell; None where none can."""
        known = [one.lag for one in self.positions if one.lag is not None]
        return sum(known) if known else None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "state": self.state, "protocol": self.protocol,
            "coordinator": self.coordinator, "lag": self.lag,
            "members": [one.as_json() for one in self.members],
            "partitions": [one.as_json() for one in self.positions],
        }

    def row(self) -> tuple[str, ...]:
        return (
            legible(self.name), self.state, str(len(self.members)), str(len(self.positions)),
            _number(self.lag),
        )

    def rows(self) -> list[tuple[str, ...]]:
        """A row a partition."""
        clients = {one.id: legible(one.client) for one in self.members}
        return [
            (legible(self.name), one.topic, str(one.partition), _number(one.committed),
             _number(one.next), _number(one.lag), clients.get(one.member or "", "-"), one.note)
            for one in self.positions
        ]


def positions(
    members: Iterable[Member], committed: Mapping[At, int], there: Iterable[At],
    extents: Mapping[At, tuple[int, int]],
) -> tuple[Position, ...]:
    """Every partition that a group has committed in or reads, in order. there: all that exist.
    extents: the first and the next offset of those that tell."""
    readers = {at: one.id for one in members for at in one.partitions}
    known = set(there)

    def position(at: At) -> Position:
        first, end = extents.get(at, (None, None))
        return Position(*at, committed.get(at), first, end, readers.get(at), at not in known)

    return tuple(position(at) for at in sorted({*committed, *readers}))


def internal(name: str, workers: Collection[str]) -> bool:
    """Whether a group is the lab's own, or one of those that Connect's `workers` are. That of a
    sink, which reads what people wrote, is not."""
    return bool(LABS.fullmatch(name)) or name in workers


def _number(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
