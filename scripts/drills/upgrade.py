"""Kafka of one cluster becomes another version under load, as `fab up` makes it."""

from __future__ import annotations

from lab.upgrade import older
from scripts.drills.outage import Blow, Outage
from scripts.drivers.release import FINALIZE, Running, running
from scripts.errors import UsageError, few
from scripts.operations.up import deploy


def upgrade(drill: Outage) -> Blow:
    """The cluster comes to the lab file's version. Raises UsageError where it has it already."""
    found = _running(drill)
    others = tuple(one for one in found.several if one != found.wanted)
    by_hand = drill.session.topology.config.kafka.finalize == "by hand"
    if not others and (by_hand or not found.left):
        raise UsageError(
            f"{drill.datacenter.name} runs Kafka {found.wanted}, as its lab file says",
            hint=f"it waits for {FINALIZE}" if found.left
            else "say another version there, and no `fab up`: the drill does it",
        )

    if drill.site.leaving:
        raise UsageError(
            f"{few(list(drill.site.leaving.values()))} has to leave {drill.datacenter.name} first",
            hint="`fab up` with the version of before",
        )

    def strike() -> None:
        deploy(drill.session, drill.datacenter.hosts)

    def over() -> bool:
        now = _running(drill)
        return now.several == (now.wanted,) and (by_hand or not now.left)

    way = "goes back" if others and older(found.wanted, others) else "goes"
    return Blow(
        f"Kafka {way} from {' and '.join(others)} to {found.wanted}, one host at a time"
        if others else f"Kafka {found.wanted} is finalised ({found.left})", strike, over,
    )


def _running(drill: Outage) -> Running:
    return running(drill.site, {host.name for host in drill.datacenter.hosts})
