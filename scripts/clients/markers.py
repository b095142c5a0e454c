"""Where nothing but markers of transactions follows: what a group has not read, and nobody can.

Each transaction ends with a marker, which has an offset and is no record. So whoever has read a
copy that a mirror writes exactly once to its last record has the end's marker still before him.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

At = tuple[str, int]
FEW = 3  # offsets that may all be markers; of more one is a record, most likely
MOST = 300  # places of one look; beyond them what is left counts as unread


class Reader(Protocol):
    """`Partitions` that see what is not committed, too, and are patient."""

    unreadable: dict[At, str]

    def firsts(self, starts: Mapping[At, int], still: float) -> Mapping[At, object]: ...


def bare(reader: Reader, places: Iterable[tuple[At, int]], still: float) -> set[tuple[At, int]]:
    """Those of these places, each a partition and an offset, from which on there is no record.
    still: how many seconds without an answer end it. Raises LabError."""
    left, found = set(sorted(places)[:MOST]), set()
    while left:
        turn = dict(sorted(left))  # one offset a partition
        for at in turn:
            reader.unreadable.pop(at, None)
        records = reader.firsts(turn, still)
        if any(at in reader.unreadable for at in turn):
            break  # which others of them have not answered, nobody tells
        found |= {(at, offset) for at, offset in turn.items() if at not in records}
        left -= set(turn.items())
    return found
