"""From a lab file to a running lab: hosts, then their services, then what is in the clusters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from lab.artifacts import Artifact
from lab.counted import counted
from lab.migration.way import notes
from lab.services import leading
from lab.services.registry import artifacts, artifacts_on, retired, services_on
from lab.state import STARTING
from lab.topology import Host
from scripts.drivers.driver import Differences, Site, sites
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan, ahead, converge, forget_names, survey
from scripts.hosts.deliver import Deliverer
from scripts.hosts.fleet import Fleet
from scripts.operations.clusters import differences, reconcile
from scripts.operations.guard import (
    missing_hosts,
    obstacles,
    refusals,
    refuse,
    unsurvived,
)
from scripts.operations.mending import Unsound, foster, mend, unsound
from scripts.operations.reach import reach
from scripts.operations.rolling import roll
from scripts.operations.staying import restless, services_stay, settle
from scripts.operations.surplus import lines, surplus
from scripts.passages.passage import Passage, Run
from scripts.passages.registry import enter
from scripts.platforms import Instance
from scripts.session import Session
from scripts.software.obtain import Obtained
from scripts.workstation.beside import beside
from scripts.workstation.screen import Progress, duration, phase

INTERNAL = "internal topic"


def deploy(
    session: Session, hosts: Sequence[Host], instances: dict[str, Instance] | None = None
) -> None:
    """Create what is missing and converge `hosts`; says what it did. `instances`: those that there
    are, where they were looked at a moment ago and nothing was done since."""
    if instances is None:
        instances = session.platform.instances()
    missing = missing_hosts(hosts, instances)
    woken = [host.name for host in missing if host.name in instances]
    refuse(refusals(session, hosts, instances))
    places = {host.datacenter for host in missing}
    refuse(unsurvived(session, [host for host in hosts if host.datacenter in places], instances))
    software: dict[Artifact, Obtained] = {}
    if session.platform_name == "local":  # elsewhere hosts are made by others, without it
        software = _prepare(session, missing)
    began = time.monotonic()
    # An instance without a host key is one whose creation was cut off.
    if missing or not all(
        instances[host.name].host_key for host in session.topology.hosts if host.name in instances
    ):
        with phase("create hosts"):
            instances = session.platform.create(software, {host.name for host in hosts})
    software = software or session.software()
    if missing:
        session.say(f"{counted(len(missing), 'host')} created or started in {duration(began)}")
    for line in lines(one for one in surplus(session.topology, instances) if not one.leaves):
        session.say(line)
    fresh = {host.name for host in missing}
    _converge(session, hosts, instances, software, woken=woken, fresh=fresh)


def _prepare(session: Session, missing: Sequence[Host]) -> dict[Artifact, Obtained]:
    """The lab's software, and with it the image of `missing` hosts of the local platform.

    Where both have to be got, the image's first part is made while the software is fetched: the one
    keeps a single core busy, the other waits for the network.
    """
    fetch: Callable[[], dict[Artifact, Obtained]] = session.software
    names = {host.name for host in missing}
    if missing and len(session.peek_software()) < len(artifacts(session.topology)):
        fetch = beside(fetch)
        session.platform.prepare({}, names)
    software = fetch()
    if missing:
        session.platform.prepare(software, names)
    return software


def concerned(session: Session, hosts: Sequence[Host], only: Collection[str]) -> list[Host]:
    """The hosts that have, or no longer should have, one of the services in `only`."""
    topology = session.topology
    return [
        host for host in hosts
        if retired(host, topology, only)
        or any(one.name in only for one in services_on(host, topology))
    ]


def converge_existing(session: Session, hosts: Sequence[Host], only: Collection[str]) -> None:
    """Converge the services in `only` on the hosts that have them; creates none."""
    topology = session.topology
    chosen = concerned(session, hosts, only)
    instances = session.running([host.name for host in chosen])
    software = session.software() if any(
        artifacts_on(host, one, topology) for host in chosen
        for one in services_on(host, topology) if one.name in only
    ) else {}
    _converge(session, chosen, instances, software, only=only)


def _converge(
    session: Session, hosts: Sequence[Host], instances: dict[str, Instance],
    software: Mapping[Artifact, Obtained], *, only: Collection[str] | None = None,
    woken: Collection[str] = (), fresh: Collection[str] = (),
) -> None:
    """Bring `hosts` to what they should be; `fresh` are those that were just made or started, of
    them `woken` those that had been there before."""
    began = time.monotonic()
    names = [host.name for host in hosts]
    with session.fleet(instances) as fleet, Progress(session.topology.lab, names) as progress:
        with phase("converge"):
            context = session.certified(session.context(software, instances, fleet))
            deliverer = Deliverer(session.topology, software, session.platform.packages)
            places = sites(fleet, context, session.datacenters(tuple(hosts)))
            # Where hosts were not made just now, all may be in order, and most labs are.
            foreseen = None if fresh else beside(
                lambda: differences(places, names, only=only, sound=True))
            early: dict[str, HostPlan] = {}
            look = partial(unsound, places, hosts, only, fresh)
            looking = beside(look)
            if reach(session, fleet, names, ahead(fleet, hosts, context, early, only)):
                looking = beside(look)  # brokers that were out of reach tell more now
            started = threading.Event()
            if fresh:
                beside(partial(foster, places, hosts, only, fresh, started.is_set))
            try:
                ready, mended = _sound(
                    fleet, hosts, places, deliverer, progress, looking=looking, only=only,
                    fresh=fresh, woken=woken, early=early,
                )
            finally:
                started.set()
                deliverer.close(fleet)
            places, plans = {**ready.places}, ready.plans
            restarted = ready.restarted + roll(places, plans, progress)
            settle(places, plans, woken, {name for name, one in instances.items() if one.running})
            young = restless(places, plans, woken)
            restarted += sum(one.after(progress) for one in ready.passages)
            for one in ready.passages:
                places = {**one.arrived(places)}
            if only is None and len(hosts) == len(session.topology.hosts):
                forget_names(fleet, plans)
        with phase("clusters"):
            told = [line for one in ready.passages for line in one.end()]
            moved = {}
            if foreseen is None or mended or restarted or not (ready.quiet and _at_rest(foreseen)):
                moved = _moved(places, hosts, progress, only, young)
        if mended:
            moved[INTERNAL] = mended
    changed = sum(1 for plan in plans.values() if plan.changes)
    text = f"{changed} of {counted(len(hosts), 'host')} changed" if changed or moved else (
        f"{counted(len(hosts), 'host')} in order, nothing to do"
    )
    rolled = f", {counted(restarted, 'service')} restarted one at a time" if restarted else ""
    counts = "".join(f", {counted(count, what)} set up, repaired or removed"
                     for what, count in moved.items())
    session.say(f"{text}{rolled}{counts}, {duration(began)}")
    for line in (*told, *notes(context.topology), *leading.notes(context.topology.config)):
        session.say(line)


@dataclass(frozen=True)
class Ready:
    """Hosts before they are brought to what they should be: each with what it needs for that, the
    lab around them meanwhile, what their clusters pass through, and how many services were
    restarted to come so far."""

    places: Mapping[str, Site]
    plans: Mapping[str, HostPlan]
    passages: tuple[Passage, ...] = ()
    restarted: int = 0

    @property
    def quiet(self) -> bool:
        """Whether hosts and clusters are as they should be, and no service is on its way. One that
        is young and answers is not: `settle` makes sure that it does its work."""
        return not (
            any(one.count or one.summary for one in self.passages)
            or any(plan.changes or STARTING in plan.phases.values() for plan in self.plans.values())
        )


def _at_rest(foreseen: Callable[[], list[Differences]]) -> bool:
    """Whether nothing is to be done in the clusters, nor to be waited for."""
    try:
        return all(one.nothing and one.at_rest for one in foreseen())
    except LabError:  # who tries it tells it better
        return False


def _sound(
    fleet: Fleet, hosts: Sequence[Host], places: Mapping[str, Site], deliverer: Deliverer,
    progress: Progress, *, looking: Callable[[], Unsound], only: Collection[str] | None,
    fresh: Collection[str], woken: Collection[str] = (),
    early: Mapping[str, HostPlan] | None = None,
) -> tuple[Ready, int]:
    """Converge `hosts` with what their processes need in clusters put right before, which `looking`
    tells; `early` are the plans that there are already.

    How they were before, and how much was put right.
    """
    if not places:
        return Ready({}, {}), 0
    ready = _entered(hosts, places, deliverer, progress, only=only, woken=woken, early=early)
    places, plans = ready.places, {**ready.plans}
    context = next(iter(places.values())).context
    mended = mend(places, looking(), progress)
    if mended:  # it took stopping processes and starting them
        plans |= survey(fleet, hosts, context, only, progress)
    try:
        converge(fleet, plans, context, deliverer, progress, woken=woken)
    except LabError:
        # Fresh brokers can be asked only now what kept other processes from starting.
        found = unsound(places, hosts, only) if fresh else {}
        if not found:
            raise
        mended += mend(places, found, progress)
        plans |= survey(fleet, hosts, context, only, progress)
        converge(fleet, plans, context, deliverer, progress, woken=woken)
    return replace(ready, plans=plans), mended


def _entered(
    hosts: Sequence[Host], places: Mapping[str, Site], deliverer: Deliverer,
    progress: Progress, *, only: Collection[str] | None, woken: Collection[str] = (),
    early: Mapping[str, HostPlan] | None = None,
) -> Ready:
    """`hosts` once all is done that their clusters pass through before.

    Raises LabError where one cannot, before anything is changed.
    """
    one = next(iter(places.values()))
    plans = survey(one.fleet, hosts, one.context, only, progress, early=early)
    refuse(obstacles(places, plans))
    passages, run = enter(Run(places, hosts, plans, only, woken), progress)
    restarted = 0
    for passage in passages:
        run, count = passage.before(run, deliverer, progress)
        restarted += count
    return Ready(run.places, run.plans, passages, restarted)


def _moved(
    places: Mapping[str, Site], hosts: Sequence[Host], progress: Progress,
    only: Collection[str] | None, fresh: Mapping[str, Collection[str]],
) -> dict[str, int]:
    """What was changed in the clusters, while it is seen to it that services stay on hosts where
    they are `fresh`. Raises LabError, at once where one does not: what waits for it says less."""
    work = partial(reconcile, places, {host.name for host in hosts}, progress, only)
    if not fresh:
        return work()
    moving = beside(work)
    next(iter(places.values())).fleet.each(
        lambda name: services_stay(places[name], fresh[name]), fresh)
    return moving()
