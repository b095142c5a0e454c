"""What a cluster passes through on its way to another version, by what its hosts are started with
and what its controllers say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lab import kraft
from lab.file import parse
from lab.migration.stages import Stage
from lab.migration.way import at, clean
from lab.services.kafka import CONFIG
from lab.services.local import local_context
from lab.services.registry import desired_state
from lab.standing import Standing
from lab.state import HostState, Key, diff
from lab.topology import Host, build
from lab.upgrade import PROTOCOL, Release
from lab.versions import KRAFT, ZOOKEEPER
from scripts.drivers import upgrading
from scripts.drivers.driver import Site
from scripts.drivers.upgrading import Upgrade, unfit, upgrades
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan
from scripts.passages import passage
from scripts.passages.passage import Run
from scripts.passages.upgrading import Upgrading
from tests.fakes import FakeFleet, FakeHost

NAMES = ("kafka", "controller")
FILE = Key("file", CONFIG)
OLD, NEW = kraft.features("4.1.1"), kraft.features("4.3.1")


def site(version: str, finalize: str = "auto", **more: Any) -> Site:
    shape = {"name": "d", "cidr": "10.1.0.0/24", "version": version, "control": 0, **more}
    topology = build(parse({
        "owner": "a", "kafka": {"finalize": finalize}, "datacenters": [shape],
    }).lab)
    datacenter = topology.datacenter("d")
    fleet = FakeFleet(FakeHost(host.name) for host in datacenter.hosts)
    return Site(fleet, local_context(topology, {}), datacenter)


def having(host: Host, version: str, protocol: str = "", **more: Any) -> HostState:
    """What a host has that was brought to a version, and is held at a protocol."""
    context = site(version, **more).context
    return desired_state(host, replace(context, protocols={"d": protocol}), NAMES)


class Lab:
    """A datacenter whose hosts have what `before` says, each for itself: version and protocol."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, place: Site, before: Sequence[tuple[str, str]],
        levels: Mapping[str, int] | None = None, **more: Any,
    ) -> None:
        self.place, self.surveyed = place, list[str]()
        self.hosts = place.datacenter.hosts
        self.states = {host.name: having(host, *one, **more) if one[0] else {}
                       for host, one in zip(self.hosts, before, strict=True)}

        def survey(_: object, hosts: Sequence[Host], context: Any, *__: object
                   ) -> dict[str, HostPlan]:
            self.surveyed += [host.name for host in hosts]
            return {host.name: self.plan(host, context) for host in hosts}

        for module in (upgrading, passage):
            monkeypatch.setattr(module, "survey", survey)
        monkeypatch.setattr(upgrading, "levels", lambda _: levels)

    def plan(self, host: Host, context: Any) -> HostPlan:
        return HostPlan(host, diff(self.states[host.name], desired_state(host, context, NAMES)))

    def look(self, *names: str) -> Upgrade:
        """Before the hosts that are named (all) are changed."""
        chosen = [host for host in self.hosts if not names or host.name in names]
        self.plans = {host.name: self.plan(host, self.place.context) for host in chosen}
        return upgrades({"d": self.place}, chosen, self.plans)["d"]


BROKERS = {"zookeeper": 1, "kafka": 2}


def of_zookeeper(
    monkeypatch: pytest.MonkeyPatch, version: str, *before: tuple[str, str], finalize: str = "auto"
) -> Lab:
    place = site(version, finalize, **BROKERS)
    return Lab(monkeypatch, place, [(version, ""), *before], **BROKERS)


