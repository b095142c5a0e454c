"""What `up` refuses before it touches anything, and what `plan` therefore tells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from lab.standing import Obstacle, Standing, fewer_controllers, smaller, strangers
from lab.topology import Host, Topology
from scripts.drivers.driver import Site, sites
from scripts.drivers.registry import drivers_of
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan, survey
from scripts.passages.passage import Run
from scripts.passages.registry import unfit
from scripts.platforms import Instance
from scripts.session import Session
from scripts.workstation.memory import check_memory


def missing_hosts(hosts: Sequence[Host], instances: Mapping[str, Instance]) -> list[Host]:
    """The hosts that do not exist or do not run."""
    return [h for h in hosts if h.name not in instances or not instances[h.name].running]


def unlike(topology: Topology, others: Collection[Standing]) -> Iterator[Obstacle]:
    """What a cluster that is there would have to be otherwise, by the hosts that the lab file does
    not mean."""
    yield from smaller(topology, others)
    yield from fewer_controllers(topology, others)


def refusals(
    session: Session, hosts: Sequence[Host], instances: Mapping[str, Instance]
) -> list[LabError]:
    """Everything that keeps `hosts` from being made and changed as the lab file says."""
    topology = session.topology
    others = strangers(topology, (one.standing for one in instances.values() if one.standing))
    names = {host.name for host in hosts}
    found = [*unlike(topology, others), *session.platform.obstacles(names)]
    refused = [LabError(one.what, where=one.where, hint=one.hint) for one in found]
    if session.platform_name == "local":  # elsewhere hosts have a memory of their own
        try:
            check_memory(missing_hosts(hosts, instances), topology)
        except LabError as error:
            refused.append(error)
    return refused


def obstacles(places: Mapping[str, Site], plans: Mapping[str, HostPlan]) -> list[LabError]:
    """What services would not survive of what hosts are to become."""
    return [
        error for site in places.values() for driver in drivers_of(site)
        for error in driver.obstacles(site, plans)
    ]


def unsurvived(
    session: Session, hosts: Sequence[Host], instances: Mapping[str, Instance]
) -> list[LabError]:
    """The same by what those of `hosts` say that are there and can be asked.

    It is known before others are made: those would keep the change from being undone.
    """
    there = {host.name: host for host in hosts if host.name in instances
             and instances[host.name].running and instances[host.name].host_key}
    if not there:
        return []
    with session.fleet(dict(instances)) as fleet:
        shut = fleet.closed(there)
        asked = [host for name, host in there.items() if name not in shut]
        context = session.context(session.peek_software(), instances, fleet)
        places = sites(fleet, context, session.datacenters(tuple(asked)))
        plans = survey(fleet, asked, context)
        return [*obstacles(places, plans), *unfit(Run(places, asked, plans))]


def refuse(found: Sequence[LabError]) -> None:
    """Raises the first of `found`, the others in its notes."""
    if found:
        for other in found[1:]:
            found[0].add_note(str(other))
        raise found[0]
