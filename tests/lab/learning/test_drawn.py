"""What is drawn of facts: all of it, once, and nothing else."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from lab.learning.batches import Batch
from lab.learning.drawn import drawings
from lab.learning.drawn.crowd import Crowd, crowd, topics
from lab.learning.drawn.kept import MOST_KEYS, Kept, kept, runs
from lab.learning.drawn.lanes import (
    ABORT,
    ABORTED,
    COMMIT,
    COMMITTED,
    CONTROL,
    MIXED,
    PLAIN,
    UNENDED,
    Lane,
    Lanes,
    blocks,
)
from lab.learning.drawn.placement import FOLLOWER, LEADER, OUT, Placements, placement
from lab.learning.drawn.segments import Log, log
from lab.learning.facts import (
    Facts,
    File,
    Group,
    Member,
    Partition,
    Record,
    Span,
    question,
    recorded,
)

IDS = st.integers(1, 6)


@st.composite
def partitions(draw: st.DrawFn) -> list[Partition]:
    found = []
    for number in range(draw(st.integers(1, 12))):
        replicas = draw(st.lists(IDS, min_size=1, max_size=3, unique=True))
        isr = draw(st.lists(st.sampled_from(replicas), min_size=1, unique=True))
        leader = draw(st.sampled_from([*isr, None]))
        found.append(Partition(number, leader, tuple(replicas), tuple(isr)))
    return found


@st.composite
def folders(draw: st.DrawFn) -> tuple[list[File], Span]:
    """A partition's folder as a broker has it: indexes may lack, and other files lie beside."""
    bases = sorted(draw(st.sets(st.integers(0, 5000), min_size=1, max_size=8)))
    files = []
    for base in bases:
        files.append(File(f"{base:020}.log", draw(st.integers(0, 10**6))))
        files += [File(f"{base:020}{kind}", 8) for kind in (".index", ".timeindex")
                  if draw(st.booleans())]
    files += [File(name, 8) for name in draw(st.sets(st.sampled_from(
        ["leader-epoch-checkpoint", "00000000000000000007.log.deleted", "partition.metadata",
         "00000000000000009999.snapshot", "00000000000000009999.index", "x.log"])))]
    low = draw(st.integers(bases[0], bases[-1]))
    return draw(st.permutations(files)), Span(low, draw(st.integers(bases[-1], 6000)))


@given(partitions(), st.sets(IDS))
@settings(max_examples=40)
def test_each_replica_is_drawn_once_as_what_it_is(
    some: list[Partition], brokers: set[int]
) -> None:
    drawn = placement("t", some, brokers)
    assert drawn.partitions == tuple(one.number for one in some)
    for one in some:
        kinds = {strip.broker: strip.cells[one.number] for strip in drawn.strips
                 if one.number in strip.cells}
        assert kinds.keys() == set(one.replicas)
        assert {id for id, kind in kinds.items() if kind == LEADER} == {one.leader} - {None}
        assert {id for id, kind in kinds.items() if kind == OUT} == set(one.replicas) - {*one.isr}
        assert (one.number in drawn.leaderless) is (one.leader is None)
    assert {one.broker for one in drawn.strips if one.there} == brokers
    assert {kind for one in drawn.strips for kind in one.cells.values()} <= {LEADER, FOLLOWER, OUT}


@given(folders(), st.integers(-10, 7000))
@settings(max_examples=40)
def test_an_offset_is_in_the_segment_that_begins_last_before_it(
    folder: tuple[list[File], Span], offset: int
) -> None:
    files, span = folder
    drawn = log("t", 0, span, files)
    found = drawn.holder(offset)
    if not span.low <= offset < span.end:
        assert found is None
    else:
        assert found is not None and found.base <= offset < found.end
        assert sum(one.base <= offset < one.end for one in drawn.segments) == 1
        assert found.log.name == f"{found.base:020}.log"


@given(folders())
@settings(max_examples=40)
def test_every_file_is_drawn_once(folder: tuple[list[File], Span]) -> None:
    files, span = folder
    drawn = log("t", 0, span, files)
    named = [one.name for part in drawn.segments for one in (part.log, part.index, part.timeindex)
             if one]
    assert sorted([*named, *(one.name for one in drawn.others)]) == sorted(
        one.name for one in files)
    assert [one.open for one in drawn.segments] == [False] * (len(drawn.segments) - 1) + [True]
    for one in drawn.segments:
        for file in (one.index, one.timeindex):
            assert file is None or file.base == one.base
    assert drawn.segments[-1].empty is (drawn.segments[-1].base == span.end)


