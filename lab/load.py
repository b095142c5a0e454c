"""A workload as an application makes it: numbered records, some keys more often than others.

Record N of a seed is always the same, whoever asks and in whatever order: what is written can be
told from what is missing, twice or out of order by the numbers alone.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from lab.counted import counted

SHAPES = ("steady", "bursty")
MAX_RATE, MAX_KEYS, MAX_SKEW = 20_000, 100_000, 10
# A burst in the middle of each round; a whole round has as many records as a steady one.
BURST_EVERY_S, BURST_S, BEFORE_S = 10.0, 2.0, 4.0
BURST_TIMES, CALM_TIMES = 4.0, 0.25
PRODUCTS = ("apples", "bread", "coffee", "eggs", "flour", "honey", "milk", "rice", "salt", "tea")
BITS = 0xFFFF_FFFF_FFFF_FFFF
KEY, PRODUCT, QUANTITY, PRICE = range(4)  # of one record, drawn independently of each other
STEP = 1.02  # between two classes of latencies
LEAST_S = 1e-6


@dataclass(frozen=True)
class Load:
    """rate: records per second. skew: of the keys, 0 for all alike; Zipf's exponent."""

    rate: int = 100
    keys: int = 100
    skew: float = 1.0
    seed: int = 1
    shape: str = "steady"

    def faults(self) -> Iterator[tuple[str, object, str]]:
        """What cannot be: (the option, its value, what is accepted)."""
        for option, value, holds, accepted in (
            ("rate", self.rate, 1 <= self.rate <= MAX_RATE, f"1 to {MAX_RATE:,} records a second"),
            ("keys", self.keys, 1 <= self.keys <= MAX_KEYS, f"1 to {MAX_KEYS:,}"),
            ("skew", self.skew, 0 <= self.skew <= MAX_SKEW, f"0 to {MAX_SKEW}"),
            ("seed", self.seed, 0 <= self.seed <= BITS, f"0 to {BITS}"),
            ("shape", self.shape, self.shape in SHAPES, ", ".join(SHAPES)),
        ):
            if not holds:
                yield option, value, accepted

    def record(self, number: int) -> tuple[str, str]:
        """Key and value of record `number`; the value is JSON."""
        key = self.name(self._rank(self._drawn(number, KEY)))
        value = {
            "seq": number, "customer": key,
            "product": PRODUCTS[self._drawn(number, PRODUCT) % len(PRODUCTS)],
            "quantity": 1 + self._drawn(number, QUANTITY) % 9,
            "cents": 99 + self._drawn(number, PRICE) % 9900,
        }
        return key, json.dumps(value)

    def name(self, rank: int) -> str:
        """The key of a rank; 0 is the one that comes most often."""
        return f"customer-{rank + 1:0{len(str(self.keys))}d}"

    def due(self, elapsed: float) -> int:
        """How many records have to be sent `elapsed` seconds after the beginning."""
        if self.shape == "steady":
            return int(elapsed * self.rate)
        rounds, since = divmod(elapsed, BURST_EVERY_S)
        burst = min(max(since - BEFORE_S, 0.0), BURST_S)
        full = burst * BURST_TIMES + (since - burst) * CALM_TIMES
        return int((rounds * BURST_EVERY_S + full) * self.rate)

    @cached_property
    def _shares(self) -> list[float]:
        """For each rank the share of records whose key has it or a smaller one."""
        sums = list(accumulate((rank + 1) ** -self.skew for rank in range(self.keys)))
        return [one / sums[-1] for one in sums]

    def _rank(self, drawn: int) -> int:
        return min(bisect_right(self._shares, drawn / (BITS + 1)), self.keys - 1)

    def _drawn(self, number: int, what: int) -> int:
        return _mixed(_mixed(self.seed) + _mixed(4 * number + what))


def _mixed(number: int) -> int:
    """64 bits that hang on all of `number`'s (SplitMix64, Steele, Lea and Flood 2014)."""
    number = (number + 0x9E3779B97F4A7C15) & BITS
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & BITS
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & BITS
    return number ^ (number >> 31)


class Latencies:
    """How long records took, in classes that are 2 % wide: their memory does not grow."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        self._counts[int(math.log(max(seconds, LEAST_S) / LEAST_S, STEP))] += 1

    def quantile(self, share: float) -> float | None:
        """The seconds that this share of the records stayed below; None for no record."""
        count = self._counts.total()
        rank = min(int(share * count), count - 1)
        for one in sorted(self._counts):
            rank -= self._counts[one]
            if rank < 0:
                return float(LEAST_S * STEP ** (one + 0.5))
        return None


@dataclass
class Tally:
    """What became of the records so far. `lately`: those of the present second only."""

    sent: int = 0
    acked: int = 0
    lost: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    ever: Latencies = field(default_factory=Latencies)
    lately: Latencies = field(default_factory=Latencies)

    def acknowledged(self, seconds: float) -> None:
        self.acked += 1
        self.ever.add(seconds)
        self.lately.add(seconds)

    def failed(self, why: str) -> None:
        self.lost += 1
        self.reasons[why] += 1

    @property
    def waiting(self) -> int:
        return self.sent - self.acked - self.lost

    def next_second(self) -> None:
        self.lately = Latencies()


def sentence(load: Load, where: str, duration: int) -> str:
    """What is about to be written. duration: in seconds, 0 for no end."""
    ends = f"for {duration} s" if duration else "until Ctrl-C"
    return (f"{where}: {load.rate:,}/s, {load.shape}, {counted(load.keys, 'key')}, "
            f"skew {load.skew:g}, seed {load.seed}, {ends}")


def line(elapsed: float, rate: float, tally: Tally) -> str:
    """What is told of one second. rate: records that were sent in it. More than a second's worth
    without an answer is a backlog, and told."""
    backlog = f"  {tally.waiting:,} waiting" if tally.waiting > max(rate, 1) else ""
    return (
        f"{elapsed:4.0f} s {rate:7,.0f}/s {tally.acked:10,} acknowledged  {tally.lost:,} failed  "
        f"{_times(tally.lately, '  ')}{backlog}"
    )


def closing(tally: Tally, seconds: float, where: str, load: Load) -> str:
    """The sum, in one line."""
    if not tally.sent:
        return f"no records to {where}"
    seconds = max(seconds, 0.001)
    why = f" ({tally.reasons.most_common(1)[0][0]})" if tally.reasons else ""
    silent = f", {tally.waiting:,} without an answer" if tally.waiting else ""
    return (
        f"{counted(tally.sent, 'record')} in {seconds:.1f} s to {where} "
        f"({tally.sent / seconds:,.0f}/s), numbers 0 to {tally.sent - 1}, seed {load.seed}: "
        f"{tally.acked:,} acknowledged, "
        f"{tally.lost:,} failed{why}{silent}; latency {_times(tally.ever, ', ')}"
    )


def _times(found: Latencies, between: str) -> str:
    return f"median {shown(found.quantile(0.5))}{between}p99 {shown(found.quantile(0.99))}"


def shown(seconds: float | None) -> str:
    """Two digits that count, with their unit: `4.2 ms`."""
    if seconds is None:
        return "-"
    number, unit = (seconds, "s") if seconds >= 0.9995 else (seconds * 1000, "ms")
    digits = 0 if number >= 9.95 else 1 if number >= 0.995 else 2
    return f"{number:.{digits}f} {unit}"
