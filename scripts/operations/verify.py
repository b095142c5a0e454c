"""Prove that each datacenter works, and what lies between them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from scripts.drivers.driver import Line, Report, Site
from scripts.drivers.registry import drivers, drivers_of
from scripts.errors import told
from scripts.operations.staying import services_stay
from scripts.operations.surplus import Surplus
from scripts.workstation.beside import beside
from scripts.workstation.screen import Progress


def verify(
    sites: Mapping[str, Site], progress: Progress, left: Collection[Surplus] = ()
) -> list[Report]:
    """Verify datacenters side by side, then what spans two of them, where all of them hold.

    A broker among `left` that is still in a cluster is told last: what is in the file may work.
    """
    if not sites:
        return []
    fleet = next(iter(sites.values())).fleet
    there = {driver.name for site in sites.values() for driver in drivers_of(site)}
    spans = {span.name: span for driver in drivers(there) for span in driver.spans(sites)}

    def one_datacenter(name: str) -> Report:
        report = Report(name, lambda what: progress.step(name, what))
        first = Report(name, lambda what: None)
        stay = beside(lambda: first.check(
            "systemd", "services stay", lambda: services_stay(sites[name])))
        for driver in drivers_of(sites[name]):
            driver.verify(sites[name], report)
        stay()
        report.lines[:0] = first.lines
        progress.done(name, "")
        return report

    def one_span(name: str) -> Report:
        report = Report(name, lambda what: progress.step(name, what))
        spans[name].prove(report)
        progress.done(name, "")
        return report

    with ThreadPoolExecutor(1) as pool:
        preparing = pool.submit(fleet.each, lambda name: _aside(spans[name].prepare), spans)
        reports = list(fleet.each(one_datacenter, sites).values())
        preparing.result()
    if all(report.ok for report in reports):
        reports += fleet.each(one_span, spans).values()
    for report in reports:
        report.lines += [
            Line(one.role, "no surplus broker", False, one.problem)
            for one in left if one.datacenter == report.where and one.problem
        ]
    fleet.each(lambda name: _aside(spans[name].forget), spans)
    return reports


def _aside(work: Callable[[], None]) -> None:
    """What goes wrong beside the checks hides none of them: they tell what matters of it."""
    try:
        work()
    except Exception as error:
        if told(error) is None:
            raise
