"""The first and the last records of logs in memory, whatever stands in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, strategies as st

from lab.data.records import (
    Asked,
    Found,
    Record,
    Span,
    asked,
    closing,
    first,
    last,
    merged,
)

# Of each partition: the first offset, and what stands at each one: a timestamp, or None for a
# marker of a transaction, or what compaction took.
logs = st.dictionaries(
    st.integers(0, 5),
    st.tuples(st.integers(0, 20), st.lists(st.none() | st.integers(0, 30), max_size=60)),
    max_size=4,
)


class World:
    def __init__(self, logs: Mapping[int, tuple[int, list[int | None]]]) -> None:
        self.records = {
            part: [Record(part, low + n, time, b"%d" % (n % 3), None)
                   for n, time in enumerate(times) if time is not None]
            for part, (low, times) in logs.items()
        }
        self.spans = {part: (low, low + len(times)) for part, (low, times) in logs.items()}

    def read(self, spans: Mapping[int, Span]) -> Iterator[Record]:
        assert spans, "nothing is asked for"
        for part, (start, end) in sorted(spans.items(), reverse=True):
            low, high = self.spans[part]
            assert low <= start < end <= high
            yield from (one for one in self.records[part] if start <= one.offset < end)


@given(logs, st.integers(1, 20), st.booleans())
def test_all_of_them_are_found_and_no_more(
    logs: dict[int, tuple[int, list[int | None]]], count: int, keyed: bool
) -> None:
    world = World(logs)

    def wanted(record: Record) -> bool:
        return not keyed or record.key == b"1"

    parts = [[one for one in part if wanted(one)] for part in world.records.values()]
    asked_for = wanted if keyed else None
    backwards = last(world.read, world.spans, count, asked_for)
    assert backwards.whole
    assert list(backwards.records) == merged(part[-count:] for part in parts)[-count:]
    forwards = first(world.read, world.spans, count, asked_for)
    assert forwards.whole
    assert list(forwards.records) == merged(part[:count] for part in parts)[:count]


@given(logs, st.integers(1, 20))
def test_the_order_of_offsets_is_kept(
    logs: dict[int, tuple[int, list[int | None]]], count: int
) -> None:
    world = World(logs)
    for found in (last(world.read, world.spans, count, None),
                  first(world.read, world.spans, count, None)):
        for part in logs:
            offsets = [one.offset for one in found.records if one.partition == part]
            assert offsets == sorted(offsets)


@given(logs, st.integers(1, 5), st.integers(1, 40))
def test_no_more_is_looked_through_than_is_allowed(
    logs: dict[int, tuple[int, list[int | None]]], count: int, budget: int
) -> None:
    """But for one look at least."""
    world = World(logs)
    for search in (last, first):
        found = search(world.read, world.spans, count, lambda _: False, budget)
        offsets = sum(end - low for low, end in world.spans.values())
        assert found.looked <= max(budget, count * len(logs)) + len(logs)
        assert found.whole == (found.looked == offsets)
        assert found.records == ()


def test_a_row_and_what_programs_get() -> None:
    record = Record(2, 7, 5, b"\x00\xff", None, (("a", b"1"), ("\x1b", None)))
    assert record.row() == (
        "2", "7", "1970-01-01T00:00:00.005Z", "0x00ff", "a=1, \\x1b", "(none: a tombstone)"
    )
    assert record.as_json() == {
        "partition": 2, "offset": 7, "timestamp": 5, "timestamp_of": "producer",
        "key": {"hex": "00ff"}, "value": None,
        "headers": [{"name": "a", "value": {"text": "1"}}, {"name": "\x1b", "value": None}],
    }
    assert Record(0, 1, None, None, b"v", appended=True).row() == ("0", "1", "-", "-", "-", "v")


@pytest.mark.parametrize(("offset", "limit", "wanted"), [
    ("latest", 0, Asked(10, True, 10)), ("latest", 3, Asked(3, True, 3)),
    ("earliest", 0, Asked(10, False, 10)), ("earliest", 500, Asked(500, False, 500)),
    ("-50", 0, Asked(50, True, 50)), ("-50", 4, Asked(50, True, 4)),
    ("0", 0, Asked(10, False, 10, 0)), ("12", 2, Asked(2, False, 2, 12)),
    ("9" * 30, 0, Asked(10, False, 10, 2**63 - 1)),
])
def test_offsets_as_people_give_them(offset: str, limit: int, wanted: Asked) -> None:
    assert asked(offset, limit) == wanted


@pytest.mark.parametrize(("offset", "limit", "says"), [
    ("newest", 0, "--offset newest "), ("-0", 0, "--offset -0 "), ("--1", 0, "--offset --1 "),
    ("-10001", 0, "--offset -10001 "), ("", 0, "--offset  "), ("\x1b", 0, r"--offset \x1b "),
    ("²", 0, "--offset ² "), ("0", -1, "--limit -1 "), ("0", 10_001, "--limit 10001 "),
])
def test_an_offset_that_is_none_says_what_is_accepted(offset: str, limit: int, says: str) -> None:
    with pytest.raises(ValueError, match="accepted") as raised:
        asked(offset, limit)
    assert str(raised.value).startswith(says)


def test_the_closing_line_says_where_it_ended() -> None:
    one = Record(0, 1, None, None, b"v")
    assert closing(Found((one, one), 9, True), {1: (0, 9), 0: (2, 1200)}, "orders of dc1", 10) == (
        "2 records; orders of dc1 ends at (partition: offset) 0: 1,200, 1: 9"
    )
    many = closing(Found((), 5000, False), dict.fromkeys(range(30), (0, 5)), "t of dc1", 10)
    assert many.startswith("no records; t of dc1 ends at (partition: offset) 0: 5, 1: 5, ")
    assert many.endswith(
        ", 11: 5 and 18 more; only 5,000 offsets were looked through"
    )
