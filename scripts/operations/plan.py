"""What `up` would do, without doing it."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence

from lab import state
from lab.services.context import Context
from lab.services.registry import published, resources, roles
from lab.state import Change
from lab.topology import Host
from scripts.drivers.driver import Differences, Site, sites
from scripts.drivers.registry import drivers_of
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan, pending, plan_host
from scripts.operations.up import concerned, missing_hosts, reconcilers
from scripts.platforms import UP
from scripts.session import Session


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
    absent = missing_hosts(hosts, instances)
    present = {host.name: host for host in hosts if host not in absent}
    context = session.context(session.peek_software(), instances)
    stopped = [host for host in absent if host.name in instances]
    for host in absent:
        session.say(
            f"+ host {host.name} ({', '.join(roles(host, session.topology))}) at {host.address}"
            + (", which is stopped" if host in stopped else "")
        )
    with session.fleet(instances) as fleet:
        plans = fleet.each(lambda name: plan_host(fleet, present[name], context, only), present)
        for plan in plans.values():
            for line in describe_host(plan):
                session.say(line)
        for host in present.values():
            for line in unpublished(host, context):
                session.say(line)
        places = sites(fleet, context, session.datacenters(tuple(hosts)))
        names = {host.name for host in hosts}
        gone = {host.name for host in absent}
        found = [one for site in places.values() for one in _resources(site, names, gone, only)]
        things = [line for one in found for line in one.lines]
        refused = [line for one in found for line in one.refused]
        restarts = [line for site in places.values() for line in _restarts(site, plans)]
    for line in things:
        session.say(line)
    if restarts:
        session.say("restarts, one at a time, in this order:")
        for line in restarts:
            session.say(f"  {line}")
    count = len(absent) + len(things) + sum(len(plan.changes) for plan in plans.values())
    changed = sum(1 for plan in plans.values() if plan.changes)
    begin = "to create or start" if stopped else "to create"
    session.say(
        f"plan: {len(absent)} hosts {begin}, {changed} to change, {len(restarts)} restarts"
        + (f", {len(things)} changes in the clusters" if things else "")
        if count else "plan: nothing to do"
    )
    steps = session.platform.steps
    for some, step in ((len(absent) > len(stopped), steps.absent), (stopped, steps.stopped)):
        if some and step != UP:
            session.say(f"not done by `fab up`: {step}")
    if refused:
        raise LabError("`fab up` would refuse: " + "; ".join(refused))
    return count


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


def _restarts(site: Site, plans: Mapping[str, HostPlan]) -> Iterator[str]:
    """The services of a datacenter that would restart, in order."""
    mine = {name: plan for name, plan in plans.items() if plan.host.datacenter == site.name}
    for driver in drivers_of(site):
        stale = pending(mine, driver.service)
        if not stale:
            continue
        try:
            seen = driver.look(site)
        except LabError:
            seen = None
        for turn in driver.order(stale, seen):
            yield f"{turn.host.name} {driver.name}{turn}"
