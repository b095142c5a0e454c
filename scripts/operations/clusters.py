"""What is in the clusters: what of it differs, and making it what it should be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from lab.services.registry import resources
from scripts.drivers.driver import Differences, Driver, Site
from scripts.drivers.registry import drivers_of
from scripts.workstation.screen import Progress


def reconcilers(
    site: Site, names: Collection[str], only: Collection[str] | None = None
) -> list[Driver]:
    """The drivers that look after what is in a datacenter's cluster, where their hosts are among
    `names`."""
    return [
        driver for driver in drivers_of(site)
        if driver.resource_kinds and (only is None or driver.name in only)
        and any(host.name in names for host in site.carriers(driver.name))
    ]


def differences(
    places: Mapping[str, Site], names: Collection[str], gone: Collection[str] = (),
    only: Collection[str] | None = None, *, sound: bool = False,
) -> list[Differences]:
    """What `reconcile` would change, datacenters side by side, after what would be put right before
    that (`scripts.operations.mending`), unless somebody else sees to it that all is `sound`; `gone`
    are the hosts that do not run."""
    def one(name: str) -> list[Differences]:
        site, found = places[name], []
        wanted = resources(site.datacenter, site.context)
        for driver in reconcilers(site, names, only):
            there = not any(host.name in gone for host in site.carriers(driver.name))
            first = driver.unsound(site) if there and not sound else ()
            differing = driver.differences(site, wanted, there=there)
            found.append(replace(differing, lines=(*first, *differing.lines)))
        return found

    if not places:
        return []
    found = next(iter(places.values())).fleet.each(one, places)
    return [each for name in places for each in found[name]]


def reconcile(
    places: Mapping[str, Site], names: Collection[str], progress: Progress,
    only: Collection[str] | None = None,
) -> dict[str, int]:
    """Make what is in the clusters what it should be, datacenters side by side.

    Returns the number of changes by kind, without the kinds that had none.
    """
    chosen = {name: found for name, site in places.items()
              if (found := reconcilers(site, names, only))}

    def one_datacenter(name: str) -> dict[str, int]:
        site, counts = places[name], {}
        wanted = resources(site.datacenter, site.context)
        for driver in chosen[name]:
            what = "/".join(sorted(driver.resource_kinds))
            counts[what] = driver.reconcile(
                site, wanted, lambda text: progress.step(name, text)
            )
        done = ", ".join(f"{count} {what}s" for what, count in counts.items() if count)
        progress.done(name, done)
        return counts

    if not chosen:
        return {}
    fleet = next(iter(places.values())).fleet
    total: dict[str, int] = {}
    for counts in fleet.each(one_datacenter, chosen).values():
        for what, count in counts.items():
            total[what] = total.get(what, 0) + count
    return {what: count for what, count in total.items() if count}
