"""What stands about a topic in KRaft's metadata log, `__cluster_metadata`.

Format: Kafka's "Record" (magic 2), and in each record's value a frame: its version, the type of
what follows, its version (MetadataRecordSerde), and the fields of metadata/*.json in the flexible
form (KIP-482).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lab.learning.batches import HEADER, behind_varint, parse

PLACE = "__cluster_metadata-0"
TOPIC, PARTITION, CONFIG, CHANGE, REMOVE = 2, 3, 4, 5, 9  # the "apiKey" of metadata/*.json
KINDS = {TOPIC: "TopicRecord", PARTITION: "PartitionRecord", CONFIG: "ConfigRecord",
         CHANGE: "PartitionChangeRecord", REMOVE: "RemoveTopicRecord"}
OF_TOPICS = 2  # ConfigResource.Type
NUMBER = struct.Struct(">i")


class Entry(NamedTuple):
    """One record. batch: the first offset of those that were written with it, all or none."""

    offset: int
    kind: str
    batch: int


@dataclass(frozen=True)
class _Record:
    batch: int
    offset: int
    value: bytes


def entries(log: bytes, topic: str) -> list[Entry] | None:
    """What a log's bytes say about a topic since it was made the last time, in order; None where it
    was never made, or is removed."""
    found: list[Entry] = []
    id = b""
    for one in _records(log):
        kind, fields = _frame(one.value)
        if kind == TOPIC and _string(fields, 0)[0] == topic:
            found, id = [], _id(fields, _string(fields, 0)[1])
        elif not id or not _about(kind, fields, topic, id):
            continue
        if kind == REMOVE:
            found, id = [], b""
        else:
            found.append(Entry(one.offset, KINDS[kind], one.batch))
    return found if id else None


def _about(kind: int, fields: bytes, topic: str, id: bytes) -> bool:
    """Whether a record is about a topic, after the one that made it."""
    if kind in (PARTITION, CHANGE):
        return _id(fields, NUMBER.size) == id  # behind the partition's number
    if kind == REMOVE:
        return _id(fields, 0) == id
    return kind == CONFIG and fields[0] == OF_TOPICS and _string(fields, 1)[0] == topic


def _records(log: bytes) -> Iterator[_Record]:
    """The records of a log that are no control records."""
    at = 0
    for batch in parse(log):
        body, at = log[at + HEADER.size:at + batch.bytes], at + batch.bytes
        if not batch.control:
            for number, value in enumerate(_values(body)):
                yield _Record(batch.offset, batch.offset + number, value)


def _values(body: bytes) -> Iterator[bytes]:
    """The values of a batch's records. Who writes metadata compresses nothing and sets no keys."""
    at = 0
    while at < len(body):
        length, behind = _signed(body, at)
        at = behind + length
        place = behind + 1  # attributes that nobody uses
        for _ in ("the time", "the offset"):
            place = behind_varint(body, place)
        key, place = _signed(body, place)
        size, place = _signed(body, place + max(key, 0))
        yield body[place:place + max(size, 0)]


def _frame(value: bytes) -> tuple[int, bytes]:
    """The type of what a value holds, and its fields."""
    _, at = _unsigned(value, 0)
    kind, at = _unsigned(value, at)
    _, at = _unsigned(value, at)
    return kind, value[at:]


def _string(data: bytes, at: int) -> tuple[str, int]:
    """A text and where it ends; its length stands in front, one more than it is."""
    length, at = _unsigned(data, at)
    return data[at:at + length - 1].decode(errors="replace"), at + length - 1


def _id(data: bytes, at: int) -> bytes:
    return data[at:at + 16]


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, seven bits a byte, and where it ends."""
    end = behind_varint(data, at)
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(data[at:end])), end


def _signed(data: bytes, at: int) -> tuple[int, int]:
    """The same in zigzag."""
    found, end = _unsigned(data, at)
    return found >> 1 ^ -(found & 1), end
