"""What services keep in a cluster for themselves, put right before their processes start anew.

A process that cannot start because of it would fail the run, which then never came to what is in
the clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from lab.topology import Host
from scripts.drivers.driver import Driver, Site
from scripts.drivers.registry import drivers_of
from scripts.workstation.screen import Progress

Unsound = Mapping[str, list[Driver]]


def unsound(
    places: Mapping[str, Site], hosts: Iterable[Host], only: Collection[str] | None = None,
    fresh: Collection[str] = (),
) -> Unsound:
    """The drivers that have something to put right, by datacenter; `fresh` are the hosts that were
    made or started a moment ago.
    """
    names = {host.name for host in hosts}

    def one(name: str) -> list[Driver]:
        site = places[name]
        return [
            driver for driver in drivers_of(site)
            if (only is None or driver.name in only)
            and any(host.name in names for host in site.carriers(driver.name))
            and driver.unsound(site, fresh)
        ]

    if not places:
        return {}
    found = next(iter(places.values())).fleet.each(one, places)
    return {name: drivers for name, drivers in found.items() if drivers}


def foster(
    places: Mapping[str, Site], hosts: Iterable[Host], only: Collection[str] | None,
    fresh: Collection[str], over: Callable[[], bool],
) -> None:
    """Make what processes on `fresh` hosts would make in clusters when they start for the first
    time, datacenters side by side, until that is `over`."""
    names = {host.name for host in hosts} & {*fresh}

    def one(name: str) -> None:
        site = places[name]
        for driver in drivers_of(site):
            if (only is None or driver.name in only) and any(
                host.name in names for host in site.carriers(driver.name)
            ):
                driver.foster(site, over)

    if places and names:
        next(iter(places.values())).fleet.each(one, places)


def mend(places: Mapping[str, Site], found: Unsound, progress: Progress) -> int:
    """Put it right, datacenters side by side; how much was wrong. Raises LabError."""
    def one(name: str) -> int:
        return sum(
            driver.mend(places[name], lambda text: progress.step(name, text))
            for driver in found[name]
        )

    return sum(next(iter(places.values())).fleet.each(one, found).values()) if found else 0

