"""A lab that rests: everything stopped in order, nothing lost, and started again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial

from lab.services.registry import SERVICES, services_on
from lab.topology import Host
from scripts.errors import LabError
from scripts.hosts.fleet import Fleet
from scripts.operations.up import deploy
from scripts.session import Session

STOP_SECONDS = 90  # systemd itself kills a service after 60 (TimeoutStopSec)


def stop(session: Session) -> list[str]:
    """Stop every service, what needs others first, and then the hosts; the names of the hosts.

    A host that does not answer is stopped all the same: what runs there is then cut off.
    """
    instances = session.platform.instances()
    hosts = [host for host in session.topology.hosts
             if host.name in instances and instances[host.name].running]
    with session.fleet(instances) as fleet:
        silent = _stop_services(session, fleet, hosts)
    for name, reason in sorted(silent.items()):
        session.say(f"warning: {name}: its services were not stopped first: {reason}")
    return session.platform.stop([host.name for host in hosts])


def _stop_services(session: Session, fleet: Fleet, hosts: Sequence[Host]) -> dict[str, str]:
    """Stop services in the reverse of their order; why not, of hosts where that failed."""
    silent: dict[str, str] = {}

    def one(unit: str, name: str) -> None:
        try:
            fleet[name].script(
                shlex.join(["systemctl", "stop", unit]) + "\n", label=f"stop {unit}",
                timeout=STOP_SECONDS,
            )
        except LabError as error:
            silent[name] = error.what

    for service in reversed(SERVICES.values()):
        unit = service.unit
        if unit is None:
            continue
        mine = [host.name for host in hosts
                if host.name not in silent and service in services_on(host, session.topology)]
        fleet.each(partial(one, unit), mine)
    return silent


def start(session: Session) -> None:
    """Start what is stopped, and bring every service to what the lab file says.

    Where a start gives hosts new addresses, a person says `fab up` when they know that.
    """
    instances = session.platform.instances()
    asleep = [host for host in session.topology.hosts
              if host.name in instances and not instances[host.name].running]
    if not asleep:
        session.say("no host is stopped, nothing to do")
        return
    if session.platform.steps.started:
        names = session.platform.start([host.name for host in asleep])
        session.say(f"{len(names)} hosts started; {session.platform.steps.started}")
        return
    deploy(session, [host for host in session.topology.hosts if host.name in instances])
