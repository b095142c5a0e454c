"""What the tools see of a cluster, against one in memory that refuses what would change it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    TIMESTAMP_LOG_APPEND_TIME,
    TIMESTAMP_NOT_AVAILABLE,
)

from lab.data.groups import Group, Member
from lab.data.records import first, last
from lab.endpoint import Endpoint
from scripts.clients import look as module
from scripts.clients.coordinators import Known
from scripts.clients.look import Look, record_of
from scripts.clients.sizes import total
from scripts.errors import LabError, UsageError

At = tuple[str, int]
DATACENTERS = ("dc1", "dc2")


def partition(leader: int = 1, replicas: tuple[int, ...] = (1, 2), short: int = 0) -> Any:
    return SimpleNamespace(
        leader=leader, replicas=list(replicas), isrs=list(replicas[:len(replicas) - short])
    )


@dataclass
class Message:
    at: At
    number: int
    value_: bytes = b"v"
    kind: int = TIMESTAMP_CREATE_TIME
    headers_: Any = None

    def partition(self) -> int:
        return self.at[1]

    def offset(self) -> int:
        return self.number

    def timestamp(self) -> tuple[int, int]:
        return self.kind, 1000 + self.number

    def key(self) -> bytes:
        return b"k%d" % (self.number % 2)

    def value(self) -> bytes:
        return self.value_

    def headers(self) -> Any:
        return self.headers_


@dataclass
class Cluster:
    """Partitions of topics with what they hold. Only what has a leader may be asked for ends."""

    there: dict[str, dict[int, Any]] = field(default_factory=dict)
    spans_: dict[At, tuple[int, int]] = field(default_factory=dict)
    unreadable: dict[At, str] = field(default_factory=dict)
    closed: bool = False
    markers: dict[At, int] = field(default_factory=dict)  # at the end of a partition
    silent: tuple[At, ...] = ()  # who reads them gets no answer

    def topics(self) -> dict[str, Any]:
        return {name: SimpleNamespace(partitions=parts) for name, parts in self.there.items()}

    def policies(self, topics: Iterable[str]) -> dict[str, str]:
        return dict.fromkeys(topics, "delete")

    def extents(self, places: Iterable[At]) -> dict[At, tuple[int, int]]:
        return {at: self._span(at) for at in places if at not in self.unreadable}

    def _span(self, at: At) -> tuple[int, int]:
        assert self.there[at[0]][at[1]].leader >= 0, f"{at} has no leader to ask"
        return self.spans_.get(at, (0, 0))

    def spans(self, wanted: Mapping[At, tuple[int, int]]) -> Iterator[Message]:
        for at, (start, end) in wanted.items():
            yield from (Message(at, number) for number in range(start, end))

    def firsts(self, starts: Mapping[At, int], still: float) -> dict[At, object]:
        assert still <= 3, "a person waits"
        found = {}
        for at, start in starts.items():
            if at in self.silent:
                self.unreadable[at] = "no answer"
            elif start < self._span(at)[1] - self.markers.get(at, 0):
                found[at] = object()
        return found

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster(
        {"orders": {0: partition(), 1: partition(short=1), 2: partition(leader=-1)},
         "__consumer_offsets": {0: partition()}, "dc1.kafkalab-canary": {0: partition()},
         "small": {0: partition()}},
        {("orders", 0): (5, 9), ("orders", 1): (0, 40), ("small", 0): (0, 3)},
    )
    monkeypatch.setattr(module, "Partitions", lambda *args, **more: cluster)
    monkeypatch.setattr(module, "sizes", lambda client: {"orders": 700})
    return cluster


@pytest.fixture
def look(cluster: Cluster) -> Look:
    return Look(Endpoint("h:1"), "dc1")


def test_topics_are_those_of_people_unless_all_are_asked_for(look: Look) -> None:
    found = look.topics(DATACENTERS)
    assert [one.name for one in found] == ["orders", "small"]
    assert [one.name for one in look.topics(DATACENTERS, everything=True) if one.internal] == [
        "__consumer_offsets", "dc1.kafkalab-canary",
    ]
    assert [one.name for one in look.topics(DATACENTERS, only="__consumer_offsets")] == [
        "__consumer_offsets",
    ]
    assert look.topics(DATACENTERS, only="none") == []


def test_a_topic_is_told_with_what_its_partitions_lack(look: Look) -> None:
    orders, small = look.topics(DATACENTERS)
    assert (orders.short, orders.leaderless, orders.records) == (1, 1, None)
    assert [(one.number, one.first, one.next, one.leader) for one in orders.partitions] == [
        (0, 5, 9, 1), (1, 0, 40, 1), (2, None, None, None),
    ]
    assert (orders.bytes, small.bytes, small.records) == (700, 0, 3)


def test_sizes_that_nobody_tells_are_not_known(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "sizes", lambda client: {})
    assert [one.bytes for one in look.topics(DATACENTERS)] == [None, None]


def test_sizes_are_of_all_replicas() -> None:
    folder = {"topics": [{"name": "a", "partitions": [{"partition_size": 3},
                                                      {"partition_size": 4}]}]}
    assert dict(total([{"broker": 1, "log_dirs": [folder]}, {"broker": 2, "log_dirs": [
        folder, {"topics": None},
    ]}])) == {"a": 14}


def group(name: str, state: str, *places: At) -> Group:
    members = (Member("c-id", "c", "10.1.1.5", places),) if places else ()
    return Group(name, state, "range", 2, members)


def knowing(monkeypatch: pytest.MonkeyPatch, found: Known) -> None:
    """Brokers tell of these groups."""
    def known(brokers: Any, where: str, *, only: str) -> Known:
        assert where == "dc1"
        return replace(found, groups=tuple(
            one for one in found.groups if only in ("", one.name)))

    monkeypatch.setattr(module, "known", known)


def test_groups_with_members_and_without(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    knowing(monkeypatch, Known(
        (group("busy", "stable", ("orders", 1), ("orders", 2)), group("left", "empty")),
        {"busy": {("orders", 1): 30}, "left": {("orders", 0): 2, ("gone", 0): 1}},
        {"group x": "no answer"},
    ))
    busy, left = look.groups()
    assert (busy.name, busy.state, busy.protocol, busy.coordinator, busy.lag) == (
        "busy", "stable", "range", 2, 10,
    )
    assert [(one.client, one.host) for one in busy.members] == [("c", "10.1.1.5")]
    assert [(one.partition, one.lag, one.member, one.note) for one in busy.positions] == [
        (1, 10, "c-id", ""), (2, None, "c-id", "nothing committed yet"),
    ]
    assert (left.state, left.lag) == ("empty", 4)
    assert [(one.topic, one.note) for one in left.positions] == [
        ("gone", "no such partition any more"), ("orders", "3 expired unread"),
    ]
    assert look.silent == {"group x": "no answer"}
    assert [one.name for one in look.groups("left")] == ["left"]
    assert look.groups("none") == []


def test_a_cluster_without_groups_is_asked_for_nothing_more(
    look: Look, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowing(monkeypatch, Known())
    monkeypatch.delattr(Cluster, "topics")
    assert look.groups() == []


def test_records_and_where_they_end(look: Look) -> None:
    found, ends = look.records("small", last, 2, None)
    assert ([one.offset for one in found.records], ends) == ([1, 2], {0: (0, 3)})
    found, ends = look.records("orders", first, 3, None, partition=1, start=37)
    assert ([one.offset for one in found.records], ends) == ([37, 38, 39], {1: (0, 40)})
    for start, offsets in ((2, [5, 6]), (9, []), (99, [])):
        found, _ = look.records("orders", first, 2, None, partition=0, start=start)
        assert [one.offset for one in found.records] == offsets


def test_what_cannot_be_read_is_said_before_anything_is(look: Look, cluster: Cluster) -> None:
    with pytest.raises(UsageError, match=r"no topic 'ordres' in dc1 \(did you mean orders"):
        look.records("ordres", last, 1, None)
    with pytest.raises(UsageError, match=r"no partition '7' in orders \(known: 0, 1, 2\)"):
        look.records("orders", last, 1, None, partition=7)
    with pytest.raises(LabError, match="dc1: orders-2 has no leader"):
        look.records("orders", last, 1, None)
    with pytest.raises(UsageError, match=r"offset 7 in 3 partitions of orders \(.* --partition"):
        look.records("orders", first, 1, None, start=7)
    cluster.unreadable["small", 0] = "too slow"
    with pytest.raises(LabError, match="dc1: small-0 cannot be read: too slow"):
        look.records("small", last, 1, None)


def test_a_message_as_a_record() -> None:
    found = record_of(Message(("t", 3), 7, headers_=[("a", b"1"), ("b", None)]))
    assert (found.partition, found.offset, found.timestamp, found.key) == (3, 7, 1007, b"k1")
    assert (found.headers, found.appended) == ((("a", b"1"), ("b", None)), False)
    assert record_of(Message(("t", 0), 1, kind=TIMESTAMP_LOG_APPEND_TIME)).appended
    assert record_of(Message(("t", 0), 1, kind=TIMESTAMP_NOT_AVAILABLE)).timestamp is None


def test_a_lag_of_markers_alone_is_none(
    look: Look, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a mirror copies exactly once ends with a marker, which nobody ever reads."""
    knowing(monkeypatch, Known(
        (group("all", "empty"), group("less", "empty"), group("far", "empty")),
        {"all": {("orders", 1): 39, ("small", 0): 2}, "less": {("orders", 1): 38},
         "far": {("orders", 1): 3}}))
    cluster.markers = {("orders", 1): 1}
    assert {one.name: one.lag for one in look.groups()} == {"all": 0 + 1, "less": 2, "far": 37}
    cluster.silent = (("small", 0),)
    assert [one.lag for one in look.groups()[0].positions] == [1, 1], "nobody knows of either"
