"""A cluster made even, or some brokers of it empty: what `lab.balance` plans, carried out by the
brokers themselves.

Nothing is written down here. What is under way, how fast it may go and who shall lead is kept in
the cluster, so the next run goes on with what a killed one began, from wherever it is then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lab.balance.parts import Place, homeless
from lab.balance.plan import Plan, plan
from lab.counted import counted
from lab.data import words
from lab.standing import REPLACE
from scripts.clients.kafka import spread_leaders
from scripts.clients.reassigning import Held, Reassigning, Seen
from scripts.drivers.driver import Site, Tell
from scripts.errors import LabError, few
from scripts.workstation.waiting import wait_until

LOOK_SECONDS = 0.3  # between two looks that have to see the same
SETTLE_SECONDS = 30.0
STILL_SECONDS = 180.0  # without a byte or a partition more, until it is given up
ELECT_SECONDS = 60.0
Ways = dict[Place, tuple[set[int], set[int]]]  # who sends each partition, and who gets it


class NoRoomError(LabError):
    """What brokers that leave have does not fit on the others."""


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
        return not (self.busy or self.plan.elections)

    @property
    def busy(self) -> bool:
        """Whether there is more to do than to let others lead."""
        return bool(self.plan.moves or self.seen.under_way or self.held)

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
    """One datacenter's cluster. `leaving`: the brokers that shall have nothing; `even`: whether the
    others are to be made even, too. `again`: what goes on with a run that was stopped."""

    def __init__(
        self, site: Site, cluster: Reassigning, leaving: Collection[int] = (), *,
        even: bool = True, again: str = "`fab kafka.balance`",
    ) -> None:
        self.site, self.cluster = site, cluster
        self.leaving, self._even, self._again = frozenset(leaving), even, again

    def look(self) -> Stand:
        """What there is to do. Raises LabError for a cluster that nothing should be moved in."""
        seen = self._settled()
        expected, there = {*self.site.kafka.expected}, {*seen.racks}
        if missing := sorted(expected - there):
            raise LabError(f"broker {_list(missing)} not registered", where=self.site.name,
                           hint="run `fab up`, then this again")
        if more := sorted(there - expected - self.leaving):
            raise LabError(
                f"broker {_list(more)} is not of the lab; nothing is moved while it is in the "
                "cluster", where=self.site.name, hint="see docs/scale.md",
            )
        if seen.short:
            raise LabError(
                f"{counted(len(seen.short), 'partition lacks', 'partitions lack')} a replica "
                f"({_list([f'{topic}-{number}' for topic, number in seen.short[:5]])}); nothing is "
                "moved before", where=self.site.name, hint="see `fab status`",
            )
        self._refuse_what_does_not_fit(seen)
        return Stand(seen, plan(seen.parts, seen.racks, self.leaving, even=self._even),
                     self.cluster.held(seen))

    def _refuse_what_does_not_fit(self, seen: Seen) -> None:
        if topics := homeless(seen.parts, seen.racks, self.leaving):
            room = len(seen.racks.keys() - self.leaving)
            raise NoRoomError(
                f"broker {_list(sorted(self.leaving))} cannot give away what it has: {few(topics)} "
                f"{'has' if len(topics) == 1 else 'have'} more replicas than the "
                f"{counted(room, 'broker that stays', 'brokers that stay')}", where=self.site.name,
                hint=f"say kafka = {len(seen.racks)} again, give these topics fewer replicas "
                     f"first, or {REPLACE}",
            )

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
                    where=self.site.name, hint=f"{self._again} completes it",
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


def sentence(stand: Stand) -> str:
    """What there is to do, in a line."""
    plan = stand.plan
    parts = [
        counted(len(stand.seen.under_way), "partition is under way", "partitions are under way")
        if stand.seen.under_way else "",
        f"{counted(plan.copies, 'replica')} to copy, {words.size(plan.size)} (at least "
        f"{plan.least} {'has' if plan.least == 1 else 'have'} to move)" if plan.copies else "",
        f"{counted(len(plan.elections), 'partition')} to be led by another broker"
        if plan.elections else "",
        f"{counted(len(stand.held), 'limit')} of a run before to remove" if stand.held else "",
        f"the order of replicas of {counted(len(plan.moves), 'partition')} to change"
        if plan.moves and not (plan.copies or plan.elections) else "",
    ]
    return "; ".join(filter(None, parts))


def _places(seen: Seen) -> dict[Place, tuple[int, ...]]:
    return {place: part.replicas for place, part in seen.parts.items()}


def _list(names: list[int] | list[str]) -> str:
    return ", ".join(map(str, names))
