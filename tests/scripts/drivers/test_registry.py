"""Drivers are found by their service's name, and loaded only where a lab has that service."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import SERVICES
from lab.topology import Topology, build
from scripts.drivers.driver import Driver, sites
from scripts.drivers.registry import SPECIAL, driver, drivers, drivers_of
from tests.conftest import PROJECT
from tests.fakes import FakeFleet

LOADED = """
import sys
from pathlib import Path
from lab.file import load
from lab.services.local import local_context
from lab.topology import build
from scripts.drivers.driver import sites
from scripts.drivers.registry import drivers_of
from scripts.operations import leaving
from scripts.platforms import Steps
from scripts.hosts.fleet import Fleet
topology = build(load(Path("lab.toml")).lab)
fleet = Fleet({}, Path("key"), Steps())
for site in sites(fleet, local_context(topology, {}), topology.datacenters).values():
    print(*(one.name for one in drivers_of(site)))
print(*sorted(one for one in sys.modules if one.startswith("scripts.")))
"""
# What only other labs need, and other tasks than `up`.
OTHERS = (
    "balancing", "crossing", "document", "doubted", "draining", "groups", "health", "journal",
    "listeners", "migrating", "mirrors", "prometheus", "proof", "registering", "rows", "schemas",
    "sinks", "stores", "taking", "tickets", "users", "wire",
)


def topology(**more: object) -> Topology:
    return build(parse({
        "owner": "ann", "datacenters": [
            {"name": "a", "cidr": "10.1.0.0/24"}, {"name": "b", "cidr": "10.2.0.0/24"},
        ], **more,
    }).lab)


@pytest.mark.parametrize("name", SPECIAL)
def test_each_is_where_it_is_said_to_be(name: str) -> None:
    found = driver(name)
    assert isinstance(found, Driver) and type(found) is not Driver
    assert found.service is SERVICES[name]


def test_they_come_in_the_order_of_their_services() -> None:
    names = [one.name for one in drivers()]
    assert names == [name for name in SERVICES if name in {*names}]
    assert [one.name for one in drivers(("connect", "zookeeper"))] == ["zookeeper", "connect"]


def test_what_has_no_host_concerns_the_datacenter_that_it_leads_to() -> None:
    lab = topology(links=[{"between": ["a", "b"]}], mirrors=[{"from": "a", "to": "b"}],
                   connectors=[{"name": "c", "at": "a", "class": "x.Y", "config": {}}])
    places = sites(FakeFleet([]), local_context(lab, {}), lab.datacenters)
    found = {name: {one.name for one in drivers_of(site)} for name, site in places.items()}
    assert ("mirrors" in found["a"], "mirrors" in found["b"]) == (False, True)
    assert ("connectors" in found["a"], "connectors" in found["b"]) == (True, False)


def test_the_default_lab_loads_none_of_the_others() -> None:
    """Nor what removes hosts, which it asks for least of all."""
    done = subprocess.run([sys.executable, "-c", LOADED], cwd=PROJECT, check=True,
                          capture_output=True, text=True)
    *labs, modules = done.stdout.splitlines()
    assert labs == ["zookeeper kafka connect mirrors"] * 2
    loaded = {*modules.split()}
    assert "scripts.drivers.workers" in loaded and "scripts.operations.up" in loaded
    assert not {f"scripts.drivers.{one}" for one in OTHERS} & loaded
    assert not {"scripts.operations.removing", "scripts.clients.quorum"} & loaded


def test_sites_of_each_other_ask_by_the_same_client() -> None:
    lab = topology()
    one, two = sites(FakeFleet([]), local_context(lab, {}), lab.datacenters).values()
    assert one.other("b").kafka is two.kafka and two.other("b") is two
    assert one.other("b").kafka.endpoint != one.kafka.endpoint
