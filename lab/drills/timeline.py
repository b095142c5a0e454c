"""A drill second by second: what was produced, mirrored and consumed where, and what happened."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lab.drills.figures import plain
from lab.drills.log import START, Log
from lab.drills.measures import first_acks, percentile

MAX_BINS = 600
# Seconds of a bin: what a person expects on a time axis.
WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)
Kind = Literal["produced", "mirrored", "consumed", "indexed"]


@dataclass(frozen=True)
class Series:
    """Records in each bin: acknowledged by, or read in, one datacenter."""

    kind: Kind
    cluster: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Delay:
    """The median and the longest delay in each bin, in seconds; None where there was none.

    With origin == cluster from sending to acknowledgement, in the bin of the acknowledgement;
    otherwise from sending in `origin` to sight in `cluster`, in the bin of the sight.
    """

    origin: str
    cluster: str
    median: tuple[float | None, ...]
    longest: tuple[float | None, ...]


@dataclass(frozen=True)
class Behind:
    """Acknowledged records of `origin` that `cluster` had not at the end of each bin."""

    origin: str
    cluster: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Mark:
    """An event, in seconds after the start."""

    kind: str
    at: float
    text: str


@dataclass(frozen=True)
class Timeline:
    """`bins` bins of `width` seconds from `start` (seconds since the epoch) on.

    Every series has a value for each bin. What came before the start is left out.
    """

    start: float
    width: int
    bins: int
    series: tuple[Series, ...]
    acks: tuple[Delay, ...]
    mirrors: tuple[Delay, ...]
    behind: tuple[Behind, ...]
    marks: tuple[Mark, ...]

    @property
    def clusters(self) -> tuple[str, ...]:
        """The datacenters, in the order in which they were first worked in."""
        return tuple(dict.fromkeys(one.cluster for one in self.series))

    def as_json(self) -> dict[str, Any]:
        """Plain types, seconds rounded to milliseconds."""
        return {key: plain(value) for key, value in asdict(self).items()}


def timeline(log: Log) -> Timeline:
    """Of at most MAX_BINS bins, from START (or the first thing recorded) to the last thing."""
    times = [ack.acked for ack in log.acked]
    times += [seen.at for one in (log.consumed, log.mirrored, log.indexed) for seen in one]
    times += [event.at for event in log.events]
    first = log.when(START)
    start = first if first is not None else min(times, default=0.0)
    span = max(times, default=start) - start
    width = next((one for one in WIDTHS if span < one * MAX_BINS), math.ceil(span / MAX_BINS) + 1)
    bins = math.floor(max(span, 0) / width) + 1
    axis = _Axis(start, width, bins)
    arrivals = _arrivals(log)
    return Timeline(
        start, width, bins, _series(log, axis),
        acks=_delays(((a.cluster, a.cluster, a.acked, a.sent) for a in log.acked), axis),
        mirrors=_delays(arrivals, axis),
        behind=_behind(log, arrivals, axis),
        marks=tuple(Mark(one.kind, max(0.0, one.at - start), one.text) for one in log.events),
    )


@dataclass(frozen=True)
class _Axis:
    start: float
    width: int
    bins: int

    def bin(self, at: float) -> int | None:
        """None for times before the start."""
        index = math.floor((at - self.start) / self.width)
        return index if 0 <= index < self.bins else None

    def counts(self, times: Iterable[float]) -> tuple[int, ...]:
        counts = [0] * self.bins
        for at in times:
            index = self.bin(at)
            if index is not None:
                counts[index] += 1
        return tuple(counts)


def _series(log: Log, axis: _Axis) -> tuple[Series, ...]:
    times: dict[tuple[Kind, str], list[float]] = {}
    for ack in log.acked:
        times.setdefault(("produced", ack.cluster), []).append(ack.acked)
    for seen in log.mirrored:
        times.setdefault(("mirrored", seen.cluster), []).append(seen.at)
    for seen in log.consumed:
        times.setdefault(("consumed", seen.cluster), []).append(seen.at)
    for seen in log.indexed:
        times.setdefault(("indexed", seen.cluster), []).append(seen.at)
    return tuple(Series(kind, cluster, axis.counts(own)) for (kind, cluster), own in times.items())


Arrival = tuple[str, str, float, float]  # origin, cluster, when it was there, when it was sent


def _arrivals(log: Log) -> list[Arrival]:
    """Of acknowledged records, each once a cluster."""
    acks = first_acks(log.acked)
    found: dict[tuple[int, str], Arrival] = {}
    for seen in (*log.mirrored, *log.indexed):
        ack = acks.get(seen.number)
        if seen.intact and ack and ack.cluster == seen.origin != seen.cluster:
            arrival = (seen.origin, seen.cluster, seen.at, ack.sent)
            found.setdefault((seen.number, seen.cluster), arrival)
    return list(found.values())


def _delays(arrivals: Iterable[Arrival], axis: _Axis) -> tuple[Delay, ...]:
    found: dict[tuple[str, str], list[list[float]]] = {}
    for origin, cluster, at, sent in arrivals:
        index = axis.bin(at)
        if index is not None:
            bins = found.setdefault((origin, cluster), [[] for _ in range(axis.bins)])
            bins[index].append(at - sent)
    return tuple(
        Delay(
            origin, cluster,
            tuple(percentile(sorted(own), 50) if own else None for own in bins),
            tuple(max(own, default=None) for own in bins),
        )
        for (origin, cluster), bins in found.items()
    )


def _behind(log: Log, arrivals: list[Arrival], axis: _Axis) -> tuple[Behind, ...]:
    ends = [axis.start + axis.width * (index + 1) for index in range(axis.bins)]
    found = []
    told = {one.number for one in log.letters}  # which a store is not to have
    for origin, cluster in dict.fromkeys((one[0], one[1]) for one in arrivals):
        acked = sorted(a.acked for a in first_acks(log.acked).values()
                       if a.cluster == origin and a.number not in told)
        there = sorted(at for one, two, at, _ in arrivals if (one, two) == (origin, cluster))
        # A record may be seen before its acknowledgement is; that is no lead.
        found.append(Behind(origin, cluster, tuple(
            max(0, bisect.bisect(acked, end) - bisect.bisect(there, end)) for end in ends
        )))
    return tuple(found)
