"""Restarts in turn: one host of a service at a time, and only while the service bears it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from lab.services.service import Service
from lab.state import Change
from lab.topology import Host
from scripts.drivers.driver import Driver, Site
from scripts.errors import CommandError, LabError
from scripts.hosts.change import restart_script
from scripts.hosts.converge import HostPlan, pending
from scripts.hosts.units import GOES_ON, START_SECONDS
from scripts.workstation.screen import Progress

RESTART_TIMEOUT = 2 * START_SECONDS + 90  # with new files, and once more with the former ones


def restart_in_turn(
    driver: Driver, site: Site, hosts: Sequence[Host], progress: Progress,
    plans: Mapping[str, HostPlan] | None = None,
) -> None:
    """Restart a service on `hosts`, one at a time; it has settled before and after each.

    Who is next is asked anew each time: a leader changes with every restart; but those that let
    nobody in go first, and nobody is asked. `plans` have what changes on a host with the restart.
    The first one that does not serve with that ends it: this
    one has its former files again, those of the others are as they were. Raises LabError.
    """
    left, shut = list(hosts), list(driver.shut(site, hosts)) if hosts else []
    while left:
        host = shut.pop(0) if shut else driver.order(left, driver.settled(site))[0].host
        plan = (plans or {}).get(host.name)
        changes = plan.restarting(str(driver.service.unit)) if plan else ()
        try:
            with driver.around(site, host):
                _restart(driver, site, host, progress, changes)
        except CommandError as error:
            if GOES_ON in str(error):  # whole, too, when the error is told: replicas take a moment
                with suppress(LabError):
                    driver.settled(site)
            raise
        left.remove(host)
    if hosts:
        driver.settled(replace(site, joining=frozenset()))


def restart_all(
    drivers: Iterable[Driver], site: Site, plans: Mapping[str, HostPlan], progress: Progress
) -> int:
    """Restart in turn what runs with something older than is planned, service by service; how many
    restarts. Raises LabError."""
    stale = {driver: hosts for driver in drivers if (hosts := pending(plans, driver.service))}
    for driver in stale:
        driver.forewarned(site)
    for driver, hosts in stale.items():
        restart_in_turn(driver, site, hosts, progress, plans)
    return sum(map(len, stale.values()))


def _restart(
    driver: Driver, site: Site, host: Host, progress: Progress, changes: Sequence[Change]
) -> None:
    progress.step(host.name, f"restarting {driver.name}")
    restart(site, host, driver.service, f"restart {driver.name}", changes=changes)
    progress.done(host.name, f"restarted {driver.name}")


def restart(
    site: Site, host: Host, service: Service, label: str, *,
    changes: Sequence[Change] = (), timeout: float = RESTART_TIMEOUT,
) -> None:
    """Restart a service on one host, with `changes` of its files, and wait until its port answers;
    nobody is asked whether the service bears it. Raises CommandError and TimeoutExpired."""
    port = service.port_on(host, site.context)
    site.fleet[host.name].script(
        restart_script(
            str(service.unit), str(host.address), port.number if port else None,
            START_SECONDS, changes,
        ),
        label=label, timeout=timeout,
    )
