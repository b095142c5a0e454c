"""Batches as they lie on disk."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from lab.learning.batches import (
    CONTROL,
    HEADER,
    MARKERS,
    OPEN,
    TRANSACTIONAL,
    Batch,
    ends,
    parse,
)

BATCHES = st.lists(st.tuples(
    st.integers(1, 50),  # records
    st.integers(0, 300),  # bytes of them
    st.integers(0, 9), st.integers(-1, 2**40), st.integers(-1, 99), st.integers(0, 0x3F),
), max_size=8)
# A control record as brokers write it: attributes, no time and offset of its own, a key of a
# version and a type, and a value of a version and the coordinator's epoch.
MARKER = bytes.fromhex("20 00 00 00 08 0000 0001 0c 0000 00000000 00")


def segment(shapes: list[tuple[int, ...]]) -> tuple[bytes, list[Batch]]:
    """A segment's bytes, and the batches in it."""
    data, found, offset = b"", [], 0
    for records, size, epoch, producer, sequence, attributes in shapes:
        length = HEADER.size - 12 + size
        data += HEADER.pack(offset, length, epoch, 2, 0, attributes, records - 1, 7, 8, producer,
                            0, sequence, records) + bytes(size)
        found.append(Batch(offset, offset + records - 1, records, 12 + length, epoch, producer, 0,
                           sequence, attributes, 7, 8))
        offset += records
    return data, found


def alone(attributes: int, content: bytes) -> Batch:
    """The one batch of a segment, by its records' bytes."""
    data = HEADER.pack(0, HEADER.size - 12 + len(content), 0, 2, 0, attributes, 0, 7, 9, 5, 0, -1,
                       1) + content
    (one,) = parse(data)
    return one


@given(BATCHES)
def test_every_batch_of_a_segment_is_found(shapes: list[tuple[int, ...]]) -> None:
    data, batches = segment(shapes)
    # Zeros in a control batch are a record without a key, or one of the type 0.
    assert [one._replace(marker="") for one in parse(data)] == batches
    assert list(parse(data + bytes(500))) == list(parse(data)), "a file may be longer than that"


@given(BATCHES, st.integers(1, 400))
def test_one_that_is_cut_off_ends_it(shapes: list[tuple[int, ...]], less: int) -> None:
    data, batches = segment(shapes)
    found = list(parse(data[:-less]))
    assert len(found) <= len(batches) and found == list(parse(data))[:len(found)]
    assert sum(one.bytes for one in found) <= max(0, len(data) - less)


def test_attributes_are_told() -> None:
    data, _ = segment([(1, 10, 0, 5, 0, 0x32)])
    (one,) = parse(data)
    assert (one.transactional, one.control, one.codec) == (True, True, "snappy")


@pytest.mark.parametrize(("kind", "marker"), [(0, "abort"), (1, "commit"), (2, "")])
def test_a_marker_tells_how_a_transaction_ended(kind: int, marker: str) -> None:
    content = MARKER[:8] + bytes([kind]) + MARKER[9:]
    assert alone(0x30, content).marker == marker
    assert alone(0x10, content).marker == "", "only a control batch has one"


@given(st.binary(max_size=20))
def test_a_control_batch_of_anything_is_told_as_something(content: bytes) -> None:
    assert alone(0x30, content).marker in ("", "abort", "commit")


def test_how_long_a_batch_was_on_its_way_is_told_where_the_log_knows() -> None:
    assert alone(0x08, b"").waited == 2
    assert alone(0, b"").waited is None


STEPS = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["write", "plain", *MARKERS])),
                 max_size=40)


@given(STEPS)
def test_each_batch_ends_as_its_producers_next_marker_says(steps: list[tuple[int, str]]) -> None:
    log, expected = [], []
    waiting: dict[int, list[int]] = {}
    for at, (producer, step) in enumerate(steps):
        marker = step if step in MARKERS else ""
        attributes = TRANSACTIONAL | CONTROL if marker else TRANSACTIONAL * (step == "write")
        log.append(Batch(at, at, 1, 70, 0, producer, 0, -1, attributes, 0, marker=marker))
        expected.append(marker or (OPEN if step == "write" else ""))
        if step == "write":
            waiting.setdefault(producer, []).append(at)
        for one in waiting.pop(producer, []) if marker else []:
            expected[one] = marker
    assert list(ends(log)) == expected
