"""Prove that each datacenter works, and what lies between them."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from scripts.drivers.driver import Report, Site
from scripts.drivers.registry import drivers, drivers_of
from scripts.workstation.screen import Progress


def verify(sites: Mapping[str, Site], progress: Progress) -> list[Report]:
    """Verify datacenters side by side, then what spans two of them, where all of them hold."""
    if not sites:
        return []
    fleet = next(iter(sites.values())).fleet
    spans = {span.name: span for driver in drivers() for span in driver.spans(sites)}

    def one_datacenter(name: str) -> Report:
        report = Report(name, lambda what: progress.step(name, what))
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
