"""How full a JVM's heap is, from the file in which it counts (hsperfdata), without Java's tools."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

MAGIC = 0xCAFEC0C0
USED = re.compile(r"sun\.gc\.generation\.\d+\.space\.\d+\.used")
MOST = re.compile(r"sun\.gc\.generation\.\d+\.maxCapacity")


def heap(data: bytes) -> tuple[int, int] | None:
    """(used, at most) in bytes, also of objects that are dead and not yet collected; None where
    the file does not tell, or is another thing."""
    try:
        counted = dict(_longs(data))
    except (struct.error, ValueError):
        return None
    used = [value for name, value in counted.items() if USED.fullmatch(name)]
    most = [value for name, value in counted.items() if MOST.fullmatch(name)]
    return (sum(used), sum(most)) if used and most else None


def _longs(data: bytes) -> Iterator[tuple[str, int]]:
    """Every counter that is one long (jdk.internal.perf, version 2.0). Raises ValueError."""
    magic, little = struct.unpack_from(">Ib", data)
    if magic != MAGIC:
        raise ValueError("no counters of a JVM")
    order = "<" if little else ">"
    at, count = struct.unpack_from(f"{order}ii", data, 24)
    for _ in range(count):
        length, name, vector, kind, _, _, _, value = struct.unpack_from(
            f"{order}iiibbbbi", data, at)
        if length <= 0:
            raise ValueError("an entry without a length")
        if not vector and kind == ord("J"):
            end = data.index(0, at + name)
            yield (data[at + name:end].decode("ascii", "replace"),
                   struct.unpack_from(f"{order}q", data, at + value)[0])
        at += length
