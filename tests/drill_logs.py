"""Logs of drills with known answers: clockwork in the place of clusters and clients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lab.drills.log import (
    CAUGHT_UP,
    DETECTED,
    END,
    FAULT,
    HEALTHY,
    HOME,
    MOVED,
    REPAIR,
    START,
    Acked,
    Committed,
    Event,
    Log,
    Seen,
)

T0 = 1_700_000_000.0
A, B = "dc1", "dc2"
ACK = 0.004  # seconds from sending to acknowledgement, READ to the group, MIRROR to the target
READ = 0.010
MIRROR = 0.050


@dataclass
class Maker:
    """Writes a log record by record. Times are seconds after T0."""

    keys: int = 3
    log: Log = field(init=False)
    offsets: dict[tuple[str, str, int], dict[int, int]] = field(default_factory=dict)
    produced: dict[int, Acked] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.log = Log(self.keys)

    def event(self, kind: str, at: float, text: str = "") -> None:
        self.log.events.append(Event(kind, T0 + at, text or kind))

    def produce(self, cluster: str, count: int, start: float, every: float) -> list[int]:
        """`count` acknowledged records, sent `every` so many seconds; their numbers."""
        numbers = list(range(self.log.sent, self.log.sent + count))
        for index, number in enumerate(numbers):
            sent = T0 + start + index * every
            offset = self.offset(number, cluster, cluster)
            ack = Acked(number, number % self.keys, sent, sent + ACK, cluster, offset)
            self.log.acked.append(ack)
            self.produced[number] = ack
        self.log.sent += count
        return numbers

    def offset(self, number: int, cluster: str, origin: str) -> int:
        """A record's offset in its partition; it is put at the end when it is not there yet."""
        own = self.offsets.setdefault((cluster, origin, number % self.keys), {})
        return own.setdefault(number, len(own))

    def seen(self, number: int, cluster: str, at: float) -> Seen:
        """A record as someone reads it; `at` is absolute."""
        origin = self.produced[number].cluster
        return Seen(number, number % self.keys, at, cluster, origin,
                    self.offset(number, cluster, origin))

    def mirror(self, numbers: Iterable[int], cluster: str, delay: float = MIRROR) -> None:
        """They arrive there this long after they were sent."""
        self.log.mirrored += [
            self.seen(n, cluster, self.produced[n].sent + delay) for n in numbers
        ]

    def consume(self, numbers: Iterable[int], cluster: str, delay: float = READ) -> None:
        """The group reads them as they come."""
        self.log.consumed += [
            self.seen(n, cluster, self.produced[n].sent + delay) for n in numbers
        ]

    def consume_at(self, numbers: Iterable[int], cluster: str, at: float) -> None:
        """The group reads them in one go."""
        self.log.consumed += [self.seen(n, cluster, T0 + at) for n in numbers]

    def commit(self, number: int, at: float) -> None:
        """The group commits in A that `number` is the next to be read, and each key's one before.

        So `number` is a multiple of the number of keys.
        """
        assert number % self.keys == 0
        for key in range(self.keys):
            offset = number // self.keys
            self.log.committed.append(Committed(key, T0 + at, A, A, offset))


@dataclass(frozen=True)
class Shape:
    """What happens in a failover; with the defaults nothing is lost or read again.

    Fault at 10 s, noticed at 12 s, moved at 13 s; the group reads again at 14 s, at the latest.
    """

    keys: int = 3
    rate: int = 30  # records a second; a multiple of keys
    lacking: int = 0  # of A's last records, not mirrored
    again: int = 0  # records before the last committed one from which B's offsets lead on; x keys
    unread: int = 0  # of A's last mirrored records, read in B only
    link: bool = False  # A goes on until the clients move
    home: bool = False


def failover_log(shape: Shape) -> Maker:
    """A perfect failover of that shape."""
    made, every = Maker(shape.keys), 1 / shape.rate
    made.event(START, 0, "all records flow")
    seconds = 13 if shape.link else 10
    first = made.produce(A, seconds * shape.rate, 0, every)
    at_fault = 10 * shape.rate
    mirrored = first[: (at_fault if shape.link else len(first)) - shape.lacking]
    made.mirror(mirrored, B)
    made.event(FAULT, 10, "dc1 is gone" if not shape.link else "the link is cut")
    made.event(DETECTED, 12, "no answer from dc1")
    made.event(MOVED, 13, "clients work in dc2")
    # Read in A: all but the last `unread` mirrored ones (and what comes after those).
    read = first[: len(mirrored) - shape.unread] if shape.unread else first
    made.consume(read, A)
    committed = len(read) - len(read) % shape.keys
    made.commit(committed, seconds - 0.1)
    made.log.held = [made.seen(n, B, T0 + 14) for n in mirrored]
    resume = min(committed - shape.again * shape.keys, len(mirrored))
    second = made.produce(B, 10 * shape.rate, 13, every)
    made.consume_at(mirrored[resume:], B, 14)
    ahead = [n for n in second if made.produced[n].sent < T0 + 14]
    made.consume_at(ahead, B, 14)
    made.consume(second[len(ahead):], B)
    if shape.home:
        made.mirror(second, A)
        _home(made, shape, late=first[len(mirrored):], unread=first[len(read):])
    made.event(END, 33 if shape.home else 23)
    made.log.stored = [made.seen(n, A, T0 + 40) for n in range(made.log.sent)]
    return made


def _home(made: Maker, shape: Shape, late: list[int], unread: list[int]) -> None:
    """Back to A: repaired at 20 s, healthy at 21 s, caught up at 22.5 s, home at 23 s."""
    made.event(REPAIR, 20)
    made.event(HEALTHY, 21)
    made.event(CAUGHT_UP, 22.5)
    made.event(HOME, 23)
    third = made.produce(A, 10 * shape.rate, 23, 1 / shape.rate)
    made.consume_at(sorted(set(late) & set(unread)), A, 23.005)
    made.consume(third, A)
    made.log.mirrored += [made.seen(n, B, T0 + 21.5) for n in late]
    made.mirror(third, B)


def outage_log(*, rate: int = 30, keys: int = 3, gap: float = 0.0) -> Maker:
    """30 s of one cluster; from the fault at 10 s on nothing is acknowledged for `gap` seconds
    more than usual, and all is well again at 15 s.
    """
    made, every = Maker(keys), 1 / rate
    made.event(START, 0)
    first = made.produce(A, 10 * rate, 0, every)
    made.event(FAULT, 10)
    made.event(REPAIR, 12)
    made.event(HEALTHY, 15)
    second = made.produce(A, 20 * rate, 10 + gap, every)
    made.consume(first + second, A)
    made.event(END, 30 + gap)
    made.log.stored = [made.seen(n, A, T0 + 40) for n in first + second]
    return made
