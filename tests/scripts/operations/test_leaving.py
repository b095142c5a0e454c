"""Hosts that leave the lab: what `plan` tells of them, and what `up` does when a person agrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.balance.parts import Part
from lab.balance.plan import Move, plan
from lab.services.context import Context
from lab.standing import strangers
from lab.topology import Host, Topology
from scripts.clients.reassigning import Seen
from scripts.drivers.balancing import NoRoomError, Stand
from scripts.errors import LabError, UsageError
from scripts.operations import leaving as module, removing
from scripts.operations.going import Going, moves
from scripts.operations.leaving import look
from scripts.platforms import Instance
from tests.lab.test_standing import lab
from tests.scripts.operations.test_surplus import instances

FOUR = "ann-dc1-kafka04"
PARTS = {("a", n): Part((n % 4 + 1, (n + 1) % 4 + 1), 1000, n % 4 + 1) for n in range(4)}
RACKS = dict.fromkeys((1, 2, 3, 4), "")


def made(topology: Topology) -> dict[str, Instance]:
    """All hosts of a topology, of its own datacenters."""
    return {host.name: one for datacenter in topology.datacenters
            for host in datacenter.hosts
            for name, one in instances(topology, datacenter.name).items() if name == host.name}


@dataclass
class FakeLab:
    """A session, its platform, its fleet and its clusters: refuses what it does not know, and
    notes what is done. `word`: what a cluster answers, a stand or an error."""

    topology: Topology
    there: dict[str, Instance]
    platform_name: str = "local"
    word: Stand | LabError = field(
        default_factory=lambda: Stand(Seen(RACKS, PARTS, {}, ()), plan(PARTS, RACKS, {4}), {}))
    silent: set[str] = field(default_factory=set)
    dies: str = ""
    said: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    @property
    def platform(self) -> FakeLab:
        return self

    def say(self, line: str) -> None:
        self.said.append(line)

    def note(self, what: str) -> None:
        if what == self.dies:
            raise KeyboardInterrupt(what)
        self.done.append(what)

    def instances(self) -> dict[str, Instance]:
        return dict(self.there)

    def obstacles(self, names: set[str]) -> list[Any]:
        return []

    def context(self, digests: Any, instances: Any, *_: object) -> Context:
        standings = [one.standing for one in self.there.values() if one.standing]
        return Context(self.topology, strangers=strangers(self.topology, standings))

    @contextmanager
    def fleet(self, instances: dict[str, Instance]) -> Iterator[Any]:
        lab = self

        class Fleet:
            def each(self, work: Any, names: Sequence[str]) -> dict[str, Any]:
                return {name: work(name) for name in names}

            def __getitem__(self, name: str) -> Any:
                assert lab.there[name].running
                return SimpleNamespace(script=lambda text, **more: lab._script(name, text, **more))

        yield Fleet()

    def _script(self, name: str, text: str, *, label: str, timeout: float = 120) -> Any:
        if name in self.silent:
            raise LabError("no SSH connection", where=name)
        if label == "size of /data":
            assert "du --summarize" in text and " /data" in text
            return SimpleNamespace(stdout="" if "ctl" in name else "41000000\t/data\n")
        self.note(f"{label} on {name}")
        return SimpleNamespace(stdout="")

    def start(self, names: list[str]) -> list[str]:
        if names:
            self.note(f"start {', '.join(names)}")
        for name in names:
            self.there[name] = replace(self.there[name], running=True)
        return names

    def remove(self, names: Sequence[str]) -> list[str]:
        assert not {*names} & {host.name for host in self.topology.hosts}
        if names:
            self.note(f"remove {', '.join(names)}")
        return [name for name in names if self.there.pop(name, None)]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FakeLab]]:
    """What `up` goes through, with the lab of the list's one element."""
    labs: list[FakeLab] = []

    def stand(site: Any, up: set[str]) -> Stand:
        word = labs[0].word
        if isinstance(word, LabError):
            raise word
        return word

    class Draining:
        def __init__(self, site: Any, cluster: Any, platform: Any) -> None:
            assert platform is labs[0]
            assert {*site.leaving.values()} <= {*labs[0].there}
            self.name, self.brokers = site.name, site.leaving

        def finish(self, rate: int, tell: Any, stop: Any) -> None:
            assert rate == 10_000_000
            labs[0].note(f"drain {', '.join(map(str, self.brokers))} of {self.name}")

    @contextmanager
    def stoppable() -> Iterator[None]:
        yield None

    class Whole:
        def __init__(self, name: str, endpoint: object, expected: tuple[int, ...]) -> None:
            self.expected = expected

        def wait_healthy(self) -> None:
            labs[0].note("whole")

        endpoint = None

    def deploy(session: FakeLab, hosts: Sequence[Host], instances: object = None) -> None:
        session.note("deploy")

    monkeypatch.setattr(removing, "stand", stand)
    monkeypatch.setattr(removing, "Draining", Draining)
    monkeypatch.setattr(removing, "stoppable", stoppable)
    monkeypatch.setattr(module, "deploy", deploy)
    monkeypatch.setattr("scripts.drivers.driver.Cluster", Whole)
    monkeypatch.setattr(Context, "external", lambda self, datacenter: None)
    monkeypatch.setattr(module, "unsurvived", lambda session, hosts, instances: [])
    monkeypatch.setattr(module, "lost", lambda gone, lab: ["3 topics"] if gone else [])
    monkeypatch.setattr("scripts.operations.guard.check_memory", lambda hosts, topology: None)
    yield labs