@given(st.lists(st.integers(0, 60)))
def test_runs_are_the_offsets_and_never_touch(offsets: list[int]) -> None:
    found = runs(offsets)
    assert [one for first, last in found for one in range(first, last + 1)] == sorted({*offsets})
    assert all(before[1] + 1 < behind[0] for before, behind in pairwise(found))


@given(st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(0, 30)), st.sampled_from([None, *"abcdefghijklmnop"]),
), st.integers(0, 5))
def test_every_record_left_is_counted_with_its_key(
    found: dict[tuple[int, int], str | None], low: int
) -> None:
    records = [Record(number, low + offset, 0, key, f"v{offset}")
               for (number, offset), key in sorted(found.items())]
    drawn = kept("t", {number: Span(low, 40) for number in range(3)}, records, {0: 7})
    assert (drawn.records, drawn.written) == (len(records), 120)
    for part in drawn.parts:
        mine = [one for one in records if one.partition == part.number]
        counted = Counter(one.key for one in mine)
        assert part.records == len(mine)
        assert len(part.keys) == min(MOST_KEYS, len(counted))
        assert part.more == len(counted) - len(part.keys)
        for key in part.keys:
            assert key.records == counted[key.key]
            assert key.last == [one.value for one in mine if one.key == key.key][-1]
        assert all(counted[one.key] >= count for one in part.keys
                   for other, count in counted.items()
                   if other not in {key.key for key in part.keys})


def test_keys_are_in_the_order_in_which_people_count() -> None:
    records = [Record(0, n, 0, key, "") for n, key in enumerate(["k10", None, "k9", "a", "k1"])]
    (part,) = kept("t", {0: Span(0, 5)}, records, {}).parts
    assert [one.key for one in part.keys] == ["a", "k1", "k9", "k10", None]


def test_without_a_look_at_records_all_offsets_count() -> None:
    drawn = kept("t", {0: Span(30, 100)}, None, {})
    assert (drawn.records, drawn.written, drawn.parts[0].runs) == (70, 100, None)


@given(
    st.lists(st.lists(st.integers(0, 9), unique=True), max_size=5),
    st.dictionaries(st.integers(0, 9), st.integers(0, 50)),
)
def test_a_crowd_has_every_member_and_every_partition(
    taken: list[list[int]], committed: dict[int, int]
) -> None:
    owner = {number: index for index, some in enumerate(taken) for number in some}
    group = Group("stable", "range", tuple(
        Member("same", tuple(f"t-1-{n}" for n in some if owner[n] == index))
        for index, some in enumerate(taken)
    ), {f"t-1-{number}": offset for number, offset in committed.items()})
    assert topics(group) == (("t-1",) if owner or committed else ())
    drawn = crowd("g", group, {"t-1": {number: Span(0, 60) for number in range(10)}})
    assert [one.number for one in drawn.chips] == list(range(1, len(taken) + 1))
    assert [one.partition for one in drawn.seats] == list(range(10))
    held = Counter(one.chip for one in drawn.seats if one.chip is not None)
    assert {one.number: one.partitions for one in drawn.chips if one.partitions} == held
    assert len(drawn.idle) == len(taken) - len(held)
    assert {one.partition for one in drawn.seats if one.chip is None} == {*range(10)} - {*owner}
    assert drawn.lag == sum(60 - committed.get(number, 0) for number in range(10))


BATCHES = st.lists(st.tuples(st.integers(1, 40), st.sampled_from([0, 0x10, 0x30])), max_size=60)


def batches(shapes: list[tuple[int, int]]) -> tuple[Batch, ...]:
    found, at = [], 0
    for records, attributes in shapes:
        found.append(Batch(at, at + records - 1, records, 70, 0, -1, 0, -1, attributes, 0))
        at += records
    return tuple(found)


def kind_of(batch: Batch) -> str:
    """Of one whose transaction has no marker, as none of `batches` has."""
    return CONTROL if batch.control else UNENDED if batch.transactional else PLAIN


