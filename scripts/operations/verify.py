"""Prove that each datacenter works, and what lies between them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from scripts.drivers.driver import Report, Site
from scripts.drivers.registry import drivers, drivers_of
from scripts.errors import LabError, TimeoutExpired
from scripts.hosts.units import STAY_SECONDS
from scripts.operations.status import look
from scripts.workstation.screen import Progress
from scripts.workstation.waiting import wait_until

STAY_TIMEOUT = 3.0 * STAY_SECONDS


def services_stay(site: Site) -> str:
    """No process is started again and again. Raises LabError.

    One that has ended once gets the time that it takes to be well again; what is stopped is seen by
    the service's own checks.
    """
    hosts = {host.name: host for host in site.datacenter.hosts}
    sick: list[str] = []

    def well() -> bool:
        found = site.fleet.each(
            lambda name: look(site.fleet, hosts[name], site.context.topology), hosts
        )
        sick[:] = [f"{unit.name} on {name}: {unit.trouble}" for name, units in found.items()
                   for unit in units if unit.trouble]
        return not sick

    try:
        wait_until(well, timeout=STAY_TIMEOUT, pause=1)
    except TimeoutExpired:
        raise LabError("; ".join(sick), hint="run `fab up`") from None
    return "none is started again and again"


def verify(sites: Mapping[str, Site], progress: Progress) -> list[Report]:
    """Verify datacenters side by side, then what spans two of them, where all of them hold."""
    if not sites:
        return []
    fleet = next(iter(sites.values())).fleet
    spans = {span.name: span for driver in drivers() for span in driver.spans(sites)}

    def one_datacenter(name: str) -> Report:
        report = Report(name, lambda what: progress.step(name, what))
        report.check("systemd", "services stay", lambda: services_stay(sites[name]))
        for driver in drivers_of(sites[name]):
            driver.verify(sites[name], report)
        progress.done(name, "")
        return report

    def one_span(name: str) -> Report:
        report = Report(name, lambda what: progress.step(name, what))
        spans[name].prove(report)
        progress.done(name, "")
        return report

    with ThreadPoolExecutor(1) as beside:
        preparing = beside.submit(fleet.each, lambda name: spans[name].prepare(), spans)
        reports = list(fleet.each(one_datacenter, sites).values())
        preparing.result()
    if all(report.ok for report in reports):
        reports += fleet.each(one_span, spans).values()
    fleet.each(lambda name: spans[name].forget(), spans)
    return reports
