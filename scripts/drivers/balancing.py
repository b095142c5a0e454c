"""A cluster made even: what `lab.balance` plans, carried out by the brokers themselves.

Nothing is written down here. What is under way, how fast it may go and who shall lead is kept in
the cluster, so the next run goes on with what a killed one began, from wherever it is then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from lab.balance import Place, Plan, plan
from lab.counted import counted
from lab.data import words
from scripts.clients.kafka import spread_leaders
from scripts.clients.reassigning import Held, Reassigning, Seen
from scripts.drivers.driver import Site, Tell
from scripts.errors import LabError
from scripts.workstation.waiting import wait_until

LOOK_SECONDS = 0.3  # between two looks that have to see the same
SETTLE_SECONDS = 30.0
STILL_SECONDS = 180.0  # without a byte or a partition more, until it is given up
ELECT_SECONDS = 60.0
Ways = dict[Place, tuple[set[int], set[int]]]  # who sends each partition, and who gets it


@dataclass(frozen=True)
class Stand:
    """What there is, what there is to do, and what a run that was cut off has left: settings that
    hold replication back."""

    seen: Seen
    plan: Plan
    held: Mapping[Held, tuple[str, ...]]

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.plan or self.seen.under_way or self.held)

    @property
    def ways(self) -> Ways:
        """Who sends which partitions to whom, of what is under way and of what is to come."""
        found: Ways = {
            place: ({*way.replicas} - {*way.adding}, {*way.adding})
            for place, way in self.seen.under_way.items()
        }
        for move in self.plan.moves:
            have, gets = found.get(move.place, ({*move.before}, set()))
            if more := {*move.after} - have:
                found[move.place] = have, gets | more
        return found


@dataclass(frozen=True)
class Arrived:
    """How much of it is done: partitions and bytes, of how many."""

    partitions: int
    of_partitions: int
    size: int
    of_size: int


class Balancing:
    """One datacenter's cluster."""

    def __init__(self, site: Site, cluster: Reassigning) -> None:
        self.site, self.cluster = site, cluster

    def look(self) -> Stand:
        """What there is to do. Raises LabError for a cluster that nothing should be moved in."""
        seen = self._settled()
        expected, there = {*self.site.kafka.expected}, {*seen.racks}
        if missing := sorted(expected - there):
            raise LabError(f"broker {_list(missing)} not registered", where=self.site.name,
                           hint="run `fab up`, then this again")
        if more := sorted(there - expected):
            raise LabError(
                f"broker {_list(more)} is not in the lab file; to take partitions away from a "
                "broker is not this task's work", where=self.site.name, hint="see docs/scale.md",
            )
        if seen.short:
            raise LabError(
                f"{counted(len(seen.short), 'partition lacks', 'partitions lack')} a replica "
                f"({_list([f'{topic}-{number}' for topic, number in seen.short[:5]])}); nothing is "
                "moved before", where=self.site.name, hint="see `fab status`",
            )
        return Stand(seen, plan(seen.parts, seen.racks), self.cluster.held(seen))

    def _settled(self) -> Seen:
        """The cluster, seen twice alike: brokers hear of what has just arrived one by one."""
        last: Seen | None = None

        def still() -> Seen | None:
            nonlocal last
            before, last = last, self.cluster.seen()
            return last if before and _places(before) == _places(last) else None

        found: Seen = wait_until(
            still, timeout=SETTLE_SECONDS, pause=LOOK_SECONDS, where=self.site.name,
            message="partitions do not stay where they are",
        )
        return found

    def carry_out(self, stand: Stand, rate: int, tell: Tell, stop: threading.Event) -> None:
        """Move what is to be moved, at `rate` bytes a second on each broker at most, and let the
        preferred replicas lead. Raises LabError, also when it is stopped: the next run goes on."""
        ways = stand.ways
        if ways:
            self.cluster.hold(ways, stand.seen.racks, rate)
        self.cluster.move({move.place: move.after for move in stand.plan.moves})
        self._wait(stand, ways, tell, stop)
        self.cluster.release(self.cluster.held(stand.seen))
        self._elect(stand, tell)

    def _wait(self, stand: Stand, ways: Ways, tell: Tell, stop: threading.Event) -> None:
        """Until nothing is under way."""
        began = changed = time.monotonic()
        before: Arrived | None = None
        now: Arrived | None
        while True:
            trouble, left = "", len(ways)
            try:
                under_way = self.cluster.under_way()
                left = len(under_way)
                now = arrived(stand, ways, {*under_way}, self.cluster.sizes(stand.seen.racks))
            except LabError as error:  # a broker is away, which may come back
                trouble, now = error.what, before
            seconds = time.monotonic() - began
            if now is not None and now != before:
                before, changed = now, time.monotonic()
                if now.of_partitions:
                    tell(line(seconds, now))
            if not trouble and not left:
                return
            if time.monotonic() - changed > STILL_SECONDS:
                why = trouble or counted(
                    left, "partition is under way", "partitions are under way")
                raise LabError(f"nothing has arrived for {STILL_SECONDS:g} s: {why}",
                               where=self.site.name, hint="see `fab status`, then run it again")
            if stop.wait(1):  # a look a second
                raise LabError(
                    f"stopped; the brokers go on with {counted(left, 'partition')}, slowly",
                    where=self.site.name, hint="`fab kafka.balance` completes it",
                )

    def _elect(self, stand: Stand, tell: Tell) -> None:
        """Until every partition is led by its preferred replica, as each broker has heard it."""
        wanted = {move.place: move.after for move in stand.plan.moves}
        told = False

        def led() -> bool:
            nonlocal told
            parts = self.cluster.seen().parts
            if any(part.replicas != wanted.get(place, part.replicas)
                   for place, part in parts.items()):
                return False  # who answers does not know yet
            found = [place for place, part in parts.items() if part.leader != part.replicas[0]]
            if found:
                if not told:
                    tell(f"electing leaders of {counted(len(found), 'partition')}")
                    told = True
                spread_leaders(self.site.kafka.endpoint, where=self.site.name)
            return not found

        wait_until(led, timeout=ELECT_SECONDS, pause=LOOK_SECONDS, where=self.site.name,
                   message="some partitions are not led by their first replica")


def arrived(
    stand: Stand, ways: Ways, under_way: set[Place], sizes: Mapping[tuple[int, Place], int]
) -> Arrived:
    """What has come of what was to be copied; a copy is never counted as more than there was."""
    size = whole = 0
    for place, (_, gets) in ways.items():
        one = stand.seen.parts[place].size
        whole += one * len(gets)
        size += sum(min(one, sizes.get((broker, place), 0)) if place in under_way else one
                    for broker in gets)
    return Arrived(sum(place not in under_way for place in ways), len(ways), size, whole)


def line(seconds: float, now: Arrived) -> str:
    """How far it is, for people."""
    return (f"{seconds:5.0f} s  {now.partitions} of {counted(now.of_partitions, 'partition')} "
            f"moved, {words.size(now.size)} of {words.size(now.of_size)}")


def _places(seen: Seen) -> dict[Place, tuple[int, ...]]:
    return {place: part.replicas for place, part in seen.parts.items()}


def _list(names: list[int] | list[str]) -> str:
    return ", ".join(map(str, names))
