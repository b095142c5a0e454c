"""Single records out of many: the first or the last of some partitions, in order of time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.data.words import as_json, legible, moment, shown
from lab.drills.figures import counted

COLUMNS = ("partition", "offset", "timestamp", "key", "headers", "value")
USUAL, MOST = 10, 10_000  # records of one answer
ENDS = 12  # partitions whose ends a person is told
BUDGET = 200_000  # offsets that are looked through for one answer
HIGHEST = 2**63 - 1
FILTERED = 1000  # offsets of each partition at the first look for some records only
WIDER = 4  # times as many offsets at the next look, where the last one was not enough
Span = tuple[int, int]  # from an offset up to before another


@dataclass(frozen=True)
class Record:
    """timestamp: ms since the epoch, None for none. appended: it is the broker's, not the
    producer's."""

    partition: int
    offset: int
    timestamp: int | None
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    appended: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "partition": self.partition, "offset": self.offset, "timestamp": self.timestamp,
            "timestamp_of": "broker" if self.appended else "producer",
            "key": as_json(self.key), "value": as_json(self.value),
            "headers": [{"name": name, "value": as_json(value)} for name, value in self.headers],
        }

    def row(self) -> tuple[str, ...]:
        headers = ", ".join(
            legible(name) + ("" if value is None else f"={shown(value)}")
            for name, value in self.headers
        )
        return (
            str(self.partition), str(self.offset), moment(self.timestamp),
            "-" if self.key is None else shown(self.key), headers or "-",
            "(none: a tombstone)" if self.value is None else shown(self.value),
        )


Read = Callable[[Mapping[int, Span]], Iterable[Record]]
Wanted = Callable[[Record], bool] | None  # None: every record


@dataclass(frozen=True)
class Found:
    """records: in order of time, those of a partition in order of offset. looked: how many offsets
    were looked through. whole: nothing was left out because that would have been too many."""

    records: tuple[Record, ...]
    looked: int
    whole: bool


def merged(parts: Iterable[Iterable[Record]]) -> list[Record]:
    """In order of time, as far as the order of offsets in each partition lets it."""
    return list(heapq.merge(*parts, key=lambda one: (one.timestamp or 0, one.partition)))


def last(
    read: Read, spans: Mapping[int, Span], count: int, wanted: Wanted, budget: int = BUDGET
) -> Found:
    """The last `count` wanted records of some partitions, found from their ends backwards."""
    kept: dict[int, list[Record]] = {part: [] for part in spans}
    upto = {part: end for part, (low, end) in spans.items() if low < end}
    window, looked = _first_window(count, wanted, len(spans), budget), 0
    while upto and looked < budget:
        asked = {part: (max(spans[part][0], end - window), end) for part, end in upto.items()}
        new: dict[int, list[Record]] = {part: [] for part in asked}
        for record in read(asked):
            if wanted is None or wanted(record):
                new[record.partition].append(record)
        for part, records in new.items():
            kept[part] = (records + kept[part])[-count:]
        looked += sum(end - start for start, end in asked.values())
        upto = {part: start for part, (start, _) in asked.items()
                if start > spans[part][0] and len(kept[part]) < count}
        window = _next(window, budget - looked, len(upto))
    return Found(tuple(merged(kept.values())[-count:]), looked, not upto)


def first(
    read: Read, spans: Mapping[int, Span], count: int, wanted: Wanted, budget: int = BUDGET
) -> Found:
    """The first `count` wanted records of some partitions."""
    kept: dict[int, list[Record]] = {part: [] for part in spans}
    start = {part: low for part, (low, end) in spans.items() if low < end}
    window, looked = _first_window(count, wanted, len(spans), budget), 0
    while start and looked < budget:
        asked = {part: (low, min(spans[part][1], low + window)) for part, low in start.items()}
        for record in read(asked):
            fits = wanted is None or wanted(record)
            if fits and len(kept[record.partition]) < count:
                kept[record.partition].append(record)
        looked += sum(end - low for low, end in asked.values())
        start = {part: end for part, (_, end) in asked.items()
                 if end < spans[part][1] and len(kept[part]) < count}
        window = _next(window, budget - looked, len(start))
    return Found(tuple(merged(kept.values())[:count]), looked, not start)


@dataclass(frozen=True)
class Asked:
    """What a person asks for: `count` records from `start` on (None: the first), or the `last` of
    them, and of what is found no more than `limit`."""

    count: int
    last: bool
    limit: int
    start: int | None = None

    @property
    def search(self) -> Callable[..., Found]:
        return last if self.last else first


def asked(offset: str, limit: int) -> Asked:
    """From --offset and --limit, 0 where it was not said. Raises ValueError with what is accepted.
    """
    if not 0 <= limit <= MOST:
        raise ValueError(f"--limit {limit} (accepted: 1 to {MOST:,} records)")
    usual = limit or USUAL
    if offset in ("latest", "earliest"):
        return Asked(usual, offset == "latest", usual)
    back, digits = offset.startswith("-"), offset.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or (back and not 0 < int(digits) <= MOST):
        raise ValueError(
            f"--offset {legible(offset)} (accepted: earliest, latest, an offset, or -N for the "
            f"last N, at most {MOST:,})"
        )
    number = int(digits)
    if back:
        return Asked(number, True, limit or number)
    return Asked(usual, False, usual, min(number, HIGHEST))


def closing(found: Found, ends: Mapping[int, Span], where: str, limit: int) -> str:
    """How many records are shown, where they end, and whether all was looked through."""
    told = [f"{part}: {end:,}" for part, (_, end) in sorted(ends.items())]
    more = f" and {len(told) - ENDS} more" if len(told) > ENDS else ""
    some = "" if found.whole else f"; only {found.looked:,} offsets were looked through"
    return (
        f"{counted(min(len(found.records), limit))}; {where} ends at (partition: offset) "
        f"{', '.join(told[:ENDS])}{more}{some}"
    )


def _first_window(count: int, wanted: Wanted, partitions: int, budget: int) -> int:
    if wanted is None:
        return count
    return max(min(FILTERED, budget // max(partitions, 1)), count)


def _next(window: int, left: int, partitions: int) -> int:
    return max(min(window * WIDER, left // max(partitions, 1)), 1)
