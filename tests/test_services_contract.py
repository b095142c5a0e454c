"""What holds for every service because it is registered, and for one that is added.

Each line of the registry is tried, and beside them the service of docs/extending.md, for which
nothing is prepared anywhere else.
"""

from __future__ import annotations

import itertools
import tomllib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from lab import artifacts, kraft, state
from lab.file import load, parse
from lab.options.monitoring import Monitoring
from lab.options.security import Security
from lab.options.sinks import Sink, SinkKind
from lab.options.users import User
from lab.services import agents, alertmanager, hbase, lag_exporter, node_exporter, prometheus
from lab.services.local import local_context
from lab.services.registry import (
    SERVICES,
    desired_state,
    memory_mb,
    published,
    retired,
    roles,
    running_on,
    services_on,
)
from lab.state import Change, Key
from lab.topology import Host, Topology, build
from scripts.clients.kafka import Cluster, View
from scripts.clients.membership import Membership
from scripts.clients.quorum import Described, Quorum, QuorumView, Replica
from scripts.clients.zookeeper import Ensemble, Modes
from scripts.drivers import proof, release, schemas, users
from scripts.drivers.connectors import ConnectorState
from scripts.drivers.driver import Driver, Report, Site, sites
from scripts.drivers.health import Health
from scripts.drivers.mirrors import MirrorView
from scripts.drivers.prometheus import Heard, Prometheus
from scripts.drivers.registry import drivers, drivers_of
from scripts.drivers.rows import RegionServer
from scripts.drivers.schemas import Registry
from scripts.drivers.workers import Workers
from scripts.hosts.converge import HostPlan, plan_host
from scripts.operations import plan as planning
from scripts.operations.rolling import roll
from scripts.operations.status import collect
from scripts.operations.verify import verify
from scripts.platforms import Instance
from scripts.tasks.services import task_of
from scripts.workstation.screen import Progress
from tests import toy
from tests.fakes import FakeFleet, FakeHost
from tests.labs import DIGESTS
from tests.scripts.hosts.test_converge import report as told

PROJECT = Path(__file__).parents[1]
MONITORING = tuple(one.name for one in (
    *agents.SERVICES, node_exporter.SERVICE, lag_exporter.SERVICE, alertmanager.SERVICE,
    prometheus.SERVICE,
))
TOPOLOGY = build(load(PROJECT / "lab.toml").lab)
KRAFT = build(load(PROJECT / "labs/kraft.toml").lab)
REGISTRY = build(parse(tomllib.loads((PROJECT / "lab.toml").read_text())
                       | {"registry": {"at": "dc1"}}).lab)
