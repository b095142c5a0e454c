"""From a lab file to a running lab: hosts, then their services, then what is in the clusters."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from lab.artifacts import Artifact
from lab.services.registry import resources, retired, services_on
from lab.topology import Host
from scripts.drivers.driver import Driver, Site, sites
from scripts.drivers.registry import drivers_of
from scripts.hosts.converge import converge
from scripts.hosts.deliver import Deliverer
from scripts.operations.rolling import roll
from scripts.platforms import Instance
from scripts.session import Session
from scripts.software.obtain import Obtained
from scripts.workstation.memory import check_memory
from scripts.workstation.screen import Progress, duration


def deploy(session: Session, hosts: Sequence[Host]) -> None:
    """Create what is missing and converge `hosts`; says what it did."""
    began = time.monotonic()
    instances = session.platform.instances()
    missing = missing_hosts(hosts, instances)
    software: dict[Artifact, Obtained] = {}
    if session.platform_name == "local":  # elsewhere hosts are made by others, without it
        check_memory(missing, session.topology)
        software = session.software()
    # An instance without a host key is one whose creation was cut off.
    if missing or not all(instance.host_key for instance in instances.values()):
        instances = session.platform.create(software, {host.name for host in hosts})
    software = software or session.software()
    if missing:
        session.say(f"{len(missing)} hosts created or started in {duration(began)}")
    known = {host.name for host in session.topology.hosts}
    for name in sorted(instances.keys() - known):
        session.say(f"warning: {name} is of this lab but not in the lab file; left alone")
    _converge(session, hosts, instances, software, None)


def missing_hosts(hosts: Sequence[Host], instances: Mapping[str, Instance]) -> list[Host]:
    """The hosts that do not exist or do not run."""
    return [h for h in hosts if h.name not in instances or not instances[h.name].running]


def converge_existing(session: Session, hosts: Sequence[Host], only: Collection[str]) -> None:
    """Converge the services in `only` on the hosts that have them; creates none."""
    topology = session.topology
    chosen = [
        host for host in hosts
        if retired(host, topology, only)
        or any(one.name in only for one in services_on(host, topology))
    ]
    instances = session.running([host.name for host in chosen])
    software = session.software() if any(
        one.artifacts(topology.config) for host in chosen for one in services_on(host, topology)
        if one.name in only
    ) else {}
    _converge(session, chosen, instances, software, only)


def _converge(
    session: Session, hosts: Sequence[Host], instances: dict[str, Instance],
    software: Mapping[Artifact, Obtained], only: Collection[str] | None,
) -> None:
    began = time.monotonic()
    context = session.context(software, instances)
    deliverer = Deliverer(session.topology, software)
    names = [host.name for host in hosts]
    with session.fleet(instances) as fleet, Progress(session.topology.lab, names) as progress:
        try:
            plans = converge(fleet, hosts, context, deliverer, progress, only=only)
        finally:
            deliverer.close(fleet)
        places = sites(fleet, context, session.datacenters(tuple(hosts)))
        restarted = roll(places, plans, progress)
        moved = reconcile(places, {host.name for host in hosts}, progress, only)
    changed = sum(1 for plan in plans.values() if plan.changes)
    text = f"{changed} of {len(hosts)} hosts changed" if changed or moved else (
        f"{len(hosts)} hosts in order, nothing to do"
    )
    rolled = f", {restarted} services restarted one at a time" if restarted else ""
    counts = "".join(f", {count} {what}s set up, repaired or removed"
                     for what, count in moved.items())
    session.say(f"{text}{rolled}{counts}, {duration(began)}")


def reconcilers(
    site: Site, names: Collection[str], only: Collection[str] | None = None
) -> list[Driver]:
    """The drivers that look after what is in a datacenter's cluster, where their hosts are among
    `names`."""
    return [
        driver for driver in drivers_of(site)
        if driver.resource_kinds and (only is None or driver.name in only)
        and any(host.name in names for host in site.carriers(driver.name))
    ]


def reconcile(
    places: Mapping[str, Site], names: Collection[str], progress: Progress,
    only: Collection[str] | None = None,
) -> dict[str, int]:
    """Make what is in the clusters what it should be, datacenters side by side.

    Returns the number of changes by kind, without the kinds that had none.
    """
    chosen = {name: found for name, site in places.items()
              if (found := reconcilers(site, names, only))}

    def one_datacenter(name: str) -> dict[str, int]:
        site, counts = places[name], {}
        wanted = resources(site.datacenter, site.context)
        for driver in chosen[name]:
            what = "/".join(sorted(driver.resource_kinds))
            counts[what] = driver.reconcile(
                site, wanted, lambda text: progress.step(name, text)
            )
        done = ", ".join(f"{count} {what}s" for what, count in counts.items() if count)
        progress.done(name, done)
        return counts

    if not chosen:
        return {}
    fleet = next(iter(places.values())).fleet
    total: dict[str, int] = {}
    for counts in fleet.each(one_datacenter, chosen).values():
        for what, count in counts.items():
            total[what] = total.get(what, 0) + count
    return {what: count for what, count in total.items() if count}
