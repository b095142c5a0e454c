"""A lab is up once its services stay: `up` waits for what status and verify ask for."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import SERVICES
from lab.state import STARTING, YOUNG, Change, Key, Unit
from lab.topology import Host, build
from scripts.clients.kafka import Cluster, View
from scripts.drivers.driver import Driver, Site
from scripts.drivers.zookeeper import ZooKeeper
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan
from scripts.hosts.units import UnitReport
from scripts.operations import staying, up
from tests.fakes import FakeFleet

TOPOLOGY = build(parse({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.1.0.0/24", "kafka": 2},
]}).lab)
WOKEN = "ann-dc1-kafka01"
ALL = {host.name for host in TOPOLOGY.hosts}


class Looks:
    """Of the unit of each host that is asked for: sick so often, then well."""

    def __init__(self, sick: int) -> None:
        self.sick = sick
        self.asked: list[str] = []

    def __call__(self, fleet: object, host: Host, topology: object) -> list[UnitReport]:
        self.asked.append(host.name)
        self.sick -= 1
        trouble = "restarted once, last 1 s ago" if self.sick >= 0 else ""
        return [UnitReport("kafka.service", "active", True, "d", "running", trouble)]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(staying, "PAUSE", 0)
    return Site(FakeFleet([]), local_context(TOPOLOGY, {}), TOPOLOGY.datacenters[0])


def moved(site: Site, plans: Mapping[str, HostPlan], woken: Sequence[str]) -> dict[str, int]:
    """`up` in the clusters, after hosts were `woken`."""
    places = {"dc1": site}
    fresh = staying.restless(places, plans, woken)
    return up._moved(places, TOPOLOGY.hosts, cast(Any, None), None, fresh)


def test_up_waits_until_the_services_of_woken_hosts_stay(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that ended until its old session was over runs, and status calls it restarting.
    Clusters need not wait for that."""
    begun = threading.Event()

    class Waiting(Looks):
        def __call__(self, *arguments: Any) -> list[UnitReport]:
            assert begun.wait(10), "nothing is done in clusters meanwhile"
            return super().__call__(*arguments)

    def reconcile(*_: Any) -> dict[str, int]:
        begun.set()
        return {"connector": 3}

    looks = Waiting(sick=2)
    monkeypatch.setattr(staying, "look", looks)
    monkeypatch.setattr(up, "reconcile", reconcile)
    assert moved(site, {}, [WOKEN]) == {"connector": 3}
    assert looks.asked == [WOKEN] * 3


def test_one_that_does_not_stay_is_told_and_not_what_waits_for_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = threading.Event()
    monkeypatch.setattr(staying, "look", Looks(sick=10**6))
    monkeypatch.setattr(staying, "STAY_TIMEOUT", 0.01)
    monkeypatch.setattr(up, "reconcile", lambda *_: hold.wait(10) and {})
    with pytest.raises(LabError, match=f"kafka.service on {WOKEN}: restarted once"):
        moved(site, {}, [WOKEN])
    hold.set()


def test_up_looks_at_nothing_where_no_host_was_woken(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(sick=1)
    monkeypatch.setattr(staying, "look", looks)
    monkeypatch.setattr(up, "reconcile", lambda *_: {})
    assert moved(site, {}, []) == {}
    assert looks.asked == []


def test_a_service_that_does_not_stay_is_told_with_its_host(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staying, "look", Looks(sick=10**6))
    monkeypatch.setattr(staying, "STAY_TIMEOUT", 0.01)
    with pytest.raises(LabError, match=f"kafka.service on {WOKEN}: restarted once"):
        staying.services_stay(site, [WOKEN])


BROKER, SERVER = (TOPOLOGY.datacenters[0].by_role(role) for role in ("kafka", "zookeeper"))
START = Change(Key("unit", "kafka.service"), Unit("", running=False), Unit("a"))


@pytest.mark.parametrize(("plan", "awaited", "looked"), [
    (HostPlan(BROKER[0], ()), [], []),
    (HostPlan(BROKER[0], (START,)), ["kafka"], [WOKEN]),
    (HostPlan(BROKER[0], (), {"kafka.service": STARTING}), ["kafka"], [WOKEN]),
    (HostPlan(BROKER[0], (), {"kafka.service": YOUNG}), ["kafka"], []),
    (HostPlan(BROKER[0], (), {"connect.service": YOUNG}), [], []),
], ids=["nothing", "started by this run", "started by somebody", "serves, just begun", "another"])
def test_up_waits_for_what_has_just_begun_whoever_started_it(
    plan: HostPlan, awaited: list[str], looked: list[str], site: Site,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After `podman restart HOST` nothing is to do, and yet a status would call the lab sick."""
    waited: list[tuple[str, list[str]]] = []

    class Waiting(Driver):
        def serving(self, site: Site, hosts: Any, up: Any) -> None:
            waited.append((self.name, [host.name for host in hosts]))

    monkeypatch.setattr(
        staying, "drivers_of",
        lambda site: [Waiting(SERVICES[name]) for name in ("zookeeper", "kafka")],
    )
    staying.settle({"dc1": site}, {WOKEN: plan}, [], ALL)
    assert waited == [(name, [WOKEN]) for name in awaited]
    assert staying.restless({"dc1": site}, {WOKEN: plan}, []).get("dc1", []) == looked


def test_a_broker_is_waited_for_until_it_has_what_its_partitions_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And not until others have, whom nobody has started."""
    def view(brokers: tuple[int, ...], **lacking: tuple[int, ...]) -> View:
        return View(brokers, 1, tuple(lacking), lacking=lacking)

    answers = [view((1, 3)), view((1, 2), a=(2, 3)), view((1, 2), a=(3,))]
    cluster = Cluster("dc1", cast(Any, None), (1, 2, 3))
    monkeypatch.setattr(cluster, "view", lambda timeout: answers.pop(0))
    assert cluster.wait_healthy(among=[2]).lacking == {"a": (3,)}
    assert answers == []
    monkeypatch.setattr(cluster, "view", lambda timeout: view((1, 2), a=(3,)))
    with pytest.raises(LabError, match="broker 3 not registered"):
        cluster.wait_healthy(timeout=0)


@pytest.mark.parametrize(("stopped", "whole"), [(0, True), (1, False)])
def test_an_ensemble_is_waited_for_as_a_whole_where_all_of_it_runs(
    stopped: int, whole: bool, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    did: list[str] = []
    driver = ZooKeeper(SERVICES["zookeeper"])
    monkeypatch.setattr(driver, "settled", lambda site: did.append("whole"))
    monkeypatch.setattr(driver, "silent", lambda site, host: did.append(host.name) or "")
    driver.serving(site, SERVER[:1], ALL - {host.name for host in SERVER[1:1 + stopped]})
    assert did == (["whole"] if whole else [SERVER[0].name])
