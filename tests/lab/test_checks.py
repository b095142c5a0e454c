"""Checks of the whole lab fire where they have to, and name what would really be accepted."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from lab.checks import FIRST_EPHEMERAL_PORT, MAX_FQDN, findings
from lab.model import Lab
from lab.options.section import LABEL, MAX_PORT
from lab.problems import Problem
from lab.roles import ROLES
from lab.topology import PORTS_PER_DATACENTER, build

# Those of a datacenter with ZooKeeper: controllers have the places of its servers.
COUNTS = st.fixed_dictionaries({
    role.name: st.integers(role.least, role.most) for role in ROLES if role.name != "controller"
})


def lab(**data: Any) -> Lab:
    """A lab in which each field is right by itself; nothing else is known of it."""
    return Lab.model_validate({
        "owner": "ann", "datacenters": [{"name": "a", "cidr": "10.0.0.0/24"}], **data,
    })


def shape(counts: dict[str, int], zones: int, prefix: int) -> Lab:
    return lab(datacenters=[
        {"name": "a", "cidr": f"10.0.0.0/{prefix}", "zones": zones, **counts},
    ])


def errors(of: Lab, field: str) -> list[Problem]:
    return [problem for problem in findings(of)[0] if problem.field == field]


def has_room(of: Lab) -> bool:
    """Whether every host has an address in its subnet that is none of the five that AWS keeps."""
    try:
        (datacenter,) = build(of).datacenters
        return all(
            (net := datacenter.subnets[host.zone])[3] < host.address < net[-1]
            for host in datacenter.hosts
        )
    except IndexError:
        return False


def few(**more: int) -> dict[str, int]:
    return {**{role.name: role.least for role in ROLES}, **more}


@given(COUNTS, st.integers(1, 3), st.integers(16, 32))
@example(few(kafka=32), 1, 26)  # the last one has the last address but one
@example(few(kafka=32), 1, 27)
@example(few(kafka=33), 1, 26)  # it would have the last one, to which all listen
@example(few(kafka=96), 2, 24)
@example(few(kafka=97), 2, 24)
@example(few(connect=0), 1, 26)
@example(few(connect=1), 1, 25)  # one host, far behind all others
@example(few(), 3, 32)  # no room for a third of it
@example(few(), 2, 32)
@example(few(), 3, 31)
def test_a_network_is_too_small_where_a_host_has_no_address_in_it(
    counts: dict[str, int], zones: int, prefix: int
) -> None:
    found = errors(shape(counts, zones, prefix), "datacenters[1].cidr")
    assert bool(found) is not has_room(shape(counts, zones, prefix))
    for problem in found:
        named = int(problem.message.partition("accepted: /")[2].partition(" ")[0])
        assert has_room(shape(counts, zones, named)), "what is named would be refused, too"
        assert not has_room(shape(counts, zones, named + 1)), "a smaller one would do"
        assert errors(shape(counts, zones, named), "datacenters[1].cidr") == []


@pytest.mark.parametrize(("one", "two", "overlap"), [
    ("10.0.0.0/24", "10.0.1.0/24", False), ("10.0.0.0/24", "10.0.0.0/24", True),
    ("10.0.0.0/23", "10.0.1.0/24", True), ("10.0.1.0/24", "10.0.0.0/23", True),
])
def test_networks_that_overlap_are_told_at_the_second(one: str, two: str, overlap: bool) -> None:
    assert IPv4Network(one).overlaps(IPv4Network(two)) is overlap
    both = lab(datacenters=[{"name": "a", "cidr": one}, {"name": "b", "cidr": two}])
    assert errors(both, "datacenters[1].cidr") == []
    assert bool(errors(both, "datacenters[2].cidr")) is overlap


@given(st.integers(1024, 60000), st.integers(1, 9))
@example(MAX_PORT + 1 - 6 * PORTS_PER_DATACENTER, 6)  # the last port that there is
@example(MAX_PORT + 2 - 6 * PORTS_PER_DATACENTER, 6)
@example(FIRST_EPHEMERAL_PORT - PORTS_PER_DATACENTER, 1)
@example(FIRST_EPHEMERAL_PORT - PORTS_PER_DATACENTER + 1, 1)
def test_ports_are_refused_where_there_is_none_and_warned_of_where_others_are(
    base: int, count: int
) -> None:
    made = lab(local={"port_base": base}, datacenters=[
        {"name": f"d{n}", "cidr": f"10.{n}.0.0/24"} for n in range(count)
    ])
    last = max(one.port_base for one in build(made).datacenters) + PORTS_PER_DATACENTER - 1
    found = errors(made, "local.port_base")
    assert bool(found) is (last > MAX_PORT)
    for problem in found:
        assert problem.message.endswith(f"at most {base - (last - MAX_PORT)}")
    warned = [one for one in findings(made)[1] if one.field == "local.port_base"]
    assert bool(warned) is (last >= FIRST_EPHEMERAL_PORT)


@pytest.mark.parametrize(("owner", "domain", "fits"), [
    ("o" * 50, f"{'d' * 63}.{'d' * 63}.{'d' * 63}.dd", True),
    ("o" * 50, f"{'d' * 63}.{'d' * 63}.{'d' * 63}.ddd", False),
    ("o" * 55, "lab.internal", True), ("o" * 56, "lab.internal", False),
])
def test_a_name_is_as_long_as_dns_takes_it(owner: str, domain: str, fits: bool) -> None:
    made = lab(owner=owner, domain=domain, names={"pattern": "{owner}-{role}{number}"})
    names = [host.fqdn for host in build(made).hosts]
    assert fits is all(
        len(name) <= MAX_FQDN and LABEL.fullmatch(name.split(".")[0]) for name in names
    )
    assert bool(errors(made, "names.pattern")) is not fits
