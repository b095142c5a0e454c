"""What `fab up` does for a cluster that comes to another release, beside restarting its hosts: it
holds back what only the newer one knows, and brings it at the end (scripts.drivers.upgrading).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from lab import upgrade
from lab.services.registry import SERVICES
from scripts.clients.features import raise_levels
from scripts.drivers.driver import Site, sites
from scripts.drivers.registry import driver
from scripts.drivers.release import KEEPER, NAME
from scripts.drivers.upgrading import Upgrade, held_at, known_levels
from scripts.hosts.converge import HostPlan, pending, survey
from scripts.operations.rolling import restart_in_turn
from scripts.workstation.screen import Progress


def hold_back(
    places: Mapping[str, Site], plans: Mapping[str, HostPlan], found: Mapping[str, Upgrade],
    only: Collection[str] | None = None, progress: Progress | None = None,
) -> tuple[dict[str, Site], dict[str, HostPlan]]:
    """The lab and the plans of its hosts while clusters go on with the protocol that they speak,
    where one is not finalised at once."""
    protocols = {name: one.held for name, one in found.items() if one.held}
    if not protocols:
        return {**places}, {**plans}
    one = next(iter(places.values()))
    context = held_at(one, protocols)
    again = [plan.host for plan in plans.values() if plan.host.datacenter in protocols]
    return (
        sites(one.fleet, context, [each.datacenter for each in places.values()]),
        {**plans, **survey(one.fleet, again, context, only, progress)},
    )


def raise_protocols(found: Mapping[str, Upgrade], progress: Progress) -> int:
    """The roll after which all brokers speak the protocol of their release, where there was another
    one before it; how many restarts that took. Raises LabError."""
    def one(name: str) -> int:
        # As it was before anything was held: with the protocol that the lab file means.
        site = found[name].site
        brokers = site.carriers(NAME)
        plans = survey(site.fleet, brokers, site.context, (NAME,), progress)
        stale = pending(plans, SERVICES[NAME])
        restart_in_turn(driver(NAME), site, stale, progress, plans)
        return len(stale)

    chosen = [name for name, each in found.items() if each.last]
    if not chosen:
        return 0
    return sum(found[chosen[0]].site.fleet.each(one, chosen).values())


def finalize(found: Mapping[str, Upgrade]) -> list[str]:
    """Finalise the features of clusters with KRaft that run their release. What was finalised with
    this run, and what waits for a person, in lines. Raises LabError."""
    return [line for one in found.values() for line in _finalized(one)]


def _finalized(one: Upgrade) -> Iterator[str]:
    site = one.site
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
