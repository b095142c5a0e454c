"""The contract of a passage: what it does around the convergence of a run's hosts, and what `plan`
says of it beforehand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from lab.topology import Host
from scripts.drivers.driver import Site
from scripts.drivers.registry import drivers
from scripts.drivers.turns import restart_all
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan, converge, survey
from scripts.hosts.deliver import Deliverer
from scripts.workstation.screen import Progress


@dataclass(frozen=True)
class Run:
    """What a run brings to what the lab file says.

    places: the datacenters of `hosts`, by name. plans: what changes on hosts, by name. only: the
    services that are meant, None for all. woken: the hosts that this run has started. leavers: of
    each datacenter the hosts of brokers that are removed before the passages' end, where one looks
    at the lab as it is without them.
    """

    places: Mapping[str, Site]
    hosts: Sequence[Host]
    plans: Mapping[str, HostPlan]
    only: Collection[str] | None = None
    woken: Collection[str] = ()
    leavers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def means(self, *services: str) -> bool:
        """Whether one of these services is meant."""
        return self.only is None or any(one in self.only for one in services)

    def looked_again(
        self, hosts: Sequence[Host], places: Mapping[str, Site], progress: Progress | None = None
    ) -> Run:
        """The same with `places`, where what changes on `hosts` is looked up anew."""
        one = next(iter(places.values()))
        found = survey(one.fleet, hosts, one.context, self.only, progress)
        return replace(self, places=places, plans={**self.plans, **found})


class Passage:
    """One kind of passage, for all clusters of a run that have to go through it.

    The defaults are those of one that nobody goes through.
    """

    @classmethod
    def find(cls, run: Run) -> Self:
        """What is to be passed through. Raises LabError where that cannot be."""
        raise NotImplementedError

    @classmethod
    def unfit(cls, run: Run) -> list[LabError]:
        """Why clusters cannot pass, as far as they can be asked before other hosts are made."""
        return []

    # -- around convergence, in this order

    def hold(self, run: Run, progress: Progress | None = None) -> Run:
        """The run as it is until `after`; changes nothing."""
        return run

    def before(self, run: Run, deliverer: Deliverer, progress: Progress) -> tuple[Run, int]:
        """What comes before hosts converge: the run as it is then, and how many restarts it took.

        Raises LabError.
        """
        return run, 0

    def after(self, progress: Progress) -> int:
        """What comes when all runs as it should; how many restarts that took. Raises LabError."""
        return 0

    def arrived(self, places: Mapping[str, Site]) -> Mapping[str, Site]:
        """The lab as it is after `after`, of the one that it was until then."""
        return places

    def end(self) -> list[str]:
        """The end, and what a person should know of it, in lines. Raises LabError."""
        return []

    # -- what `plan` says

    @property
    def count(self) -> int:
        """How many things it changes beside hosts."""
        return 0

    @property
    def summary(self) -> str:
        """It in the plan's last line; "" where there is nothing to say."""
        return ""

    def lines(self) -> Iterator[str]:
        """For people: its steps."""
        return iter(())

    def tells(self, datacenter: str, service: str) -> bool:
        """Whether its lines tell the restarts of a service, which then are told nowhere else."""
        return False

    def again(self, datacenter: str) -> Iterator[str]:
        """The restarts of `after`, in order."""
        return iter(())


def set_up(
    site: Site, hosts: Sequence[Host], services: Collection[str], deliverer: Deliverer,
    progress: Progress,
) -> int:
    """Bring `hosts` to what these services want of them, and restart these in turn; how many
    restarts that took. Raises LabError."""
    plans = survey(site.fleet, hosts, site.context, services, progress)
    converge(site.fleet, plans, site.context, deliverer, progress)
    return restart_all(drivers(services), site, plans, progress)
