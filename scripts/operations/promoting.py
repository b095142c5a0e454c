"""The lead among two registries of a lab changes, while the lab goes on or half of it is gone."""

from __future__ import annotations

from collections.abc import Callable, Collection

from lab.counted import counted
from lab.services.leading import CONCERNED, NAME, notes
from lab.topology import Host
from scripts.drivers.driver import sites
from scripts.drivers.promoting import Lead
from scripts.errors import LabError, UsageError
from scripts.hosts.fleet import Fleet
from scripts.operations.up import converge_existing
from scripts.session import Session


def promote(session: Session, datacenter: str, agree: Callable[[str], None]) -> None:
    """Let the registry of a datacenter lead.

    `agree` raises where nobody agrees that something is left behind. Raises LabError; what was
    begun is completed by the next run.
    """
    registry = session.file.lab.registry
    if registry.follower is None:
        raise UsageError(
            "this lab has no registry that follows another one",
            hint='with [registry] follower = "DATACENTER" in the lab file it has one',
        )
    if datacenter not in registry.places:
        raise UsageError(f"{datacenter} has no schema registry",
                         hint=f"known: {', '.join(registry.places)}")
    if datacenter == registry.follower:
        _away(session, datacenter)
    elif session.topology.config.registry.leader == datacenter:
        session.say(f"the schema registry of {datacenter} leads, nothing to do")
    else:
        _home(session, agree)


def _away(session: Session, follower: str) -> None:
    """To the follower, of which all must answer; the first one is asked to stand aside, where it
    can be asked."""
    topology = session.topology
    first = _hosts(session, topology.config.registry.places[:1])
    instances = session.running([host.name for host in _hosts(session, [follower])])
    up = [host for host in first if host.name in instances and instances[host.name].running]
    with session.fleet(instances) as fleet:
        closed = fleet.closed([host.name for host in up])
        there = bool(first) and len(up) == len(first) and not closed
        leave(session, fleet, follower, orderly=there)
    for line in notes(session.topology.config):
        session.say(line)


def leave(
    session: Session, fleet: Fleet, follower: str, *, orderly: bool = False,
    say: Callable[[str], None] | None = None,
) -> None:
    """The follower takes over. `orderly`: the first one answers, and takes no schemas first, so
    that nothing is left behind. Raises LabError."""
    instances = session.platform.instances()
    led = session.topology.config.registry.leader == follower
    session.lead(follower)
    if orderly and not led:
        converge_existing(session, _hosts(session, session.file.lab.registry.places[:1]), (NAME,))
    lead = _lead(session, fleet, instances)
    if orderly and not led:
        lead.arrived()
    lead.hold()
    lead.take()
    (say or session.say)(f"the schema registry of {follower} leads, it takes schemas")


def _home(session: Session, agree: Callable[[str], None]) -> None:
    """Home to the lab file's own leader, with the other one's journal."""
    registry = session.file.lab.registry
    first, hosts = str(registry.at), _hosts(session, registry.places)
    instances = session.running([host.name for host in hosts])
    with session.fleet(instances) as fleet:
        lead = _lead(session, fleet, instances)
        left = lead.unsent()
        if left:
            agree(f"Leave behind {counted(len(left), 'change')} that {first} took before "
                  f"{registry.follower} was promoted, and that never came there?")
        lead.close()
        count = lead.bring()
    session.say(f"the journal of {first} is made from that of {registry.follower}: "
                f"{counted(count, 'record')}")
    session.lead(first)
    converge_existing(session, hosts, CONCERNED)
    session.say(f"the schema registry of {first} leads")


def _lead(session: Session, fleet: Fleet, instances: dict) -> Lead:  # type: ignore[type-arg]
    context = session.context({}, instances, fleet)
    places = sites(fleet, context, session.topology.datacenters)
    first, second = (places[name] for name in session.file.lab.registry.places)
    return Lead(first, second)


def _hosts(session: Session, names: Collection[str]) -> list[Host]:
    """The hosts of datacenters that a change of the lead concerns."""
    hosts = [host for host in session.topology.hosts if host.datacenter in names]
    if not hosts:
        raise LabError(f"no hosts in {', '.join(names)}")
    return hosts
