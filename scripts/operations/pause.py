"""A lab that rests: everything stopped in order, nothing lost, and started again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial

from lab.counted import counted
from lab.services.registry import SERVICES, services_on
from lab.topology import Host
from scripts.errors import LabError
from scripts.hosts.fleet import Fleet
from scripts.hosts.units import STOP_SECONDS, where_set_up
from scripts.operations.up import deploy
from scripts.platforms import Instance
from scripts.session import Session


def stop(session: Session) -> list[str]:
    """Stop every service, what needs others first, and then the hosts; the names of the hosts.

    All hosts of the lab, also those that its file does not mean: a broker among them belongs to the
    cluster. A host that does not answer is stopped all the same: what runs there is then cut off.
    """
    instances = session.platform.instances()
    session.stand(instances)  # which services there are depends on it
    hosts = [host for host in session.topology.hosts
             if host.name in instances and instances[host.name].running]
    known = {host.name for host in session.topology.hosts}
    others = [one for name, one in instances.items() if name not in known and one.running]
    with session.fleet(instances) as fleet:
        silent = stop_services(session, fleet, hosts, others)
    for name, reason in sorted(silent.items()):
        session.say(f"warning: {name}: its services were not stopped first: {reason}")
    return session.platform.stop([host.name for host in hosts] + [one.name for one in others])


def stop_services(
    session: Session, fleet: Fleet, hosts: Sequence[Host], others: Sequence[Instance]
) -> dict[str, str]:
    """Stop services in the reverse of their order; why not, of hosts where that failed.

    Which services `others` have is known by their role alone: as many as have such a unit.
    """
    silent: dict[str, str] = {}

    def one(unit: str, name: str) -> None:
        stop = (where_set_up("stop", unit) if name in strange
                else shlex.join(["systemctl", "stop", unit]) + "\n")
        try:
            fleet[name].script(stop, label=f"stop {unit}", timeout=STOP_SECONDS)
        except LabError as error:
            silent[name] = error.what

    strange = {one.name: one.standing.role for one in others if one.standing}
    for service in reversed(SERVICES.values()):
        unit = service.unit
        if unit is None:
            continue
        mine = [host.name for host in hosts
                if host.name not in silent and service in services_on(host, session.topology)]
        mine += [name for name, role in strange.items()
                 if name not in silent and role in service.roles]
        fleet.each(partial(one, unit), mine)
    return silent


def start(session: Session) -> None:
    """Start what is stopped, and bring every service to what the lab file says.

    Where a start gives hosts new addresses, a person says `fab up` when they know that. Hosts that
    the lab file does not mean come back first: the others may wait for the replicas that they have.
    """
    instances = session.platform.instances()
    asleep = [name for name, one in instances.items() if not one.running]
    if not asleep:
        session.say("no host is stopped, nothing to do")
        return
    if session.platform.steps.started:
        names = session.platform.start(asleep)
        session.say(f"{counted(len(names), 'host')} started; {session.platform.steps.started}")
        return
    known = {host.name for host in session.topology.hosts}
    if others := [name for name in asleep if name not in known]:
        session.platform.start(others)
        session.say(f"{counted(len(others), 'host')} started that the lab file does not mean")
    deploy(session, [host for host in session.topology.hosts if host.name in instances])