@given(BATCHES, st.floats(0, 50))
def test_blocks_are_the_batches_in_a_row(shapes: list[tuple[int, int]], least: float) -> None:
    lane = Lane("t", 0, batches(shapes))
    drawn = blocks(lane.batches, least)
    assert sum(one.batches for one in drawn) == len(shapes)
    at = 0
    for one in drawn:
        inside = [batch for batch in lane.batches if one.first <= batch.offset <= one.last]
        assert (one.at, one.records) == (at, sum(batch.records for batch in inside))
        assert len(inside) == one.batches
        assert one.batches == 1 or all(batch.records < least for batch in inside)
        kinds = {kind_of(batch) for batch in inside}
        assert one.kind == (kinds.pop() if len(kinds) == 1 else MIXED)
        at += one.records
    assert at == lane.records
    if least <= 1:
        assert len(drawn) == len(shapes), "a block a batch"


def test_a_batch_shows_how_its_transaction_ended() -> None:
    """Two producers at the same time, and one without transactions."""
    def of(producer: int, attributes: int, marker: str = "") -> Batch:
        at = len(log)
        return Batch(at, at, 1, 70, 0, producer, 0, -1, attributes, 0, marker=marker)

    log: list[Batch] = []
    for one in ((7, 0x10), (8, 0x10), (7, 0x30, "commit"), (8, 0x30, "abort"), (-1, 0), (7, 0x10)):
        log.append(of(*one))
    assert [one.kind for one in blocks(log, 1)] == [
        COMMITTED, ABORTED, COMMIT, ABORT, PLAIN, UNENDED]
    assert Lane("t", 0, tuple(log)).markers == {"commit": 1, "abort": 1}
    assert {one.kind for one in blocks(log, 2)} == {MIXED}, "too narrow to tell apart"


ANSWERS: dict[str, Any] = {
    "topic name=t": [{"number": 0, "leader": 1, "replicas": [1, 2], "isr": [1]}],
    "topic name=none": None,
    "brokers": [1, 2],
    "spans topic=t": {"0": [0, 4]},
    "records committed=True topic=t": [[0, 3, 0, "a", "v"]],
    "files partition=0 topic=t": [["00000000000000000000.log", 9]],
    "batches partition=0 topic=t": [[0, 3, 4, 70, 0, -1, 0, -1, 0, 0]],
    "group name=g": {"state": "empty", "assignor": "", "members": [], "offsets": {"t-0": 1}},
    "group name=none": None,
}


@pytest.mark.parametrize(("asked", "kinds"), [
    ([], []),
    ([("topic", "none"), ("group", "none")], []),
    ([("topic", "t")], [Placements]),
    ([("topic", "t"), ("files", "t", 0)], [Log, Placements]),
    ([("spans", "t")], [Kept]),
    ([("spans", "t"), ("files", "t", 0)], [Log]),
    ([("records", "t"), ("files", "t", 0)], [Log, Kept]),
    ([("batches", "t", 0)], [Lanes]),
    ([("group", "g"), ("spans", "t"), ("topic", "t")], [Crowd, Placements]),
])
def test_what_was_asked_for_is_drawn_and_no_more(
    asked: list[tuple[Any, ...]], kinds: list[type]
) -> None:
    facts = recorded({"dc1": ANSWERS}, "dc1")
    for what, *arguments in asked:
        getattr(facts, what)(*arguments)
    drawn = drawings(facts)
    assert [type(one) for _, one in drawn] == kinds
    assert {where for where, _ in drawn} <= {"dc1"}


def test_what_was_asked_in_another_datacenter_is_drawn_with_its_name() -> None:
    facts = recorded({"dc1": ANSWERS, "dc2": ANSWERS}, "dc1")
    facts.topic("t")
    facts.at("dc2").topic("t")
    assert facts.at("dc2") is facts.at("dc2"), "else each look there asks anew"
    assert [where for where, _ in drawings(facts)] == ["dc1", "dc2"]


def test_a_question_that_is_asked_twice_is_asked_once() -> None:
    heard: list[str] = []

    def ask(what: str, said: Any) -> Any:
        heard.append(question(what, said))
        return [1]

    facts = Facts(ask)
    assert facts.brokers() == facts.brokers() == (1,)
    assert heard == ["brokers"] and facts.asked == (("brokers", {}),)
