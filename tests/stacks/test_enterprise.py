"""The enterprise chapter's lab on EC2: machines that bear what runs on them, ways between them."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from lab.aws.checks import for_aws
from lab.aws.sizes import instance_mb, instance_type, needed_mb
from lab.file import parse
from lab.services.registry import services_on
from lab.topology import Host, Topology, build
from scripts.platforms.aws import cost
from scripts.platforms.aws.cost import Item
from tests.aws_labs import FILES, data

FILE = next(path for path in FILES if path.stem == "enterprise")
# What the chapter adds to Kafka, ZooKeeper and mirrors, on the hub's control host.
CHAPTER = {"connect", "registry", "elasticsearch", "hbase-master", "hbase-regionserver",
           "prometheus", "alertmanager"}


@pytest.fixture(scope="module")
def topology() -> Topology:
    return build(parse(data(FILE)).lab)


@pytest.fixture(scope="module")
def stacks(synthesized: dict[str, dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
    """The resources of each datacenter's stack."""
    return {name.partition("_")[2]: content["resource"]
            for name, content in synthesized["enterprise"].items()}


def instance(stacks: Mapping[str, Any], host: Host) -> Any:
    (found,) = [one for one in stacks[host.datacenter]["aws_instance"].values()
                if one["tags"]["Name"] == host.name]
    return found


def test_each_host_is_a_machine_that_bears_what_runs_on_it(
    topology: Topology, stacks: Mapping[str, Any]
) -> None:
    (hub,) = topology.datacenter("hub").by_role("control")
    assert {one.name for one in services_on(hub, topology)} >= CHAPTER
    assert for_aws(topology.config) == ()
    for host in topology.hosts:
        machine = instance(stacks, host)["instance_type"]
        assert machine == instance_type(topology, host)
        assert (instance_mb(machine) or 0) > needed_mb(topology, host), host.name
    assert needed_mb(topology, hub) > 1024, "a control host as other labs have it is too small"


def test_who_talks_to_whom_is_let_in_and_nobody_else(
    topology: Topology, stacks: Mapping[str, Any]
) -> None:
    """The hub's workers read both, its Prometheus asks both, both have clients of its registry;
    Berlin and Madrid have nothing to say to each other. A person reaches every page."""
    near = {"berlin": {"berlin", "hub"}, "madrid": {"madrid", "hub"},
            "hub": {"berlin", "madrid", "hub"}}
    for place, partners in near.items():
        rules = [*stacks[place]["aws_vpc_security_group_ingress_rule"].values()]
        whole = [IPv4Network(one["cidr_ipv4"]) for one in rules if one["ip_protocol"] == "-1"]
        for other in topology.hosts:
            let = any(IPv4Address(other.address) in one for one in whole)
            assert let is (other.datacenter in partners), (place, other.name)
        mine = [one for one in rules if one["cidr_ipv4"] == "203.0.113.7/32"]
        for host in topology.datacenter(place).hosts:
            for port in (port for one in services_on(host, topology) for port in one.ports):
                assert any(one["from_port"] <= port.number <= one["to_port"] for one in mine)
    assert len(stacks["links"]["aws_vpc_peering_connection"]) == 2


def test_its_price_has_every_machine(topology: Topology) -> None:
    assert cost.items(topology) == [
        Item("eu-central-1", "instance", "t3.medium", 3),
        Item("eu-central-1", "instance", "t3.micro", 5),
        Item("eu-central-1", "instance", "t3.small", 7),
        Item("eu-central-1", "volume", "gp3", 3 * 10 + 5 * 10 + 7 * 20),
        Item("eu-central-1", "address", "IPv4", 15),
        Item("eu-central-1", "traffic", "eu-central-1", 0),
    ]


@pytest.mark.parametrize(("machine", "said"), [
    ("t3.micro", "has 1,024 MB, and what runs on student-hub-ctl01 wants"),
    ("t3.small", ""), ("m5.large", ""), ("x2gd.medium", ""),
])
def test_one_that_is_too_small_is_told_before_anything_is_made(machine: str, said: str) -> None:
    content = data(FILE)
    content["aws"]["instance_types"] = {"control": machine}
    found = [str(one) for one in for_aws(parse(content).lab)]
    assert len(found) == bool(said)
    for line in found:
        assert line.startswith(f"aws.instance_types.control = '{machine}': {said}")


@pytest.mark.parametrize(("machine", "mib"), [
    ("t3.nano", 512), ("t3.micro", 1024), ("t4g.small", 2048), ("t3.medium", 4096),
    ("m7g.large", 8192), ("c5.xlarge", 8192), ("r6i.2xlarge", 65536), ("u-6tb1.metal", None),
])
def test_the_memory_of_machines(machine: str, mib: int | None) -> None:
    assert instance_mb(machine) == mib
