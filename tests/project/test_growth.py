"""What `make test-growth` measures is the lab that it says, planned whole."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from tests.growth import HOSTS, REGIONS, lab_file, without_provider


def test_it_is_five_regions_of_two_datacenters_of_fourteen_hosts(tmp_path: Path) -> None:
    topology = lab_file(tmp_path / "lab.toml")
    assert len(topology.hosts) == HOSTS == 140
    assert Counter(one.region for one in topology.config.datacenters) == dict.fromkeys(REGIONS, 2)
    assert Counter(host.datacenter for host in topology.hosts) == {
        f"dc{number}": 14 for number in range(1, 11)}
    assert len(topology.config.links) == 9


def test_every_resource_is_planned_and_refers_to_nothing() -> None:
    stack = {"//": {}, "data": {"aws_vpc": {}}, "resource": {
        "aws_vpc": {"vpc": {"cidr_block": "10.0.0.0/24"}},
        "aws_subnet": {"one": {"vpc_id": "${aws_vpc.vpc.id}", "text": "%{ if a }"}, "two": {}},
    }}
    (some,) = without_provider(stack)["resource"].values()
    assert some.keys() == {"aws_vpc-vpc", "aws_subnet-one", "aws_subnet-two"}
    assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", json.dumps(some))
