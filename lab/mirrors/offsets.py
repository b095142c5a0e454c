"""Where in a copy a group goes on: found by the records themselves, not by MirrorMaker's notes.

What a mirror promises, and what is used here:

- A copy has its record's key, value and timestamp. (Headers are not compared: what differs only in
  them counts as the same record, which leads to an earlier offset, never to a later one.)
- Within a partition the mirror copies in order. It may go back and copy some again, but it never
  goes forward over a record: after any copy of a record the copies of all later ones follow.

So whoever goes on at a copy of the first unread record skips none, and at the first such copy none
of its copies. The broker's index by time leads there: a copy is never before the first record in
its partition that is not older than itself, whatever the order of timestamps. What comes before
that one need not be read, so the way takes a few requests, however long the log is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Record(NamedTuple):
    """A record that a reader sees. timestamp: ms. stamped: the broker chose the timestamp."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    stamped: bool = False

    def copied_as(self, other: Record) -> bool:
        return (self.timestamp, self.key, self.value) == (other.timestamp, other.key, other.value)


class Part(Protocol):
    """One partition as a reader sees it: what was aborted or is not yet committed is not there.

    low, end: the first offset that is kept, and the one after all that can be read.
    """

    @property
    def low(self) -> int: ...

    @property
    def end(self) -> int: ...

    def first(self, offset: int) -> Record | None:
        """The first record at or behind an offset, before `end`."""

    def since(self, timestamp: int) -> Iterator[Record]:
        """From the first record that is not older than a time: it and all that follow it, of any
        age, up to `end`."""


@dataclass(frozen=True)
class Spot:
    """Where a group goes on in the copy. offset is None where none can be proven, and `why` says
    so. waits: nothing unread is copied yet: it is the copy's end of now, and may come to be early.
    """

    offset: int | None
    why: str = ""
    waits: bool = False


def locate(
    committed: int, source: Part, copy: Part, mirrored: int | None, *, compacted: bool = False
) -> Spot:
    """The offset in the copy for one that was committed in the source.

    mirrored: the next offset that the mirror will read; None when it has read none. compacted: the
    source's topic is. They have to be looked at in this order: `mirrored`, the end of the copy, the
    end of the source. Then nothing that a younger look shows makes an older one wrong.
    """
    if committed < source.low:
        return Spot(None, f"the source has deleted the records from {committed} to {source.low}, "
                          "so nothing tells which the next one was")
    if committed > source.end:
        return Spot(None, f"{committed} lies behind the source's end, {source.end}: the topic was "
                          "made anew, or records are not committed yet")
    unread = source.first(committed)
    if unread is None:
        # Nothing was unread after the copy's end had been looked at, so nothing before it is.
        return Spot(copy.end, waits=True)
    if unread.offset > committed and compacted:
        return Spot(None, f"the record at {committed} was compacted away in the source, and may be "
                          "in the copy")
    return _first_copy(unread, copy, mirrored)


def _first_copy(unread: Record, copy: Part, mirrored: int | None) -> Spot:
    for record in copy.since(unread.timestamp):
        if unread.copied_as(record):
            return Spot(record.offset)
        if record.stamped:
            return Spot(None, "the copy has timestamps of its own (message.timestamp.type)")
    if mirrored is None or mirrored <= unread.offset:
        return Spot(copy.end, waits=True)
    return Spot(None, f"the record at {unread.offset} was copied, but is not in the copy, which "
                      f"begins at {copy.low}: deleted or compacted there")
