"""How large a record a mirror carries, and how large one is to those who have a limit."""

from __future__ import annotations

from collections.abc import Iterable

MIB = 1024 * 1024
# A worker holds a large record several times over: as it was fetched, as a record, as it is sent,
# and a part of the next one. With an eighth of the heap for it, half of the heap is left.
SHARE = 8
# What all brokers together may have on its way to one mirror's consumer, besides that record.
FETCH_SHARE = 32
# A broker takes no larger request (socket.request.max.bytes is 100 MiB unless somebody set it).
MOST = 96 * MIB
# org.apache.kafka.common.record: DefaultRecordBatch.RECORD_BATCH_OVERHEAD, and what a producer adds
# for a record before it knows better (DefaultRecord.MAX_RECORD_OVERHEAD).
BATCH_OVERHEAD = 61
RECORD_OVERHEAD = 21

Header = tuple[str, bytes | None]


def carried(heap_mb: int) -> int:
    """The largest record in bytes that a mirror carries on workers with a heap."""
    return min(heap_mb * MIB // SHARE, MOST)


def fetched(heap_mb: int) -> int:
    """How many bytes a mirror's consumer asks a broker for at once."""
    return heap_mb * MIB // FETCH_SHARE


def batch_bytes(key: bytes | None, value: bytes | None, headers: Iterable[Header] = ()) -> int:
    """The size of a record that is sent alone and uncompressed: what a broker holds against
    `max.message.bytes` (KIP-98, message format 2)."""
    body = 3 + _content(key, value, headers)  # attributes, and no difference in time and offset
    return BATCH_OVERHEAD + _varint(body) + body


def request_bytes(key: bytes | None, value: bytes | None, headers: Iterable[Header] = ()) -> int:
    """What a producer takes the same record for, and holds against its `max.request.size`."""
    return BATCH_OVERHEAD + RECORD_OVERHEAD + _content(key, value, headers)


def _content(key: bytes | None, value: bytes | None, headers: Iterable[Header]) -> int:
    headers = tuple(headers)
    return _field(key) + _field(value) + _varint(len(headers)) + sum(
        _field(name.encode()) + _field(content) for name, content in headers
    )


def _field(content: bytes | None) -> int:
    """A length and what is that long; nothing has the length -1."""
    return _varint(-1) if content is None else _varint(len(content)) + len(content)


def _varint(number: int) -> int:
    """The bytes of a number as a zigzag varint (ByteUtils.sizeOfVarint)."""
    zigzag = number * 2 if number >= 0 else -number * 2 - 1
    return max(1, -(-zigzag.bit_length() // 7))
