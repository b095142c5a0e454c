"""Hosts that the lab file does not mean any more: what plan, status and verify say of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from lab.file import parse
from lab.standing import Standing
from lab.topology import Topology, build
from scripts.clients.kafka import Cluster, View
from scripts.errors import LabError
from scripts.operations.status import rows
from scripts.operations.surplus import Surplus, lines, lost, narrowed, problems, surplus
from scripts.platforms import Instance

VIEW = View(
    (1, 2), 1, (), {"__consumer_offsets-0": (2,), "kept-0": (1, 2), "kept-1": (1,)},
    {1: 20531, 2: 20532},
)


def topology(kafka: int = 1) -> Topology:
    return build(parse({"owner": "ann", "datacenters": [
        {"name": "dc1", "cidr": "10.1.0.0/24", "control": 0, "zookeeper": 1, "kafka": kafka},
    ]}).lab)


def instances(of: Topology, datacenter: str = "dc1") -> dict[str, Instance]:
    """The hosts of a topology as containers that run."""
    return {
        host.name: Instance(
            host.name, host.name, True, "127.0.0.1", host.ssh_port, "student", "key",
            str(host.address), standing=Standing(
                host.name, host.fqdn, datacenter, host.role, host.address,
                (host.ssh_port,) if host.external_port is None
                else (host.ssh_port, host.external_port),
            ),
        )
        for host in of.hosts
    }


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The bootstrap lists that were asked; every cluster answers with VIEW."""
    found: list[str] = []

    def view(cluster: Cluster, timeout: float) -> View:
        found.append(cluster.endpoint.servers)
        return VIEW

    monkeypatch.setattr(Cluster, "view", cast(Any, view))
    return found


def test_brokers_whose_listeners_are_closed_are_asked_with_the_labs_certificate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What they say is told by the ports of these listeners."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "kafkalab" / topology(2).lab / "security"
    folder.mkdir(parents=True)
    (folder / "ca.pem").write_text("CA")
    one = topology(2).datacenters[0].by_role("kafka")[1]

    def view(cluster: Cluster, timeout: float) -> View:
        if not cluster.endpoint.settings:
            raise LabError("closed")
        assert cluster.endpoint.ca == str(folder / "ca.pem")
        assert f"127.0.0.1:{one.ssh_port + 250}" in cluster.endpoint.servers
        return View((1, 2), 1, (), {"a-0": (2,)}, {2: one.ssh_port + 250})

    monkeypatch.setattr(Cluster, "view", cast(Any, view))
    (found,) = surplus(topology(1), instances(topology(2)))
    assert (found.broker, found.partitions) == (2, ("a-0",))
    assert list(lost(instances(topology(2)), topology(2).lab)) == [
        "1 topic of dc1 (a), 1 partition in all"]


def test_where_all_hosts_are_meant_nobody_is_asked(asked: list[str]) -> None:
    assert surplus(topology(2), instances(topology(2))) == ()
    assert asked == []


def test_a_broker_that_serves_on_is_a_problem_and_what_it_has_is_told(asked: list[str]) -> None:
    (one,) = found = surplus(topology(1), instances(topology(2)))
    assert asked == ["127.0.0.1:20532"], "itself, since all others may be gone"
    assert (one.name, one.broker, one.partitions) == (
        "ann-dc1-kafka02", 2, ("kept-0", "__consumer_offsets-0"),
    )
    assert list(lines(found)) == [
        "surplus: ann-dc1-kafka02 (kafka of dc1) is of this lab but not in the lab file; `fab up` "
        "empties and removes it, runs: broker 2, with replicas of 2 partitions (kept-0, "
        "__consumer_offsets-0)"
    ]
    (problem,) = problems(found, "dc1")
    assert problem.startswith("broker 2 (ann-dc1-kafka02) is surplus: the lab file has it no more,")
    assert problem.endswith("`fab up` empties and removes it, or say it again in the lab file")
    assert one.as_json()["problem"] == problem
    assert problems(found, "dc2") == []


def test_one_whose_datacenter_is_gone_or_that_is_stopped_is_no_problem(asked: list[str]) -> None:
    gone = surplus(topology(1), instances(topology(2), datacenter="old"))
    assert [(one.broker, one.problem) for one in gone] == [(2, "")]
    there = instances(topology(2))
    there["ann-dc1-kafka02"] = replace(there["ann-dc1-kafka02"], running=False)
    asked.clear()
    (one,) = surplus(topology(1), there)
    assert (one.problem, asked) == ("", [])
    assert "`fab up` empties and removes it, is stopped" in str(one)
    assert "; `fab up` removes it, runs" in str(gone[0])


def test_a_cluster_that_is_silent_hides_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(cluster: Cluster, timeout: float) -> View:
        raise LabError("no broker answers")

    monkeypatch.setattr(Cluster, "view", cast(Any, silent))
    (one,) = surplus(topology(1), instances(topology(2)))
    assert (one.name, one.broker, one.problem) == ("ann-dc1-kafka02", None, "")


def test_a_platform_that_remembers_only_the_name_tells_that(asked: list[str]) -> None:
    there = instances(topology(2))
    there["ann-dc1-kafka02"] = replace(there["ann-dc1-kafka02"], standing=None)
    assert list(lines(surplus(topology(1), there))) == [
        "surplus: ann-dc1-kafka02 is of this lab but not in the lab file; left alone, runs"
    ]
    assert asked == []


def test_what_else_a_host_was_made_for_is_told(asked: list[str]) -> None:
    there = instances(topology(2))
    mine = there["ann-dc1-kafka02"]
    assert mine.standing is not None
    standing = replace(mine.standing, role="control", carries=("connect",))
    there[mine.name] = replace(mine, standing=standing)
    (one,) = surplus(topology(1), there)
    assert str(one).startswith("ann-dc1-kafka02 (control, connect of dc1) is of this lab but not ")
    assert one.as_json()["roles"] == ["control", "connect"]
    assert asked == []


def test_who_asks_for_one_datacenter_hears_of_that() -> None:
    two = (Surplus("a", "dc1", "kafka", "10.1.0.32", True), Surplus("b", "", "", "10.1.0.9", True))
    assert narrowed(two, {"dc1"}, everything=False) == two[:1]
    assert narrowed(two, {"dc1"}, everything=True) == two


def test_they_are_in_the_table_of_status() -> None:
    one = Surplus("a", "dc1", "kafka", "10.1.0.32", False)
    assert rows({"datacenters": [], "surplus": [one.as_json()]}) == [
        ["dc1", "a", "10.1.0.32", "-", "stopped", "-", "surplus: not in the lab file"]
    ]