MONITORED = build(TOPOLOGY.config.model_copy(update={
    "monitoring": Monitoring(enabled=True), "datacenters": TOPOLOGY.config.datacenters[:1],
    "links": (), "mirrors": (),
}))
SINKS = build(load(PROJECT / "lab.toml").lab.model_copy(update={"sinks": tuple(
    Sink(kind=kind, at="dc2", topics=("t",)) for kind in get_args(SinkKind)
)}))
HBASE_ALONE = build(KRAFT.config.model_copy(update={"sinks": (
    Sink(kind="hbase", at=KRAFT.datacenters[0].name, topics=("t",)),
)}))
USERS = build(load(PROJECT / "lab.toml").lab.model_copy(update={"users": (User(name="app"),)}))
TICKETS = build(TOPOLOGY.config.model_copy(update={
    "security": Security(listeners=("kerberos",)), "users": (User(name="app"),),
}))
NAMES = (*SERVICES, toy.SERVICE.name)
RUNNING = tuple(name for name, one in {**SERVICES, "web": toy.SERVICE}.items() if one.process)
ORDER: list[tuple[str, str]] = []  # (host, service) of each restart


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy service in the registry, and a world in which all is well."""
    monkeypatch.setitem(SERVICES, toy.SERVICE.name, toy.SERVICE)
    view = View((1, 2, 3), 1, ())
    modes = Modes("student-dc1-zk01", ("student-dc1-zk02", "student-dc1-zk03"), ())
    state_of = ConnectorState("c", "RUNNING", ("RUNNING",), "")

    def always(answer: object) -> Any:
        return lambda *_, **__: answer

    monkeypatch.setattr(Cluster, "view", always(view))
    monkeypatch.setattr(Cluster, "wait_healthy", always(view))
    monkeypatch.setattr(Ensemble, "ask", always(modes))
    monkeypatch.setattr(Ensemble, "wait_quorum", always(modes))
    found = Described(3001, 2, 7, dict.fromkeys((3001, 3002, 3003), Replica(0, 9)),
                      dict.fromkeys((1, 2, 3), Replica(0, 9)))
    quorum = QuorumView("student-dc1-kraft01", ("student-dc1-kraft02", "student-dc1-kraft03"),
                        (), found, {f"student-dc1-kraft0{n}": 3000 + n for n in (1, 2, 3)})
    commits = itertools.count(8)  # a leader that works writes all the time
    monkeypatch.setattr(Quorum, "ask", lambda _: replace(
        quorum, described=replace(found, committed=next(commits))
    ))
    monkeypatch.setattr(Quorum, "wait", always(quorum))
    monkeypatch.setattr(release, "levels", lambda _: kraft.features("4.3.1"))
    monkeypatch.setattr(Driver, "silent", always(""))
    monkeypatch.setattr(Workers, "states", always([state_of]))
    monkeypatch.setattr(Workers, "change", always(None))
    monkeypatch.setattr(Membership, "of", always(frozenset()))
    monkeypatch.setattr(Membership, "remove", always(None))
    monkeypatch.setattr(Prometheus, "heard", always(Heard((), {})))
    monkeypatch.setattr(Prometheus, "alarms", always([]))
    monkeypatch.setattr(MirrorView, "running", always("runs"))
    monkeypatch.setattr(MirrorView, "moving", always("moves"))
    monkeypatch.setattr(MirrorView, "crossing", always("crossed"))
    monkeypatch.setattr(MirrorView, "whole", always("whole"))
    monkeypatch.setattr(MirrorView, "translated", always("translated"))
    monkeypatch.setattr(MirrorView, "prepare", always(None))
    monkeypatch.setattr(MirrorView, "forget", always(None))

    monkeypatch.setattr(Registry, "silent", always(""))
    monkeypatch.setattr(RegionServer, "silent", always(""))
    monkeypatch.setattr(schemas, "proven", always("registered"))
    monkeypatch.setattr(schemas, "sound", always("whole"))
    monkeypatch.setattr(users, "stated", always("known"))

    class Proof:
        """Records in and out take a real cluster: tests/e2e/test_lab.py."""

        def __init__(self, site: Site, service: str) -> None:
            self.service = service

        def run(self, report: Report) -> bool:
            return report.check(self.service, "records", lambda: "seen")

    monkeypatch.setattr(proof, "Proof", Proof)
    ORDER.clear()


def having(name: str) -> Topology:
    """A lab with the service: no datacenter has both ZooKeeper and controllers, and some services
    are in a lab only that asks for them."""
    if name in MONITORING:
        return MONITORED
    if name in (*get_args(SinkKind), hbase.MASTER, hbase.REGION_SERVER):
        return SINKS
    return {
        "controller": KRAFT, "registry": REGISTRY, hbase.ZOOKEEPER: HBASE_ALONE, "users": USERS,
        "kdc": TICKETS, "kerberos": TICKETS,
    }.get(name, TOPOLOGY)


def software(host: Host, topology: Topology) -> str:
    """Where its Kafka lies."""
    return artifacts.kafka(topology.datacenter(host.datacenter).config.version).home


def the_sites(topology: Topology = TOPOLOGY) -> dict[str, Site]:
    def restarted(name: str, service: str) -> Any:
        return lambda _: ORDER.append((name, service)) or ""

    units = {"status": lambda text: "".join(
        f"unit\t{word}\tactive\tenabled\t-\trunning\t\t\n"
        for word in text.splitlines()[-1].split() if word.endswith(".service")
    )}
    context = local_context(topology, DIGESTS)
    fakes = [
        FakeHost(host.name, {
            **units, "release": f"@{software(host, topology)}/",
            **{f"restart {name}": restarted(host.name, name) for name in RUNNING},
        })
        for host in topology.hosts
    ]
    return sites(FakeFleet(fakes), context, topology.datacenters)


def on(name: str) -> list[Host]:
    topology = having(name)
    return [host for host in topology.hosts
            if name in [one.name for one in services_on(host, topology)]]


@pytest.mark.parametrize("name", RUNNING)
def test_it_is_restarted_when_stale_and_the_plan_says_so_before(name: str) -> None:
    service = SERVICES[name]
    change = Change(Key("unit", str(service.unit)), state.Unit("older"), state.Unit("newer"))
    plans = {host.name: HostPlan(host, (change,)) for host in on(name)}
    assert plans
    places = the_sites(having(name))
    announced = [line for site in places.values() for line in planning._restarts(site, plans)]
    with Progress("", []) as progress:
        assert roll(places, plans, progress) == len(plans)
    assert sorted(ORDER) == sorted((host, name) for host in plans)
    assert sorted(line.split()[:2] for line in announced) == sorted([h, name] for h in plans)
    for datacenter in having(name).datacenters:
        mine = {host.name for host in datacenter.hosts}
        assert [h for h, _ in ORDER if h in mine] == [
            line.split()[0] for line in announced if line.split()[0] in mine
        ], "in the order that the plan showed"


@pytest.mark.parametrize("name", RUNNING)
def test_it_is_stopped_when_it_is_wanted_no_longer(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = on(name)
    monkeypatch.setitem(SERVICES, name, replace(SERVICES[name], wanted=lambda *_: False))
    key = Key("unit", str(SERVICES[name].unit))
    context = local_context(having(name), DIGESTS)
    for host in hosts[:1]:
        assert key in retired(host, having(name))
        have = {**desired_state(host, context), key: state.Unit("older")}
        fleet = FakeFleet([FakeHost(host.name, {"read": told(have)})])
        assert [change.key for change in plan_host(fleet, host, context).changes
                if change.after is None] == [key]


@pytest.mark.parametrize("path", [PROJECT / "lab.toml", *(PROJECT / "labs").glob("*.toml")])
def test_its_ports_are_its_own_on_every_host(path: Path) -> None:
    topology = build(load(path).lab)
    taken = [
        number for host in topology.hosts
        for number in (host.ssh_port, host.external_port, *published(host, topology).values())
        if number is not None
    ]
    assert len(taken) == len(set(taken)), "on the workstation"
    for host in topology.hosts:
        ports = [22, *(port.number for one in services_on(host, topology) for port in one.ports)]
        assert len(ports) == len(set(ports)), host.name


@pytest.mark.parametrize("name", RUNNING)
def test_its_memory_counts(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    host, service = on(name)[0], SERVICES[name]
    before, own = memory_mb(host, having(name)), service.memory_mb(having(name).config)
    assert own > 0
    monkeypatch.setitem(SERVICES, name, replace(service, memory_mb=lambda lab: own + 1000))
    assert memory_mb(host, having(name)) == before + 1000


@pytest.mark.parametrize("name", RUNNING)
def test_its_process_speaks_utf_8(name: str) -> None:
    """Without a locale, Java makes question marks of what is not ASCII, in names of groups, too."""
    context = local_context(having(name), DIGESTS)
    unit = desired_state(on(name)[0], context)[
        Key("file", f"/etc/systemd/system/{SERVICES[name].unit}")
    ]
    assert isinstance(unit, state.File)
    assert b"\nEnvironment=LANG=C.UTF-8\n" in unit.data


@pytest.mark.parametrize("name", NAMES)
def test_what_it_needs_comes_before_it(name: str) -> None:
    order = list(SERVICES)
    for need in SERVICES[name].needs:
        assert order.index(need) < order.index(name)


@pytest.mark.parametrize("name", NAMES)
def test_it_can_be_set_up_alone(name: str) -> None:
    """With the ground that all stand on, and its software; without other services' units."""
    context = local_context(having(name), DIGESTS)
    for host in on(name):
        found = desired_state(host, context, (name,))
        units = {key.name for key in found if key.kind == "unit"}
        assert units == ({SERVICES[name].unit} if SERVICES[name].process else set())
        whole = desired_state(host, context)
        assert found.items() <= whole.items()


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_changes_nothing_of_it(name: str) -> None:
    """A host that has what it should have, as it tells it itself; also where it is set up alone."""
    context = local_context(having(name), DIGESTS)
    for host in on(name):
        for only in (None, (name,)):
            have = desired_state(host, context, only)
            fleet = FakeFleet([FakeHost(host.name, {"read": told(have)})])
            assert plan_host(fleet, host, context, only).changes == ()
            assert desired_state(host, local_context(having(name), DIGESTS), only) == have


