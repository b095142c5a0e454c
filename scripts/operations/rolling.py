"""Rolling restarts of all that runs with an old configuration, datacenters side by side."""

from __future__ import annotations

from collections.abc import Mapping

from scripts.drivers.driver import Site
from scripts.drivers.registry import drivers_of
from scripts.drivers.turns import restart_all
from scripts.hosts.converge import HostPlan
from scripts.workstation.screen import Progress


def roll(
    sites: Mapping[str, Site], plans: Mapping[str, HostPlan], progress: Progress
) -> int:
    """Restart what runs with an old configuration, datacenters side by side; how many restarts."""
    def one(name: str) -> int:
        site = sites[name]
        mine = {k: plan for k, plan in plans.items() if plan.host.datacenter == name}
        return restart_all(drivers_of(site), site, mine, progress)

    if not sites or not any(plan.restarts for plan in plans.values()):
        return 0
    fleet = next(iter(sites.values())).fleet
    return sum(fleet.each(one, sites).values())
