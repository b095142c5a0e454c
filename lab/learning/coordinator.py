"""What a transaction coordinator writes down in `__transaction_state`: one record a change.

Format: Kafka's TransactionLogKey.json and TransactionLogValue.json. Later versions of the value
have other fields behind those that are read here.
"""

from __future__ import annotations

import struct

TOPIC = "__transaction_state"
STATES = ("Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort",
          "Dead", "PrepareEpochFence")
KEY = struct.Struct(">hh")  # version, and the length of the id behind it
VALUE = struct.Struct(">hqhib")  # version, producer id, epoch, timeout, state


def partition_of(id: str, partitions: int) -> int:
    """The partition with the transactional id: Java's hash of it, without the sign."""
    units = id.encode("utf-16-be")
    found = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        found = (31 * found + (high << 8 | low)) & 0xFFFFFFFF
    signed = found - (1 << 32) if found >> 31 else found
    return (0 if signed == -(1 << 31) else abs(signed)) % partitions


def id_of(key: bytes) -> str | None:
    """The transactional id that a record is of; None for another kind of record."""
    if len(key) < KEY.size:
        return None
    version, length = KEY.unpack_from(key)
    name = key[KEY.size:KEY.size + length]
    return name.decode() if version == 0 and len(name) == length else None


def state_of(value: bytes) -> tuple[str, int, int]:
    """(state, producer id, epoch). Raises ValueError for what is too short to be one."""
    if len(value) < VALUE.size:
        raise ValueError(f"{len(value)} bytes are no transaction's state")
    _, producer, epoch, _, state = VALUE.unpack_from(value)
    return STATES[state] if 0 <= state < len(STATES) else "unknown", producer, epoch
