"""The lab file's own connectors as a service: no process, but settings that workers take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.mirrors.connectors import KINDS
from lab.problems import Problem, no_such_datacenter
from lab.resources import CONNECTOR, ClusterState, Connector
from lab.services.context import Context
from lab.services.service import Service
from lab.state import Key
from lab.topology import Datacenter

if TYPE_CHECKING:
    from lab.model import Lab

# What the section's own keys say.
SAID = {"name": "name", "connector.class": "class", "tasks.max": "tasks"}


def resources(datacenter: Datacenter, context: Context) -> ClusterState:
    """The connectors that the lab file wants in a datacenter."""
    return {
        Key(CONNECTOR, one.name): Connector(one.settings())
        for one in context.topology.config.connectors if one.at == datacenter.name
    }


def findings(lab: Lab) -> Iterator[Problem]:
    datacenters = {one.name: one for one in lab.datacenters}
    taken = {(one.target, f"{one.name}.{kind}") for one in lab.mirrors for kind in KINDS}
    for index, one in enumerate(lab.connectors, 1):
        field = f"connectors[{index}]"
        for key in SAID.keys() & one.config.keys():
            yield Problem(
                f"{field}.config.{key}", repr(one.config[key]),
                f"accepted: {SAID[key]}, beside `config`",
            )
        place = datacenters.get(one.at)
        if place is None:
            yield Problem(f"{field}.at", repr(one.at), no_such_datacenter(one.at, [*datacenters]))
        elif not place.count("control") and not place.count("connect"):
            yield Problem(
                field, repr(one.name), f"{one.at} has no host for Kafka Connect; accepted: with "
                "control = 1 or connect = 1 there",
            )
        if (one.at, one.name) in taken:
            yield Problem(
                f"{field}.name", repr(one.name), f"another connector of {one.at} has it; "
                "accepted: a name of its own",
            )
        taken.add((one.at, one.name))


SERVICE = Service(
    name="connectors",
    summary="Set up the lab file's own connectors.",
    task="none",
    roles=(),
    within=lambda lab, datacenter: any(one.at == datacenter.name for one in lab.connectors),
    needs=("connect",),
    resources=resources,
    check=findings,
)
