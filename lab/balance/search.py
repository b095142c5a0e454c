"""The way from a layout of replicas to an even one, step by step: what `lab.balance.plan` tells."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping

from lab.balance.parts import Layout, Load, Part, Place, allowed, loads

TRIES = 100  # of the best exchanges, how many are looked at for one that leaves leaders even


class Search:
    """A layout on its way to be even. Each step makes the first of these smaller that it changes:
    the replicas on brokers that leave; the squares of the others' replicas, of their leaders, of
    their bytes. So it ends.

    While `_pinned`, nothing changes but what a broker that leaves had: it is copied in any case.
    Only when that helps no more, the rest may change, too (`even`).
    """

    def __init__(
        self, parts: Mapping[Place, Part], racks: Mapping[int, str],
        leaving: Collection[int] = (), *, even: bool = True,
    ) -> None:
        self.layout: Layout = {place: parts[place].replicas for place in sorted(parts)}
        self.exchanges = 0
        self._parts, self._leaving, self._even = parts, frozenset(leaving), even
        self._pinned = bool(leaving) or not even
        self._sizes = {place: part.size for place, part in parts.items()}
        self._racks = racks
        self._staying = tuple(sorted(racks.keys() - self._leaving))
        self._allowed = allowed(parts, self._staying)

    def step(self) -> bool:
        """One step; False where nothing is left to do."""
        if self._drain() or self._even_replicas() or self._even_leaders() or self._even_bytes():
            return True
        if self._pinned and self._even:
            self._pinned = False
            return self.step()
        return False

    def _loads(self) -> dict[int, Load]:
        return loads({place: Part(replicas, self._sizes[place])
                      for place, replicas in self.layout.items()}, self._staying)

    def _pairs(self, now: Mapping[int, Load], of: Callable[[Load], int], over: int
               ) -> Iterator[tuple[int, int]]:
        """Brokers of which one has more than another by more than `over`, the most unequal first;
        of those alike, the one with the most bytes and the one with the fewest."""
        found = [
            (of(now[low]) - of(now[high]), now[low].size - now[high].size, high, low)
            for high in now for low in now if of(now[high]) - of(now[low]) > over
        ]
        return ((high, low) for _, _, high, low in sorted(found))

    def _movable(self, source: int, target: int) -> Iterator[Place]:
        """The partitions whose replica on one broker may as well be on another."""
        for place, replicas in self.layout.items():
            if (source in replicas and target not in replicas
                    and not (self._pinned and source in self._parts[place].replicas)):
                after = _replaced(replicas, source, target)
                if self._spread(after) >= self._spread(replicas):
                    yield place

    def _spread(self, replicas: tuple[int, ...]) -> int:
        return len({self._racks.get(one) for one in replicas})

    def _move(self, place: Place, source: int, target: int) -> None:
        self.layout[place] = _replaced(self.layout[place], source, target)

    # -- brokers that leave

    def _drain(self) -> bool:
        """Give all that they have to others: what has the fewest places to go to first, then what
        is large; each to who has the fewest replicas, in as many racks as can be."""
        found = sorted(
            (len(self._homes(place, source)), -self._sizes[place], place, source)
            for place, replicas in self.layout.items() for source in replicas
            if source in self._leaving and self._homes(place, source)
        )
        now = {one: (load.replicas, load.size) for one, load in self._loads().items()}
        for _, _, place, source in found:
            home = min(self._homes(place, source), key=lambda one: (*now[one], one))
            now[home] = now[home][0] + 1, now[home][1] + self._sizes[place]
            self._move(place, source, home)
        return bool(found)

    def _homes(self, place: Place, source: int) -> list[int]:
        """The brokers that may get a replica of one that leaves; nobody where a partition has more
        replicas than there are brokers that stay."""
        replicas = self.layout[place]
        if len(replicas) > len(self._staying):
            return []
        spreads = {one: self._spread(_replaced(replicas, source, one))
                   for one in self._staying if one not in replicas}
        return [one for one, spread in spreads.items() if spread == max(spreads.values())]

    # -- replicas

    def _even_replicas(self) -> bool:
        now = self._loads()
        for high, low in self._pairs(now, lambda load: load.replicas, 1):
            rank = self._rank(now, high, low)
            if (place := min(self._movable(high, low), key=rank, default=None)) is not None:
                self._move(place, high, low)
                return True
        return False

    def _rank(
        self, now: Mapping[int, Load], high: int, low: int
    ) -> Callable[[Place], tuple[int, bool, int, Place]]:
        """What is best moved: of a size that brings the other broker to the mean with all that it
        still gets; led or not as leaders ask for it; of a topic that it has little of."""
        brokers = len(now)
        total = sum(load.size for load in now.values())
        count = sum(load.replicas for load in now.values())
        lacks = max(1, count // brokers - now[low].replicas)
        ideal = max(0, total // brokers - now[low].size) // lacks
        grain = 1 + total // (4 * count)
        leads = now[high].leaders - now[low].leaders > 1
        topics: Counter[tuple[str, int]] = Counter(
            (topic, one) for (topic, _), replicas in self.layout.items() for one in replicas
        )

        def rank(place: Place) -> tuple[int, bool, int, Place]:
            topic, _ = place
            return (abs(self._sizes[place] - ideal) // grain,
                    (self.layout[place][0] == high) != leads,
                    topics[topic, low] - topics[topic, high], place)

        return rank

    # -- leaders

    def _even_leaders(self) -> bool:
        return self._hand_over() or self._exchange_leaders()

    def _hand_over(self) -> bool:
        """Let another replica lead, from broker to broker on the shortest way; nothing moves."""
        for high, low in self._pairs(self._loads(), lambda load: load.leaders, 1):
            if way := self._way(high, low):
                for place, broker in way:
                    self.layout[place] = _led(self.layout[place], broker)
                return True
        return False

    def _way(self, high: int, low: int) -> list[tuple[Place, int]]:
        """Partitions, each with a replica that shall lead it, so that in the end one broker leads
        one less and another one more."""
        came: dict[int, tuple[Place, int]] = {}
        queue = deque([high])
        led: dict[int, list[Place]] = {}
        for place, replicas in self.layout.items():
            if not self._pinned or {*self._parts[place].replicas} & self._leaving:
                led.setdefault(replicas[0], []).append(place)
        while queue and low not in came:
            broker = queue.popleft()
            for place in led.get(broker, ()):
                for other in self.layout[place][1:]:
                    if other in self._staying and other != high and other not in came:
                        came[other] = place, broker
                        queue.append(other)
        way: list[tuple[Place, int]] = []
        at = low
        while at in came:
            place, before = came[at]
            way.append((place, at))
            at = before
        return way

    def _exchange_leaders(self) -> bool:
        """Move a partition with its lead, where no replica could take it over; for it comes one
        that the other broker does not lead."""
        now = self._loads()
        for high, low in self._pairs(now, lambda load: load.leaders, 1):
            gives = [one for one in self._movable(high, low) if self.layout[one][0] == high]
            takes: list[Place | None] = [
                one for one in self._movable(low, high) if self.layout[one][0] != low
            ]
            if now[high].replicas > now[low].replicas:
                takes = [None]
            gap = now[high].size - now[low].size
            found = min(
                ((abs(gap - 2 * self._difference(give, take)), give, take)
                 for give in gives for take in takes),
                key=lambda one: (one[0], one[1], one[2] or one[1]), default=None,
            )
            if found:
                self._exchange(found[1], found[2], high, low)
                return True
        return False

    def _exchange(self, give: Place, take: Place | None, high: int, low: int) -> None:
        self._move(give, high, low)
        if take is not None:
            self._move(take, low, high)
        self.exchanges += 1

    def _difference(self, give: Place, take: Place | None) -> int:
        return self._sizes[give] - (self._sizes[take] if take is not None else 0)

    # -- bytes

    def _even_bytes(self) -> bool:
        now = self._loads()
        uneven = _squares(now)
        for high, low in self._pairs(now, lambda load: load.size, self._allowed):
            for _, give, take in sorted(self._exchanges(now, high, low), key=_order)[:TRIES]:
                layout, count = self.layout.copy(), self.exchanges
                self._exchange(give, take, high, low)
                while self._hand_over():
                    pass
                if _squares(self._loads()) <= uneven:
                    return True
                self.layout, self.exchanges = layout, count
        return False

    def _exchanges(
        self, now: Mapping[int, Load], high: int, low: int
    ) -> Iterator[tuple[int, Place, Place | None]]:
        """What brings two brokers' bytes nearer to each other, with how far apart that leaves
        them: a replica that moves, or two that change places."""
        gap = now[high].size - now[low].size
        takes = sorted((self._sizes[one], one) for one in self._movable(low, high))
        for give in self._movable(high, low):
            size = self._sizes[give]
            if now[high].replicas > now[low].replicas and 0 < size < gap:
                yield abs(gap - 2 * size), give, None
            at = bisect_left(takes, (size - gap // 2, ("", 0)))
            for other, take in takes[max(0, at - 1):at + 1]:
                if 0 < size - other < gap:
                    yield abs(gap - 2 * (size - other)), give, take


def _order(one: tuple[int, Place, Place | None]) -> tuple[int, bool, Place, Place]:
    left, give, take = one
    return left, take is not None, give, take or give


def _squares(now: Mapping[int, Load]) -> int:
    return sum(load.leaders ** 2 for load in now.values())


def _replaced(replicas: tuple[int, ...], source: int, target: int) -> tuple[int, ...]:
    return tuple(target if one == source else one for one in replicas)


def _led(replicas: tuple[int, ...], leader: int) -> tuple[int, ...]:
    """The same brokers with another one first, whose place the first one takes."""
    first = replicas[0]
    return tuple({first: leader, leader: first}.get(one, one) for one in replicas)