def test_brokers_come_to_a_newer_version_in_two_rolls(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = of_zookeeper(monkeypatch, "3.9.2", ("3.8.1", ""), ("3.8.1", ""))
    found = lab.look()
    assert (found.held, found.last) == ("3.8", Release("3.9.2", "3.9"))
    assert list(found.lines()) == [
        "d: from Kafka 3.8.1 to 3.9.2",
        f"  1. brokers restart with 3.9.2, one at a time, and speak {PROTOCOL} 3.8 as before",
        f"  2. finalised, {PROTOCOL} 3.8 to 3.9: no way back from then on",
    ]
    run = Upgrading({"d": found}).hold(Run({"d": lab.place}, lab.hosts, lab.plans))
    assert dict(run.places["d"].context.protocols) == {"d": "3.8"}
    change = run.plans["a-d-kafka01"].of(FILE)
    assert change and f"{PROTOCOL}=3.8\n" in getattr(change.after, "text", "")


def test_cut_off_in_the_first_roll_it_goes_on_with_that(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_zookeeper(monkeypatch, "3.9.2", ("3.9.2", "3.8"), ("3.8.1", "")).look()
    assert (found.held, found.before) == ("3.8", ("3.8.1",)) and found.last


@pytest.mark.parametrize("second", ["3.8", ""])
def test_cut_off_before_or_in_the_second_one_only_that_is_left(
    second: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = of_zookeeper(monkeypatch, "3.9.2", ("3.9.2", "3.8"), ("3.9.2", second)).look()
    assert (found.held, found.last) == ("", None)
    told = [f"d: Kafka 3.9.2 is finalised, {PROTOCOL} 3.8 to 3.9: no way back from then on"]
    assert list(found.lines()) == (told if second else [])


def test_a_broker_that_has_yet_to_restart_keeps_the_others_from_the_newer_protocol(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files are written, and its process is of the older release."""
    lab = of_zookeeper(monkeypatch, "3.9.2", ("3.9.2", "3.8"), ("3.9.2", "3.8"))
    unit = Key("unit", "kafka.service")
    state = dict(lab.states["a-d-kafka02"])
    lab.states["a-d-kafka02"] = {**state, unit: replace(state[unit], digest="stale-")}
    found = lab.look()
    assert (found.held, found.last) == ("3.8", Release("3.9.2", "3.9"))


def test_by_hand_it_waits_and_back_is_one_roll(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ("3.9.2", "3.8"), ("3.9.2", "3.8")
    found = of_zookeeper(monkeypatch, "3.9.2", *before, finalize="by hand").look()
    assert (found.held, found.last, found.finalizes) == ("3.8", None, False)
    assert list(found.lines()) == [
        f"note: d: Kafka 3.9.2 waits to be finalised ({PROTOCOL} 3.8 to 3.9): `fab kafka.finalize`"
    ]
    found = of_zookeeper(monkeypatch, "3.8.1", *before).look()
    assert (found.held, found.last, found.ends) == ("", None, "")
    assert list(found.lines()) == [
        "d: back from Kafka 3.9.2 to 3.8.1", "  1. brokers restart with 3.8.1, one at a time",
    ]


@pytest.mark.parametrize("first", ["3.8", ""])
def test_back_from_what_is_finalised_is_refused(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = of_zookeeper(monkeypatch, "3.8.1", ("3.9.2", first), ("3.9.2", ""))
    with pytest.raises(LabError, match=r'since Kafka 3\.9 was finalised.*say version = "3\.9\.2"'):
        lab.look()


def test_one_host_alone_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are not asked for are looked at: nothing is raised while one has the old one."""
    lab = of_zookeeper(monkeypatch, "3.9.2", ("3.8.1", ""), ("3.8.1", ""))
    found = lab.look("a-d-kafka01")
    assert lab.surveyed == ["a-d-kafka02"]
    assert (found.held, found.finalizes, found.left) == ("3.8", False, ("a-d-kafka02",))
    assert list(found.lines())[-1].startswith("  2. not in this run, which is for some")
    told = of_zookeeper(monkeypatch, "3.9.2", ("3.9.2", "3.8"), ("3.9.2", "3.8"))
    (line,) = told.look("a-d-kafka01").lines()
    assert line.endswith("by a run without a-d-kafka02: `fab up --datacenter d`")


def test_what_is_in_order_or_new_passes_through_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for before in (("3.9.2", ""), ("", "")):
        lab = of_zookeeper(monkeypatch, "3.9.2", before, before)
        found = lab.look()
        assert (found.held, found.last, found.ends, list(found.lines())) == ("", None, "", [])
    assert upgrades({"d": lab.place}, lab.hosts, {}, ("connect",)) == {}


QUORUM = {"controller": 1, "kafka": 1, "metadata": "kraft"}


def of_kraft(
    monkeypatch: pytest.MonkeyPatch, version: str, before: str, levels: Mapping[str, int] | None,
    finalize: str = "auto",
) -> Lab:
    place = site(version, finalize, **QUORUM)
    return Lab(monkeypatch, place, [(before, "")] * 2, levels, **QUORUM)


def test_features_are_finalised_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_kraft(monkeypatch, "4.3.1", "4.1.1", OLD).look()
    change = "metadata.version 27 to 30, share.version 0 to 1, streams.version 0 to 1"
    assert (found.ends, found.held, found.last) == (change, "", None) and found.finalizes
    assert list(found.lines()) == [
        "d: from Kafka 4.1.1 to 4.3.1",
        "  1. controllers and brokers restart with 4.3.1, one at a time",
        f"  2. finalised, {change}: no way back from then on",
    ]
    found = of_kraft(monkeypatch, "4.3.1", "4.1.1", OLD, "by hand").look()
    assert not found.finalizes and "until then there is a way back" in list(found.lines())[-1]


def test_a_controller_alone_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = of_kraft(monkeypatch, "4.3.1", "4.1.1", OLD)
    found = lab.look("a-d-kraft01")
    assert lab.surveyed == ["a-d-kafka01"] and found.left == ("a-d-kafka01",)


def test_back_is_a_roll_until_features_are_finalised(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_kraft(monkeypatch, "4.1.1", "4.3.1", OLD).look()
    assert not found.ends and next(found.lines()) == "d: back from Kafka 4.3.1 to 4.1.1"
    with pytest.raises(LabError, match=r"version 30, .* are finalised, and Kafka 4\.1\.1"):
        of_kraft(monkeypatch, "4.1.1", "4.3.1", NEW).look()
    lab = of_kraft(monkeypatch, "4.1.1", "4.3.1", NEW)
    plans = {host.name: lab.plan(host, lab.place.context) for host in lab.hosts}
    assert len(unfit({"d": lab.place}, lab.hosts, plans)) == 1
    lab = of_kraft(monkeypatch, "4.1.1", "4.3.1", None)
    with pytest.raises(LabError, match="what is finalised is not known: no controller answers"):
        lab.look()
    assert unfit({"d": lab.place}, lab.hosts, lab.plans) == [], "no reason to end the lab"


def test_forward_goes_also_what_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = of_kraft(monkeypatch, "4.3.1", "4.1.1", None).look()
    assert not found.known and found.before == ("4.1.1",)


def with_a_third(place: Site, version: str, **shape: Any) -> Site:
    """The same, where a broker is left that the lab file has no more."""
    other = site(version, **{**shape, "kafka": 3}).datacenter.by_role("kafka")[-1]
    there = Standing(other.name, other.fqdn, "d", "kafka", other.address)
    return Site(place.fleet, replace(place.context, strangers=(there,)), place.datacenter)


THIRD = "a-d-kafka03"


def test_a_release_is_not_finalised_before_a_broker_has_left(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would not understand the others any more, and could not give away what it has. `fab up`
    looks at a lab with it first, and at one without it when it is removed; `fab plan` looks at the
    one without it, and says who goes before."""
    lab = of_zookeeper(monkeypatch, "3.9.2", ("3.8.1", ""), ("3.8.1", ""))
    lab.look()
    planned = Upgrading.find(Run({"d": lab.place}, lab.hosts, lab.plans, leavers={"d": (THIRD,)}))
    lab.place = with_a_third(lab.place, "3.9.2", **BROKERS)
    first = lab.look()
    assert (first.held, first.last, first.finalizes, first.left) == ("3.8", None, False, (THIRD,))
    change = f"{PROTOCOL} 3.8 to 3.9"
    assert list(first.lines())[-1] == f"  2. not before {THIRD} has left, with `fab up`: {change}"
    assert Upgrading({"d": first}).end() == [
        f"note: d: Kafka 3.9.2 is not finalised ({change}) before {THIRD} has left: `fab up`"]
    assert planned.found["d"].finalizes and list(planned.lines())[-1] == (
        f"  2. once {THIRD} is removed, finalised, {change}: no way back from then on")
    lab = of_zookeeper(monkeypatch, "3.9.2", ("3.9.2", "3.8"), ("3.9.2", "3.8"))
    last = lab.look()  # the second look of the same `fab up`
    assert (last.held, last.last, last.finalizes) == ("", None, True)


def test_features_wait_for_a_broker_that_leaves_too(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = of_kraft(monkeypatch, "4.3.1", "4.1.1", OLD)
    lab.place = with_a_third(lab.place, "4.3.1", **QUORUM)
    found = lab.look()
    assert not found.finalizes and found.left == (THIRD,)
    assert list(found.lines())[-1].startswith(f"  2. not before {THIRD} has left")
    lab = of_kraft(monkeypatch, "4.3.1", "4.1.1", OLD, "by hand")
    lab.place = with_a_third(lab.place, "4.3.1", **QUORUM)
    assert "`fab kafka.finalize`" in lab.look().waits, "a person says when, whoever leaves"


def moving(version: str, stage: Stage, finalize: str = "auto") -> Site:
    """A datacenter that is to be with KRaft, and stands in a stage before."""
    place = site(version, finalize, zookeeper=1, kafka=2, metadata="kraft")
    topology = at(place.context.topology, {"d": clean(place.datacenter, stage)})
    return Site(place.fleet, replace(place.context, topology=topology), topology.datacenter("d"))


@pytest.mark.parametrize("stage", [Stage.ZOOKEEPER, Stage.PREPARED, Stage.DUAL_WRITE,
                                   Stage.BROKERS])
def test_as_long_as_it_has_zookeeper_it_comes_to_no_version_without_that(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab(monkeypatch, moving("4.3.1", stage), [("3.9.2", "")] * 3, {}, **BROKERS)
    with pytest.raises(LabError, match=r"it cannot become Kafka 4\.3\.1: its metadata is in ZooKee"
                                       r'.*say version = "3\.9\.2" until `fab kraft\.finish`'):
        lab.look()
    assert len(unfit({"d": lab.place}, lab.hosts, lab.plans)) == 1


def test_one_that_is_to_move_is_finalised_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [("3.9.2", ""), ("3.9.2", "3.8"), ("3.9.2", "3.8")]
    lab = Lab(monkeypatch, moving("3.9.2", Stage.ZOOKEEPER, "by hand"), before, **BROKERS)
    assert lab.place.datacenter.config.keeps("a-d-kafka01") == ZOOKEEPER != KRAFT
    found = lab.look()
    assert (found.held, found.finalizes) == ("3.8", False) and "kafka.finalize" in found.waits
    lab = Lab(monkeypatch, moving("3.9.2", Stage.ZOOKEEPER), before, **BROKERS)
    assert lab.look().finalizes
