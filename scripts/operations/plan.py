"""What `up` would do, without doing it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from lab import state
from lab.mirrors.connectors import Config
from lab.services.context import Context
from lab.services.registry import SERVICES
from lab.state import Change
from lab.topology import Datacenter, Host, Topology
from scripts.clients import zookeeper as ensemble
from scripts.clients.http import RestError
from scripts.clients.kafka import Cluster
from scripts.drivers.connect import Workers, diff as connector_diff
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan, pending, plan_host
from scripts.hosts.fleet import Fleet
from scripts.operations.up import missing_hosts
from scripts.platforms import UP, Instance
from scripts.session import Session, bootstrap


def show(session: Session, hosts: Sequence[Host]) -> int:
    """Print the plan for `hosts`; how many things it would change."""
    instances = session.platform.instances()
    absent = missing_hosts(hosts, instances)
    present = {host.name: host for host in hosts if host not in absent}
    context = session.context(session.peek_distribution(), instances)
    stopped = [host for host in absent if host.name in instances]
    for host in absent:
        session.say(
            f"+ host {host.name} ({', '.join(host.roles)}) at {host.address}"
            + (", which is stopped" if host in stopped else "")
        )
    with session.fleet(instances) as fleet:
        plans = fleet.each(lambda name: plan_host(fleet, present[name], context), present)
        for plan in plans.values():
            for line in describe_host(plan):
                session.say(line)
        connectors = [
            line for datacenter in session.datacenters(tuple(hosts))
            for line in _connectors(fleet, session.topology, datacenter, instances)
        ]
        restarts = [
            line for datacenter in session.datacenters(tuple(hosts))
            for line in _restart_order(fleet, datacenter, plans, context)
        ]
    for line in connectors:
        session.say(line)
    if restarts:
        session.say("restarts, one at a time, in this order:")
        for line in restarts:
            session.say(f"  {line}")
    count = len(absent) + len(connectors) + sum(len(plan.changes) for plan in plans.values())
    changed = sum(1 for plan in plans.values() if plan.changes)
    begin = "to create or start" if stopped else "to create"
    session.say(
        f"plan: {len(absent)} hosts {begin}, {changed} to change, {len(restarts)} restarts"
        if count else "plan: nothing to do"
    )
    steps = session.platform.steps
    for some, step in ((len(absent) > len(stopped), steps.absent), (stopped, steps.stopped)):
        if some and step != UP:
            session.say(f"not done by `fab up`: {step}")
    return count


def describe_host(plan: HostPlan) -> Iterator[str]:
    """The changes of one host, files as unified diffs."""
    if plan.changes:
        yield f"~ host {plan.host.name}"
    for change in plan.changes:
        yield from describe_change(change)


def describe_change(change: Change) -> Iterator[str]:
    """One change: a diff for text, a line for all else."""
    before, after = change.before, change.after
    old = before.content if isinstance(before, state.File | state.Block) else None
    new = after.content if isinstance(after, state.File | state.Block) else None
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


def _running(before: object) -> bool:
    return isinstance(before, state.Unit) and before.running


def _connectors(
    fleet: Fleet, topology: Topology, datacenter: Datacenter, instances: Mapping[str, Instance]
) -> list[str]:
    """What would change about the connectors that run in a datacenter."""
    carriers = datacenter.by_role("connect")
    if not carriers:
        return []
    workers = Workers(fleet, topology, datacenter)
    try:
        if missing_hosts(carriers, instances):
            raise RestError(503, "no worker", where=datacenter.name)
        actual, states = workers.configs(wait=0), workers.states()
    except RestError:  # not there yet: all of them are to be made
        actual, states = {}, []
    return [
        *describe_connectors(actual, workers.wanted),
        *(f"~ connector {state.name}: {state.repair}" for state in states
          if state.repair and state.name in workers.wanted),
    ]


def describe_connectors(actual: Mapping[str, Config], wanted: Mapping[str, Config]) -> list[str]:
    """A line for each connector to make or remove, and for each setting that differs."""
    plan = connector_diff(actual, wanted)
    lines = [f"- connector {name}" for name in plan.delete]
    for name, config in plan.put.items():
        before = actual.get(name)
        if before is None:
            lines.append(f"+ connector {name}")
            continue
        lines += [
            f"~ connector {name}: {key}: {before.get(key, '(none)')} -> {config.get(key, '(none)')}"
            for key in sorted(before.keys() | config.keys()) if before.get(key) != config.get(key)
        ]
    return lines


def _restart_order(
    fleet: Fleet, datacenter: Datacenter, plans: Mapping[str, HostPlan], context: Context
) -> Iterator[str]:
    """The services that would restart: followers, the leader, brokers, the controller."""
    mine = {name: plan for name, plan in plans.items() if plan.host.datacenter == datacenter.name}
    servers = pending(mine, SERVICES["zookeeper"])
    if servers:
        leader = ensemble.ask(fleet, datacenter.by_role("zookeeper")).leader
        for host in sorted(servers, key=lambda host: host.name == leader):
            yield f"{host.name} zookeeper" + (" (leader)" if host.name == leader else "")
    brokers = pending(mine, SERVICES["kafka"])
    if brokers:
        numbers = tuple(host.number for host in datacenter.by_role("kafka"))
        try:
            cluster = Cluster(datacenter.name, bootstrap(datacenter, context), numbers)
            controller = cluster.view().controller
        except LabError:
            controller = -1
        for host in sorted(brokers, key=lambda host: host.number == controller):
            yield f"{host.name} kafka" + (" (controller)" if host.number == controller else "")
    for host in pending(mine, SERVICES["connect"]):
        yield f"{host.name} connect"
