"""What hosts have otherwise than the lab file says, where they can be reached: changed by hand, or
not rolled out yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lab.counted import counted
from scripts.errors import LabError, few
from scripts.hosts.converge import HostPlan, survey
from scripts.operations.reviewed import described, words
from scripts.session import Session


@dataclass(frozen=True)
class Found:
    """What is told of hosts in lines, and whether any of it is drift."""

    lines: tuple[str, ...] = ()
    drifted: bool = False


def find(session: Session) -> Found:
    """Look at every host that runs and lets us in; changes nothing. That one is not reached is told
    and no drift, nor is one that does not run, or that nobody tells of (without credentials, say).
    """
    try:
        instances = session.platform.instances()
    except LabError as error:
        return Found((f"not looked at: {error}",))
    hosts = [one for one in session.topology.hosts
             if one.name in instances and instances[one.name].running]
    if not hosts:
        return Found()
    with session.fleet(instances) as fleet:
        closed = fleet.closed([host.name for host in hosts])
        met = [host for host in hosts if host.name not in closed]
        told = tuple(_unseen(closed))
        if not met:
            return Found(told)
        context = session.context(session.software(), instances, fleet)
        lines = tuple(differing(survey(fleet, met, context)))
    calm = () if lines else (f"no drift on {counted(len(met), 'host')}",)
    return Found((*lines, *calm, *told), bool(lines))


def differing(plans: Mapping[str, HostPlan]) -> Iterator[str]:
    """What is otherwise, a line for each thing with the hosts that have it so."""
    found: dict[str, list[str]] = {}
    for name, plan in plans.items():
        for change in plan.changes:
            found.setdefault(words(described(change)), []).append(name)
    yield from (f"{what} on {few(names)}" for what, names in found.items())


def _unseen(closed: Mapping[str, LabError]) -> Iterator[str]:
    """Who was not looked at, for each reason once."""
    reasons: dict[str, list[str]] = {}
    for name, error in closed.items():
        reasons.setdefault(error.what, []).append(name)
    yield from (f"not looked at: {few(names)}: {what}" for what, names in reasons.items())
