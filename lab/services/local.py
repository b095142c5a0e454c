"""The context of a lab on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

from lab.services.context import Context
from lab.services.registry import published
from lab.topology import EXTERNAL_PORT, Topology

LOCALHOST = "localhost"


def local_context(
    topology: Topology, digests: Mapping[str, str], gateway: IPv4Address | None = None
) -> Context:
    """Ports published on localhost, people behind the gateway.

    `gateway`: that of the network that there is; a lab that has none yet gets the topology's.
    """
    reached = {
        (host.name, EXTERNAL_PORT): (LOCALHOST, host.external_port)
        for host in topology.hosts if host.external_port is not None
    }
    for host in topology.hosts:
        for port, number in published(host, topology).items():
            reached[host.name, port.number] = (LOCALHOST, number)
    return Context(
        topology=topology, digests=digests, reached=reached,
        admin=(IPv4Network(f"{gateway or topology.gateway}/32"),),
    )
