"""Whether a copy has what its partition of the source has: judged by their first records.

A mirror copies a partition in order and goes on behind what it has copied, by the number alone. A
topic that is deleted and made again begins at 0 once more, and a mirror that goes on at the old
number skips what lies before it, without a word. So does one whose copy was deleted. Both show in
the first record that the source has: the mirror is past it, and the copy does not have it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lab.mirrors.offsets import Part


class Start(NamedTuple):
    """The beginning of a partition. low: the first offset that is kept. offset, timestamp (ms): of
    the first record; None where there is none."""

    low: int
    offset: int | None = None
    timestamp: int | None = None


@dataclass(frozen=True)
class Heads:
    """A partition and its copy by their first records, as times tell.

    mirrored: the next offset that the mirror will read. copy: None where there is no such
    partition. found: the timestamp of the copy's first record that is not older than the source's
    first; known: the same the other way round. They have to be looked at in this order.
    """

    mirrored: int
    source: Start
    copy: Start | None
    found: int | None = None
    known: int | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the first record of the source may be missing in the copy.

        A time that is there proves it only where the copy has nothing else from before: records
        that were written at once have all the same.
        """
        if self.source.offset is None or self.mirrored <= self.source.offset or self._deleted:
            return False
        return self.found != self.source.timestamp or self._differs

    @property
    def _deleted(self) -> bool:
        """Whether the copy may have been deleted as the oldest records are: all that is left is
        younger."""
        if self.copy is None or self.source.timestamp is None or not self.copy.low:
            return False
        return self.copy.timestamp is None or self.copy.timestamp > self.source.timestamp

    @property
    def _differs(self) -> bool:
        """Whether the copy begins with a record that the source does not have."""
        if self.copy is None or self.copy.timestamp is None:
            return False
        return self.known != self.copy.timestamp

    @property
    def strange(self) -> bool:
        """Whether it begins with one that the source never had under this name."""
        return self._differs and not self.source.low


def lacking(mirrored: int, source: Part, copy: Part | None) -> bool:
    """Whether the first record of the source, which the mirror is past, is not in the copy: read
    and compared. Not for compacted topics, whose records disappear one by one.

    A mirror that is past the source's end will begin anew by itself.
    """
    first = source.first(source.low)
    if first is None or not first.offset < mirrored <= source.end:
        return False
    if copy is None:
        return True
    # Where the copy has timestamps of its own, nothing is known.
    return not any(
        record.stamped or first.copied_as(record) for record in copy.since(first.timestamp)
    )
