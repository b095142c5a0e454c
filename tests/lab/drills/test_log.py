"""What a drill records: records that tell when they are damaged, and counts over time."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, strategies as st

from lab.drills.log import END, FAULT, LENGTH, START, Log, decode, encode
from lab.drills.timeline import MAX_BINS, WIDTHS, timeline
from tests.drill_logs import ACK, MIRROR, A, B, Maker, Shape, failover_log, outage_log

runs = st.from_regex(r"[a-z0-9-]{1,24}", fullmatch=True)
numbers = st.integers(0, 10**9)
keys = st.integers(0, 999)
moments = st.floats(1e9, 4e9)


@given(runs, numbers, keys, moments)
def test_a_record_is_read_as_it_was_written(run: str, number: int, key: int, at: float) -> None:
    value = encode(run, number, key, at)
    assert len(value) == LENGTH
    assert decode(value, run) == (number, key)


@given(runs, numbers, keys, moments, st.data())
def test_every_flipped_bit_is_noticed(
    run: str, number: int, key: int, at: float, data: st.DataObject
) -> None:
    """In the name of the run it makes the record another run's; in the padding it does no harm."""
    value = bytearray(encode(run, number, key, at))
    significant = len(bytes(value).rstrip(b"."))
    place = data.draw(st.integers(0, len(value) - 1))
    value[place] ^= 1 << data.draw(st.integers(0, 7))
    found = decode(bytes(value), run)
    if place <= len(run):
        assert found is None
    elif place < significant:
        assert found == (-1, -1)
    else:
        assert found == (number, key)


@given(runs, numbers, keys, moments, st.integers(0, LENGTH))
def test_what_is_cut_short_is_never_taken_for_another_record(
    run: str, number: int, key: int, at: float, length: int
) -> None:
    assert decode(encode(run, number, key, at)[:length], run) in (None, (-1, -1), (number, key))


@given(runs, runs, numbers)
def test_records_of_other_runs_are_let_be(run: str, other: str, number: int) -> None:
    assume(run != other)
    assert decode(encode(run, number, 0, 1e9), other) is None


@given(st.binary(), runs)
def test_nothing_else_is_taken_for_a_record(value: bytes, run: str) -> None:
    assert decode(value, run) in (None, (-1, -1))
    assert decode(run.encode() + b" " + value, run) == (-1, -1)
    assert decode(None, run) is None


def test_counts_say_when_and_where() -> None:
    line = timeline(failover_log(Shape(lacking=45, again=5, home=True)).log)
    counts = {(one.kind, one.cluster): one.counts for one in line.series}
    assert line.width == 1
    assert line.bins == 34
    assert all(len(own) == line.bins for own in counts.values())
    assert line.clusters == (A, B)
    # Away from 13 s to 23 s, back from then on.
    assert counts["produced", A][:10] == (30,) * 10
    assert counts["produced", A][10:23] == (0,) * 13
    assert counts["produced", A][23:33] == (30,) * 10
    assert counts["produced", B][13:23] == (30,) * 10
    assert sum(counts["mirrored", B][:20]) == 300 - 45
    assert counts["mirrored", B][21] == 45, "late"
    assert sum(counts["consumed", A]) + sum(counts["consumed", B]) == 900
    # All of the first second in B was read at 14 s, with what came then.
    assert counts["consumed", B][13:15] == (0, 60)
    assert [mark.at for mark in line.marks[:4]] == pytest.approx([0, 10, 12, 13])


def test_delays_are_those_of_the_clusters_and_between_them() -> None:
    line = timeline(failover_log(Shape(lacking=45, home=True)).log)
    acks = {one.cluster: one for one in line.acks}
    assert acks[A].median[5] == pytest.approx(ACK, abs=1e-6)
    assert acks[A].median[15] is None
    mirrors = {(one.origin, one.cluster): one for one in line.mirrors}
    assert set(mirrors) == {(A, B), (B, A)}
    assert mirrors[A, B].longest[5] == pytest.approx(MIRROR, abs=1e-6)
    assert mirrors[B, A].median[5] is None
    behind = {(one.origin, one.cluster): one.counts for one in line.behind}
    assert behind[A, B][7] <= 2, "what is on its way"
    assert behind[A, B][9:13] == (45,) * 4
    assert behind[A, B][-1] == behind[B, A][-1] == 0


@given(st.floats(0, 50_000))
def test_there_are_never_too_many_bins(seconds: float) -> None:
    made = Maker()
    made.event(START, 0)
    numbers = made.produce(A, 2, 0, seconds)
    made.consume(numbers, A)
    made.event(END, seconds + 1)
    line = timeline(made.log)
    assert 1 <= line.bins <= MAX_BINS
    assert line.width in WIDTHS
    assert line.width == 1 or line.bins > MAX_BINS / 3
    assert [sum(one.counts) for one in line.series] == [2, 2]


def test_what_came_before_the_start_is_left_out() -> None:
    made = outage_log()
    made.log.events = [one._replace(at=one.at + 5) if one.kind == START else one
                       for one in made.log.events]
    line = timeline(made.log)
    assert {one.kind: sum(one.counts) for one in line.series} == {
        "produced": 30 * 25, "consumed": 30 * 25,
    }
    assert [mark.at for mark in line.marks if mark.kind == FAULT] == pytest.approx([5])


def test_an_empty_log_has_a_timeline() -> None:
    line = timeline(Log(keys=3))
    assert (line.bins, line.series, line.marks) == (1, (), ())
    json.dumps(line.as_json(), allow_nan=False)


def test_a_timeline_becomes_json() -> None:
    found = timeline(failover_log(Shape(home=True)).log).as_json()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