def a_lab(labs: list[FakeLab], after: Topology, before: Topology, **more: Any) -> FakeLab:
    labs.append(FakeLab(after, made(before), **more))
    return labs[0]


def seen(lab: FakeLab, hosts: Sequence[Host] | None = None) -> Going:
    return look(cast(Any, lab), hosts or lab.topology.hosts, lab.instances(),
                narrowed=bool(hosts))


def up(lab: FakeLab, agree: Any = lambda going: None) -> None:
    module.up(cast(Any, lab), lab.topology.hosts, agree, narrowed=False)


def test_a_plan_names_the_host_its_bytes_and_what_moves_first(fake: list[FakeLab]) -> None:
    going = seen(a_lab(fake, lab(3), lab(4)))
    assert list(going.lines()) == [
        f"- host {FOUR} (kafka of dc1) at 10.1.1.34, 41MB on its disk: broker 4 with 2 replicas "
        "(2.0kB), which others get first",
        "before that in dc1: 2 replicas to copy, 2.0kB (at least 2 have to move); 1 partition to "
        "be led by another broker",
        "  a-2: 3,4 become 3,1, 1.0kB to 1",
        "  a-3: 4,1 become 2,1, 1.0kB to 2",
    ]
    assert going.whose == f"{FOUR} with all its data"
    assert fake[0].done == [], "to look changes nothing"


def test_of_many_moves_the_first_are_told() -> None:
    found = [Move(("a", n), (4,), (1,), 1) for n in range(23)]
    lines = list(moves(found))
    assert len(lines) == 21
    assert lines[-1] == "and 3 more (`fab kafka.balance --plan` shows all)"
    assert list(moves([Move(("a", 0), (1, 2), (2, 1), 1)])) == [], "no copy"


def test_a_whole_datacenter_is_told_with_its_topics(fake: list[FakeLab]) -> None:
    going = seen(a_lab(fake, lab(3), lab(3, 1), silent={"ann-dc2-zk01"}))
    assert list(going.lines()) == [
        "- host ann-dc2-ctl01 (control of dc2) at 10.1.2.10, 0B on its disk: its datacenter leaves "
        "the lab",
        "- host ann-dc2-zk01 (zookeeper of dc2) at 10.1.2.21: its datacenter leaves the lab",
        "- host ann-dc2-kafka01 (kafka of dc2) at 10.1.2.31, 41MB on its disk: its datacenter "
        "leaves the lab",
        "lost with it: 3 topics",
    ]
    assert going.whose == "ann-dc2-ctl01, ann-dc2-zk01, ann-dc2-kafka01 with all their data"


def test_who_narrows_removes_no_more_than_that(fake: list[FakeLab]) -> None:
    it = a_lab(fake, lab(3, 1), lab(4, 1, 1))
    one, two = (datacenter.hosts for datacenter in it.topology.datacenters)
    assert FOUR in seen(it).names and "ann-dc3-kafka01" in seen(it).names
    assert seen(it, one).names == [FOUR]
    assert seen(it, two).names == []
    assert seen(it, one[:1]).names == []
    assert seen(it, it.topology.hosts).names == [FOUR], "who names all of the file, means those"
    it.platform_name = "aws"
    assert not seen(it)


