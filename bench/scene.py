"""The story of a broker that is killed, as a picture of a lab has it: for what is measured of
pages, and for tests."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lab.picture.history import History
from lab.picture.snapshot import (
    ENSEMBLE,
    QUORUM,
    Behind,
    Broker,
    Datacenter,
    Flow,
    Group,
    Lag,
    Log,
    Member,
    Mirror,
    Partition,
    Room,
    Server,
    Snapshot,
    Thing,
    Topic,
)

BEGAN = 1_764_236_000.0


@dataclass
class Scene:
    """Two datacenters of three brokers, the second with KRaft, with a mirror each way, records
    flowing, and members of a group. `killed`: second at which kafka03 of dc1 dies; `back`: at which
    it returns."""

    seconds: int = 300
    killed: int = 200
    back: int = 260
    partitions: int = 6
    step: float = 0.5

    def snapshots(self) -> Iterator[Snapshot]:
        for count in range(int(self.seconds / self.step) + 1):
            yield self.at(count * self.step)

    def history(self) -> History:
        looks = self.snapshots()
        found = History.of(next(looks))
        for one in looks:
            found = found.plus(one)
        return found

    def at(self, second: float) -> Snapshot:
        dead = self.killed <= second < self.back
        noticed = self.killed + 1 <= second < self.back + 8  # it has to catch up
        found: list[Thing] = []
        for place, name in enumerate(("dc1", "dc2")):
            gone = {3} if not place else set()
            found.append(Datacenter(name, place))
            head = 0 if place else 1 if second >= self.killed else 3  # of the second a controller
            found += [Broker(name, id, f"student-{name}-kafka0{id}", f"kafka0{id}",
                             not (dead and id in gone), id == head) for id in (1, 2, 3)]
            of, role, leads = (QUORUM, "kraft", 2) if place else (ENSEMBLE, "zk", 1)
            found += [Server(name, of, id, f"student-{name}-{role}0{id}", f"{role}0{id}",
                             "leader" if id == leads else "follower") for id in (1, 2, 3)]
            found += self._topics(name, second, gone if noticed else set())
            found += [Room(name, id, 90_000_000 + int(second * 3e6 + id * 2e7) % 160_000_000,
                           268_435_456, int(4e7 + second * 1e5), 79_000_000_000, 252_000_000_000)
                      for id in (1, 2, 3)]
        found += self._groups(second, noticed)
        wave = 1 + 0.3 * math.sin(second / 9)
        found += [
            Mirror("dc1-to-dc2", "dc1", "dc2"), Mirror("dc2-to-dc1", "dc2", "dc1"),
            Flow("dc1-to-dc2", round(1204 * wave), int(13 * wave), round(0.6 * wave, 1),
                 round(second % 5, 1)),
            Flow("dc2-to-dc1", 0.0, 0, 0.0, round(second % 5, 1)),
        ]
        return Snapshot.of(BEGAN + second, found)

    def _topics(self, name: str, second: float, gone: set[int]) -> Iterator[Thing]:
        orders, other = ("orders", "payments") if name == "dc1" else ("dc1.orders", "returns")
        for topic, count, rate in ((orders, self.partitions, 1000), (other, 3, 90)):
            yield Topic(name, topic, origin="dc1" if topic.startswith("dc1.") else "")
            yield from _partitions(name, topic, count, gone)
            each = second * rate / count
            yield Log(name, topic, (0,) * count, tuple(
                8000 + int(each * (1 + 0.25 * math.sin(one * 2.1))) for one in range(count)
            ))
            yield Behind(name, topic, tuple(
                tuple(self._lacks(second, id, gone, rate / count) for id in placed)
                for placed in map(_placed, range(count))
            ))
        yield Topic(name, "__consumer_offsets", internal=True)
        yield from _partitions(name, "__consumer_offsets", 50, gone)

    def _lacks(self, second: float, broker: int, gone: set[int], rate: float) -> int:
        """Records that a replica has not: what was written while its broker was away, which it then
        fetches; else what comes within a moment."""
        if broker in gone:
            away = min(second, self.back) - self.killed
            return int(max(away - max(second - self.back, 0) * away / 8, 0) * rate)
        return int(rate / 100 * (1 + math.sin(second * 1.7 + broker)))

    def _groups(self, second: float, noticed: bool) -> Iterator[Thing]:
        count = self.partitions
        some = [("a", "10.10.1.40"), ("b", "10.10.1.41"), ("c", "10.10.1.42")]
        since, state, generation = 0.0, "stable", 13
        if second >= self.killed + 4:
            some, since, generation = some[:2], self.killed + 4.8, 14
        if self.killed + 4 <= second < self.killed + 5:
            since, state, generation = self.killed + 4.0, "preparing rebalance", 13
        spread = tuple(
            Member(f"consumer-{label}", label, "billing", host, tuple(
                ("orders", number) for number in range(count) if number * len(some) // count == one
            ) if state == "stable" else ())
            for one, (label, host) in enumerate(some)
        )
        yield Group("dc1", "billing", state, BEGAN + since, generation, spread)
        yield Lag("dc1", "billing", "orders", tuple(
            int(abs(math.sin(second / 3 + one)) * (400 if noticed else 40)) for one in range(count)
        ))
        yield Group("dc2", "reports", "stable", BEGAN, 3, (
            Member("reports-1", "a", "reports", "10.10.2.40",
                   tuple(("dc1.orders", number) for number in range(count))),
        ))
        yield Lag("dc2", "reports", "dc1.orders", (0,) * count)


def _partitions(name: str, topic: str, count: int, gone: set[int]) -> Iterator[Partition]:
    for number in range(count):
        replicas = _placed(number)
        isr = tuple(one for one in replicas if one not in gone)
        yield Partition(name, topic, number, isr[0] if isr else None, replicas, isr)


def _placed(number: int) -> tuple[int, ...]:
    return tuple((number + one) % 3 + 1 for one in range(3))
