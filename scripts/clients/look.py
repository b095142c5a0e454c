"""A cluster as the tools show it: topics, groups, records. Makes and commits nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from lab.data.groups import At, Group, Position, positions
from lab.data.records import Found, Read, Record, Span, Wanted
from lab.data.topics import Partition, Topic, internal
from lab.endpoint import Endpoint
from scripts.clients.brokers import Brokers, Client
from scripts.clients.coordinators import known
from scripts.clients.markers import FEW, bare
from scripts.clients.partitions import Partitions
from scripts.clients.sizes import sizes
from scripts.errors import LabError, UsageError, stranger

LOOK_SECONDS = 3.0  # for one request: while a broker dies, others would wait for it
Search = Callable[[Read, Mapping[int, Span], int, Wanted], Found]


class Look:
    """Looks at one cluster from the workstation, as often as it is asked to. `committed`: what
    transactions have not committed is not there. `silent`: whose groups the last look at them
    lacks, and why. Keeps connections: `close` it."""

    def __init__(self, endpoint: Endpoint, where: str, *, committed: bool = False) -> None:
        self.where = where
        self._partitions = Partitions(
            endpoint, where, committed=committed, patient=True, seconds=LOOK_SECONDS
        )
        self._client, self._brokers = Client(endpoint), Brokers(endpoint)
        self.silent: Mapping[str, str] = {}

    def close(self) -> None:
        self._partitions.close()
        self._client.close()
        self._brokers.close()

    def names(self) -> list[str]:
        """The names of all topics. Raises LabError."""
        return sorted(self._partitions.topics())

    def topics(
        self, datacenters: Collection[str], *, only: str = "", everything: bool = False
    ) -> list[Topic]:
        """The topics in order of name: `only` this one (none where it is not there), or those that
        are nobody's internal business, or `everything`. Raises LabError."""
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(sizes, self._client)
            found = {
                name: one for name, one in self._partitions.topics().items()
                if (name == only if only else everything or not internal(name, datacenters))
            }
            extents = self._partitions.extents(_led(found))
            policies = self._partitions.policies(found)
            taken = asked.result()
        return [
            Topic(
                name, tuple(_partition(one, number, extents.get((name, number)))
                            for number, one in sorted(topic.partitions.items())),
                policies.get(name), taken.get(name, 0) if taken else None,
                internal(name, datacenters),
            )
            for name, topic in sorted(found.items())
        ]

    def groups(self, only: str = "") -> list[Group]:
        """Every group, or `only` this one (none where it is not there), of all brokers that answer.
        Raises LabError where none does."""
        found = known(self._brokers, self.where, only=only)
        self.silent = found.silent
        topics = self._partitions.topics() if found.groups else {}
        there = {(name, part) for name, topic in topics.items() for part in topic.partitions}
        read = {at[0] for one in found.groups for at in (
            *found.committed[one.name],
            *(at for member in one.members for at in member.partitions))}
        extents = self._partitions.extents(
            _led({name: topics[name] for name in sorted(read & topics.keys())})
        )
        return self._true([
            replace(one, positions=positions(
                one.members, found.committed[one.name], there, extents))
            for one in found.groups
        ])

    def _true(self, groups: Iterable[Group]) -> list[Group]:
        """Without a lag that is none: markers of transactions, which nobody reads."""
        groups = list(groups)
        ends = bare(self._partitions, {
            place for one in groups for at in one.positions if (place := _near(at))
        }, LOOK_SECONDS)
        return [
            replace(one, positions=tuple(
                replace(at, bare=_near(at) in ends) for at in one.positions))
            for one in groups
        ]

    def records(
        self, topic: str, search: Search, count: int, wanted: Wanted, *,
        partition: int | None = None, start: int | None = None,
    ) -> tuple[Found, dict[int, Span]]:
        """What `search` finds in a topic, or in one partition of it, from `start` on; and the first
        and the next offset of each partition that was looked at.

        Raises LabError where one of them cannot be read, UsageError where there is none.
        """
        topics = self._partitions.topics()
        if topic not in topics:
            raise stranger("topic", topic, self.where, sorted(topics))
        parts = topics[topic].partitions
        if start is not None and partition is None and len(parts) > 1:
            raise UsageError(f"offset {start} in {len(parts)} partitions of {topic}",
                             hint="an offset counts in one: say --partition")
        if partition is not None and partition not in parts:
            raise stranger("partition", str(partition), topic, [str(one) for one in sorted(parts)])
        asked = sorted(parts) if partition is None else [partition]
        for one in asked:
            if parts[one].leader < 0:
                raise LabError(f"{topic}-{one} has no leader, so it cannot be read",
                               where=self.where, hint="see `fab topics --topic NAME`")
        places = [(topic, one) for one in asked]
        extents = self._partitions.extents(places)
        for at in places:
            if at not in extents:
                why = self._partitions.unreadable.get(at, "it is gone")
                raise LabError(f"{topic}-{at[1]} cannot be read: {why}", where=self.where)
        ends = {part: span for (_, part), span in extents.items()}
        spans = {one: (low if start is None else min(max(low, start), end), end)
                 for one, (low, end) in ends.items()}

        def read(wanted: Mapping[int, Span]) -> Iterator[Record]:
            return map(record_of, self._partitions.spans(
                {(topic, one): span for one, span in wanted.items()}
            ))

        return search(read, spans, count, wanted), ends


def _near(one: Position) -> tuple[At, int] | None:
    """Where a group goes on reading, if it is so near the end that only markers may follow."""
    if one.committed is None or one.first is None or one.committed < one.first:
        return None
    return ((one.topic, one.partition), one.committed) if 0 < (one.lag or 0) <= FEW else None


def _led(topics: Mapping[str, Any]) -> Iterable[At]:
    """The partitions that have a leader: for those without, brokers would be asked in vain."""
    return ((name, number) for name, topic in topics.items()
            for number, one in topic.partitions.items() if one.leader >= 0)


def _partition(one: Any, number: int, extent: Span | None) -> Partition:
    return Partition(
        number, one.leader if one.leader >= 0 else None, tuple(one.replicas), tuple(one.isrs),
        *(extent or (None, None)),
    )


def record_of(message: Any) -> Record:
    """A message as the client has it."""
    from confluent_kafka import (  # noqa: PLC0415 - 50 ms
        TIMESTAMP_LOG_APPEND_TIME,
        TIMESTAMP_NOT_AVAILABLE,
    )

    kind, at = message.timestamp()
    return Record(
        message.partition() or 0, message.offset() or 0,
        None if kind == TIMESTAMP_NOT_AVAILABLE else at, message.key(), message.value(),
        tuple((name, value) for name, value in message.headers() or ()),
        appended=kind == TIMESTAMP_LOG_APPEND_TIME,
    )
