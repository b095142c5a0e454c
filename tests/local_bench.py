"""The local platform on an engine in memory, for the tests of this folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.model import Lab
from scripts.platforms.local import Local
from scripts.platforms.local.engine import Engine
from tests.fake_engine import FakeEngine

ENGINES = pytest.mark.parametrize("bench", ["podman", "docker"], indirect=True)
NETWORK = IPv4Network("10.66.0.0/24")
PODMAN = pytest.mark.parametrize("bench", ["podman"], indirect=True)


@dataclass(frozen=True)
class Host:
    name: str
    address: IPv4Address
    ssh_port: int
    external_port: int | None = None
    datacenter: str = "dc1"
    fqdn: str = "kafka.lab"
    role: str = "kafka"
    number: int = 1


def empty(**changed: Any) -> Lab:
    """A lab file's model that asks for nothing, but for what is `changed`."""
    return Lab.model_construct(name="tiny", domain="lab", datacenters=(), **changed)


@dataclass(frozen=True)
class Topology:
    hosts: tuple[Host, ...]
    lab: str = "tiny"
    network: IPv4Network = NETWORK
    gateway: IPv4Address = NETWORK[1]
    config: Lab = field(default_factory=empty)
    datacenters: tuple[SimpleNamespace, ...] = ()

    def datacenter(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(name=name, config=None, port_base=26000)


def topology(count: int = 3) -> Topology:
    return Topology(tuple(
        Host(f"kafka{n}", IPv4Address(f"10.66.0.{30 + n}"), 26000 + n, 26500 + n)
        for n in range(1, count + 1)
    ))  # fmt: skip


@dataclass
class Bench:
    """A platform on a fake engine; `local` makes another one for the same state directory."""

    fake: FakeEngine
    state: Path
    said: list[str]

    def local(self, wanted: Topology | None = None, engine: Engine | None = None) -> Local:
        return Local(
            cast(Any, wanted or topology()),
            engine=engine or Engine(self.fake.name, (self.fake.name,)),
            state=self.state, say=self.said.append,
        )  # fmt: skip
