"""Replicas and leaders spread evenly over a cluster's brokers, with as little moved as that takes.

A new broker has no partitions: Kafka gives it none of those that are there. `plan` finds which
replicas go where so that

- brokers differ by at most one replica, and by at most one partition that they lead;
- their bytes differ by at most a tenth of the mean, or by the largest partition if that is more;
- no partition has fewer racks than before.

It goes step by step from what is there, and each rule only fires where its own aim is not reached,
so what it ends with is a plan of no moves itself. The first rule takes as many moves as there must
be at least (`least`): each takes a replica from where one is too many to where one lacks. Beyond
that a replica moves, or two change places, only where sizes or leaders ask for it; `exchanges` says
how often. Where all partitions have the same number of replicas and there is one rack, all aims are
reached. With racks a replica may have nowhere to go; with different numbers of replicas bytes may
stay uneven, since leaders come before them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

Place = tuple[str, int]
Layout = dict[Place, tuple[int, ...]]
PERCENT = 10  # of the mean of all brokers, that their bytes may differ by
TRIES = 100  # of the best exchanges, how many are looked at for one that leaves leaders even


@dataclass(frozen=True)
class Part:
    """A partition: its brokers, the preferred leader first; the bytes of one replica; who leads
    it now, None for nobody."""

    replicas: tuple[int, ...]
    size: int = 0
    leader: int | None = None


@dataclass(frozen=True)
class Load:
    """What a broker has: replicas, partitions that it leads, bytes."""

    replicas: int = 0
    leaders: int = 0
    size: int = 0


@dataclass(frozen=True)
class Move:
    """One partition's replicas as they are and as they shall be, and the bytes of one of them."""

    place: Place
    before: tuple[int, ...]
    after: tuple[int, ...]
    size: int

    @property
    def adds(self) -> tuple[int, ...]:
        """The brokers that get a copy; none where only the order changes, and so the leader."""
        return tuple(one for one in self.after if one not in self.before)


@dataclass(frozen=True)
class Plan:
    """`elections`: partitions that are then not led by their preferred leader. `least`: how many
    replicas have to move, however it is done. `exchanges`: see the module."""

    moves: tuple[Move, ...]
    elections: tuple[Place, ...]
    before: Mapping[int, Load]
    after: Mapping[int, Load]
    least: int
    exchanges: int

    @property
    def copies(self) -> int:
        """How many replicas are copied to another broker."""
        return sum(len(one.adds) for one in self.moves)

    @property
    def size(self) -> int:
        """The bytes that are copied."""
        return sum(one.size * len(one.adds) for one in self.moves)

    def __bool__(self) -> bool:
        return bool(self.moves or self.elections)


def plan(parts: Mapping[Place, Part], racks: Mapping[int, str]) -> Plan:
    """What makes a cluster even. `racks`: the brokers that there are, each with its rack."""
    search = _Search(parts, racks)
    while search.step():
        pass
    layout = search.layout
    moves = tuple(
        Move(place, part.replicas, layout[place], part.size)
        for place, part in sorted(parts.items()) if part.replicas != layout[place]
    )
    return Plan(
        moves, tuple(place for place, part in sorted(parts.items())
                     if part.leader != layout[place][0]),
        {broker: Load(now.replicas, sum(one.leader == broker for one in parts.values()), now.size)
         for broker, now in loads(parts, racks).items()},
        loads({place: Part(layout[place], part.size) for place, part in parts.items()}, racks),
        least(parts, racks), search.exchanges,
    )


def loads(parts: Mapping[Place, Part], racks: Mapping[int, str]) -> dict[int, Load]:
    """What each broker has; as leaders count the preferred ones."""
    replicas, leaders, sizes = Counter[int](), Counter[int](), Counter[int]()
    for part in parts.values():
        leaders[part.replicas[0]] += 1
        for broker in part.replicas:
            replicas[broker] += 1
            sizes[broker] += part.size
    return {one: Load(replicas[one], leaders[one], sizes[one]) for one in sorted(racks)}


def least(parts: Mapping[Place, Part], racks: Mapping[int, str]) -> int:
    """How many replicas at least have to move until brokers differ by no more than one."""
    counts = [load.replicas for load in loads(parts, racks).values()]
    if not counts:
        return 0
    low, rest = divmod(sum(counts), len(counts))
    high = low + bool(rest)
    return max(sum(max(0, one - high) for one in counts), sum(max(0, low - one) for one in counts))


def allowed(parts: Mapping[Place, Part], racks: Mapping[int, str]) -> int:
    """By how many bytes brokers may differ."""
    total = sum(load.size for load in loads(parts, racks).values())
    largest = max((part.size for part in parts.values()), default=0)
    return max(total * PERCENT // (100 * max(1, len(racks))), largest)


class _Search:
    """A layout on its way to be even. Each step makes the first of these smaller that it changes:
    the squares of the brokers' replicas, of their leaders, of their bytes. So it ends."""

    def __init__(self, parts: Mapping[Place, Part], racks: Mapping[int, str]) -> None:
        self.layout: Layout = {place: parts[place].replicas for place in sorted(parts)}
        self.exchanges = 0
        self._sizes = {place: part.size for place, part in parts.items()}
        self._racks, self._allowed = racks, allowed(parts, racks)

    def step(self) -> bool:
        """One step; False where nothing is left to do."""
        return self._even_replicas() or self._even_leaders() or self._even_bytes()

    def _loads(self) -> dict[int, Load]:
        return loads({place: Part(replicas, self._sizes[place])
                      for place, replicas in self.layout.items()}, self._racks)

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
            if source in replicas and target not in replicas:
                after = _replaced(replicas, source, target)
                if self._spread(after) >= self._spread(replicas):
                    yield place

    def _spread(self, replicas: tuple[int, ...]) -> int:
        return len({self._racks.get(one) for one in replicas})

    def _move(self, place: Place, source: int, target: int) -> None:
        self.layout[place] = _replaced(self.layout[place], source, target)

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
            led.setdefault(replicas[0], []).append(place)
        while queue and low not in came:
            broker = queue.popleft()
            for place in led.get(broker, ()):
                for other in self.layout[place][1:]:
                    if other in self._racks and other != high and other not in came:
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
