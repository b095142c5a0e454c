"""What `up` would do, without doing it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lab import state
from lab.services.context import Context
from lab.services.registry import published, resources, roles
from lab.state import Change
from lab.topology import Host
from scripts.drivers.driver import Differences, Site, sites
from scripts.drivers.registry import drivers_of
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan, pending, survey
from scripts.operations.growing import NAME as GROWS, Growth, growing
from scripts.operations.guard import missing_hosts, refusals
from scripts.operations.up import concerned, left_alone, reconcilers
from scripts.platforms import UP, Instance
from scripts.session import Session


@dataclass(frozen=True)
class Plan:
    """What `up` would do: hosts to make or start, changes of hosts, and what follows in clusters.

    `things` are changes in the clusters, in lines; `refused` is what `up` would not do, and why.
    """

    absent: tuple[Host, ...]
    stopped: tuple[Host, ...]
    hosts: Mapping[str, HostPlan]
    things: tuple[str, ...] = ()
    joins: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many things would be changed."""
        return len(self.absent) + len(self.things) + sum(
            len(plan.changes) for plan in self.hosts.values()
        )

    def summary(self) -> str:
        if not self.count:
            return "plan: nothing to do"
        changed = sum(1 for plan in self.hosts.values() if plan.changes)
        begin = "to create or start" if self.stopped else "to create"
        more = f", {len(self.things)} changes in the clusters" if self.things else ""
        joins = f", {len(self.joins)} servers join their ensemble" if self.joins else ""
        return (f"plan: {len(self.absent)} hosts {begin}, {changed} to change, "
                f"{len(self.restarts)} restarts{joins}{more}")


def show(
    session: Session, hosts: Sequence[Host], only: Collection[str] | None = None
) -> int:
    """Print the plan for `hosts`; how many things it would change.

    With `only`, what the tasks of these services would do, which create no host. Raises LabError,
    after printing all of it, for what `up` would refuse.
    """
    if only is not None:
        hosts = concerned(session, hosts, only)
        session.running([host.name for host in hosts])
    instances = session.platform.instances()
    plan = gather(session, hosts, instances, only)
    for line in (*_lines(plan, session), *left_alone(session, instances), plan.summary()):
        session.say(line)
    steps = session.platform.steps
    made = len(plan.absent) > len(plan.stopped)
    for some, step in ((made, steps.absent), (plan.stopped, steps.stopped)):
        if some and step != UP:
            session.say(f"not done by `fab up`: {step}")
    if plan.refused:
        raise LabError("`fab up` would refuse: " + "; ".join(plan.refused))
    return plan.count


def gather(
    session: Session, hosts: Sequence[Host], instances: Mapping[str, Instance],
    only: Collection[str] | None = None,
) -> Plan:
    """The plan for `hosts`; changes nothing."""
    absent = missing_hosts(hosts, instances)
    present = tuple(host for host in hosts if host not in absent)
    context = session.context(session.peek_software(), instances)
    refused = [] if only is not None else list(map(str, refusals(session, hosts, instances)))
    names, gone = {host.name for host in hosts}, {host.name for host in absent}
    with session.fleet(dict(instances)) as fleet:
        plans = survey(fleet, present, context, only)
        places = sites(fleet, context, session.datacenters(tuple(hosts)))
        joins = _joins(places, hosts, plans, only, refused)
        found = [one for site in places.values() for one in _resources(site, names, gone, only)]
        return Plan(
            absent=tuple(absent),
            stopped=tuple(host for host in absent if host.name in instances),
            hosts=plans,
            things=tuple(line for one in found for line in one.lines),
            joins=tuple(line for growth in joins.values() for line in growth.lines()),
            restarts=tuple(line for name, site in places.items()
                           for line in _restarts(site, plans, grows=name in joins)),
            notes=(
                *(line for host in present for line in unpublished(host, context)),
                *(line for site in places.values() for driver in drivers_of(site)
                  for line in driver.notes(site)),
            ),
            refused=(*refused, *(line for one in found for line in one.refused)),
        )


