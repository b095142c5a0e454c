"""What each look makes of the answers, and of none."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from lab.data.groups import Group as Found, Member as FoundMember
from lab.endpoint import Endpoint
from lab.file import parse
from lab.picture.snapshot import (
    DOWN,
    ENSEMBLE,
    QUORUM,
    Behind,
    Broker,
    Datacenter,
    Flow,
    Group,
    Lag,
    Log,
    Mirror,
    Partition,
    Server,
    Thing,
    Topic,
)
from lab.services.context import Context
from lab.topology import EXTERNAL_PORT, ZOOKEEPER_CLIENT_PORT, build
from scripts.clients.coordinators import Known
from scripts.clients.quorum import Described, Quorum, QuorumView, Replica
from scripts.clients.watched import At, Metadata, Placed, Watched
from scripts.drivers.copies import Look as Seen
from scripts.drivers.driver import Site
from scripts.drivers.lag import PartitionLag
from scripts.drivers.mirrors import MirrorStatus
from scripts.errors import LabError
from scripts.picture import looks as module
from scripts.picture.clusters import Groups, Held, Leaders, Logs, Markers, own
from scripts.picture.looks import Controllers, Mirrors, Servers, looks
from tests.fakes import FakeFleet, FakeHost

LAB = """\
name = "no-host"
owner = "ann"
[[datacenters]]
name = "dc1"
cidr = "10.31.0.0/24"
[[datacenters]]
name = "dc2"
cidr = "10.31.1.0/24"
[[links]]
between = ["dc1", "dc2"]
[[mirrors]]
from = "dc1"
to = "dc2"
"""
KRAFT = """\
name = "no-host"
owner = "ann"
[kafka]
metadata = "kraft"
[[datacenters]]
name = "dc1"
cidr = "10.31.0.0/24"
controller = 4
"""
PLACED = Placed(1, (1, 2, 3), (1, 2, 3))
BILLING = Found("billing", "stable", members=(FoundMember("m-1", "app", "10.0.0.9", (("a", 1),)),))


@dataclass
class FakeWatched(Watched):
    """A cluster that answers what the test says, and nothing else."""

    endpoint: Endpoint = field(default_factory=lambda: Endpoint("nowhere"))
    where: str = "dc2"

    seen: Metadata = field(default_factory=lambda: Metadata(frozenset({1, 2, 3}), 3, {}))
    offsets: dict[tuple[int, At], int] = field(default_factory=dict)
    found: Known = field(default_factory=Known)
    asked: list[tuple[str, dict[int, list[At]]]] = field(default_factory=list)
    reader: Any = None

    def metadata(self) -> Metadata:
        return self.seen

    def ends(self, wanted: Mapping[int, Iterable[At]]) -> dict[tuple[int, At], int]:
        self._ask("ends", wanted)
        return self.offsets

    def starts(self, wanted: Mapping[int, Iterable[At]]) -> dict[tuple[int, At], int]:
        self._ask("starts", wanted)
        return {(broker, at): 5 for broker, places in wanted.items() for at in places}

    def groups(self, among: Collection[int]) -> Known:
        return self.found

    def _ask(self, what: str, wanted: Mapping[int, Iterable[At]]) -> None:
        self.asked.append((what, {one: sorted(places) for one, places in wanted.items()}))


def site(name: str = "dc2", words: Callable[[int, bytes], str] | None = None) -> Site:
    topology = build(parse(tomllib.loads(LAB)).lab)
    context = Context(topology, reached={
        (one.name, EXTERNAL_PORT): ("127.0.0.1", one.external_port)
        for one in topology.hosts if one.external_port
    })
    datacenter = topology.datacenter(name)
    fleet = FakeFleet(FakeHost(one.name, words=words) for one in context.topology.hosts)
    return Site(fleet, context, datacenter)


def held(watched: FakeWatched, here: Site | None = None) -> Held:
    found = Held(here or site(), watched, {}, {})
    found.known.set()
    return found


def kinds(found: Iterable[Thing], kind: type[Any]) -> list[Any]:
    return [one for one in found if isinstance(one, kind)]


def test_leaders_are_as_the_metadata_say() -> None:
    watched = FakeWatched(seen=Metadata(frozenset({1, 3, 9}), 3, {
        ("dc1.orders", 0): PLACED, ("__consumer_offsets", 0): PLACED,
        ("plain", 0): replace(PLACED, leader=None, isr=()),
    }))
    shared = held(watched)
    found = Leaders(shared, 1).look()
    assert kinds(found, Datacenter) == [Datacenter("dc2", 1)]
    assert [(one.id, one.label, one.alive, one.controller) for one in kinds(found, Broker)] == [
        (1, "kafka01", True, False), (2, "kafka02", False, False), (3, "kafka03", True, True),
        (9, "broker 9", True, False),
    ]
    assert {one.name: (one.internal, one.origin) for one in kinds(found, Topic)} == {
        "dc1.orders": (False, "dc1"), "__consumer_offsets": (True, ""), "plain": (False, ""),
    }
    assert Partition("dc2", "plain", 0, None, (1, 2, 3), ()) in found
    assert shared.partitions == {
        at: one for at, one in watched.seen.partitions.items() if at[0] != "__consumer_offsets"
    }
    assert shared.alive == {1, 3, 9}


def test_a_broker_that_says_nothing_is_gone_whatever_the_cluster_says_of_it() -> None:
    watched = FakeWatched(seen=Metadata(frozenset({1, 3}), 3, {("a", 0): PLACED}))
    shared = held(watched)
    leaders, groups = Leaders(shared, 0), Groups(shared)

    def alive() -> list[int]:
        return [one.id for one in kinds(leaders.look(), Broker) if one.alive]

    assert alive() == [1, 3]
    silent = Known((), {}, {"groups of broker 3": "it does not answer"}, frozenset({3}))
    told = []
    for found in (silent, Known(), silent, silent, silent, Known()):
        watched.found = found
        groups.look()
        told.append(alive())
    both = [1, 3]
    assert told == [both, both, both, [1], [1], both], "once may be an accident"


def test_leaders_are_looked_at_more_often_while_they_are_about_to_move() -> None:
    every = frozenset({1, 2, 3})
    watched = FakeWatched(seen=Metadata(every, 3, {("a", 0): PLACED}))
    shared = held(watched)
    look = Leaders(shared, 0)

    def seconds(brokers: frozenset[int], placed: Placed) -> float:
        watched.seen = Metadata(brokers, 3, {("a", 0): placed})
        look.look()
        return look.seconds

    rest = look.seconds
    assert seconds(every, PLACED) == rest
    assert seconds(every, replace(PLACED, leader=None)) < rest
    assert seconds(every - {1}, PLACED) < rest
    assert seconds(every | {4}, PLACED) == rest, "a broker more holds nothing yet"
    shared.unheard[1] = 1
    assert seconds(every, PLACED) < rest
    shared.unheard[1] = 0
    assert seconds(every, replace(PLACED, leader=2)) == rest


def test_a_cluster_that_does_not_answer_keeps_its_partitions_and_no_broker() -> None:
    watched = FakeWatched(seen=Metadata(frozenset({1, 2, 3}), 3, {("orders", 0): PLACED}))
    look = Leaders(held(watched), 0)
    before = look.look()
    found = look.gone()
    assert kinds(found, Datacenter) == [Datacenter("dc2", 0, answers=False)]
    assert not any(one.alive or one.controller for one in kinds(found, Broker))
    assert kinds(found, Partition) == kinds(before, Partition)


def test_a_topic_that_is_gone_is_asked_about_no_more() -> None:
    watched = FakeWatched(seen=Metadata(frozenset({1}), 1, {("a", 0): PLACED, ("b", 0): PLACED}))
    shared = held(watched)
    look = Leaders(shared, 0)
    look.look()
    watched.seen = Metadata(frozenset({1}), 1, {("a", 0): PLACED})
    assert [one.name for one in kinds(look.look(), Topic)] == ["a"]
    assert shared.partitions == {("a", 0): PLACED}


def test_ends_are_asked_of_each_broker_that_serves_and_do_not_go_back() -> None:
    watched = FakeWatched(offsets={(1, ("a", 0)): 7, (2, ("a", 0)): 3, (1, ("a", 2)): 9})
    shared = held(watched)
    shared.alive.update({1, 2})
    shared.partitions.update(
        {("a", 0): PLACED, ("a", 1): replace(PLACED, leader=None), ("a", 2): PLACED})
    look = Logs(shared)
    (log,) = kinds(look.look(), Log)
    assert log == Log("dc2", "a", (5, None, 5), (7, None, 9))
    watched.offsets = {(1, ("a", 0)): 8}  # the other one's broker does not answer
    assert kinds(look.look(), Log) == [replace(log, ends=(8, None, 9))]
    assert kinds(look.gone(), Log) == [replace(log, ends=(8, None, 9))]
    assert shared.ends == {("a", 0): 8, ("a", 2): 9}
    every = [("a", 0), ("a", 1), ("a", 2)]
    begins = ("starts", {1: [("a", 0), ("a", 2)]})
    assert watched.asked == [begins, ("ends", {1: every, 2: every}),
                             begins, ("ends", {1: every, 2: every})]


def test_groups_with_members_by_letter_and_lag_by_partition() -> None:
    watched = FakeWatched(found=Known(
        (BILLING, Found("connect-dc2", "stable")),
        {"billing": {("a", 0): 5, ("a", 1): 20, ("gone", 0): 1}, "connect-dc2": {}},
    ))
    shared = held(watched)
    shared.partitions.update(dict.fromkeys((("a", 0), ("a", 1), ("a", 2)), PLACED))
    shared.ends.update({("a", 0): 9, ("a", 1): 19, ("a", 2): 4})
    found = Groups(shared).look()
    (group,) = kinds(found, Group)
    assert (group.name, group.state, group.generation) == ("billing", "stable", None)
    assert [(one.label, one.client, one.partitions) for one in group.members] == [
        ("a", "app", (("a", 1),))]
    assert kinds(found, Lag) == [Lag("dc2", "billing", "a", (4, 0, None))]


@dataclass
class FakeReader:
    """Partitions in which a record stands at `last`."""

    last: int
    unreadable: dict[At, str] = field(default_factory=dict)
    asked: list[Mapping[At, int]] = field(default_factory=list)

    def firsts(self, starts: Mapping[At, int], still: float) -> dict[At, object]:
        self.asked.append(starts)
        return {at: object() for at, start in starts.items() if start <= self.last}


def test_a_lag_of_markers_alone_is_none_and_is_read_once() -> None:
    at = ("a", 0)
    reader = FakeReader(last=8)
    watched = FakeWatched(reader=reader, found=Known((BILLING,), {"billing": {at: 9}}))
    shared = held(watched)
    shared.partitions[at] = PLACED
    shared.ends[at] = 10
    groups, markers = Groups(shared), Markers(shared)

    def lag() -> int | None:
        (found,) = kinds(groups.look(), Lag)
        assert not markers.look()
        return found.records[0]

    assert [lag() for _ in range(4)] == [1, 1, 0, 0], "who stands still is looked at"
    assert reader.asked == [{at: 9}]
    shared.ends[at], reader.last = 11, 10
    assert [lag() for _ in range(4)] == [2, 2, 2, 2], "a record came"
    assert len(reader.asked) == 2
    shared.ends[at] = 400
    assert [lag() for _ in range(3)] == [391, 391, 391]
    assert len(reader.asked) == 2


def test_a_group_whose_coordinator_is_silent_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    at = 100.0
    monkeypatch.setattr(module.time, "time", lambda: at)
    other = replace(BILLING, name="other")
    watched = FakeWatched(found=Known(
        (BILLING, other), {"billing": {("a", 0): 5}, "other": {("a", 0): 7}}))
    shared = held(watched)
    shared.partitions["a", 0] = PLACED
    shared.ends["a", 0] = 9
    look = Groups(shared)
    before = look.look()
    watched.found = Known((other,), {"other": {("a", 0): 9}}, {"group billing": "no answer"})
    after = look.look()
    assert kinds(after, Group) == kinds(before, Group)
    assert [one.records for one in kinds(after, Lag)] == [(4,), (0,)]
    assert look.gone() == after
    at = 160.0
    assert look.look() == after, "however long it is silent"
    watched.found = replace(watched.found, silent={})
    assert [one.name for one in kinds(look.look(), Group)] == ["other"]


def test_a_group_that_gets_another_coordinator_is_not_gone(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    at = 100.0
    monkeypatch.setattr(module.time, "time", lambda: at)
    watched = FakeWatched(found=Known((BILLING,), {"billing": {("a", 0): 5}}))
    shared = held(watched)
    shared.partitions["a", 0] = PLACED
    look = Groups(shared)
    before = look.look()
    watched.found, at = Known(), 104.5
    assert look.look() == before
    at = 105.5
    assert look.look() == ()


def test_how_far_each_replica_is_behind_its_leader() -> None:
    watched = FakeWatched()
    shared = held(watched)
    shared.alive.update({1, 2})
    shared.partitions.update({("a", 0): PLACED, ("a", 1): replace(PLACED, leader=None)})
    look = Logs(shared)
    watched.offsets = {(1, ("a", 0)): 90, (2, ("a", 0)): 92, (2, ("a", 1)): 7}
    # The follower answered a moment later, of broker 3 nothing is known, and nobody leads a-1.
    assert kinds(look.look(), Behind) == [Behind("dc2", "a", ((0, 0, None), (None, None, None)))]
    watched.offsets = {(1, ("a", 0)): 2000}
    late = [Behind("dc2", "a", ((0, 1908, None), (None, None, None)))]
    assert kinds(look.look(), Behind) == late, "a replica that is silent does not get nearer"
    assert kinds(look.gone(), Behind) == late
    del shared.partitions["a", 1]
    watched.offsets = {}
    assert kinds(look.look(), Behind) == [Behind("dc2", "a", ((0, 1908, None),))]


def test_a_rebalance_is_timed_over_both_of_its_states(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = FakeWatched()
    look = Groups(held(watched))
    since = []
    for at, state in enumerate(
        ("stable", "stable", "preparing rebalance", "completing rebalance", "stable", "stable")
    ):
        monkeypatch.setattr(module.time, "time", lambda at=at: 100.0 + at)
        watched.found = Known((Found("g", state),), {"g": {}})
        since.append(kinds(look.look(), Group)[0].since)
        assert look.seconds == (0.2 if "rebalance" in state else 1.5)
    assert since == [100.0, 100.0, 102.0, 102.0, 104.0, 104.0]


def test_a_server_of_the_ensemble_by_its_own_word() -> None:
    def words(port: int, question: bytes) -> str:
        assert (port, question) == (ZOOKEEPER_CLIENT_PORT, b"srvr")
        return "Zookeeper version\nMode: follower\n"

    here = site(words=words)
    host = here.zookeeper.hosts[0]
    look = Servers(here, host, "zk01")
    assert look.look() == (Server("dc2", ENSEMBLE, 1, host.name, "zk01", "follower"),)
    assert look.gone() == (Server("dc2", ENSEMBLE, 1, host.name, "zk01", DOWN),)


def test_a_server_that_listens_and_serves_nobody_is_down() -> None:
    here = site(words=lambda port, question: "This ZooKeeper instance is not currently serving")
    (found,) = Servers(here, here.zookeeper.hosts[0], "zk01").look()
    assert isinstance(found, Server)
    assert found.state == DOWN


def test_the_quorum_by_its_controllers_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    found = build(parse(tomllib.loads(KRAFT)).lab)
    here = Site(FakeFleet(FakeHost(one.name) for one in found.hosts), Context(found),
                found.datacenter("dc1"))
    one, two, three, four = (host.name for host in here.quorum.hosts)
    voters = {here.quorum.ids[name]: Replica(0, 0) for name in (one, two, three)}
    views = [
        QuorumView(two, (one, four), (three,), Described(here.quorum.ids[two], 7, 9, voters, {}),
                   here.quorum.ids),
        QuorumView(None, (one,), (two, three, four), None, here.quorum.ids),
    ]
    monkeypatch.setattr(Quorum, "ask", lambda self: views.pop(0))
    shared = held(FakeWatched(), here)
    look = Controllers(shared)
    leads, alone = ["follower", "leader", DOWN, "observer"], ["follower", DOWN, DOWN, DOWN]
    assert [(one.of, one.state) for one in kinds(look.look(), Server)] == [
        (QUORUM, state) for state in leads]
    assert shared.controllers == [here.quorum.ids[two]]
    assert shared.led.is_set(), "brokers that are shown wait for that, the first time"
    assert [one.state for one in kinds(look.look(), Server)] == alone
    assert shared.controllers == [], "nobody leads"
    assert {one.state for one in kinds(look.gone(), Server)} == {DOWN}


def test_a_broken_connection_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that was killed and is back since is reached over a new one."""
    closed = []
    monkeypatch.setattr(FakeHost, "close", lambda self: closed.append(self.name))

    def words(port: int, question: bytes) -> str:
        raise EOFError

    here = site(words=words)
    host = here.zookeeper.hosts[0]
    with pytest.raises(EOFError):
        Servers(here, host, "zk01").look()
    assert closed == [host.name]


