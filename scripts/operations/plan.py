"""What `up` would do, without doing it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lab.counted import counted
from lab.migration.way import notes
from lab.services import leading
from lab.services.context import Context
from lab.services.registry import published, roles
from lab.topology import Host
from scripts.drivers.driver import Site, sites
from scripts.drivers.registry import drivers_of
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan, ahead, pending, survey
from scripts.operations.clusters import differences
from scripts.operations.described import describe_hosts
from scripts.operations.going import Going
from scripts.operations.guard import missing_hosts, obstacles, refusals
from scripts.operations.leaving import look as look_at_leavers
from scripts.operations.reach import UNSEEN, Unreached, lines, refuse_hopeless, unreached
from scripts.operations.replacing import in_the_way, losses
from scripts.operations.surplus import lines as surplus_lines, surplus
from scripts.operations.up import concerned
from scripts.passages.passage import Passage, Run
from scripts.passages.registry import enter
from scripts.platforms import UP, Instance
from scripts.session import Session
from scripts.workstation.beside import beside


@dataclass(frozen=True)
class Plan:
    """What `up` would do: hosts to make or start, changes of hosts, and what follows in clusters.

    `things` are changes in the clusters, in lines; `refused` is what `up` would not do, and why.
    `unreached` run and let nobody in, which `up` mends; what else they need is not known before.
    `groundwork` is what was lost beside hosts, and is made again before they are started.
    `passages`: what clusters pass through. `going`: hosts that are emptied and removed.
    """

    absent: tuple[Host, ...]
    stopped: tuple[Host, ...]
    hosts: Mapping[str, HostPlan]
    things: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unreached: Mapping[str, Unreached] = field(default_factory=dict)
    groundwork: tuple[str, ...] = ()
    passages: tuple[Passage, ...] = ()
    going: Going = field(default_factory=Going)

    @property
    def count(self) -> int:
        """How many things would be changed."""
        things = (self.groundwork, self.absent, self.unreached, self.things, self.going.leavers)
        changes = sum(len(plan.changes) for plan in self.hosts.values())
        return sum(map(len, things)) + changes + sum(one.count for one in self.passages)

    def summary(self) -> str:
        if not self.count:
            return "plan: nothing to do"
        changed = sum(1 for plan in self.hosts.values() if plan.changes)
        begin = "to create or start" if self.stopped else "to create"
        more = f", {counted(len(self.things), 'change')} in the clusters" if self.things else ""
        again = f", {len(self.unreached)} to reach again" if self.unreached else ""
        passed = "".join(f", {one.summary}" for one in self.passages if one.summary)
        less = f", {len(self.going.leavers)} to remove" if self.going else ""
        return (f"plan: {counted(len(self.absent), 'host')} {begin}{again}, {changed} to change"
                f"{less}, {counted(len(self.restarts), 'restart')}{passed}{more}")


def show(
    session: Session, hosts: Sequence[Host], only: Collection[str] | None = None, *,
    narrowed: bool = False,
) -> int:
    """Print the plan for `hosts`, to which somebody has `narrowed` it; how many things it would
    change.

    With `only`, what the tasks of these services would do, which create no host. Raises LabError,
    after printing all of it, for what `up` would refuse.
    """
    if only is not None:
        hosts = concerned(session, hosts, only)
        session.running([host.name for host in hosts])
    instances = session.platform.instances()
    plan = gather(session, hosts, instances, only, narrowed=narrowed)
    for line in told(session, plan, instances):
        session.say(line)
    if plan.refused:
        if only is None and in_the_way(session, instances):
            for line in losses(session, instances):
                session.say(line)
        raise LabError("`fab up` would refuse: " + "; ".join(plan.refused))
    return plan.count


def told(session: Session, plan: Plan, instances: Mapping[str, Instance]) -> Iterator[str]:
    """The whole plan for people, its sum at the end, and what others have to do for it."""
    yield from _lines(plan, session)
    yield from surplus_lines(one for one in surplus(session.topology, instances)
                             if one.name not in plan.going.names)
    yield plan.summary()
    steps = session.platform.steps
    made = len(plan.absent) > len(plan.stopped)
    for some, step in ((made, steps.absent), (plan.stopped, steps.stopped)):
        if some and step != UP:
            yield f"not done by `fab up`: {step}"


def gather(
    session: Session, hosts: Sequence[Host], instances: Mapping[str, Instance],
    only: Collection[str] | None = None, *, narrowed: bool = False,
) -> Plan:
    """The plan for `hosts`; changes nothing. Raises LabError for one that nothing lets in."""
    absent = missing_hosts(hosts, instances)
    present = tuple(host for host in hosts if host not in absent)
    context = session.context(session.peek_software(), instances)
    going = Going() if only is not None else look_at_leavers(
        session, hosts, instances, narrowed=narrowed)
    refused = [] if only is not None else list(map(str, refusals(session, hosts, instances)))
    refused += map(str, going.refused)
    context = replace(context, strangers=tuple(  # as it is in the end
        one for one in context.strangers if one.name not in going.names))
    names, gone = {host.name for host in hosts}, {host.name for host in absent}
    with session.fleet(dict(instances)) as fleet:
        whole = sites(fleet, context, session.datacenters(tuple(hosts)))
        seen = beside(lambda: differences(whole, names, gone, only))
        early: dict[str, HostPlan] = {}
        closed = unreached(session.platform, fleet, [host.name for host in present],
                           ahead(fleet, present, context, early, only))
        refuse_hopeless(closed)
        plans = survey(
            fleet, [h for h in present if h.name not in closed], context, only, early=early)
        # A cluster is looked at through its hosts.
        shut = {host.datacenter for host in present if host.name in closed}
        places = {name: site for name, site in whole.items() if name not in shut}
        refused += map(str, obstacles(places, plans))
        passages, run = enter(
            Run(places, hosts, plans, only, leavers=going.brokers), refused=refused)
        found = (seen() if run.places is places and not shut
                 else differences(run.places, names, gone, only))
        return Plan(
            absent=tuple(absent),
            stopped=tuple(host for host in absent if host.name in instances),
            hosts=run.plans,
            things=tuple(line for one in found for line in one.lines),
            restarts=tuple(line for name, site in run.places.items()
                           for line in (*_restarts(site, run.plans, passages),
                                        *(again for one in passages for again in one.again(name)))),
            notes=(*unpublished(present, context), *notes(context.topology),
                   *leading.notes(context.topology.config)),
            refused=(*refused, *(line for one in found for line in one.refused)),
            unreached=closed,
            groundwork=() if only is not None else tuple(session.platform.groundwork(names)),
            passages=passages,
            going=going,
        )


def _lines(plan: Plan, session: Session) -> Iterator[str]:
    yield from (f"+ {line}" for line in plan.groundwork)
    for host in plan.absent:
        carried = ", ".join(roles(host, session.topology))
        stopped = ", which is stopped" if host in plan.stopped else ""
        yield f"+ host {host.name} ({carried}) at {host.address}{stopped}"
    yield from (f"~ {line}" for line in lines(plan.unreached))
    if plan.unreached:
        yield UNSEEN
    yield from describe_hosts(plan.hosts.values())
    yield from plan.things
    for passage in plan.passages:
        yield from passage.lines()
    if plan.restarts:
        yield "restarts, one at a time, in this order:"
        yield from (f"  {line}" for line in plan.restarts)
    yield from plan.going.lines()
    if plan.going:
        yield f"asked first: whether {plan.going.whose} may be removed (`fab up --yes` answers)"
    yield from plan.notes


def unpublished(hosts: Sequence[Host], context: Context) -> Iterator[str]:
    """The ports that services have got since their hosts were made, which therefore lack them."""
    found: dict[tuple[int, str], list[str]] = {}
    for host in hosts:
        for port in published(host, context.topology):
            if (host.name, port.number) not in context.reached:
                found.setdefault((port.number, port.name), []).append(host.name)
    for (number, name), names in found.items():
        where = "a host that exists" if len(names) == 1 else "hosts that exist"
        yield (f"note: {', '.join(names)}: port {number} ({name}) is not published on {where}; "
               "after `fab down` and `fab up` it is")


def _restarts(
    site: Site, plans: Mapping[str, HostPlan], passages: Sequence[Passage] = ()
) -> Iterator[str]:
    """The services of a datacenter that would restart, in order; not those whose restarts one of
    `passages` tells."""
    mine = {name: plan for name, plan in plans.items() if plan.host.datacenter == site.name}
    for driver in drivers_of(site):
        stale = pending(mine, driver.service)
        if not stale or any(one.tells(site.name, driver.name) for one in passages):
            continue
        try:
            seen = driver.look(site)
        except LabError:
            seen = None
        for turn in driver.order(stale, seen):
            yield f"{turn.host.name} {driver.name}{turn}"
