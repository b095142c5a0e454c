"""The private network of a local lab: as wide as the lab was when it was made, and never moved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lab.topology import Topology
    from scripts.platforms.local.engine import Container, Engine

NETWORK_LABEL = "kafkalab.network"  # "10.10.0.0/22 10.10.0.1": subnet and gateway


@dataclass(frozen=True)
class Network:
    """Where the hosts' addresses lie, and where packets of the workstation come from."""

    subnet: IPv4Network
    gateway: IPv4Address

    @property
    def label(self) -> str:
        """What each host of it is marked with: nobody has to ask the engine again."""
        return f"{self.subnet} {self.gateway}"


def planned(topology: Topology) -> Network:
    """That of a lab which is made now."""
    return Network(topology.network, topology.gateway)


def found(name: str, containers: Iterable[Container], engine: Engine) -> Network | None:
    """That of a lab which exists, from its hosts' labels, or from the engine; None for none."""
    labels = [one.labels.get(NETWORK_LABEL, "") for one in containers]
    if labels and all(labels):
        subnet, _, gateway = labels[0].partition(" ")
        return Network(IPv4Network(subnet), IPv4Address(gateway))
    if not labels and name not in engine.networks():
        return None
    # Hosts of before that label.
    pair = engine.addressing(name)
    return Network(IPv4Network(pair[0]), IPv4Address(pair[1])) if pair else None
