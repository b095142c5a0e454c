"""Offsets found by records: whatever the mirror repeated, none that nobody read is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings, strategies as st

from lab.mirrors.offsets import Record, Spot, locate


@dataclass
class Log:
    """A partition in memory. Offsets without a record are markers, or were compacted away."""

    records: list[Record]
    end: int
    low: int = 0
    read: list[int] = field(default_factory=list)  # offsets that were looked at

    def first(self, offset: int) -> Record | None:
        return next((one for one in self.records if one.offset >= offset), None)

    def since(self, timestamp: int) -> Iterator[Record]:
        start = next((one.offset for one in self.records if one.timestamp >= timestamp), self.end)
        for one in self.records:
            if one.offset >= start:
                self.read.append(one.offset)
                yield one


def log(contents: list[tuple[int, int] | None], low: int = 0) -> Log:
    """A record (timestamp, value) or a marker, None, at each offset from `low` on."""
    return Log([
        Record(offset, one[0], None, b"%d" % one[1])
        for offset, one in enumerate(contents, low) if one is not None
    ], low + len(contents), low)


# Few different records, so that many are alike; timestamps in any order.
contents = st.lists(st.none() | st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=24)


@dataclass
class Mirrored:
    """A source and what a mirror made of it: `of` has the source's offset by that of the copy."""

    source: Log
    copy: Log
    of: dict[int, int]
    mirrored: int | None


@st.composite
def mirrors(draw: st.DrawFn) -> Mirrored:
    """The mirror copies in order, goes back now and then, puts markers between, and may be behind.

    The copy may have lost its first records, and the source, too, after they were copied.
    """
    source = log(draw(contents), draw(st.integers(0, 5)))
    copied: list[tuple[int, int] | None] = [None] * draw(st.integers(0, 3))
    of: dict[int, int] = {}
    position, moves = 0, draw(st.lists(st.integers(-6, 9), max_size=12))
    reached = 0
    for move in moves:
        position = max(0, position + min(move, 0))
        for one in source.records[position:position + max(move, 0)]:
            of[len(copied)] = one.offset
            copied.append((one.timestamp, int(one.value or b"")))
        position = min(position + max(move, 0), len(source.records))
        reached = max(reached, position)
        copied += [None] * draw(st.integers(0, 2))
    # Where it stands by its own account is where it goes on, or before that.
    done = source.records[draw(st.integers(1, position)) - 1].offset + 1 if position else None
    return Mirrored(source, log(copied), of, done)


@settings(max_examples=400)
@given(mirrors(), st.data())
def test_no_unread_record_is_skipped_and_only_what_is_alike_is_read_again(
    made: Mirrored, data: st.DataObject
) -> None:
    committed = data.draw(st.integers(made.source.low, made.source.end))
    spot = locate(committed, made.source, made.copy, made.mirrored)
    unread = made.source.first(committed)
    copies = [at for at, of in made.of.items() if of >= committed]
    assert spot.offset is not None
    assert all(at >= spot.offset for at in copies), "a copy of an unread record is skipped"
    if unread is None:
        assert spot.offset == made.copy.end
        return
    own = [at for at, of in made.of.items() if of == unread.offset]
    alike = {one.offset for one in made.source.records if unread.copied_as(one)}
    if own:
        # It is a copy of that very record, or of one that nobody can tell from it.
        assert made.of[spot.offset] in alike
        assert not spot.waits
        if alike == {unread.offset}:
            assert spot.offset == min(own), "no record is read again that was copied once"
    elif not spot.waits:
        assert made.of[spot.offset] in alike


@given(mirrors(), st.integers(0, 30), st.data())
def test_a_copy_that_lost_records_is_told_or_leads_to_a_later_copy(
    made: Mirrored, cut: int, data: st.DataObject
) -> None:
    """Whatever retention took away in the copy: of what is still there, nothing that follows an
    unread record's copy is skipped, once the mirror has gone on."""
    committed = data.draw(st.integers(made.source.low, made.source.end))
    copy = made.copy
    copy.low = min(cut, copy.end)
    copy.records = [one for one in copy.records if one.offset >= copy.low]
    unread = made.source.first(committed)
    spot = locate(committed, made.source, copy, made.mirrored)
    if spot.offset is None:
        assert "deleted or compacted there" in spot.why
        assert unread is not None
        assert not any(unread.copied_as(one) for one in copy.records)
    else:
        assert copy.low <= spot.offset <= copy.end


