"""What a drill records. Times are seconds since the epoch, all by the workstation's clock.

Records are numbered from 0 without gaps in the order in which they are first sent. Record `number`
has the key `number % keys`, and a key always goes to the partition of the same number, so order is
defined within a key. A record that was not acknowledged in one datacenter may be sent again in
another: it keeps its number.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.drills.avro import Named

LENGTH = 128  # bytes of a record, padded


class Acked(NamedTuple):
    """A write that a cluster acknowledged with acks=all."""

    number: int
    key: int
    sent: float
    acked: float
    cluster: str
    offset: int


class Seen(NamedTuple):
    """A record that was read in a cluster; `intact` when its checksum is right.

    `origin` is the datacenter in which it was produced: `cluster` itself, or, of a mirrored record,
    the other. A record that is not intact has the number and key -1.
    """

    number: int
    key: int
    at: float
    cluster: str
    origin: str
    offset: int
    intact: bool = True


class Committed(NamedTuple):
    """A group's committed offset (the next to be read) of one key's partition in a cluster."""

    key: int
    at: float
    cluster: str
    origin: str
    offset: int


class Kept(NamedTuple):
    """A document as a store has it: its name and version there, and the record that it is of;
    `intact` when its content is what was written."""

    name: str
    number: int
    version: int
    intact: bool = True


class Refused(NamedTuple):
    """A record in a sink's dead letter topic (-1 for one that is a document), and why."""

    number: int
    reason: str


class Event(NamedTuple):
    """Something that happened or was done; `kind` is one of the names below, `text` for people."""

    kind: str
    at: float
    text: str


# Kinds of events, in the order in which they come.
START = "start"  # all records flow
FAULT = "fault"  # what brings the failure about begins
DETECTED = "detected"  # it is noticed
STEP = "step"  # of what is done on purpose, one begins
MOVED = "moved"  # clients work in the other datacenter, or metadata is where it was to go
REPAIR = "repair"  # from here on, what was broken is put right again
HEALTHY = "healthy"  # and the cluster is whole: nothing under-replicated
CAUGHT_UP = "caught-up"  # both mirrors have nothing left to copy
HOME = "home"  # clients work in the first datacenter again
END = "end"  # the producer has stopped


@dataclass
class Log:
    """Everything that was seen in one drill, in the order in which it was seen.

    mirrored: what a second reader saw arrive in the target. held: the source's records that the
    target had when no more came, before the source returned. stored: what the clusters hold at the
    end (in drills of one cluster, and after a failback). translated: by key, where the target had
    the group when it moved there, -1 where it had no offset for it. in_danger: what was wrong with
    other groups' offsets in the target before, in words. strike_seconds: from FAULT until the last
    host was struck, where that was waited for. avro: what was seen of schemas, of records that name
    one.
    Of a sink, indexed: what was found in its store, when it was found first. kept: the documents at
    the end; again: those after all was read once more, where that was tried. letters: its dead
    letters.
    """

    keys: int
    sent: int = 0  # records handed to a producer, each counted once
    acked: list[Acked] = field(default_factory=list)
    consumed: list[Seen] = field(default_factory=list)
    mirrored: list[Seen] = field(default_factory=list)
    held: list[Seen] = field(default_factory=list)
    stored: list[Seen] = field(default_factory=list)
    committed: list[Committed] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    translated: dict[int, int] = field(default_factory=dict)
    in_danger: list[str] = field(default_factory=list)
    strike_seconds: float | None = None
    indexed: list[Seen] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    again: list[Kept] | None = None
    letters: list[Refused] = field(default_factory=list)
    avro: Named | None = None

    def when(self, kind: str) -> float | None:
        """When the first event of a kind happened; None when it did not."""
        return next((event.at for event in self.events if event.kind == kind), None)


def encode(run: str, number: int, key: int, sent: float) -> bytes:
    """A record of `LENGTH` bytes: run, number, key, time of sending, checksum (CRC-32), padding."""
    body = f"{run} {number} {key} {sent:.6f}".encode()
    return (body + b" %08x " % zlib.crc32(body)).ljust(LENGTH, b".")


def decode(value: bytes | None, run: str) -> tuple[int, int] | None:
    """Number and key of a record of this run, (-1, -1) when its checksum is wrong; None for
    records of other runs."""
    parts = (value or b"").rsplit(b" ", 2)
    if not (value or b"").startswith(run.encode() + b" "):
        return None
    words = parts[0].split(b" ")
    if len(parts) != 3 or len(words) != 4 or parts[1] != b"%08x" % zlib.crc32(parts[0]):
        return (-1, -1)
    return int(words[1]), int(words[2])
