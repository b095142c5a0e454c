"""The private network of a local lab: as wide as the lab was when it was made, and never moved.

It can be lost while no host runs (`docker network prune`), and a host can be taken off it. Both
come right without a change of the hosts: a network of the same subnet is made, and they join it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
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
    if name not in engine.networks():
        return None
    # Hosts of before that label.
    pair = engine.addressing(name)
    return Network(IPv4Network(pair[0]), IPv4Address(pair[1])) if pair else None


def make(name: str, network: Network, label: str, engine: Engine) -> None:
    engine(
        "network", "create", *engine.network_flags(), "--label", label,
        "--subnet", str(network.subnet), "--gateway", str(network.gateway), name,
    )  # fmt: skip


def astray(name: str, ids: Sequence[str], engine: Engine) -> set[str]:
    """Those of the containers `ids` that are not on the network called `name`, which is there.

    Docker means a network by its id: one that was made again under its name is another one.
    """
    ends = engine.ends(name, ids)
    if engine.name == "podman":
        return set(ids) - ends.keys()
    # Before the first start Docker goes by the name, too, and has no id yet.
    known = ("", _id(name, engine)) if ends else ()
    return {id for id in ids if id not in ends or ends[id]["NetworkID"] not in known}


def join(name: str, addresses: Mapping[str, str], engine: Engine) -> None:
    """Connect containers to a network, `addresses` by id; what held them to it before is undone.

    Those that run have their ports published by that, the others by their start.
    """
    for id, address in addresses.items():
        # Of a network that it is not on, or only believes to be, this says so and that is well.
        engine("network", "disconnect", "--force", name, id, check=False)
        engine("network", "connect", "--ip", address, *hardware_address(address, engine), name, id)


def republish(name: str, addresses: Mapping[str, str], engine: Engine) -> None:
    """Publish the ports of running containers again; `addresses` on the network by id.

    Their processes go on. Podman makes its rules anew from what it knows of each container.
    Docker does so only when a container joins a network, which it therefore leaves first.
    """
    off = astray(name, list(addresses), engine) if engine.name == "podman" else set(addresses)
    join(name, {id: addresses[id] for id in addresses if id in off}, engine)
    if on := [id for id in addresses if id not in off]:
        engine("network", "reload", *on)


def hardware_address(address: str, engine: Engine) -> tuple[str, ...]:
    """A hardware address that goes with the private one: the same after every start.

    Podman makes up another one each time, of which the neighbours do not know for a while;
    Docker derives it from the private address by itself.
    """
    if engine.name != "podman":
        return ()
    octets = (0x02, 0x4B, *IPv4Address(address).packed)
    return ("--mac-address", ":".join(f"{octet:02x}" for octet in octets))


def _id(name: str, engine: Engine) -> str:
    (found,) = json.loads(engine("network", "inspect", name).stdout)
    return str(found["Id"])
