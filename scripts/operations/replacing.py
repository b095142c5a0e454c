"""A lab that cannot become what its file says is ended, and made anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lab.counted import counted
from lab.standing import strangers
from scripts.errors import LabError, UsageError
from scripts.operations.guard import refuse, unlike, unsurvived
from scripts.operations.leaving import look
from scripts.operations.surplus import lost
from scripts.platforms import Instance
from scripts.session import Session
from scripts.workstation.memory import check_memory, needed_mb


def in_the_way(session: Session, instances: Mapping[str, Instance]) -> bool:
    """Whether the end of the lab as it is now is what it takes to become what its file says."""
    there = strangers(session.topology, (o.standing for o in instances.values() if o.standing))
    names = {host.name for host in session.topology.hosts}
    found = [*unlike(session.topology, there), *session.platform.obstacles(names)]
    hosts = session.topology.hosts
    return any(one.ends for one in found) or bool(
        unsurvived(session, hosts, instances)
        or look(session, hosts, instances, narrowed=False).refused
    )


def _used_mb(session: Session, instances: Mapping[str, Instance]) -> int:
    """About what the hosts that run now take, by what a host of their role would take."""
    by_role = {host.role: host for host in session.topology.hosts}
    roles = [one.standing.role for one in instances.values() if one.standing and one.running]
    return needed_mb((by_role[role] for role in roles if role in by_role), session.topology)


def losses(session: Session, instances: Mapping[str, Instance]) -> Iterator[str]:
    """What would be lost with the lab as it is now, in lines."""
    yield f"lost with the lab as it is now: {counted(len(instances), 'host')}"
    yield from (f"lost with it: {line}" for line in lost(instances, session.topology.lab))


def replace(session: Session, agree: Callable[[str], None]) -> None:
    """Remove the lab as it is now where that is in the way; `agree` raises where nobody does.

    Before anything is removed it is known that nothing else is in the way. Raises LabError.
    """
    if session.platform_name != "local":
        raise UsageError("--replace is for labs on this machine",
                         hint="`fab tf.plan` says which instances are replaced")
    instances = session.platform.instances()
    if not in_the_way(session, instances):
        session.say("nothing has to be replaced")
        return
    names = {host.name for host in session.topology.hosts}
    refuse([LabError(one.what, where=one.where, hint=one.hint)
            for one in session.platform.obstacles(names, anew=True)])
    check_memory(session.topology.hosts, session.topology, freed_mb=_used_mb(session, instances))
    for line in losses(session, instances):
        session.say(line)
    agree(f"Remove {counted(len(instances), 'host')} of {session.topology.lab} with all data?")
    for line in session.platform.destroy():
        session.say(f"removed {line}")
    session.lead("")
