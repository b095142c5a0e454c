"""Record batches as they lie in a segment's file: their headers, without what is in them.

Format: Kafka's documentation, "Record Batch" (magic 2, since 0.11). A header has 61 bytes, and the
batch's length is counted from behind itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

HEADER = struct.Struct(">qiibIhiqqqhii")
BEFORE_LENGTH = 12  # bytes: the base offset and the length itself
MAGIC = 2
APPEND_TIME, TRANSACTIONAL, CONTROL = 0x08, 0x10, 0x20
MARKERS = ("abort", "commit")  # by the type that stands in a control record's key
OPEN = "open"
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


class Batch(NamedTuple):
    """One batch. offset: its first; records: how many it holds; bytes: with its header.

    producer: the producer's id, -1 for one that is not idempotent; sequence: of its first record.
    epoch: the leader's epoch when it was written. timestamp, newest: ms, of its first record and
    the greatest in it. marker: how a transaction ended, "commit" or "abort"; "" for what is none.
    """

    offset: int
    last: int
    records: int
    bytes: int
    epoch: int
    producer: int
    producer_epoch: int
    sequence: int
    attributes: int
    timestamp: int
    newest: int = -1
    marker: str = ""

    @property
    def transactional(self) -> bool:
        return bool(self.attributes & TRANSACTIONAL)

    @property
    def control(self) -> bool:
        """Whether it is a marker, written by a broker: the end of a transaction."""
        return bool(self.attributes & CONTROL)

    @property
    def codec(self) -> str:
        return CODECS[self.attributes & 7] if self.attributes & 7 < len(CODECS) else "unknown"

    @property
    def waited(self) -> int | None:
        """ms from when a producer made its first record until a broker appended it; None where the
        log does not keep when that was (the topic's message.timestamp.type)."""
        return self.newest - self.timestamp if self.attributes & APPEND_TIME else None


def parse(data: bytes) -> Iterator[Batch]:
    """The batches in a segment's bytes. A file that is just being written ends where one is not
    whole yet, or where the file was made longer than what is in it (zeros)."""
    at = 0
    while at + HEADER.size <= len(data):
        (offset, length, epoch, magic, _, attributes, last, first_time, newest, producer,
         producer_epoch, sequence, records) = HEADER.unpack_from(data, at)
        size = BEFORE_LENGTH + length
        if magic != MAGIC or size < HEADER.size or at + size > len(data):
            return
        marker = _marker(data[at + HEADER.size:at + size]) if attributes & CONTROL else ""
        yield Batch(offset, offset + last, records, size, epoch, producer, producer_epoch,
                    sequence, attributes, first_time, newest, marker)
        at += size


def ends(batches: Sequence[Batch]) -> tuple[str, ...]:
    """How the transaction that each of a partition's batches belongs to ended: "commit" or "abort",
    by the next marker of the same producer; OPEN where there is none yet, "" for one that belongs
    to none. A marker has its own."""
    found: list[str] = []
    ahead: dict[int, str] = {}  # from the last batch to the first: how it ends what is before it
    for one in reversed(batches):
        if one.marker:
            ahead[one.producer] = one.marker
        within = one.marker or (one.transactional and not one.control)
        found.append(ahead.get(one.producer, OPEN) if within else "")
    return tuple(reversed(found))


def _marker(record: bytes) -> str:
    """How a transaction ended, by a control record: its key is a version and a type, of two bytes
    each. "" for other control records."""
    at = behind_varint(record, 0) + 1  # its length, and attributes that nobody uses
    for _ in ("the time", "the offset", "the key's length"):
        at = behind_varint(record, at)
    kind = int.from_bytes(record[at + 2:at + 4], "big") if len(record) >= at + 4 else len(MARKERS)
    return MARKERS[kind] if kind < len(MARKERS) else ""


def behind_varint(data: bytes, at: int) -> int:
    """Where a number of variable length ends: all its bytes but the last have their first bit."""
    while at < len(data) and data[at] & 0x80:
        at += 1
    return at + 1
