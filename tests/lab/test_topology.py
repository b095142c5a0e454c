"""Names, ids, addresses and ports: pure, distinct, and steady when a lab grows."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from lab.file import load, parse
from lab.model import Lab
from lab.options.section import LABEL
from lab.topology import build, covering
from tests.strategies import lab_data, labs

PROJECT = Path(__file__).parents[2]


@given(labs())
def test_what_must_be_distinct_is_distinct(lab: Lab) -> None:
    hosts = build(lab).hosts
    for values in (
        [host.name for host in hosts], [host.address for host in hosts],
        [port for host in hosts for port in (host.ssh_port, host.external_port) if port],
    ):
        assert len(set(values)) == len(values)


@given(labs())
def test_names_are_legal_and_start_with_the_owner(lab: Lab) -> None:
    for host in build(lab).hosts:
        assert LABEL.fullmatch(host.name)
        assert host.name.startswith(lab.owner)
        assert host.fqdn == f"{host.name}.{lab.domain}"


@given(labs())
def test_addresses_lie_in_their_subnet_outside_the_five_that_aws_keeps(lab: Lab) -> None:
    topology = build(lab)
    for datacenter in topology.datacenters:
        for host in datacenter.hosts:
            subnet = datacenter.subnets[host.zone]
            assert host.address in subnet
            assert subnet.subnet_of(datacenter.cidr)
            assert subnet[3] < host.address < subnet[-1]
            assert host.address in topology.network
            assert host.address != topology.gateway


@given(lab_data(), st.data())
def test_adding_hosts_at_the_end_moves_no_other(data: dict[str, Any], draw: st.DataObject) -> None:
    before = build(parse(data).lab)
    grown = copy.deepcopy(data)
    one = draw.draw(st.sampled_from(grown["datacenters"]))
    role = draw.draw(st.sampled_from(sorted({"zookeeper", "controller", "kafka"} & one.keys())))
    one[role] += 1
    grown["datacenters"].append({"name": "zz-last", "cidr": "192.168.0.0/24"})
    after = {host.name: host for host in build(parse(grown).lab).hosts}
    for host in before.hosts:
        assert after[host.name] == host


@given(labs())
def test_ids_count_from_one_in_each_datacenter_and_role(lab: Lab) -> None:
    for datacenter in build(lab).datacenters:
        for role in ("control", "zookeeper", "controller", "kafka", "connect"):
            numbers = [host.number for host in datacenter.by_role(role)]
            assert numbers == list(range(1, len(numbers) + 1))


@given(labs())
def test_rules_open_ssh_the_own_and_linked_networks_and_the_lab_ports_and_nothing_else(
    lab: Lab,
) -> None:
    topology = build(lab)
    cidrs = {datacenter.name: datacenter.cidr for datacenter in lab.datacenters}
    admin = (covering((topology.network,)),)
    for datacenter in topology.datacenters:
        ssh, intra, ports = topology.rules(datacenter, admin)
        assert (ssh.ports, ssh.sources) == ((22, 22), admin)
        name = datacenter.name
        linked = {other for link in lab.links if name in link.between for other in link.between}
        assert intra.ports is None
        assert intra.sources[0] == datacenter.cidr
        assert set(intra.sources) == {datacenter.cidr} | {cidrs[other] for other in linked}
        assert (ports.ports, ports.sources) == ((0, 65535), admin)


def test_a_link_opens_both_datacenters_to_each_other() -> None:
    data: dict[str, Any] = {
        "owner": "a",
        "datacenters": [{"name": f"d{i}", "cidr": f"10.{i}.0.0/24"} for i in range(3)],
        "links": [{"between": ["d0", "d2"]}],
    }
    topology = build(parse(data).lab)
    linked = {d.name: [str(cidr) for cidr in d.linked] for d in topology.datacenters}
    assert linked == {"d0": ["10.2.0.0/24"], "d1": [], "d2": ["10.0.0.0/24"]}


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(9, 24)), min_size=1, max_size=5))
def test_covering_is_the_smallest(pairs: list[tuple[int, int]]) -> None:
    from ipaddress import IPv4Network

    networks = tuple(IPv4Network((f"10.{a}.0.0", bits), strict=False) for a, bits in pairs)
    cover = covering(networks)
    assert all(network.subnet_of(cover) for network in networks)
    assume(cover.prefixlen < 32)
    for half in cover.subnets():
        assert not all(n.subnet_of(half) for n in networks)


@pytest.mark.parametrize(("file", "names"), [
    ("labs/chapter2.toml", ["student-ansible01", "student-zk01", "student-zk02", "student-zk03",
                            "student-kafka01", "student-kafka02", "student-kafka03"]),
    ("labs/minimal.toml", ["student-dc1-zk01", "student-dc1-kafka01"]),
])
def test_shipped_names(file: str, names: list[str]) -> None:
    assert [host.name for host in build(load(PROJECT / file).lab).hosts] == names


def test_the_default_lab_has_two_datacenters_of_seven_hosts() -> None:
    topology = build(load(PROJECT / "lab.toml").lab)
    assert [len(d.hosts) for d in topology.datacenters] == [7, 7]
    assert str(topology.network) == "10.10.0.0/22"
