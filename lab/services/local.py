"""The context of a lab on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network

from lab.services.context import Context
from lab.services.registry import published
from lab.topology import EXTERNAL_PORT, Topology

# What the engine binds. The name `localhost` may mean ::1 first, where nobody listens: clients then
# say that they were refused, before they go on to this one.
LOOPBACK = "127.0.0.1"


def local_context(
    topology: Topology, digests: Mapping[str, str], gateway: IPv4Address | None = None
) -> Context:
    """Ports published on the loopback address, people behind the gateway.

    `gateway`: that of the network that there is; a lab that has none yet gets the topology's.
    """
    reached = {
        (host.name, EXTERNAL_PORT): (LOOPBACK, host.external_port)
        for host in topology.hosts if host.external_port is not None
    }
    for host in topology.hosts:
        for port, number in published(host, topology).items():
            reached[host.name, port.number] = (LOOPBACK, number)
    return Context(
        topology=topology, digests=digests, reached=reached,
        admin=(IPv4Network(f"{gateway or topology.gateway}/32"),),
    )