def _lines(plan: Plan, session: Session) -> Iterator[str]:
    for host in plan.absent:
        carried = ", ".join(roles(host, session.topology))
        stopped = ", which is stopped" if host in plan.stopped else ""
        yield f"+ host {host.name} ({carried}) at {host.address}{stopped}"
    for one in plan.hosts.values():
        yield from describe_host(one)
    yield from (*plan.things, *plan.joins)
    if plan.restarts:
        yield "restarts, one at a time, in this order:"
        yield from (f"  {line}" for line in plan.restarts)
    yield from plan.notes


def _joins(
    places: Mapping[str, Site], hosts: Sequence[Host], plans: Mapping[str, HostPlan],
    only: Collection[str] | None, refused: list[str],
) -> dict[str, Growth]:
    """The ensembles that would grow first; why one cannot is added to `refused`."""
    try:
        return growing(places, hosts, plans, only)
    except LabError as error:
        refused.append(str(error))
        return {}


def unpublished(host: Host, context: Context) -> Iterator[str]:
    """The ports that a service has got since a host was made, which it therefore lacks."""
    for port in published(host, context.topology):
        if (host.name, port.number) not in context.reached:
            yield (f"note: {host.name}: port {port.number} ({port.name}) is not published on a "
                   "host that exists; after `fab down` and `fab up` it is")


def describe_host(plan: HostPlan) -> Iterator[str]:
    """The changes of one host, files as unified diffs."""
    if plan.changes:
        yield f"~ host {plan.host.name}"
    for change in plan.changes:
        yield from describe_change(change)


def describe_change(change: Change) -> Iterator[str]:
    """One change: a diff for text, a line for all else."""
    before, after = change.before, change.after
    old, new = _text(before), _text(after)
    if new is not None and old != new:
        name = change.key.name
        yield from (
            f"    {line}" for line in difflib.unified_diff(
                (old or "").splitlines(), new.splitlines(),
                f"{name} (on the host)" if old is not None else "/dev/null", f"{name} (wanted)",
                lineterm="", n=1,
            )
        )
        return
    match after:
        case state.Unit() if isinstance(before, state.Unit) and before.trouble:
            yield f"    repair {change.key.name}: {before.trouble}"
        case state.Unit():
            verb = "restart" if change.restarts else ("start" if not _running(before) else "enable")
            yield f"    {verb} {change.key.name}"
        case None if change.key.kind == "unit":
            yield f"    stop {change.key.name}"
        case None:
            yield f"    - {change.key}"
        case state.Sysctl(value):
            yield f"    {change.key} = {value}"
        case _:
            yield f"    {'+' if before is None else '~'} {change.key}"


def _text(resource: object) -> str | None:
    """A resource's content as the plan shows it; None for one without text, or a secret one."""
    if isinstance(resource, state.Block):
        return resource.content
    if isinstance(resource, state.File) and not resource.secret:
        return resource.content if isinstance(resource.content, str) else None
    return None


def _running(before: object) -> bool:
    return isinstance(before, state.Unit) and before.running


def _resources(
    site: Site, names: set[str], gone: set[str], only: Collection[str] | None
) -> Iterator[Differences]:
    """What would change in a datacenter's cluster; `gone` are the hosts that do not run."""
    wanted = resources(site.datacenter, site.context)
    for driver in reconcilers(site, names, only):
        there = not any(host.name in gone for host in site.carriers(driver.name))
        yield driver.differences(site, wanted, there=there)


def _restarts(site: Site, plans: Mapping[str, HostPlan], *, grows: bool = False) -> Iterator[str]:
    """The services of a datacenter that would restart, in order; not those of an ensemble that
    `grows`, whose restarts are told with that."""
    mine = {name: plan for name, plan in plans.items() if plan.host.datacenter == site.name}
    for driver in drivers_of(site):
        stale = pending(mine, driver.service)
        if not stale or (grows and driver.name == GROWS):
            continue
        try:
            seen = driver.look(site)
        except LabError:
            seen = None
        for turn in driver.order(stale, seen):
            yield f"{turn.host.name} {driver.name}{turn}"
