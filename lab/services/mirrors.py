"""Mirrors as a service: no process of their own, but connectors on the workers of Connect."""

from __future__ import annotations

from lab.mirrors.checks import findings
from lab.mirrors.connectors import End, connectors
from lab.resources import CONNECTOR, ClusterState, Connector
from lab.services.connect import FOLDER
from lab.services.context import Context
from lab.services.service import Service
from lab.services.topics import replication
from lab.state import Key
from lab.topology import Datacenter


def end(context: Context, name: str) -> End:
    """One end of a mirror as its workers see it."""
    datacenter = context.topology.datacenter(name)
    factor, _ = replication(context.topology.config, datacenter)
    return End(name, context.internal(datacenter, FOLDER), factor)


def resources(datacenter: Datacenter, context: Context) -> ClusterState:
    """The connectors of the mirrors that lead to a datacenter."""
    lab = context.topology.config
    return {
        Key(CONNECTOR, name): Connector(config)
        for mirror in lab.mirrors if mirror.target == datacenter.name
        for name, config in connectors(
            mirror, end(context, mirror.source), end(context, mirror.target), lab.mirroring,
            heap_mb=lab.connect.heap_mb,
        ).items()
    }


SERVICE = Service(
    name="mirrors",
    summary="Set up the mirrors that lead to a datacenter.",
    task="none",
    roles=(),
    within=lambda lab, datacenter: any(one.target == datacenter.name for one in lab.mirrors),
    needs=("connect",),
    resources=resources,
    check=findings,
)
