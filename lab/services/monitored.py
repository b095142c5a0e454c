"""What of a lab is monitored, and from where. One Prometheus sees all that its datacenter reaches:
who looks at a lab of several datacenters wants to see them side by side."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.problems import Problem, no_such_datacenter

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab


def place(lab: Lab) -> str:
    """The datacenter that has Prometheus, if the lab has one."""
    return lab.monitoring.at or lab.datacenters[0].name


def seen(lab: Lab) -> frozenset[str]:
    """The datacenters that it sees: its own, and those that this is linked to."""
    if not lab.monitoring.enabled:
        return frozenset()
    there = place(lab)
    linked = {name for link in lab.links if there in link.between for name in link.between}
    return frozenset({there, *linked})


def is_seen(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    """Whether hosts of a datacenter have what Prometheus asks."""
    del role
    return lab.monitoring.enabled and datacenter.name in seen(lab)


def is_place(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    """Whether a datacenter has Prometheus itself."""
    del role
    return lab.monitoring.enabled and datacenter.name == place(lab)


def check(lab: Lab) -> Iterator[Problem]:
    """Where it cannot be."""
    if not lab.monitoring.enabled:
        return
    known = {one.name: one for one in lab.datacenters}
    there = place(lab)
    if there not in known:
        yield Problem("monitoring.at", repr(there), no_such_datacenter(there, list(known)))
    elif not known[there].count("control"):
        having = [name for name, one in known.items() if one.count("control")]
        yield Problem(
            "monitoring.at", repr(there),
            "has no control host for Prometheus; accepted: "
            + (" or ".join(map(repr, having)) or "a datacenter with control = 1"),
        )


def advise(lab: Lab) -> Iterator[Problem]:
    """What it does not see."""
    unseen = [one.name for one in lab.datacenters if one.name not in seen(lab)]
    if lab.monitoring.enabled and unseen:
        yield Problem(
            "monitoring.at", repr(place(lab)),
            f"is not linked to {', '.join(unseen)}: Prometheus sees nothing of it",
        )
