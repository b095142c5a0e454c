"""A cluster that comes to another release of Kafka, where that takes more than restarts: what only
the newer one knows is held back, and brought at the end (lab.upgrade, scripts.drivers.upgrading).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lab import upgrade
from lab.counted import counted
from lab.upgrade import PROTOCOL
from scripts.clients.features import raise_levels
from scripts.drivers import upgrading
from scripts.drivers.driver import Site, sites
from scripts.drivers.registry import driver, drivers
from scripts.drivers.release import KEEPER, NAME
from scripts.drivers.turns import restart_all
from scripts.drivers.upgrading import Upgrade, held_at, known_levels
from scripts.errors import LabError
from scripts.hosts.converge import survey
from scripts.passages.passage import Passage, Run
from scripts.workstation.screen import Progress


@dataclass(frozen=True)
class Upgrading(Passage):
    """The clusters of a run that come to another release, by datacenter."""

    found: Mapping[str, Upgrade] = field(default_factory=dict)

    @classmethod
    def find(cls, run: Run) -> Upgrading:
        found = upgrading.upgrades(run.places, run.hosts, run.plans, run.only, woken=run.woken)
        return cls({name: replace(one, gone=run.leavers.get(name, ()))
                    for name, one in found.items()})

    @classmethod
    def unfit(cls, run: Run) -> list[LabError]:
        return upgrading.unfit(run.places, run.hosts, run.plans)

    def hold(self, run: Run, progress: Progress | None = None) -> Run:
        """While clusters go on with the protocol that they speak, where one is not finalised at
        once."""
        protocols = {name: one.held for name, one in self.found.items() if one.held}
        if not protocols:
            return run
        one = next(iter(run.places.values()))
        places = sites(one.fleet, held_at(one, protocols),
                       [each.datacenter for each in run.places.values()])
        again = [plan.host for plan in run.plans.values() if plan.host.datacenter in protocols]
        return run.looked_again(again, places, progress)

    def after(self, progress: Progress) -> int:
        """The roll after which all brokers speak the protocol of their release, where there was
        another one before it."""
        def one(name: str) -> int:
            # As it was before anything was held: with the protocol that the lab file means.
            site = self.found[name].site
            plans = survey(site.fleet, site.carriers(NAME), site.context, (NAME,), progress)
            return restart_all(drivers((NAME,)), site, plans, progress)

        chosen = [name for name, each in self.found.items() if each.last]
        if not chosen:
            return 0
        return sum(self.found[chosen[0]].site.fleet.each(one, chosen).values())

    def end(self) -> list[str]:
        """What was finalised with this run of clusters that run their release, and what waits for a
        person."""
        return [line for one in self.found.values() for line in _finalized(one)]

    @property
    def count(self) -> int:
        return sum(1 for one in self.found.values() if one.finalizes and one.raised)

    @property
    def summary(self) -> str:
        return f"{counted(self.count, 'release')} to finalise" if self.count else ""

    def lines(self) -> Iterator[str]:
        for one in self.found.values():
            yield from one.lines()

    def again(self, datacenter: str) -> Iterator[str]:
        """With these brokers come to the protocol of their release."""
        coming = self.found.get(datacenter)
        if coming and coming.last:
            for host in coming.site.carriers(NAME):
                yield f"{host.name} {NAME} ({PROTOCOL} {coming.last.protocol})"


def _finalized(one: Upgrade) -> Iterator[str]:
    site: Site = one.site
    if site.datacenter.config.led and (one.before or one.raised or not one.known):
        driver(KEEPER).settled(site)
        one = replace(one, raised=upgrade.raised(known_levels(site), one.version))
        if one.finalizes:
            wanted = {name: level for name, (_, level) in one.raised.items()}
            raise_levels(site.kafka.endpoint, wanted, site.name)
    if one.finalizes:
        yield f"{site.name}: Kafka {one.version} is finalised: {one.ends}"
    elif one.ends:
        yield f"note: {one.waits}"
