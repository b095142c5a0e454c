"""Brokers that come to speak something else, without a client of theirs noticing.

The steps are those of lab.listeners, for all datacenters at once: what mirrors between two of them
is a client of both. A run that is cut off goes on from what running brokers have open.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lab import artifacts
from lab.counted import counted
from lab.listeners import KINDS, Listening, words
from lab.resources import CONNECTOR
from lab.services.context import Context
from lab.services.registry import SERVICES, desired_state, resources
from lab.state import Key, Unit
from lab.topology import Host
from lab.versions import BOTH
from scripts.drivers.driver import Site, sites
from scripts.drivers.listening import NAME, at_step
from scripts.drivers.registry import drivers_of
from scripts.drivers.turns import restart_all
from scripts.errors import LabError, few
from scripts.hosts.converge import HostPlan, converge, survey
from scripts.hosts.deliver import Deliverer
from scripts.passages.passage import Passage, Run
from scripts.workstation.screen import Progress

Steps = Mapping[str, tuple[Listening, ...]]


@dataclass(frozen=True)
class Securing(Passage):
    """The clusters of a run whose listeners change, by datacenter: the steps that lie ahead."""

    found: Steps = field(default_factory=dict)
    places: Mapping[str, Site] = field(default_factory=dict)
    hosts: Sequence[Host] = ()

    @classmethod
    def find(cls, run: Run) -> Securing:
        site = next(iter(run.places.values()), None)
        if site is None or not run.means(NAME):
            return cls()
        found = {name: site.context.coming[name] for name in run.places
                 if name in site.context.coming}
        if found:
            _refuse(run, site.context, found)
        return cls(found, run.places, tuple(run.hosts))

    def hold(self, run: Run, progress: Progress | None = None) -> Run:
        """As the first step leaves it."""
        if not self.found:
            return run
        again = [plan.host for plan in run.plans.values()]
        return run.looked_again(again, self._at(run.places, 0), progress)

    def after(self, progress: Progress) -> int:
        """The other steps, in each of which brokers restart in turn, and their clients after them.
        """
        count = 0
        for number in range(1, self._most):
            before, places = self._at(self.places, number - 1), self._at(self.places, number)
            if any(_closes(before[name], places[name]) for name in self.found):
                _reconcile(before, progress)  # before the listener goes that connectors know
            count += _roll(places, self.hosts, progress)
        return count

    def arrived(self, places: Mapping[str, Site]) -> Mapping[str, Site]:
        return self._at(places, self._most - 1) if self.found else places

    @property
    def _most(self) -> int:
        return max(map(len, self.found.values()), default=0)

    def _at(self, places: Mapping[str, Site], number: int) -> dict[str, Site]:
        one = next(iter(places.values()))
        context = at_step(one.context, self.found, number)
        return sites(one.fleet, context, [each.datacenter for each in places.values()])

    def lines(self) -> Iterator[str]:
        for name, steps in self.found.items():
            at = self.places[name].context.listens(self.places[name].datacenter)
            yield f"{name} comes to other listeners in {counted(len(steps), 'step')}:"
            for number, step in enumerate(steps, 1):
                yield f"  {number}. {words(at, step)}"
                at = step

    def again(self, datacenter: str) -> Iterator[str]:
        """The restarts of all steps but the first."""
        if datacenter not in self.found:
            return
        for number in range(1, self._most):
            before, after = (self._at(self.places, one)[datacenter] for one in (number - 1, number))
            for name in SERVICES:
                for host in after.carriers(name):
                    if _restarts(name, host, before.context, after.context):
                        yield f"{host.name} {name} (step {number + 1})"


def _refuse(run: Run, context: Context, found: Steps) -> None:
    """Raises LabError for what a move would not survive."""
    if run.only is not None or len(run.hosts) < len(context.topology.hosts):
        raise LabError(
            "listeners change for the whole lab, with all brokers and their clients",
            where=few(list(found)), hint="run `fab up` without narrowing it",
        )
    if any(run.leavers.values()) or any(map(_other_release, run.plans.values())):
        raise LabError(
            "listeners change while brokers run their release and all of them stay",
            where=few(list(found)),
            hint="let [security] be as it was in this run, and change it in the next one",
        )
    if moving := [name for name in found if any(
            context.topology.datacenter(name).config.keeps(host.name) == BOTH
            for host in context.topology.datacenter(name).hosts)]:
        raise LabError(
            "listeners change before or after metadata moves from ZooKeeper to KRaft",
            where=few(moving), hint="complete that first: see `fab kraft`",
        )
    for name, steps in found.items():
        for step in steps:
            ports = {KINDS[one].inside for one in step.open}
            if len(ports) < len(step.open):
                raise LabError(
                    f"{' and '.join(step.ordered)} have the same port", where=name,
                    hint=f'go by way of [security] listeners = ["plaintext", "{step.brokers}"]',
                )
    lacking = [
        host.name for name, steps in found.items()
        for host in context.topology.datacenter(name).by_role(NAME)
        for one in steps[-1].open
        if KINDS[one].outside and (host.name, KINDS[one].outside) not in context.reached
    ]
    if lacking:
        raise LabError(
            "made before hosts had a port for such a listener on this machine",
            where=few(lacking), hint="`fab down` and `fab up` make it anew, with that port",
        )


def _other_release(plan: HostPlan) -> bool:
    """Whether a broker that runs comes to another release of Kafka."""
    unit = plan.of(Key("unit", f"{NAME}.service"))
    folder = artifacts.PREFIX + "/kafka-"
    return (unit is not None and isinstance(unit.before, Unit) and unit.before.running
            and any(one.key.kind == "archive" and one.key.name.startswith(folder)
                    for one in plan.changes))


def _closes(before: Site, after: Site) -> bool:
    former, later = (one.context.listens(one.datacenter).open for one in (before, after))
    return not set(former) <= set(later)


def _restarts(service: str, host: Host, before: Context, after: Context) -> bool:
    key = Key("unit", str(SERVICES[service].unit))
    return desired_state(host, before).get(key) != desired_state(host, after).get(key)


def _roll(places: Mapping[str, Site], hosts: Sequence[Host], progress: Progress) -> int:
    """Bring hosts to what a step wants of them, datacenters side by side; how many restarts."""
    one = next(iter(places.values()))
    context = one.context
    plans = survey(one.fleet, hosts, context, None, progress)
    # Whatever has to be brought to hosts was brought with the first step.
    deliverer = Deliverer(context.topology, {}, lambda lacking: None)
    converge(one.fleet, plans, context, deliverer, progress)

    def roll(name: str) -> int:
        mine = {host: plan for host, plan in plans.items() if plan.host.datacenter == name}
        return restart_all(drivers_of(places[name]), places[name], mine, progress)

    return sum(one.fleet.each(roll, places).values())


def _reconcile(places: Mapping[str, Site], progress: Progress) -> None:
    """Let connectors, the mirrors' among them, go over with the lab's other clients."""
    one = next(iter(places.values()))

    def each(name: str) -> None:
        site = places[name]
        wanted = resources(site.datacenter, site.context)
        for driver in drivers_of(site):
            if CONNECTOR in driver.resource_kinds:
                driver.reconcile(site, wanted, lambda text: progress.step(name, text))

    one.fleet.each(each, places)
