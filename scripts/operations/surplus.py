"""Hosts that exist although the lab file does not mean them, and what goes with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lab.counted import counted
from lab.standing import Standing, leaving, strangers
from lab.topology import Topology
from scripts.platforms import Instance

if TYPE_CHECKING:
    from scripts.drivers.holdings import Holding

SOME = 5  # names in a line


@dataclass(frozen=True)
class Surplus:
    """One such host. The platform does not always remember its datacenter and role ("" then).

    broker: its id, where it is a broker that its cluster has; `partitions` have a replica on it.
    known: whether the lab file has its datacenter, so that it belongs to a cluster of the lab.
    carries: what else than its role it was made for ("connect"). leaves: `fab up` removes it.
    """

    name: str
    datacenter: str
    role: str
    address: str
    running: bool
    broker: int | None = None
    partitions: tuple[str, ...] = ()
    known: bool = True
    carries: tuple[str, ...] = ()
    leaves: bool = False

    @property
    def problem(self) -> str:
        """What is wrong with it, in words: a broker that goes on serving a cluster of the lab."""
        if self.broker is None or not self.known:
            return ""
        way = "`fab up` empties and removes it" if self.leaves else "see docs/lab-file.md"
        return (f"broker {self.broker} ({self.name}) is surplus: the lab file has it no more, "
                f"{self._has}; {way}, or say it again in the lab file")

    def __str__(self) -> str:
        what = (f" ({', '.join((self.role, *self.carries))} of {self.datacenter})"
                if self.role else "")
        does = "runs" if self.running else "is stopped"
        has = f": broker {self.broker}, {self._has}" if self.broker is not None else ""
        ends = "`fab up` empties and removes it" if self.known else "`fab up` removes it"
        fate = ends if self.leaves else "left alone"
        return f"{self.name}{what} is of this lab but not in the lab file; {fate}, {does}{has}"

    @property
    def _has(self) -> str:
        places = self.partitions
        if not places:
            return "without a replica"
        return f"with replicas of {counted(len(places), 'partition')} ({_some(places)})"

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "datacenter": self.datacenter,
            "roles": [self.role, *self.carries] if self.role else [],
            "address": self.address, "running": self.running, "broker": self.broker,
            "partitions": list(self.partitions), "problem": self.problem,
        }


def surplus(topology: Topology, instances: Mapping[str, Instance]) -> tuple[Surplus, ...]:
    """Every such host, by address, with what it still carries; asks nobody where there is none."""
    known = {host.name for host in topology.hosts}
    left = {name: one for name, one in instances.items() if name not in known}
    if not left:
        return ()
    from scripts.drivers.holdings import holding, views  # noqa: PLC0415 - few labs have any

    there = strangers(topology, (one.standing for one in left.values() if one.standing))
    names = {datacenter.name for datacenter in topology.datacenters}
    leavers = {one.name for one in leaving(topology, there)}
    seen = views((one for one in there if left[one.name].running), topology.lab)
    told = [replace(_told(one, left[one.name], holding(one, seen), names),
                    leaves=one.name in leavers) for one in there]
    untold = [
        Surplus(name, "", "", one.address, one.running) for name, one in sorted(left.items())
        if one.standing is None
    ]
    return (*told, *untold)


def narrowed(
    found: Iterable[Surplus], names: Collection[str], *, everything: bool
) -> tuple[Surplus, ...]:
    """Those of the datacenters called `names`; with `everything` all of them."""
    return tuple(one for one in found if everything or one.datacenter in names)


def lines(found: Iterable[Surplus]) -> Iterator[str]:
    """A line for each, for people."""
    return (f"surplus: {one}" for one in found)


def problems(found: Iterable[Surplus], datacenter: str) -> list[str]:
    """What is wrong in a datacenter because of them."""
    return [one.problem for one in found if one.datacenter == datacenter and one.problem]


def lost(instances: Mapping[str, Instance], lab: str) -> Iterator[str]:
    """What would go with all of these hosts of a lab, a line for each datacenter whose cluster
    answers."""
    from scripts.drivers.holdings import views  # noqa: PLC0415 - few labs lose a host

    there = [one.standing for one in instances.values() if one.standing and one.running]
    for datacenter, view in sorted(views(there, lab).items()):
        topics = sorted({name.rpartition("-")[0] for name in view.replicas})
        mine = [name for name in topics if not name.startswith("__")]
        yield (f"{counted(len(mine), 'topic')} of {datacenter}"
               + (f" ({_some(mine)})" if mine else "")
               + f", {counted(len(view.replicas), 'partition')} in all")


def _some(names: Sequence[str]) -> str:
    """The first of these names, as one reads them in a line."""
    return ", ".join(names[:SOME]) + (", …" if len(names) > SOME else "")


def _told(
    one: Standing, instance: Instance, has: Holding | None, datacenters: Collection[str]
) -> Surplus:
    return Surplus(
        one.name, one.datacenter, one.role, str(one.address), instance.running,
        has.broker if has else None, has.partitions if has else (), one.datacenter in datacenters,
        one.carries,
    )
