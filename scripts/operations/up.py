"""From a lab file to a running lab: hosts, then their services."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from lab.services.registry import retired
from lab.topology import Host
from scripts.drivers.connect import converge_connectors
from scripts.hosts.converge import converge
from scripts.hosts.deliver import Distributor
from scripts.operations.rolling import roll
from scripts.platforms import Instance
from scripts.session import Session
from scripts.software.obtain import Distribution
from scripts.workstation.memory import check_memory
from scripts.workstation.screen import Progress, duration


def deploy(session: Session, hosts: Sequence[Host]) -> None:
    """Create what is missing and converge `hosts`; says what it did."""
    began = time.monotonic()
    instances = session.platform.instances()
    missing = missing_hosts(hosts, instances)
    distribution = None
    if session.platform_name == "local":  # elsewhere hosts are made by others, without it
        check_memory(missing)
        distribution = session.distribution()
    # An instance without a host key is one whose creation was cut off.
    if missing or not all(instance.host_key for instance in instances.values()):
        instances = session.platform.create(distribution, {host.name for host in hosts})
    distribution = distribution or session.distribution()
    if missing:
        session.say(f"{len(missing)} hosts created or started in {duration(began)}")
    known = {host.name for host in session.topology.hosts}
    for name in sorted(instances.keys() - known):
        session.say(f"warning: {name} is of this lab but not in the lab file; left alone")
    _converge(session, hosts, instances, distribution, None)


def missing_hosts(hosts: Sequence[Host], instances: Mapping[str, Instance]) -> list[Host]:
    """The hosts that do not exist or do not run."""
    return [h for h in hosts if h.name not in instances or not instances[h.name].running]


def converge_existing(session: Session, hosts: Sequence[Host], only: tuple[str, ...]) -> None:
    """Converge one service on the hosts that need it; creates none."""
    chosen = [
        host for host in hosts
        if only == ("hosts",) or set(only) & set(host.roles) or retired(host, only)
    ]
    instances = session.running([host.name for host in chosen])
    distribution = None if only == ("hosts",) else session.distribution()
    _converge(session, chosen, instances, distribution, only)


def _converge(
    session: Session, hosts: Sequence[Host], instances: dict[str, Instance],
    distribution: Distribution | None, only: tuple[str, ...] | None,
) -> None:
    began = time.monotonic()
    context = session.context(distribution, instances)
    distributor = Distributor(session.topology, distribution)
    names = [host.name for host in hosts]
    with session.fleet(instances) as fleet, Progress(session.topology.lab, names) as progress:
        try:
            plans = converge(fleet, hosts, context, distributor, progress, only=only)
        finally:
            distributor.close(fleet)
        datacenters = session.datacenters(tuple(hosts))
        restarted = roll(fleet, datacenters, plans, context, progress)
        moved = 0
        if only is None or "connect" in only:
            workers = [d for d in datacenters if set(d.by_role("connect")) & set(hosts)]
            moved = converge_connectors(fleet, session.topology, workers, progress)
    changed = sum(1 for plan in plans.values() if plan.changes)
    text = f"{changed} of {len(hosts)} hosts changed" if changed or moved else (
        f"{len(hosts)} hosts in order, nothing to do"
    )
    rolled = f", {restarted} services restarted one at a time" if restarted else ""
    mirrored = f", {moved} connectors set up, repaired or removed" if moved else ""
    session.say(f"{text}{rolled}{mirrored}, {duration(began)}")
