"""Bring hosts to their desired state: one read, a pure diff, at most one change a host.

No host waits for another, except for an artifact that does not lie in its image,
and except for services that run already: those are restarted one at a time
(`scripts.operations.rolling`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from lab import state
from lab.counted import counted
from lab.services.base import HOSTS, bridge
from lab.services.context import Context
from lab.services.registry import desired_state, retired, running_on
from lab.services.service import Service
from lab.state import Change, HostState, Key
from lab.topology import Host
from scripts.errors import LabError
from scripts.hosts import firewall
from scripts.hosts.change import (
    at_once,
    block_script,
    change_script,
    wait_script,
    with_restart,
)
from scripts.hosts.deliver import Deliverer
from scripts.hosts.fleet import Fleet
from scripts.hosts.read import parse, read_script
from scripts.hosts.units import START_SECONDS
from scripts.workstation.screen import Progress

READ_TIMEOUT = 60
CHANGE_TIMEOUT = 600  # packages may have to be installed


@dataclass(frozen=True)
class HostPlan:
    """What one host needs: the changes in order, and which of its services they restart.

    `phases`: of its units that run and have only just begun, state.STARTING or state.YOUNG.
    """

    host: Host
    changes: tuple[Change, ...]
    phases: Mapping[str, str] = field(default_factory=dict)

    @property
    def bridged(self) -> HostPlan:
        """The same with the old names in /etc/hosts, too."""
        return replace(self, changes=tuple(
            replace(change, after=state.Block(bridge(change.before.content, change.after.content)))
            if change.key == HOSTS and isinstance(change.before, state.Block)
            and isinstance(change.after, state.Block) else change
            for change in self.changes
        ))

    def of(self, key: Key) -> Change | None:
        """What changes of one thing."""
        return next((change for change in self.changes if change.key == key), None)

    def restarting(self, unit: str) -> tuple[Change, ...]:
        """The changes that wait for the restart of a unit."""
        return tuple(with_restart(self.changes, unit)) if unit in self.restarts else ()

    @property
    def restarts(self) -> tuple[str, ...]:
        return tuple(change.key.name for change in self.changes if change.restarts)

    @property
    def starts(self) -> tuple[str, ...]:
        return tuple(
            change.key.name for change in self.changes
            if isinstance(change.after, state.Unit) and not change.restarts
        )

    @property
    def repairs(self) -> tuple[str, ...]:
        """Those of them that systemd started again and again, or that did not answer."""
        return tuple(
            change.key.name for change in self.changes
            if isinstance(change.before, state.Unit) and change.before.trouble
            and change.after is not None
        )


def read(fleet: Fleet, host: Host, desired: HostState) -> HostState:
    """What `host` has of what it should have."""
    answer = fleet[host.name].script(read_script(desired), label="read", timeout=READ_TIMEOUT)
    return parse(answer.stdout, desired, host=host.name)


def plan_host(
    fleet: Fleet, host: Host, context: Context, only: Collection[str] | None = None
) -> HostPlan:
    """The changes that one host needs; makes none."""
    desired = desired_state(host, context, only)
    unwanted = dict.fromkeys(
        retired(host, context.topology, only), state.Unit("")
    )
    found = {
        key: have for key, have in read(fleet, host, {**desired, **unwanted}).items()
        # A unit that neither runs nor will is as good as none.
        if not (key in unwanted and isinstance(have, state.Unit)
                and not (have.running or have.enabled or have.trouble))
    }
    actual = state.doubt(found, desired)
    phases = {key.name: have.phase for key, have in actual.items()
              if isinstance(have, state.Unit) and have.running and have.phase}
    return HostPlan(host, state.diff(actual, state.attainable(desired, actual)), phases)


def ahead(
    fleet: Fleet, hosts: Sequence[Host], context: Context, plans: dict[str, HostPlan],
    only: Collection[str] | None = None,
) -> Callable[[str], None]:
    """What puts the plan of one of `hosts` into `plans`, so that a host is read while others still
    connect. Where that fails, `survey` tells why."""
    by_name = {host.name: host for host in hosts}

    def one(name: str) -> None:
        with suppress(LabError):
            plans[name] = plan_host(fleet, by_name[name], context, only)

    return one


def survey(
    fleet: Fleet,
    hosts: Sequence[Host],
    context: Context,
    only: Collection[str] | None = None,
    progress: Progress | None = None,
    *,
    early: Mapping[str, HostPlan] | None = None,
) -> dict[str, HostPlan]:
    """What each of `hosts` needs, by name; makes no change. `early`: what was made `ahead`."""
    known = {host.name: early[host.name] for host in hosts if early and host.name in early}
    by_name = {host.name: host for host in hosts if host.name not in known}

    def one(name: str) -> HostPlan:
        if progress:
            progress.step(name, "reading")
        return plan_host(fleet, by_name[name], context, only)

    found = {**known, **fleet.each(one, by_name)}
    return {host.name: found[host.name] for host in hosts}


def converge(
    fleet: Fleet,
    plans: Mapping[str, HostPlan],
    context: Context,
    deliverer: Deliverer,
    progress: Progress,
    *,
    woken: Collection[str] = (),
) -> None:
    """Make every change of `plans` but the restarts of running services and their own files.

    Names that go stay in /etc/hosts until `forget_names`. Returns when each started service answers
    on its port, and each one that somebody else has just started, or of hosts that were just
    started again (`woken`).
    """
    def one(name: str) -> None:
        plan = plans[name].bridged
        host = plan.host
        rules, rest = firewall.split(deliverer.provide(fleet, host, plan.changes, progress))
        firewall.renew(fleet[name], rules)
        waits = _waits(host, context, plan, woken=name in woken)
        if at_once(rest):
            progress.step(name, summary(plan.changes))
            fleet[name].script(change_script(rest) + waits, label="change", timeout=CHANGE_TIMEOUT)
        elif waits:
            fleet[name].script(waits, label="wait for services", timeout=CHANGE_TIMEOUT)
        progress.done(name, summary(plan.changes) if plan.changes else "")

    fleet.each(one, plans)


def forget_names(fleet: Fleet, plans: Mapping[str, HostPlan]) -> None:
    """Take the old names out of /etc/hosts, once no process goes by them."""
    texts = {
        name: after.content for name, plan in plans.items()
        for change in plan.changes
        if change.key == HOSTS and plan.bridged != plan
        and isinstance(after := change.after, state.Block)
    }
    fleet.each(
        lambda name: fleet[name].script(
            block_script(HOSTS.name, texts[name]), label="forget old names"
        ),
        texts,
    )


def _waits(host: Host, context: Context, plan: HostPlan, *, woken: bool) -> str:
    """The end of a change: wait for what was started, and that what was repaired stays.

    What has started with its host has to be waited for, too, whoever started that: for all that
    anybody knows, it was the host's end that kept it from showing that it does not serve.
    """
    started, repaired, later = plan.starts, plan.repairs, plan.restarts
    return "".join(
        wait_script(service.unit, str(host.address), port.number, START_SECONDS,
                    stay=service.unit in repaired)
        for service in running_on(host, context.topology)
        if service.unit and (port := service.port_on(host, context))
        and (service.unit in started or (service.unit not in later and (
            woken or plan.phases.get(service.unit) == state.STARTING
        )))
    )


def pending(plans: Mapping[str, HostPlan], service: Service) -> tuple[Host, ...]:
    """The hosts on which `service` still runs with another configuration."""
    return tuple(plan.host for plan in plans.values() if service.unit in plan.restarts)


def summary(changes: Sequence[Change]) -> str:
    """Changes in a few words: "4 files, start kafka"."""
    counts: dict[str, int] = {}
    acts = []
    for change in changes:
        match change.after:
            case state.Unit():
                verb = "restart" if change.restarts else "start"
                if isinstance(change.before, state.Unit) and change.before.trouble:
                    verb = "repair"
                acts.append(f"{verb} {change.key.name.removesuffix('.service')}")
            case None if change.key.kind == "unit":
                acts.append(f"stop {change.key.name.removesuffix('.service')}")
            case state.File() | state.Block():
                counts["file"] = counts.get("file", 0) + 1
            case state.Archive():
                acts.insert(0, change.key.name.rpartition("/")[2])
            case state.Package():
                acts.insert(0, f"install {change.key.name}")
            case _:
                counts["setting"] = counts.get("setting", 0) + 1
    words = [counted(count, what) for what, count in counts.items()]
    return ", ".join((*words, *acts))
