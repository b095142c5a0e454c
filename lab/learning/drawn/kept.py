"""What is left of what was written: by partition, and by key where records were looked at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lab.learning.facts import Record, Span

MOST_KEYS = 12  # of a partition, in rows of their own
Run = tuple[int, int]


@dataclass(frozen=True)
class Key:
    """The records with one key in a partition: how many, where (runs of offsets, both ends in
    them), and the last one's value. key None: those without."""

    key: str | None
    records: int
    runs: tuple[Run, ...]
    last: str | None


@dataclass(frozen=True)
class Part:
    """One partition. span: the offsets that it keeps. open: the first offset of the segment that is
    written to, None where it was not looked for. runs: the offsets that can be read; None where
    records were not looked at. keys: some of them; more: how many others there are."""

    number: int
    span: Span
    open: int | None
    runs: tuple[Run, ...] | None
    keys: tuple[Key, ...] = ()
    more: int = 0

    @property
    def records(self) -> int:
        """How many can be read; without a look at them, as many as there are offsets."""
        if self.runs is None:
            return self.span.end - self.span.low
        return sum(last - first + 1 for first, last in self.runs)


@dataclass(frozen=True)
class Kept:
    """A topic's partitions in order."""

    topic: str
    parts: tuple[Part, ...]

    @property
    def written(self) -> int:
        """How many offsets were given out."""
        return sum(one.span.end for one in self.parts)

    @property
    def records(self) -> int:
        return sum(one.records for one in self.parts)


def kept(
    topic: str, spans: Mapping[int, Span], records: Sequence[Record] | None,
    open: Mapping[int, int],
) -> Kept:
    """records: None where nobody looked at them. open: see Part, by partition."""
    parts = []
    for number, span in sorted(spans.items()):
        mine = None if records is None else [one for one in records if one.partition == number]
        keys = _keys(mine or ())
        shown = sorted(sorted(keys, key=lambda one: -one.records)[:MOST_KEYS], key=_order)
        parts.append(Part(
            number, span, open.get(number),
            None if mine is None else runs(one.offset for one in mine),
            tuple(shown), len(keys) - len(shown),
        ))
    return Kept(topic, tuple(parts))


def runs(offsets: Iterable[int]) -> tuple[Run, ...]:
    """Offsets as runs without a gap, in order; one that comes twice counts once."""
    found: list[Run] = []
    for one in sorted(set(offsets)):
        if found and one == found[-1][1] + 1:
            found[-1] = (found[-1][0], one)
        else:
            found.append((one, one))
    return tuple(found)


def _keys(records: Iterable[Record]) -> list[Key]:
    by_key: dict[str | None, list[Record]] = {}
    for one in records:
        by_key.setdefault(one.key, []).append(one)
    return [
        Key(key, len(some), runs(one.offset for one in some),
            max(some, key=lambda one: one.offset).value)
        for key, some in by_key.items()
    ]


def _order(key: Key) -> tuple[bool, list[tuple[int, str]]]:
    """As people count: key2 before key10; what has no key at the end."""
    return key.key is None, [
        (int(part), "") if part.isdecimal() else (0, part)
        for part in re.split(r"(\d+)", key.key or "")
    ]