def test_it_is_emptied_and_removed_between_two_times_in_order(fake: list[FakeLab]) -> None:
    it = a_lab(fake, lab(3, 1), lab(4, 1, 1))
    up(it)
    monitoring = ("prometheus", "alertmanager", "lag-exporter", "node-exporter")
    assert [one for one in it.done
            if not one.startswith(tuple(f"stop {name}." for name in monitoring))] == [
        "deploy", "whole", "drain 4 of dc1", f"remove {FOUR}",
        *(f"stop hbase-{one}.service on ann-dc3-ctl01"
          for one in ("regionserver", "master", "zookeeper")),
        "stop opensearch.service on ann-dc3-ctl01", "stop elasticsearch.service on ann-dc3-ctl01",
        "stop registry.service on ann-dc3-ctl01", "stop connect.service on ann-dc3-ctl01",
        "stop kafka.service on ann-dc3-kafka01", "stop kdc.service on ann-dc3-ctl01",
        "stop controller.service on ann-dc3-zk01", "stop zookeeper.service on ann-dc3-zk01",
        "remove ann-dc3-ctl01, ann-dc3-zk01, ann-dc3-kafka01", "deploy",
    ]
    assert f"removed host {FOUR}" in it.said
    assert {*it.there} == {host.name for host in it.topology.hosts}
    it.done.clear()
    up(it)
    assert it.done == ["deploy"], "the second run has nothing of it to do"


@pytest.mark.parametrize("dies", [
    "deploy", "whole", "drain 4 of dc1", f"remove {FOUR}", "stop kafka.service on ann-dc3-kafka01",
    "remove ann-dc3-ctl01, ann-dc3-zk01, ann-dc3-kafka01",
])
def test_a_run_that_is_killed_anywhere_is_gone_on_with(dies: str, fake: list[FakeLab]) -> None:
    it = a_lab(fake, lab(3, 1), lab(4, 1, 1), dies=dies)
    with pytest.raises(KeyboardInterrupt):
        up(it)
    it.dies = ""
    up(it)
    assert {*it.there} == {host.name for host in it.topology.hosts}
    assert it.done[-1] == "deploy"


def test_nothing_is_touched_where_nobody_agrees(fake: list[FakeLab]) -> None:
    it = a_lab(fake, lab(3), lab(4))

    def nobody(going: Going) -> None:
        raise UsageError(f"nobody here to ask whether {going.whose} may be removed")

    with pytest.raises(UsageError, match=f"whether {FOUR} with all its data may be removed"):
        up(it, nobody)
    assert it.done == []


def test_what_does_not_fit_is_refused_before_anybody_is_asked(fake: list[FakeLab]) -> None:
    it = a_lab(fake, lab(3), lab(4), word=NoRoomError("no room", where="dc1"))
    assert [str(one) for one in seen(it).refused] == ["dc1: no room"]

    def asked(going: Going) -> None:
        raise AssertionError("asked")

    with pytest.raises(NoRoomError, match="dc1: no room"):
        up(it, asked)
    assert it.done == []


def test_a_broker_that_stands_still_is_started_to_give_away_what_it_has(
    fake: list[FakeLab]
) -> None:
    it = a_lab(fake, lab(3), lab(4), word=LabError("2 partitions lack a replica", where="dc1"))
    it.there[FOUR] = replace(it.there[FOUR], running=False)
    assert next(seen(it).lines()) == (
        f"- host {FOUR} (kafka of dc1) at 10.1.1.34: broker 4, emptied first; with what, cannot be "
        "told yet (2 partitions lack a replica)")
    up(it)
    assert it.done == [f"start {FOUR}", "deploy", "whole", "drain 4 of dc1", f"remove {FOUR}",
                       "deploy"]


def test_one_that_has_nothing_is_removed_as_it_is(fake: list[FakeLab]) -> None:
    parts = {("a", 0): Part((1, 2), 5, 1)}
    stand = Stand(Seen({1: "", 2: "", 3: ""}, parts, {}, ()), plan(parts, RACKS, {4}), {})
    it = a_lab(fake, lab(3), lab(4), word=stand)
    it.there[FOUR] = replace(it.there[FOUR], running=False)
    assert list(seen(it).lines()) == [
        f"- host {FOUR} (kafka of dc1) at 10.1.1.34: broker 4, without a replica"]
    up(it)
    assert it.done == ["deploy", "whole", "drain 4 of dc1", f"remove {FOUR}", "deploy"]
