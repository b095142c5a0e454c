"""Measures that the scores share."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise

from lab.drills.log import Acked, Log, Seen


@dataclass(frozen=True)
class Latency:
    """Of `count` times the median, the 99th percentile and the longest, in seconds.

    Percentiles are nearest-rank: the smallest time that so many per cent do not exceed.
    """

    count: int
    median: float
    p99: float
    longest: float


def latency(times: Iterable[float]) -> Latency | None:
    """None when there are no times."""
    ordered = sorted(times)
    if not ordered:
        return None
    return Latency(len(ordered), percentile(ordered, 50), percentile(ordered, 99), ordered[-1])


def percentile(ordered: list[float], percent: float) -> float:
    """The nearest-rank percentile of times in ascending order, of which there is at least one."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


@dataclass(frozen=True)
class Reading:
    """What a group read: each number's first consumption, and how often it read amiss.

    duplicates: consumptions of a number that had been consumed. order_violations: numbers that
    came, for the first time, after a higher one of their key.
    """

    first: dict[int, Seen]
    duplicates: int
    order_violations: int


def reading(consumed: Iterable[Seen]) -> Reading:
    """Of the intact records, in the order in which they were consumed."""
    first: dict[int, Seen] = {}
    highest: dict[int, int] = {}
    duplicates = violations = 0
    for seen in consumed:
        if not seen.intact:
            continue
        if seen.number in first:
            duplicates += 1
            continue
        first[seen.number] = seen
        top = highest.get(seen.key, -1)
        violations += seen.number < top
        highest[seen.key] = max(top, seen.number)
    return Reading(first, duplicates, violations)


def corrupt(log: Log) -> int:
    """Reads of damaged records, whoever read them; one that two readers met counts twice."""
    lists = (log.consumed, log.mirrored, log.held, log.stored)
    return sum(not seen.intact for one in lists for seen in one)


def numbers(seen: Iterable[Seen]) -> set[int]:
    """The numbers of the intact records."""
    return {one.number for one in seen if one.intact}


def first_acks(acked: Iterable[Acked]) -> dict[int, Acked]:
    """Each number's earliest acknowledgement."""
    found: dict[int, Acked] = {}
    for ack in acked:
        if ack.number not in found or ack.acked < found[ack.number].acked:
            found[ack.number] = ack
    return found


def longest_gap(
    times: Collection[float], start: float | None = None, end: float | None = None
) -> float | None:
    """The longest time in seconds between successive ones from `start` on.

    The times to the first and from the last one to `end` count, too: what stopped for good is a
    gap. None when there is neither a pair of times nor of edges.
    """
    points = sorted(time for time in times if start is None or time >= start)
    if start is not None:
        points.insert(0, start)
    if end is not None and (not points or points[-1] < end):
        points.append(end)
    return max((later - sooner for sooner, later in pairwise(points)), default=None)


def between(start: float | None, end: float | None) -> float | None:
    """Seconds from one time to another; None when either never was."""
    return None if start is None or end is None else end - start