def test_a_mirror_with_its_rate_between_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = site("dc1"), site("dc2")
    mirror = source.lab.mirrors[0]
    look = Mirrors(mirror, source, target)
    carried = iter((100, 350))
    monkeypatch.setattr(look._view, "status", lambda *_: MirrorStatus(
        mirror, "", Seen((PartitionLag("a", 0, 400, next(carried), 0.5, waits=True),)), 2.0,
    ))
    clock = iter((10.0, 15.0))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    runs = Mirror("dc1-to-dc2", "dc1", "dc2")
    assert look.look() == (runs, Flow("dc1-to-dc2", None, 300, 0.5, 2.0))
    assert look.look() == (runs, Flow("dc1-to-dc2", 50.0, 50, 0.5, 2.0))


def test_a_mirror_that_stands_says_why() -> None:
    source, target = site("dc1"), site("dc2")
    mirror = source.lab.mirrors[0]
    look = Mirrors(mirror, source, target)
    look._view.status = lambda *_: MirrorStatus(mirror, "task 0 failed")  # type: ignore
    assert look.look()[0] == Mirror("dc1-to-dc2", "dc1", "dc2", "task 0 failed")
    assert isinstance(look.gone()[0], Mirror)


def test_all_that_is_looked_at() -> None:
    reached = []

    def reach() -> dict[str, Site]:
        reached.append(0)
        return {name: site(name) for name in ("dc1", "dc2")}

    names = [one.name for one in looks(reach, site().lab.mirrors)]
    assert len(names) == len(set(names)) == 2 * (4 + 3 + 3) + 1
    assert names[-1] == "mirror dc1-to-dc2"
    assert len(reached) == 2  # the mirror has connections of its own
    alone = [one.name for one in looks(lambda: {"dc1": site("dc1")}, site().lab.mirrors)]
    assert not any("mirror" in name for name in alone)


