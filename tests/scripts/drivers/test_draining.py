"""Brokers that leave their cluster: emptied, stopped, forgotten; also by a run that goes on with
what another one has left."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.endpoint import Endpoint
from scripts.clients import brokers
from scripts.clients.kafka import View
from scripts.clients.reassigning import Reassigning
from scripts.drivers import balancing as balancing_module, draining as module
from scripts.drivers.balancing import Balancing, NoRoomError
from scripts.drivers.draining import Draining
from scripts.errors import LabError
from tests.fake_cluster import FakeCluster, Killed
from tests.scripts.drivers.test_balancing import RATE, Never, Now

HOST = "ann-dc1-kafka04"


def whole() -> FakeCluster:
    """Four brokers with as much as each other; the fourth one is to leave."""
    return FakeCluster(dict.fromkeys((1, 2, 3, 4), ""), {
        (topic, n): [n % 4 + 1, (n + 1) % 4 + 1] for topic in ("a", "b") for n in range(4)
    })


class Site:
    """One datacenter around a cluster, and the platform of its hosts. `makes`: how many
    topics somebody makes, each just before the broker has stopped."""

    name = "dc1"

    def __init__(self, cluster: FakeCluster, *, kraft: bool = False, makes: int = 0) -> None:
        self.cluster, self.leaving, self.makes = cluster, {4: HOST}, makes
        self.done: list[str] = []
        self.registered = kraft
        self.quorum = SimpleNamespace(hosts=("c",) if kraft else ())
        self.kafka = SimpleNamespace(
            endpoint=Endpoint("h:1"), expected=(1, 2, 3), view=self._view, wait_healthy=self._whole)

    def start(self, names: list[str]) -> None:
        assert names == [HOST]
        self.done.append("start")
        self.cluster.racks[4] = ""

    def stop(self, names: list[str]) -> None:
        assert names == [HOST]
        if 4 in self.cluster.racks:
            self.done.append("stop")
        if self.makes:
            self.makes -= 1
            place = f"new{self.makes}", 0
            self.cluster.parts[place] = [4, 1]
            self.cluster.leaders[place] = 4
        self.cluster.racks.pop(4, None)

    def _view(self) -> View:
        return View(tuple(self.cluster.racks), 1, (), {
            f"{topic}-{n}": tuple(ids) for (topic, n), ids in self.cluster.parts.items()})

    def _whole(self, *, among: list[int]) -> None:
        assert among == [1, 2, 3, 4]
        assert 4 in self.cluster.racks


def draining(site: Site, monkeypatch: pytest.MonkeyPatch) -> Draining:
    def forget(quorum: Any, broker: int) -> None:
        assert quorum is site.quorum
        assert (broker, 4 in site.cluster.racks) == (4, False), "it has stopped before"
        site.registered = False
        site.done.append("forget")

    monkeypatch.setattr(brokers, "python_admin", site.cluster.admin)
    monkeypatch.setattr(balancing_module, "spread_leaders", site.cluster.elect)
    monkeypatch.setattr(balancing_module, "LOOK_SECONDS", 0)
    monkeypatch.setattr(module, "unregister", forget)
    one: Any = site
    return Draining(one, Reassigning(Endpoint("h:1"), "dc1"), one)


def run(one: Draining, said: list[str] | None = None, stop: Any = None) -> None:
    one.finish(RATE, (said if said is not None else []).append, stop or Never())


def assert_gone(site: Site) -> None:
    cluster = site.cluster
    assert sorted(cluster.racks) == [1, 2, 3]
    assert all({*replicas} <= {1, 2, 3} for replicas in cluster.parts.values())
    assert cluster.moving == {}
    assert not any(cluster.settings.values()), "nothing is held back any more"
    assert {*cluster.leaders.values()} <= {1, 2, 3}
    assert not site.registered


@pytest.mark.parametrize("kraft", [False, True])
def test_it_is_emptied_then_stopped_then_forgotten(
    kraft: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, said = Site(whole(), kraft=kraft), list[str]()
    run(draining(site, monkeypatch), said)
    assert said[0].startswith("dc1: 4 replicas to copy, 4.0kB (at least 4 have to move)")
    assert site.cluster.copied == 4, "what the others have stays where it is"
    assert site.cluster.highest_rates == {str(RATE)}
    assert site.done == (["stop", "forget"] if kraft else ["stop"])
    assert_gone(site)


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_is_killed_anywhere_is_gone_on_with(
    after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of its requests, once before and once after the cluster has done it."""
    first = Site(whole(), kraft=True)
    run(draining(first, monkeypatch))
    for at in range(len(first.cluster.requests)):
        site = Site(whole(), kraft=True)
        site.cluster.dies_at, site.cluster.dies_after = at, after
        with pytest.raises(Killed):
            run(draining(site, monkeypatch))
        assert "stop" not in site.done, "it still had replicas, or limits"
        run(draining(site, monkeypatch))
        assert_gone(site)
        assert site.cluster.copied == 4, "nothing is copied twice"


