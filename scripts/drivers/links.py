"""Mirrors as the lab acts on them; how one is looked at is in `scripts.drivers.mirrors`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from scripts.drivers.driver import Driver, Part, Report, Site, Span


class Mirrors(Driver):
    """Mirrors have no process of their own: they are connectors, and a proof across a link."""

    def status(self, site: Site, up: Collection[str]) -> Part:
        """The mirrors that lead to a datacenter, by what their connectors do."""
        from scripts.drivers.mirrors import MirrorView  # noqa: PLC0415 - `fab up` looks at none

        reachable = any(host.name in up for host in site.carriers("connect"))
        found = {
            one.name: MirrorView(one, site.other(one.source), site).health().problem
            if reachable else "no worker runs"
            for one in site.lab.mirrors if one.target == site.name
        }
        return Part(
            data=[{"name": name, "problem": text} for name, text in found.items()],
            problems=tuple(f"{name}: {text}" for name, text in found.items() if text),
        )

    def verify(self, site: Site, report: Report) -> bool:
        return True  # what there is to prove lies between two datacenters

    def spans(self, sites: Mapping[str, Site]) -> Iterator[Span]:
        from scripts.drivers.mirrors import MirrorView  # noqa: PLC0415 - `fab up` looks at none

        lab = next(iter(sites.values())).lab
        for mirror in lab.mirrors:
            if {mirror.source, mirror.target} <= sites.keys():
                yield MirrorView(mirror, sites[mirror.source], sites[mirror.target])