@pytest.mark.parametrize(("topic", "is_own"), [
    ("orders", False), ("dc1.orders", False), ("__consumer_offsets", True), ("heartbeats", True),
    ("dc1.heartbeats", True), ("mm2-offset-syncs.dc2.internal", True), ("__kafkalab", True),
    ("connect-dc1-configs", True), ("dc1.checkpoints.internal", True),
    ("kafkalab-verify-x", True), ("kafkalab-canary", True), ("dc1.kafkalab-canary", True),
    ("kafkalab-drill", False), ("dc1.heartbeats-of-mine", False),
])
def test_what_nobody_made_by_hand_is_told_apart(topic: str, is_own: bool) -> None:
    assert own(topic) == is_own


def test_looks_at_one_cluster_have_one_client() -> None:
    """Which learns from the metadata that a broker is gone, and asks it for no group any more."""
    found = list(looks(lambda: {"dc1": site("dc1")}, ()))
    assert len({id(one._watched) for one in found  # type: ignore[attr-defined]
                if isinstance(one, Leaders | Logs | Groups)}) == 1


@pytest.mark.own_port
def test_nobody_there_is_an_error_of_the_lab() -> None:
    with pytest.raises(LabError, match="no broker answers"):
        Watched(Endpoint("127.0.0.1:1"), "dc1").metadata()
