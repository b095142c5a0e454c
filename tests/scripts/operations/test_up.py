"""What `fab up` gets before it makes hosts, and what of it side by side."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab import state
from lab.artifacts import Artifact
from lab.file import parse
from lab.state import Change, Key
from lab.topology import Topology, build
from scripts.drivers.driver import Differences
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan
from scripts.operations import up
from scripts.passages.passage import Passage
from scripts.workstation.beside import BESIDE, beside
from tests.labs import KAFKA

WAIT_S = 20
SOFTWARE: dict[Artifact, Any] = {KAFKA: "obtained"}
TOPOLOGY = build(parse({"owner": "a", "datacenters": [{"name": "d", "cidr": "10.1.0.0/24"}]}).lab)


@dataclass
class Lab:
    """A session whose fetch of Kafka and whose platform tell when they begin and end.

    With `meet` each of the two goes on only once the other has begun.
    """

    cached: bool = False
    fetch_fails: bool = False
    meet: threading.Barrier | None = None
    topology: Topology = TOPOLOGY
    done: list[str] = field(default_factory=list)

    @property
    def platform(self) -> Lab:
        return self

    def peek_software(self) -> dict[Artifact, Any]:
        return SOFTWARE if self.cached else {}

    def software(self) -> dict[Artifact, Any]:
        if self.meet:
            self.meet.wait(WAIT_S)
        if self.fetch_fails:
            raise LabError("Kafka could not be had")
        self.done.append("fetch")
        return SOFTWARE

    def prepare(self, software: dict[Artifact, Any], names: Collection[str]) -> None:
        if self.meet and not software:
            self.meet.wait(WAIT_S)
        self.done.append(f"prepare {sorted(names)} with{'' if software else 'out'} software")


def prepare(lab: Lab, *missing: str) -> object:
    hosts = [SimpleNamespace(name=name) for name in missing]
    return up._prepare(cast(Any, lab), cast(Any, hosts))


def test_the_first_time_kafka_is_fetched_beside_the_image() -> None:
    lab = Lab(meet=threading.Barrier(2))
    assert prepare(lab, "b", "a") == SOFTWARE
    assert sorted(lab.done[:2]) == ["fetch", "prepare ['a', 'b'] without software"]
    assert lab.done[2:] == ["prepare ['a', 'b'] with software"]


def test_with_kafka_in_the_cache_no_image_is_made_that_may_not_be_needed() -> None:
    lab = Lab(cached=True)
    prepare(lab, "a")
    assert lab.done == ["fetch", "prepare ['a'] with software"]


def test_where_all_hosts_run_no_image_is_made() -> None:
    lab = Lab()
    assert prepare(lab) == SOFTWARE
    assert lab.done == ["fetch"]


def test_what_fails_beside_is_the_error_of_the_run() -> None:
    lab = Lab(fetch_fails=True, meet=threading.Barrier(2))
    with pytest.raises(LabError, match="could not be had"):
        prepare(lab, "a")
    assert lab.done == ["prepare ['a'] without software"], "what is done stays for the next run"


def test_a_run_that_ends_does_not_wait_for_what_goes_on_beside_it() -> None:
    begun, hold = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        hold.wait(WAIT_S)

    wait = beside(work)
    assert begun.wait(WAIT_S)
    (thread,) = [one for one in threading.enumerate() if one.name == BESIDE]
    assert thread.daemon
    hold.set()
    assert wait() is None


CHANGED = HostPlan(TOPOLOGY.hosts[0], (Change(Key("link", "/a"), None, state.Link("/b")),))
YOUNG, STARTING = (HostPlan(TOPOLOGY.hosts[0], (), {"kafka.service": phase})
                   for phase in (state.YOUNG, state.STARTING))


class Raising(Passage):
    @property
    def count(self) -> int:
        return 1


@pytest.mark.parametrize(("plans", "passages", "quiet"), [
    ({"a": HostPlan(TOPOLOGY.hosts[0], ())}, (Passage(),), True),
    ({"a": CHANGED}, (), False),
    ({"a": YOUNG}, (), True),
    ({"a": STARTING, "b": YOUNG}, (), False),
    ({}, (Passage(), Raising()), False),
])
def test_hosts_are_quiet_where_nothing_changes_and_nothing_is_on_its_way(
    plans: dict[str, HostPlan], passages: tuple[Passage, ...], quiet: bool
) -> None:
    assert up.Ready({}, plans, passages).quiet == quiet


@pytest.mark.parametrize(("found", "rest"), [
    ([Differences(at_rest=True)], True),
    ([Differences(at_rest=True), Differences()], False),
    ([Differences(("+ topic a",), at_rest=True)], False),
    ([Differences((), ("topic a: not ours",), at_rest=True)], False),
])
def test_clusters_rest_where_all_was_seen_to(found: list[Differences], rest: bool) -> None:
    assert up._at_rest(lambda: found) == rest


def test_clusters_that_cannot_be_looked_at_do_not_rest() -> None:
    def look() -> list[Differences]:
        raise LabError("no broker answers")

    assert not up._at_rest(look)
