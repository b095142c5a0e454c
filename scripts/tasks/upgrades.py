"""The end of an upgrade, where the lab file leaves it to a person: `fab kafka.finalize`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.errors import LabError, few
from scripts.tasks.cli import DATACENTER, lab_task
from scripts.tasks.clusters import sites_of

if TYPE_CHECKING:
    from scripts.session import Session


def _planned(session: Session, *, datacenter: str | None = None) -> None:
    """What a dry run does."""
    from scripts.operations.plan import show

    _as_if_automatic(session)
    show(session, session.select(datacenter, None), ("kafka",))


@lab_task(name="kafka.finalize", locks=True, dry=_planned, help={"datacenter": DATACENTER})
def finalize(session: Session, *, datacenter: str | None = None) -> None:
    """Finalise the release of Kafka that runs: no way back after it.

    With ZooKeeper its brokers restart with the protocol of their release, with KRaft the levels of
    its features are raised. `fab up` does it by itself unless the lab file says finalize = "by
    hand".
    """
    from scripts.drivers.release import running
    from scripts.operations.up import converge_existing

    _as_if_automatic(session)  # before there is a platform, which has the topology, too
    with sites_of(session, datacenter) as (places, up):
        for site in places.values():
            if site.leaving:
                raise LabError(
                    f"{few(list(site.leaving.values()))} has to leave first", where=site.name,
                    hint="`fab up`",
                )
            found = running(site, up)
            if found.several != (found.wanted,):
                raise LabError(
                    "not all of it runs Kafka " + found.wanted, where=site.name,
                    hint="`fab up` first",
                )
            if not found.left:
                session.say(f"{site.name}: Kafka {found.wanted} is finalised already")
    converge_existing(session, session.select(datacenter, None), ("kafka",))


def _as_if_automatic(session: Session) -> None:
    """The lab as if its file left nothing to a person."""
    from lab.topology import build

    lab = session.topology.config
    kafka = lab.kafka.model_copy(update={"finalize": "auto"})
    session.topology = build(lab.model_copy(update={"kafka": kafka}))
