"""Somebody's own container on the lab's network: an address, the hosts' names, nobody's way."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from lab.file import parse
from lab.topology import build
from scripts.errors import LabError
from scripts.platforms.local.guests import seat
from tests.fake_engine import FakeContainer
from tests.local_bench import ENGINES, Bench

TOPOLOGY = build(parse({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.66.0.0/24", "kafka": 3},
]}).lab)
(DC1,) = TOPOLOGY.datacenters


def guest(bench: Bench, address: str) -> None:
    bench.fake.containers["guest"] = FakeContainer(
        "id-guest", "guest", {}, ["--network", "kafkalab-tiny", "--ip", address, "mine:1", "sh"],
    )


@ENGINES
def test_a_guest_gets_a_free_address_and_the_names_of_all_hosts(bench: Bench) -> None:
    bench.local().create({})
    guest(bench, "10.66.0.254")
    words = bench.local().guest_options(DC1)
    assert words[:4] == ["--network", "kafkalab-tiny", "--ip", "10.66.0.253"]
    assert [after for word, after in pairwise(words) if word == "--add-host"] == [
        "kafka.lab:10.66.0.33",
    ], "the bench's hosts share a name"


@ENGINES
def test_without_a_lab_there_is_nothing_to_join(bench: Bench) -> None:
    with pytest.raises(LabError, match=r"the lab is not there \(run `fab up`\)"):
        bench.local().guest_options(DC1)


@ENGINES
def test_a_guest_in_the_way_of_a_host_is_named_before_anything_is_started(bench: Bench) -> None:
    bench.local().create({})
    bench.fake.containers["tiny.kafka2"].state = "exited"
    guest(bench, "10.66.0.32")
    with pytest.raises(LabError, match=(
        r"kafka2: its address 10\.66\.0\.32 is held by container guest, .* "
        r"network disconnect kafkalab-tiny guest"
    )):
        bench.local().create({})
    assert not bench.fake.made("start")
    bench.fake.containers["guest"].state = "exited"
    assert bench.local().create({})["kafka2"].running


@given(
    cidr=st.sampled_from(["10.1.0.0/24", "10.1.2.0/23"]), zones=st.integers(1, 2),
    kafka=st.integers(1, 9), taken=st.sets(st.integers(0, 511), max_size=40),
)
def test_a_seat_is_in_the_datacenter_and_nobodys(
    cidr: str, zones: int, kafka: int, taken: set[int]
) -> None:
    lab = parse({"owner": "ann", "datacenters": [
        {"name": "d", "cidr": cidr, "kafka": kafka, "zones": zones},
    ]}).lab
    (datacenter,) = build(lab).datacenters
    held = {datacenter.cidr.network_address + number for number in taken}
    found = seat(datacenter, held)
    assert found in datacenter.cidr and found not in held
    assert found not in {host.address for host in datacenter.hosts}
    assert found not in (datacenter.cidr.network_address, datacenter.cidr.broadcast_address)


def test_a_full_datacenter_is_told() -> None:
    full = [DC1.cidr.network_address + number for number in range(256)]
    with pytest.raises(LabError, match=r"dc1: no address is free in 10\.66\.0\.0/24"):
        seat(DC1, full)