def test_one_that_was_killed_after_it_had_stopped_is_only_forgotten(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(whole(), kraft=True)
    run(draining(site, monkeypatch))
    site.registered, site.done = True, []
    before = site.cluster.requests.count("alter_partition_reassignments")
    run(draining(site, monkeypatch))
    assert site.done == ["forget"]
    assert site.cluster.requests.count("alter_partition_reassignments") == before
    assert_gone(site)


def test_topics_that_come_meanwhile_are_seen_when_it_has_stopped(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    site, said = Site(whole(), kraft=True, makes=2), list[str]()
    run(draining(site, monkeypatch), said)
    assert site.done == [*(["stop", "start"] * 2), "stop", "forget"]
    assert "dc1: new1-0 came meanwhile" in said
    assert_gone(site)


def test_it_is_not_done_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(whole(), makes=1000)
    with pytest.raises(LabError, match=r"dc1: broker 4 gets new replicas as fast as it loses them"):
        run(draining(site, monkeypatch))
    assert 4 in site.cluster.racks, "it serves what it has"


def test_who_is_stopped_by_hand_hears_how_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(whole())
    with pytest.raises(LabError, match=r"stopped; .* 4 partitions, slowly .`fab up` completes"):
        run(draining(site, monkeypatch), stop=Now())
    site.cluster.speed = 1
    with pytest.raises(LabError, match=r"dc1: stopped; nothing was removed .`fab up` completes it"):
        run(draining(site, monkeypatch), stop=Now())
    assert site.done == []
    run(draining(site, monkeypatch))
    assert_gone(site)


def test_what_has_no_room_on_the_others_is_named_and_nothing_is_touched(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = whole()
    cluster.parts["large", 0] = [1, 2, 3, 4]
    cluster.leaders["large", 0] = 1
    site = Site(cluster)
    message = (r"dc1: broker 4 cannot give away what it has: large has more replicas than the 3 "
               r"brokers that stay \(say kafka = 4 again, give these topics fewer replicas")
    with pytest.raises(NoRoomError, match=message):
        run(draining(site, monkeypatch))
    assert site.done == []
    assert not {"alter_configs", "alter_partition_reassignments"} & {*cluster.requests}


def test_a_balance_gives_nothing_to_who_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes from it, as `fab up` would, and makes the others even."""
    cluster = whole()
    cluster.parts |= {("c", n): [1, 2] for n in range(4)}
    cluster.leaders |= {("c", n): 1 for n in range(4)}
    site: Any = Site(cluster)
    draining(site, monkeypatch)
    one = Balancing(site, Reassigning(Endpoint("h:1"), "dc1"), site.leaving)
    one.carry_out(one.look(), RATE, lambda line: None, Never())  # type: ignore[arg-type]
    stand = one.look()
    assert stand.idle
    assert [load.replicas for load in stand.plan.after.values()] == [8, 8, 8, 0]
    assert site.done == []
    site.leaving = {}
    with pytest.raises(LabError, match="broker 4 is not of the lab"):
        Balancing(site, Reassigning(Endpoint("h:1"), "dc1")).look()
