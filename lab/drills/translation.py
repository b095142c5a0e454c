"""Translated offsets: where a group went on in the target, against where it had stood."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lab.drills.log import REPAIR, Acked, Log
from lab.drills.measures import numbers


@dataclass(frozen=True)
class Translation:
    """Where the group stood in one partition of the source, and where it went on in the target.

    committed: the last offset that the group committed in the source, the next to be read there.
    committed_number: the record at that offset; None when it is the end. resumed_number,
    resumed_offset: the first record that the group read of the mirrored partition, and its offset
    in the target; None when it read none. error: acknowledged records that were read again
    although committed (positive) or passed over although the target held them (negative, which
    must never be); None when nothing had been committed.
    """

    key: int
    committed: int | None
    committed_number: int | None
    resumed_number: int | None
    resumed_offset: int | None
    error: int | None


def translation(
    log: Log, before: Mapping[int, Acked], source: str, target: str
) -> tuple[Translation, ...]:
    """A line for each key. What the target never held can be neither read again nor passed over."""
    until = log.when(REPAIR) or math.inf
    committed = {one.key: one.offset for one in log.committed
                 if one.cluster == one.origin == source and one.at < until}
    mirrored = [seen for seen in log.consumed
                if seen.intact and seen.cluster == target and seen.origin == source]
    resumed = {seen.key: seen for seen in reversed(mirrored)}
    there = numbers(log.held) | numbers(mirrored)
    lines = []
    for key in range(log.keys):
        own = sorted(ack for ack in before.values() if ack.key == key)
        at, first = committed.get(key), resumed.get(key)
        error = following = None
        if at is not None:
            # A partition from which nothing was read is resumed behind all that it held.
            number = first.number if first else math.inf
            again = sum(a.offset < at and a.number >= number and a.number in there for a in own)
            over = sum(a.offset >= at and a.number < number and a.number in there for a in own)
            error = again or -over
            following = next((a.number for a in own if a.offset >= at), None)
        lines.append(Translation(
            key, at, following, first.number if first else None,
            first.offset if first else None, error,
        ))
    return tuple(lines)
