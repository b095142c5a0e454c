"""Looks at the clusters of several datacenters at once; one that does not answer hides no other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from scripts.clients.look import Look
from scripts.drivers.driver import Site
from scripts.errors import LabError, UsageError, foreign

T = TypeVar("T")


class Looks:
    """`up`: the hosts that run. `committed`: see `Look`. Keeps connections: `close` it."""

    def __init__(
        self, sites: Mapping[str, Site], up: Collection[str], *, committed: bool = False
    ) -> None:
        self._sites, self._up, self._committed = sites, up, committed
        self._open: dict[str, Look] = {}

    def close(self) -> None:
        for one in self._open.values():
            one.close()

    def each(self, work: Callable[[Look], T]) -> tuple[dict[str, T], dict[str, str]]:
        """What `work` returns by datacenter, and why not of those where it does not come about.

        Raises UsageError.
        """
        def tried(name: str) -> T | LabError:
            try:
                return work(self.of(name))
            except UsageError:
                raise
            except Exception as error:
                told = error if isinstance(error, LabError) else foreign(error)
                if told is None:
                    raise
                return told

        if not self._sites:
            return {}, {}
        fleet = next(iter(self._sites.values())).fleet
        found = fleet.each(tried, self._sites)
        return (
            {name: one for name, one in found.items() if not isinstance(one, LabError)},
            {name: f"{one.what} ({one.hint})" if one.hint else one.what
             for name, one in found.items() if isinstance(one, LabError)},
        )

    def of(self, name: str) -> Look:
        """One datacenter's. Raises LabError where it has no broker that runs."""
        if name not in self._open:
            site = self._sites[name]
            awake(site, self._up)
            self._open[name] = Look(site.kafka.endpoint, name, committed=self._committed)
        return self._open[name]


def awake(site: Site, up: Collection[str]) -> None:
    """Raises LabError where no host of a broker runs: nobody needs to wait for an answer."""
    if not any(host.name in up for host in site.datacenter.by_role("kafka")):
        raise LabError("no broker runs", where=site.name, hint="see `fab status`")
