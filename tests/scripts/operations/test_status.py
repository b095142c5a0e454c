"""What `fab status` says of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import SERVICES
from lab.topology import build
from scripts.clients.kafka import Cluster, View
from scripts.drivers.driver import Site
from scripts.drivers.kafka import Kafka
from scripts.errors import Closed, LabError, ReachError
from scripts.operations.status import collect
from scripts.platforms import Instance, Trouble
from tests.fakes import FakeFleet, FakeHost

TOPOLOGY = build(parse({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.1.0.0/24", "kafka": 2},
]}).lab)
UP = ["ann-dc1-kafka01"]


@pytest.fixture
def site() -> Site:
    runs = "@/usr/local/kafka_2.13-3.9.2/classpath.args\n"
    fleet = FakeFleet([FakeHost(UP[0], {"release": runs})])
    return Site(fleet, local_context(TOPOLOGY, {}), TOPOLOGY.datacenters[0])


def seen(monkeypatch: pytest.MonkeyPatch, view: View | None) -> None:
    def answer(cluster: Cluster, timeout: float) -> View:
        if view is None:
            raise LabError("no broker answers at h")
        return view

    monkeypatch.setattr(Cluster, "view", cast(Any, answer))


def test_a_cluster_in_one_line(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seen(monkeypatch, View((1, 2), 1, ()))
    part = Kafka(SERVICES["kafka"]).status(site, UP)
    assert part.lines == (
        "dc1: bootstrap 127.0.0.1:20531,127.0.0.1:20532, 2 brokers, controller 1, "
        "0 under-replicated",
        "dc1: Kafka 3.9.2, inter.broker.protocol.version 3.9",
    )
    assert part.problems == ()
    assert part.details["ann-dc1-kafka02"] == "127.0.0.1:20532"


def test_of_a_cluster_that_tells_nothing_nothing_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Least of all that None of its partitions is under-replicated."""
    seen(monkeypatch, None)
    part = Kafka(SERVICES["kafka"]).status(site, UP)
    assert part.lines[0].endswith("no broker answers")
    assert part.data["under_replicated"] is None
    assert part.problems == ("no broker answers at h",)


def test_a_broker_that_is_missing_is_a_problem(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(monkeypatch, View((1,), 1, ()))
    assert Kafka(SERVICES["kafka"]).status(site, UP).problems == ("broker 2 not registered",)


class Knowing:
    """A platform that knows why hosts let nobody in."""

    def troubles(self, closed: Mapping[str, Closed]) -> dict[str, Trouble]:
        return dict.fromkeys(closed, Trouble("ports lost", "reconnect"))


def test_hosts_that_are_not_there_are_one_problem() -> None:
    """As after the `fab down` of somebody else; one alone is told by its name."""
    context = local_context(TOPOLOGY, {})

    def problems(missing: int) -> list[str]:
        hosts = TOPOLOGY.hosts[:missing]
        (dc1,) = collect(FakeFleet([]), TOPOLOGY, hosts, {}, context)["datacenters"]
        return [line for line in dc1["problems"] if line.endswith("exist")]

    assert problems(6) == [
        "6 hosts (ann-dc1-ctl01, ann-dc1-zk01, ann-dc1-zk02 and 3 more) do not exist"
    ]
    assert problems(1) == ["ann-dc1-ctl01 does not exist"]


def test_hosts_that_let_nobody_in_are_one_problem_and_nothing_else_is_claimed() -> None:
    hosts = TOPOLOGY.hosts
    fleet = FakeFleet([
        FakeHost(host.name, closed=ReachError(Closed.SILENT, "no SSH connection", where=host.name))
        for host in hosts
    ])
    instances = {host.name: Instance(
        host.name, "id", True, "127.0.0.1", host.ssh_port, "student", "key", str(host.address)
    ) for host in hosts}
    found = collect(
        fleet, TOPOLOGY, hosts, instances, local_context(TOPOLOGY, {}),
        platform=cast(Any, Knowing()),
    )
    (dc1,) = found["datacenters"]
    first = "ann-dc1-ctl01, ann-dc1-zk01, ann-dc1-zk02 and 3 more"
    assert dc1["problems"] == [f"6 hosts ({first}): ports lost (`fab up`: reconnect)"]
    assert {tuple(host["services"].items()) for host in dc1["hosts"]} == {(("ssh", "ports lost"),)}
