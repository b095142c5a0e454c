"""What a JVM counts, read from its file."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, strategies as st

from lab.picture.heap import heap

SPACES = {
    "sun.gc.generation.0.space.0.used": 5_000, "sun.gc.generation.0.space.1.used": 70,
    "sun.gc.generation.1.space.0.used": 900, "sun.gc.generation.0.maxCapacity": 90_000,
    "sun.gc.generation.1.maxCapacity": 10_000, "sun.gc.generation.0.capacity": 1,
    "sun.gc.metaspace.used": 77,
}


def counters(longs: dict[str, int], order: str = "<") -> bytes:
    """A file as HotSpot writes it (perfMemory.hpp: PerfDataPrologue, PerfDataEntry)."""
    entries = b""
    for name, value in {"java.version": None, **longs}.items():
        text = name.encode() + b"\0"
        text += b"\0" * (-len(text) % 8)
        kind, vector, data = (("B", 3, b"17\0\0\0\0\0\0") if value is None
                              else ("J", 0, struct.pack(f"{order}q", value)))
        entries += struct.pack(f"{order}iiibbbbi", 20 + len(text) + len(data), 20, vector,
                               ord(kind), 1, 1, 1, 20 + len(text)) + text + data
    head = struct.pack(">I", 0xCAFEC0C0) + struct.pack(
        f"{order}bbbbiiqii", order == "<", 2, 0, 1, len(entries), 0, 0, 32, len(longs) + 1)
    return head + entries


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_spaces_of_all_generations_are_the_heap(order: str) -> None:
    assert heap(counters(SPACES, order)) == (5_970, 100_000)


def test_counters_of_something_else_tell_nothing() -> None:
    assert heap(counters({"sun.rt.x": 1})) is None
    assert heap(b"") is None
    assert heap(b"\x7fELF" + b"\0" * 100) is None


@given(st.integers(0, 600), st.binary(max_size=8))
def test_a_file_that_is_cut_or_scribbled_on_is_no_error(at: int, scribble: bytes) -> None:
    data = counters(SPACES)
    heap(data[:at])
    heap(data[:at] + scribble + data[at + len(scribble):])