@given(st.lists(st.integers(0, 3), min_size=1, max_size=200), st.data())
@example([0] * 200, None)
def test_with_a_clock_that_never_goes_back_only_records_of_one_moment_are_read(
    steps: list[int], data: st.DataObject | None
) -> None:
    """The cost: however long the log, what is read has the very time of the one that is sought."""
    times = [sum(steps[:n + 1]) for n in range(len(steps))]
    made = [(at, number) for number, at in enumerate(times)]
    committed = data.draw(st.integers(0, len(steps) - 1)) if data else 199
    copy = log([one for pair in made for one in (pair, None)])
    spot = locate(committed, log([*made]), copy, len(made))
    assert spot == Spot(2 * committed)
    assert all(times[at // 2] == times[committed] for at in copy.read)


def test_duplicates_lead_to_the_first_copy() -> None:
    a, b, c, d = ((n, n) for n in range(4))
    source, copy = log([a, b, c, d]), log([a, b, c, None, b, c, d, None])
    assert [locate(n, source, copy, 4).offset for n in range(5)] == [0, 1, 2, 6, 8]


def test_records_that_are_alike_lead_to_the_first_of_them() -> None:
    source = log([(1, 1)] * 4 + [(2, 2)])
    assert [locate(n, source, log([(1, 1)] * 4 + [(2, 2)]), 5).offset
            for n in range(6)] == [0, 0, 0, 0, 4, 5]


def test_what_is_not_copied_yet_waits_at_the_end_of_the_copy() -> None:
    source, copy = log([(n, n) for n in range(6)]), log([(0, 0), (1, 1), None])
    assert locate(2, source, copy, 2) == Spot(3, waits=True)
    assert locate(5, source, copy, 2) == Spot(3, waits=True)
    assert locate(0, source, log([]), None) == Spot(0, waits=True)


def test_markers_at_the_end_of_the_source_are_no_unread_records() -> None:
    assert locate(1, log([(0, 0), None]), log([(0, 0), None]), 1) == Spot(2, waits=True)


@pytest.mark.parametrize(("committed", "source", "copy", "compacted", "words"), [
    (2, log([(5, 5), (6, 6)], low=5), log([(5, 5)]), False, "deleted the records from 2 to 5"),
    (9, log([(5, 5)]), log([(5, 5)]), False, "9 lies behind the source's end, 1"),
    (1, log([(0, 0), None, (2, 2)]), log([(0, 0), (1, 1), (2, 2)]), True, "compacted away"),
    (1, log([(0, 0), (1, 1), (2, 2)]), log([(2, 2)], low=7), False, "begins at 7: deleted"),
])
def test_what_cannot_be_proven_is_told_and_not_guessed(
    committed: int, source: Log, copy: Log, compacted: bool, words: str
) -> None:
    spot = locate(committed, source, copy, 3, compacted=compacted)
    assert spot.offset is None
    assert words in spot.why


def test_in_a_compacted_topic_a_record_that_is_there_is_found() -> None:
    source, copy = log([None, (1, 1), None, (3, 3)]), log([(0, 0), (1, 1), (2, 2), (3, 3)])
    assert locate(1, source, copy, 4, compacted=True) == Spot(1)
    assert locate(3, source, copy, 4, compacted=True) == Spot(3)


def test_a_copy_with_timestamps_of_the_targets_broker_is_told() -> None:
    copy = log([(9, 0), (9, 1)])
    copy.records = [one._replace(stamped=True) for one in copy.records]
    spot = locate(1, log([(0, 0), (1, 1)]), copy, 2)
    assert spot.offset is None
    assert "message.timestamp.type" in spot.why
