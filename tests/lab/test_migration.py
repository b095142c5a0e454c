"""Metadata on its way: wherever a run is cut off, what is left to do follows from what is there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.file import parse
from lab.listeners import Issued
from lab.migration.stages import Stage
from lab.migration.steps import CannotMove, Step, backward, epoch_to_set, final, forward
from lab.migration.way import OnTheWay, at, clean, movable, notes
from lab.migration.world import Node, World, keeps, settled, told
from lab.services.kafka import CONFIG as BROKER
from lab.services.local import local_context
from lab.services.quorum import controllers
from lab.services.registry import desired_state, memory_mb, retired, services_on
from lab.state import File, HostState, Key
from lab.topology import Datacenter, Topology, build
from lab.versions import BOTH, KRAFT, ZOOKEEPER

CONTROLLER = "/etc/controller/controller.properties"
PROFILE = "/etc/profile.d/kafkalab.sh"


def topology(
    version: str = "3.9.2", servers: int = 3, brokers: int = 3, **more: object
) -> Topology:
    return build(parse({
        "owner": "ann", **more, "kafka": {"version": version},
        "datacenters": [{"name": "d", "cidr": "10.1.0.0/24", "metadata": "kraft",
                         "zookeeper": servers, "kafka": brokers}],
    }).lab)


DATACENTER = topology().datacenters[0]
HOSTS = [host.name for host in DATACENTER.by_role("zookeeper")]
BROKERS = [host.name for host in DATACENTER.by_role("kafka")]


def world(stage: Stage, datacenter: Datacenter = DATACENTER) -> World:
    """All of it as it is in a stage."""
    way = clean(datacenter, stage)
    nodes = {host.name: Node(
        broker=way.keeps[host.name] if host.role == "kafka" else "",
        controller=way.keeps[host.name] if host.name in way.controllers else "",
        server=host.name in way.servers, cluster="id",
    ) for host in datacenter.hosts if host.role != "control"}
    return World(datacenter, nodes, completed=stage in (Stage.DUAL_WRITE, Stage.BROKERS),
                 claimed=stage in (Stage.PREPARED, Stage.DUAL_WRITE, Stage.BROKERS))


@pytest.mark.parametrize("stage", Stage)
def test_each_stage_is_known_again(stage: Stage) -> None:
    found = world(stage)
    assert (found.stage, settled(found), told(found)) == (stage, True, stage.words)
    assert found.way.keeps == {**clean(DATACENTER, stage).keeps, **found.way.keeps}
    assert found.final == (stage == Stage.FINISHED)


def test_what_is_left_to_do_in_each_stage() -> None:
    on = (Step.PREPARE, Step.DUAL_WRITE, Step.BROKERS, ())
    back: dict[Stage, tuple[Step, ...]] = {
        Stage.ZOOKEEPER: (),
        Stage.PREPARED: (Step.STOP, Step.RELEASE, Step.CLEAR),
        Stage.DUAL_WRITE: (Step.STOP, Step.RELEASE, Step.PLAIN, Step.CLEAR),
        Stage.BROKERS: (Step.RETURN, Step.STOP, Step.RELEASE, Step.PLAIN, Step.CLEAR),
    }
    for stage, steps in back.items():
        assert forward(world(stage)) == on[stage:3]
        assert backward(world(stage)) == steps
    assert final(world(Stage.BROKERS)) == (Step.ALONE, Step.LEAVE)
    assert forward(world(Stage.FINISHED)) == final(world(Stage.FINISHED)) == ()
    assert forward(world(Stage.ZOOKEEPER), Stage.PREPARED) == (Step.PREPARE,)
    assert forward(world(Stage.ZOOKEEPER), Stage.DUAL_WRITE) == (Step.PREPARE, Step.DUAL_WRITE)


def test_there_is_no_way_back_after_the_end_and_no_end_before_brokers_have_moved() -> None:
    with pytest.raises(CannotMove, match="no way back"):
        backward(world(Stage.FINISHED))
    half = world(Stage.BROKERS)
    half = replace(half, nodes={**half.nodes, HOSTS[0]: Node(controller=KRAFT, server=True)})
    with pytest.raises(CannotMove, match="no way back"):
        backward(half)
    assert final(half) == (Step.ALONE, Step.LEAVE) and forward(half) == ()
    for stage in (Stage.ZOOKEEPER, Stage.PREPARED, Stage.DUAL_WRITE):
        with pytest.raises(CannotMove, match=stage.words.partition(":")[0]):
            final(world(stage))


def test_a_host_that_is_made_anew_is_told_from_a_way_back_that_was_cut_off() -> None:
    lacks = world(Stage.DUAL_WRITE)
    anew = replace(lacks, nodes={n: one for n, one in lacks.nodes.items() if n != HOSTS[1]})
    with pytest.raises(CannotMove, match=f"controllers are missing: {HOSTS[1]}") as caught:
        forward(anew)
    assert "fab up" in caught.value.hint
    cut = replace(lacks, nodes={
        n: replace(one, controller="") for n, one in lacks.nodes.items()})
    with pytest.raises(CannotMove, match="way back was cut off") as caught:
        forward(cut)
    assert "fab kraft.back" in caught.value.hint
    assert backward(cut) == (Step.RELEASE, Step.PLAIN, Step.CLEAR)


@pytest.mark.parametrize("version", ["4.1.1", "4.3.1"])
def test_a_version_without_zookeeper_cannot_begin(version: str) -> None:
    with pytest.raises(CannotMove, match=r"3\.9\.2 and 3\.9\.1 have"):
        forward(world(Stage.ZOOKEEPER, topology(version).datacenters[0]))


def test_the_epoch_is_raised_only_where_the_quorums_is_higher() -> None:
    assert epoch_to_set(7, 5) is None and epoch_to_set(7, 7) is None
    assert epoch_to_set(7, 8) == 8


# -- a lab on paper, on which runs are cut off anywhere


class Paper:
    """Hosts, ZooKeeper's nodes, and how each step changes them, one host after the other.

    A quorum is known by the number of its attempt: what belongs to another one must never meet it.
    """

    def __init__(self) -> None:
        self.brokers = dict.fromkeys(BROKERS, ZOOKEEPER)
        self.controllers = dict.fromkeys(HOSTS, "")
        self.servers = {*HOSTS}
        self.disks: dict[str, int] = {}  # which quorum's metadata lies on a host
        self.attempt = 0
        self.claimed = self.completed = False

    def look(self) -> World:
        nodes = {name: Node(broker=how, left=how == ZOOKEEPER and name in self.disks)
                 for name, how in self.brokers.items()}
        nodes |= {name: Node(controller=how, server=name in self.servers,
                             left=not how and name in self.disks)
                  for name, how in self.controllers.items()}
        return World(DATACENTER, nodes, self.completed, self.claimed)

    def run(self, steps_of: Callable[[World], Sequence[Step]], most: int) -> int:
        """As a run does it, cut off after so many changes; how many there were."""
        count = 0
        while steps := steps_of(self.look()):
            for change in self.changes(steps[0]):
                if count == most:
                    return count
                change()
                self.check()
                count += 1
        return count

    def changes(self, step: Step) -> Iterator[Callable[[], Any]]:
        match step:
            case Step.STOP:
                yield from (lambda n=n: self.controllers.update({n: ""}) for n in HOSTS)
            case Step.RELEASE:
                assert not any(self.controllers.values())
                yield self.release
            case Step.PLAIN:
                assert not self.claimed
                yield from (lambda n=n: self.brokers.update({n: ZOOKEEPER}) for n in BROKERS)
            case Step.CLEAR:
                assert not any(self.controllers.values()) and not self.claimed
                assert {*self.brokers.values()} == {ZOOKEEPER}
                yield from (lambda n=n: self.disks.pop(n, None) for n in (*HOSTS, *BROKERS))
            case Step.PREPARE:
                assert not self.disks and not self.claimed
                self.attempt += 1
                yield from (lambda n=n: self.control(n) for n in HOSTS)
                yield lambda: setattr(self, "claimed", True)
            case Step.DUAL_WRITE:
                yield from (lambda n=n: self.follow(n, BOTH) for n in BROKERS)
                yield lambda: setattr(self, "completed", True)
            case Step.BROKERS:
                assert self.completed
                yield from (lambda n=n: self.follow(n, KRAFT) for n in BROKERS)
            case Step.RETURN:
                yield from (lambda n=n: self.follow(n, BOTH) for n in BROKERS)
            case Step.ALONE:
                assert {*self.brokers.values()} == {KRAFT}
                yield from (lambda n=n: self.controllers.update({n: KRAFT}) for n in HOSTS)
            case Step.LEAVE:
                assert {*self.controllers.values()} == {KRAFT}
                yield from (lambda n=n: self.servers.discard(n) for n in HOSTS)

    def release(self) -> None:
        self.claimed = self.completed = False

    def control(self, name: str) -> None:
        self.controllers[name] = BOTH
        self.disks.setdefault(name, self.attempt)

    def follow(self, name: str, how: str) -> None:
        assert all(self.controllers.values()), "a broker looks for controllers that are not there"
        self.brokers[name] = how
        self.disks.setdefault(name, self.attempt)

    def check(self) -> None:
        """What must be so at any moment."""
        met = {self.disks[n] for n, how in self.controllers.items() if how}
        met |= {self.disks[n] for n, how in self.brokers.items()
                if how != ZOOKEEPER and any(self.controllers.values())}
        assert len(met) <= 1, "metadata of two quorums meets"
        assert not {ZOOKEEPER, KRAFT} <= {*self.brokers.values()}
        if KRAFT in self.brokers.values():
            assert all(self.controllers.values()), "brokers of KRaft have no quorum"
        assert self.servers or {*self.controllers.values()} == {KRAFT}


RUNS: dict[str, Callable[[World], Sequence[Step]]] = {
    "prepare": lambda world: forward(world, Stage.PREPARED),
    "both": lambda world: forward(world, Stage.DUAL_WRITE),
    "on": forward, "back": backward, "end": final,
}


@given(st.lists(st.tuples(st.sampled_from(["prepare", "both", "on", "back"]), st.integers(0, 40)),
                max_size=8))
def test_a_run_goes_on_wherever_others_were_cut_off(runs: list[tuple[str, int]]) -> None:
    paper = Paper()
    for name, most in runs:
        try:
            paper.run(RUNS[name], most)
        except CannotMove as error:
            assert name != "back" and "fab kraft.back" in error.hint
    try:
        paper.run(forward, 99)
    except CannotMove:
        paper.run(backward, 99)
        paper.run(forward, 99)
    assert (paper.look().stage, settled(paper.look())) == (Stage.BROKERS, True)
    paper.run(backward, 99)
    assert (paper.look().stage, settled(paper.look())) == (Stage.ZOOKEEPER, True)
    assert not paper.disks and not paper.claimed
    assert paper.run(backward, 99) == 0


@given(st.lists(st.integers(0, 8), max_size=4))
def test_the_end_is_reached_wherever_it_was_cut_off(cuts: list[int]) -> None:
    paper = Paper()
    paper.run(forward, 99)
    for most in cuts:
        paper.run(final, most)
    paper.run(final, 99)
    assert (paper.look().stage, settled(paper.look())) == (Stage.FINISHED, True)
    assert paper.run(final, 99) == paper.run(forward, 99) == 0


# -- what hosts are to have meanwhile


def states(stage: Stage) -> dict[str, HostState]:
    context = local_context(at(topology(), {"d": clean(DATACENTER, stage)}), {})
    context = replace(context, clusters={"d": "of-zookeeper"})
    return {host.name: desired_state(host, context) for host in context.topology.hosts}


def text(state: HostState, path: str) -> str:
    found = state.get(Key("file", path))
    return found.text if isinstance(found, File) else ""


@pytest.mark.parametrize("stage", Stage)
def test_settings_say_how_metadata_is_kept(stage: Stage) -> None:
    found, way = states(stage), clean(DATACENTER, stage)
    for name in BROKERS:
        assert keeps(text(found[name], BROKER)) == way.keeps[name]
    for name in HOSTS:
        expected = way.keeps[name] if name in way.controllers else ""
        assert keeps(text(found[name], CONTROLLER)) == expected
        assert (Key("unit", "zookeeper.service") in found[name]) == (name in way.servers)
        assert (Key("unit", "controller.service") in found[name]) == (name in way.controllers)


def test_a_quorum_is_made_for_the_cluster_that_there_is() -> None:
    found = states(Stage.BROKERS)
    for name, service in ((HOSTS[0], "controller"), (BROKERS[0], "kafka")):
        first = text(found[name], f"/etc/{service}/first/meta.properties")
        assert "cluster.id=of-zookeeper\n" in first
    assert "broker.id=1\n" in text(states(Stage.DUAL_WRITE)[BROKERS[0]], BROKER)
    assert "node.id=1\n" in text(found[BROKERS[0]], BROKER)


def test_the_control_host_knows_both_while_there_are_both() -> None:
    control = next(h.name for h in DATACENTER.hosts if h.role == "control")
    for stage in Stage:
        profile = text(states(stage)[control], PROFILE)
        assert ("ZOOKEEPER=" in profile) == (stage != Stage.FINISHED)
        assert ("CONTROLLERS=" in profile) == (stage != Stage.ZOOKEEPER)


def test_at_its_end_it_is_as_the_lab_file_has_it() -> None:
    plain = local_context(topology(), {})
    plain = replace(plain, clusters={"d": "of-zookeeper"})
    for host in plain.topology.hosts:
        assert desired_state(host, plain) == states(Stage.FINISHED)[host.name]


def test_it_is_no_other_lab_for_whoever_has_nothing_to_do_with_it() -> None:
    lab = topology()
    assert at(lab, {}) is lab
    moved = at(lab, {"d": clean(DATACENTER, Stage.PREPARED)})
    assert moved.hosts == lab.hosts and movable(moved.datacenters[0])
    again = at(moved, {"d": clean(moved.datacenters[0], Stage.FINISHED)}).datacenters[0]
    assert isinstance(again.config, OnTheWay) and again.config.led
    host = moved.datacenters[0].by_role("zookeeper")[0]
    assert memory_mb(host, moved) > memory_mb(host, lab)
    assert [one.name for one in services_on(host, moved) if one.unit] == ["zookeeper", "controller"]
    unit = Key("unit", "zookeeper.service")
    assert unit not in retired(host, moved) and unit in retired(host, lab)
    assert len(controllers(moved.datacenters[0])) == 3
    assert not list(notes(lab))


@pytest.mark.parametrize(("stage", "command"), [
    (Stage.ZOOKEEPER, "in ZooKeeper: `fab kraft.migrate` moves it"),
    (Stage.PREPARED, "in ZooKeeper, with controllers beside it: `fab kraft.migrate` goes on"),
    (Stage.DUAL_WRITE, "writes to ZooKeeper, too: `fab kraft.migrate` goes on"),
    (Stage.BROKERS, "writes to ZooKeeper, too: `fab kraft.finish` leaves ZooKeeper"),
])
def test_plan_and_up_name_the_command_that_leads_on(stage: Stage, command: str) -> None:
    (line,) = notes(at(topology(), {"d": world(stage).way}))
    assert line.startswith("note: d is to be with KRaft, and its metadata is ")
    assert command in line


KEYS = "/etc/controller/client.pem"


@pytest.mark.parametrize(("listeners", "name", "shows"), [
    ("plaintext", "INTERNAL", False), ("tls", "INTERNAL_TLS", False),
    ("mtls", "INTERNAL_MTLS", True), ("kerberos", "INTERNAL_MTLS", True),
])
def test_a_controller_that_takes_over_speaks_what_brokers_do(
    listeners: str, name: str, shows: bool
) -> None:
    """With ZooKeeper they hear from it at their own listener; later they come to it."""
    lab = topology(security={"listeners": listeners})
    for stage in (Stage.PREPARED, Stage.DUAL_WRITE, Stage.BROKERS, Stage.FINISHED):
        moved = at(lab, {"d": clean(lab.datacenters[0], stage)})
        context = replace(local_context(moved, {}), issued=Issued("CA", client="a key"))
        state = desired_state(moved.datacenters[0].by_role("zookeeper")[0], context)
        said, moves = text(state, CONTROLLER), stage != Stage.FINISHED
        assert (f"inter.broker.listener.name={name}\n" in said) is moves
        assert ("ssl.keystore.location" in said) is (Key("file", KEYS) in state) is (
            shows and moves)
        assert ("ssl.truststore.location" in said) is (listeners != "plaintext" and moves)
        (protocols,) = re.findall("^listener.security.protocol.map=(.*)$", said, re.MULTILINE)
        assert "CONTROLLER:PLAINTEXT" in protocols.split(",")
        assert not moves or any(one.startswith(f"{name}:") for one in protocols.split(","))


def test_what_is_made_anew_becomes_as_its_like_are() -> None:
    found = world(Stage.BROKERS)
    anew = replace(found, nodes={n: one for n, one in found.nodes.items()
                                 if n not in (BROKERS[0], HOSTS[0])})
    assert anew.way.keeps[BROKERS[0]] == KRAFT and anew.way.keeps[HOSTS[0]] == BOTH


def brokers_that(version: str, protocol: str, stage: Stage = Stage.ZOOKEEPER) -> World:
    """Brokers that run and speak so, in a stage."""
    found = world(stage)
    return replace(found, nodes={
        name: replace(one, version=version, protocol=protocol) if one.broker else one
        for name, one in found.nodes.items()})


@pytest.mark.parametrize(("version", "protocol", "why"), [
    ("3.9.2", "", ""), ("3.9.2", "3.9", ""), ("3.9.2", "3.9-IV0", ""), ("", "", ""),
    ("3.8.1", "", "its brokers run Kafka 3.8.1, not 3.9.2"),
    ("3.8.1", "3.8", "its brokers run Kafka 3.8.1, not 3.9.2"),
    ("3.9.2", "3.8", "Kafka 3.9.2 is not finalised: its brokers speak "
                     "inter.broker.protocol.version 3.8"),
])
def test_brokers_move_when_they_have_come_to_their_release_for_good(
    version: str, protocol: str, why: str
) -> None:
    """And the note of `fab plan` says so beforehand."""
    found = brokers_that(version, protocol)
    assert (found.unready, found.way.ready) == (why, not why)
    (line,) = notes(at(topology(), {"d": found.way}))
    once = " once Kafka 3.9.2 is finalised" if why else ""
    assert f": `fab kraft.migrate` moves it{once} (`fab kraft` shows" in line
    if why:
        for goal in (Stage.PREPARED, Stage.BROKERS):
            with pytest.raises(CannotMove, match=re.escape(why)) as caught:
                forward(found, goal)
            assert "`fab kafka.finalize`" in caught.value.hint
    else:
        assert forward(found)
    assert backward(found) == backward(world(Stage.ZOOKEEPER)), "home is never held up"


@pytest.mark.parametrize("stage", [Stage.DUAL_WRITE, Stage.BROKERS])
def test_what_has_moved_was_ready(stage: Stage) -> None:
    assert not brokers_that("3.9.2", "3.8", stage).unready
