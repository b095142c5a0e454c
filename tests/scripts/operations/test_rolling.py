"""Rolling restarts: who is next, what holds before and after, and that no service is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from lab import state
from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import SERVICES
from lab.services.service import Service
from lab.state import Change, Key
from lab.topology import Datacenter, Host, build
from scripts.clients.kafka import Cluster, View
from scripts.drivers.driver import Driver, Site
from scripts.drivers.kafka import Kafka
from scripts.drivers.turns import restart_in_turn
from scripts.drivers.zookeeper import ZooKeeper
from scripts.errors import CommandError, LabError, TimeoutExpired
from scripts.hosts.converge import HostPlan
from scripts.hosts.fleet import Answer
from scripts.hosts.units import GOES_ON
from scripts.operations import plan as planning
from scripts.operations.rolling import roll
from scripts.workstation.screen import Progress
from tests import toy
from tests.fakes import FakeFleet, FakeHost

TOPOLOGY = build(parse({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.1.0.0/24"},
]}).lab)
CONTEXT = local_context(TOPOLOGY, {})
DC1: Datacenter = TOPOLOGY.datacenters[0]


@pytest.fixture
def progress() -> Iterator[Progress]:
    with Progress("test", []) as shown:
        yield shown


def site(*hosts: FakeHost) -> Site:
    return Site(FakeFleet(hosts), CONTEXT, DC1)


def stale(service: Service, *hosts: Host) -> dict[str, HostPlan]:
    """The plans of hosts on which a service runs with an older configuration."""
    key = Key("unit", str(service.unit))
    change = Change(key, state.Unit("older"), state.Unit("newer"))
    return {host.name: HostPlan(host, (change,)) for host in hosts}


def restarted(order: list[str], name: str, **more: Any) -> FakeHost:
    """A host that notes the restart of any of its services."""
    def note(_: str) -> str:
        order.append(name)
        return ""

    labels = (f"restart {service}" for service in ("zookeeper", "kafka", "connect", "web"))
    return FakeHost(name, dict.fromkeys(labels, note), **more)


def srvr(mode: str) -> Callable[[int, bytes], str]:
    def answer(port: int, question: bytes) -> str:
        assert (port, question) == (2181, b"srvr")
        return f"Zookeeper version: 3.8.4\nMode: {mode}\n"
    return answer


def test_followers_restart_first_and_the_leader_last(progress: Progress) -> None:
    members = DC1.by_role("zookeeper")
    order: list[str] = []
    place = site(*(
        restarted(order, host.name, words=srvr(mode))
        for host, mode in zip(members, ("leader", "follower", "follower"), strict=True)
    ))
    assert roll({"dc1": place}, stale(SERVICES["zookeeper"], *members), progress) == 3
    assert order == [members[1].name, members[2].name, members[0].name]


def test_an_ensemble_that_is_not_whole_is_not_restarted(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = DC1.by_role("zookeeper")
    place = site(*(FakeHost(host.name, {}, srvr("follower")) for host in members))
    monkeypatch.setattr(
        "scripts.clients.zookeeper.wait_until",
        lambda condition, **_: condition() or (_ for _ in ()).throw(TimeoutExpired("no")),
    )
    with pytest.raises(LabError, match="no leader"):
        restart_in_turn(ZooKeeper(SERVICES["zookeeper"]), place, members, progress)


def healthy(monkeypatch: pytest.MonkeyPatch, view: View) -> list[View]:
    """Let the cluster be found healthy, each time with this view; how often it was asked."""
    asked: list[View] = []

    def answer(cluster: Cluster, timeout: float = 0) -> View:
        asked.append(view)
        return view

    monkeypatch.setattr(Cluster, "wait_healthy", answer)
    return asked


def test_the_controller_restarts_last_and_health_is_checked_around_each(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = healthy(monkeypatch, View((1, 2, 3), 1, ()))
    brokers, order = DC1.by_role("kafka"), list[str]()
    place = site(*(restarted(order, host.name) for host in brokers))
    restart_in_turn(Kafka(SERVICES["kafka"]), place, brokers, progress)
    assert order == [brokers[1].name, brokers[2].name, brokers[0].name]
    assert len(asked) == 4


def test_a_restart_that_fails_stops_the_roll(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy(monkeypatch, View((1, 2, 3), 3, ()))
    brokers = DC1.by_role("kafka")
    fakes = [FakeHost(h.name, {"restart kafka": Answer("", "kafka.service does not answer", 1)})
             for h in brokers]
    with pytest.raises(CommandError, match="does not answer"):
        restart_in_turn(Kafka(SERVICES["kafka"]), site(*fakes), brokers, progress)
    assert sum(len(fake.heard) for fake in fakes) == 1


def test_a_broker_with_its_former_settings_is_waited_for_before_the_error_is_told(
    progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = healthy(monkeypatch, View((1, 2, 3), 3, ()))
    brokers = DC1.by_role("kafka")
    file, unit = Key("file", "/etc/a"), Key("unit", "kafka.service")
    changes = (
        Change(file, None, state.File("new")),
        Change(unit, state.Unit("older"), state.Unit("newer", files=(file,))),
    )
    fakes = [FakeHost(h.name, {"restart kafka": Answer("", f"reason: no; {GOES_ON}", 1)})
             for h in brokers]
    plans = {host.name: HostPlan(host, changes) for host in brokers}
    with pytest.raises(CommandError, match=f"no; {GOES_ON}"):
        restart_in_turn(
            Kafka(SERVICES["kafka"]), site(*fakes), brokers, progress, plans
        )
    (script,) = [text for fake in fakes for _, text in fake.heard]
    assert "keep_former kafka.service /etc/a" in script
    assert len(asked) == 2


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Service:
    """One more service, registered as the documentation says, and with no driver of its own."""
    monkeypatch.setitem(SERVICES, toy.SERVICE.name, toy.SERVICE)
    monkeypatch.setattr(Driver, "silent", lambda driver, place, host: "")
    return toy.SERVICE


def test_a_service_is_restarted_because_it_is_registered(web: Service, progress: Progress) -> None:
    (control,) = DC1.by_role("control")
    order: list[str] = []
    place = site(restarted(order, control.name))
    assert roll({"dc1": place}, stale(web, control), progress) == 1
    assert order == [control.name]


def test_and_the_plan_announces_it(web: Service) -> None:
    (control,) = DC1.by_role("control")
    plans: Mapping[str, HostPlan] = stale(web, control)
    assert list(planning._restarts(site(), plans)) == [f"{control.name} web"]


def test_services_are_warned_before_anything_restarts_and_told_around_each_restart(
    web: Service, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only those that restart themselves, and in the middle of a broker's restart nobody."""
    healthy(monkeypatch, View((1, 2, 3), 3, ()))
    order: list[str] = []

    @contextmanager
    def around(driver: Driver, place: Site, host: Host) -> Iterator[None]:
        order.append(f"{driver.name} before")
        yield
        order.append(f"{driver.name} after")

    monkeypatch.setattr(Driver, "around", around)
    monkeypatch.setattr(
        Driver, "forewarned", lambda driver, place: order.append(f"{driver.name} warned"))
    (control,), (broker, *_) = DC1.by_role("control"), DC1.by_role("kafka")
    place = site(restarted(order, control.name), restarted(order, broker.name))
    plans = {**stale(web, control), **stale(SERVICES["kafka"], broker)}
    assert roll({"dc1": place}, plans, progress) == 2
    assert order == [
        "kafka warned", "web warned",
        "kafka before", broker.name, "kafka after", "web before", control.name, "web after",
    ]