@pytest.mark.parametrize("name", NAMES)
def test_it_has_a_task_of_its_name(name: str) -> None:
    task = task_of(SERVICES[name])
    line = (task.__doc__ or "").splitlines()[0]
    assert line.endswith(".") and len(line) <= 65, "one line of `fab --list`"
    kind = SERVICES[name].task
    if kind != "none" and name != "web":
        from scripts import namespace

        assert (f"{name}.up" if kind == "among" else name) in namespace.task_names


def the_status(topology: Topology) -> dict[str, Any]:
    places = the_sites(topology)
    instances = {
        host.name: Instance(host.name, "i", True, "127.0.0.1", host.ssh_port, "student", "k",
                            str(host.address))
        for host in topology.hosts
    }
    site = next(iter(places.values()))
    return collect(site.fleet, topology, topology.hosts, instances, site.context)


def looked_after(topology: Topology | None = None) -> Collection[str]:
    """All services that are, or those that some datacenter of a lab has."""
    if topology is None:
        return [driver.name for driver in drivers()]
    return {driver.name for site in the_sites(topology).values() for driver in drivers_of(site)}


def test_every_service_with_a_process_or_resources_is_looked_after() -> None:
    assert set(looked_after()) >= {*RUNNING, "mirrors"}


@pytest.mark.usefixtures("silent_internals")
@pytest.mark.parametrize("topology", [TOPOLOGY, KRAFT, MONITORED, USERS, TICKETS],
                         ids=["zookeeper", "kraft", "monitored", "users", "kerberos"])
