"""Do services that have just begun serve, and stay: what systemd starts again and again runs, and
yet does not do its work."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping

from lab.state import STARTING
from lab.topology import Host
from scripts.drivers.driver import Driver, Site
from scripts.drivers.registry import drivers_of
from scripts.errors import LabError, TimeoutExpired
from scripts.hosts.converge import HostPlan
from scripts.hosts.units import STAY_SECONDS, TRIES
from scripts.operations.status import look
from scripts.workstation.runlog import log
from scripts.workstation.waiting import wait_until

# So long may one take to be well again that was started as often as a start may fail, and more.
PAUSE = 1.0  # s between looks
STAY_TIMEOUT = float((TRIES + 2) * STAY_SECONDS)


def services_stay(site: Site, names: Collection[str] | None = None) -> str:
    """No process is started again and again, on hosts `names` (None: all). Raises LabError.

    One that has ended once gets the time that it takes to be well again; what is stopped is seen by
    the service's own checks.
    """
    hosts = {host.name: host for host in site.datacenter.hosts
             if names is None or host.name in names}
    sick: list[str] = []

    def well() -> bool:
        found = site.fleet.each(
            lambda name: look(site.fleet, hosts[name], site.context), hosts
        )
        sick[:] = [f"{unit.name} on {name}: {unit.trouble}" for name, units in found.items()
                   for unit in units if unit.trouble]
        return not sick

    try:
        wait_until(well, timeout=STAY_TIMEOUT, pause=PAUSE)
    except TimeoutExpired:
        raise LabError("; ".join(sick), hint="run `fab up`") from None
    return "none is started again and again"


def settle(
    places: Mapping[str, Site], plans: Mapping[str, HostPlan], woken: Collection[str],
    running: Collection[str],
) -> None:
    """Wait until every service that has only just begun serves. Raises LabError.

    Whether this run started it, or its host (`woken`), or somebody else did: the next look at the
    lab would call it sick. That systemd runs it says little: a broker first reads its logs and then
    what it missed, a worker joins its group. And after a loss of power a broker ends until its old
    session is over.
    """
    def begun(driver: Driver, host: Host) -> bool:
        plan, unit = plans.get(host.name), driver.service.unit
        return host.name in woken or bool(
            plan and (unit in plan.starts or unit in plan.phases)
        )

    def one(name: str) -> None:
        site = places[name]
        for driver in drivers_of(site):
            if hosts := [h for h in site.carriers(driver.name) if begun(driver, h)]:
                began = time.monotonic()
                driver.serving(site, hosts, running)
                log.info("%s: %s serves -> 0, %.3f s", name, driver.name, time.monotonic() - began)

    if woken or any(plan.starts or plan.phases for plan in plans.values()):
        for site in list(places.values())[:1]:
            site.fleet.each(one, places)


def restless(
    places: Mapping[str, Site], plans: Mapping[str, HostPlan], woken: Collection[str]
) -> dict[str, list[str]]:
    """The hosts on which something was started, by datacenter."""
    def on(host: Host) -> bool:
        plan = plans.get(host.name)
        return host.name in woken or bool(
            plan and (plan.starts or STARTING in plan.phases.values())
        )

    found = {name: [host.name for host in site.datacenter.hosts if on(host)]
             for name, site in places.items()}
    return {name: hosts for name, hosts in found.items() if hosts}