def test_status_has_its_key(topology: Topology, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MirrorView, "health", lambda view: Health())
    found = the_status(topology)
    assert found["healthy"], [one["problems"] for one in found["datacenters"]]
    text = (PROJECT / "docs/status.md").read_text()
    for one in found["datacenters"]:
        for name in looked_after(topology):
            assert name in one, name
            if name != toy.SERVICE.name:
                assert f"`.{name}`" in text or f"`.{name}[]`" in text, f"docs/status.md: {name}"
        for host in one["hosts"]:
            where = next(h for h in topology.hosts if h.name == host["name"])
            assert set(host["services"]) == {s.name for s in running_on(where, topology)}
            assert host["roles"] == list(roles(where, topology))


@pytest.mark.usefixtures("silent_internals")
@pytest.mark.parametrize("topology", [TOPOLOGY, KRAFT, MONITORED, USERS],
                         ids=["zookeeper", "kraft", "monitored", "users"])
def test_verify_lists_a_check_of_its_name(topology: Topology) -> None:
    with Progress("", []) as progress:
        reports = verify(the_sites(topology), progress)
    assert all(report.ok for report in reports)
    named = {line.service for report in reports for line in report.lines}
    assert named == {"systemd", *looked_after(topology)}
    for site in the_sites(topology).values():
        mine = next(report for report in reports if report.where == site.name)
        assert {line.service for line in mine.lines} == {
            "systemd", *(driver.name for driver in drivers_of(site))
        } - {"mirrors"}


def test_a_lab_without_the_service_does_not_look_after_it() -> None:
    topology = build(parse({"owner": "a", "datacenters": [
        {"name": "d", "cidr": "10.1.0.0/24", "control": 0},
    ]}).lab)
    (site,) = the_sites(topology).values()
    assert [driver.name for driver in drivers_of(site)] == ["zookeeper", "kafka"]
