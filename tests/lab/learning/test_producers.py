"""What producers leave on disk, as the probes of chapter 5 see it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.learning import coordinator
from lab.learning.batches import APPEND_TIME, CONTROL, TRANSACTIONAL, Batch
from lab.learning.exercise import parse
from lab.learning.facts import Facts, recorded
from lab.learning.judge import Bench
from lab.learning.probes import look
from lab.learning.probes.batches import side_by_side
from lab.learning.progress import Progress
from lab.learning.words import sentence

Answers = dict[str, Any]


def batch(offset: int, records: int = 1, *, size: int = 0, time: int = 0, newest: int = 0,
          producer: int = -1, attributes: int = 0, marker: str = "") -> Batch:
    return Batch(offset, offset + records - 1, records, size or 61 + 108 * records, 0, producer, 0,
                 -1, attributes, time, newest or time, marker)


def topic(name: str, parts: list[list[Batch]], leaders: list[int | None] | None = None) -> Answers:
    """A topic with what lies in its partitions, each led by broker 1."""
    leaders = leaders or [1] * len(parts)
    ends = [sum(one.records for one in part) for part in parts]
    return {
        f"topic name={name}": [
            {"number": number, "leader": leaders[number], "replicas": [1, 2], "isr": [1, 2]}
            for number in range(len(parts))
        ],
        f"spans topic={name}": {str(number): [0, end] for number, end in enumerate(ends)},
        **{f"batches partition={number} topic={name}": part for number, part in enumerate(parts)},
    }


def facts(*answers: Answers) -> Facts:
    return recorded({"dc1": {key: value for one in answers for key, value in one.items()}}, "dc1")


def state(probe: str, found: Facts, **arguments: Any) -> str:
    """What a probe finds; that it has words where it is to be told is seen to, too."""
    finding = look(probe, found, arguments)
    if not finding.ok or probe in ("batched", "at-once", "largest", "waited", "left-over"):
        for language in ("en", "ko"):
            assert sentence(probe, finding.state, finding.seen, language)
    return finding.state


NONE = {"topic name=t": None, "spans topic=t": None}
SIZES = st.lists(st.lists(st.integers(1, 200), max_size=12), min_size=1, max_size=4)


def filled(sizes: list[list[int]]) -> list[list[Batch]]:
    """Partitions with batches of so many records."""
    return [[batch(sum(part[:at]), records) for at, records in enumerate(part)] for part in sizes]


@given(SIZES)
def test_what_is_told_of_batches_is_what_is_there(sizes: list[list[int]]) -> None:
    found, records = facts(topic("t", filled(sizes))), sum(map(sum, sizes))
    arguments = {"topic": "t", "partitions": len(sizes)}
    if records:
        seen = look("batched", found, {**arguments, "records": records}).seen
        assert seen["batches"] == sum(map(len, sizes))
        assert seen["counts"] == "/".join(str(sum(part)) for part in sizes)
        assert float(seen["each"]) == pytest.approx(records / seen["batches"], abs=0.051)
    assert state("batched", found, **arguments, records=records + 1) == "fewer"
    assert state("batched", found, **arguments, records=records - 1) == "more"
    assert state("batched", found, topic="t", partitions=9, records=records) == "partitions"


def test_markers_are_no_records() -> None:
    marker = batch(1, attributes=CONTROL | TRANSACTIONAL, marker="commit")
    found = facts(topic("t", [[batch(0), marker]]))
    assert look("batched", found, {"topic": "t", "partitions": 1, "records": 1}).ok


def test_one_that_takes_turns_fills_several_batches_at_once_and_one_that_sticks_does_not() -> None:
    turns = [[batch(0, 33, time=at + n, newest=at + n + 99) for at in range(0, 3000, 100)]
             for n in range(3)]
    sticks = [[batch(0, 100, time=at, newest=at + 99) for at in range(n * 100, 3000, 300)]
              for n in range(3)]
    found = facts(topic("t", turns), topic("u", sticks), topic("e", [[]]), {
        "topic name=x": None})
    assert state("at-once", found, topic="t", least=2) == "ok"
    assert state("at-once", found, topic="u", least=2) == "fewer"
    assert state("at-once", found, topic="x", least=2) == "absent"
    assert state("at-once", found, topic="e", least=2) == "short"
    arguments = {"topics": ["t", "u"], "names": ["robin", "sticky"]}
    assert look("fewest-batches", found, arguments).answer == "sticky"
    assert state("fewest-batches", found, topics=["u", "x"], names=["a", "b"]) == "absent"


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 200)), max_size=10))
def test_never_more_batches_are_filled_at_once_than_there_are(spans: list[tuple[int, int]]) -> None:
    found = side_by_side([batch(0, time=at, newest=at + length) for at, length in spans])
    assert found is None or 0 <= found <= len(spans)


def test_a_batch_larger_than_its_setting_is_found() -> None:
    found = facts(topic("t", [[batch(0, 18), batch(18, 3)]]), topic("e", [[]]), {
        "topic name=x": None})
    assert look("largest", found, {"topic": "t", "most": 2005}).answer == "18"
    assert state("largest", found, topic="t", most=2004) == "more"
    assert state("largest", found, topic="e", most=9) == "empty"
    assert state("largest", found, topic="x", most=9) == "absent"


def test_a_retry_is_seen_by_how_late_its_batch_came() -> None:
    late = batch(1, attributes=APPEND_TIME, time=1000, newest=4000)
    soon = batch(0, attributes=APPEND_TIME, time=1000, newest=2010)
    for part, least, expected in (
        ([soon, late], 2500, "ok"), ([soon], 2500, "short"), ([batch(0)], 1, "untold"),
        ([], 1, "empty"),
    ):
        assert state("waited", facts(topic("t", [part])), topic="t", least=least) == expected
    assert state("waited", facts(NONE), topic="t", least=1) == "absent"


def test_copies_of_a_record_are_counted_by_its_value() -> None:
    records = [[0, n, 0, None, value] for n, value in enumerate(["first", "1", "2", "1", "2"])]
    found = facts(topic("t", [[]]), {"records committed=False topic=t": records})
    assert look("copies", found, {"topic": "t", "records": 2}).answer == "2"
    assert state("copies", found, topic="t", records=4) == "fewer"
    assert state("copies", facts(NONE), topic="t", records=1) == "absent"


def written(offset: int, records: int, producer: int) -> Batch:
    return batch(offset, records, producer=producer, attributes=TRANSACTIONAL)


def end(offset: int, producer: int, how: str) -> Batch:
    return batch(offset, producer=producer, attributes=TRANSACTIONAL | CONTROL, marker=how)


def test_records_are_counted_by_how_their_transaction_ended() -> None:
    # Two producers at the same time, one of which has not ended; and one without transactions.
    log = [written(0, 4, 7), written(4, 2, 8), written(6, 1, 7), end(7, 7, "commit"),
           written(8, 3, 7), end(11, 7, "abort"), end(12, 7, "abort"), batch(13, 5)]
    found = facts(topic("t", [log]), topic("p", [[batch(0, 2)]]),
                  topic("o", [[written(0, 2, 8)]]), topic("e", [[]]), {"topic name=x": None},
                  {"records committed=True topic=t": [[0, n, 0, None, "v"] for n in range(10)]})
    for how, records in (("commit", 5), ("abort", 3)):
        assert state("ended", found, topic="t", how=how, records=records) == "ok"
        assert state("ended", found, topic="t", how=how, records=records + 1) == "fewer"
        assert state("ended", found, topic="t", how=how, records=records - 1) == "more"
    for name, expected in (("x", "absent"), ("p", "plain"), ("o", "open"), ("e", "none")):
        assert state("ended", found, topic=name, how="commit", records=1) == expected
    both = {"topic": "t", "committed": 5, "aborted": 3}
    assert look("after-both", found, {**both, "what": "offsets"}).answer == "18"
    assert look("after-both", found, {**both, "what": "records"}).answer == "10"
    assert state("after-both", found, topic="t", committed=5, aborted=4, what="records") == "fewer"


@pytest.mark.parametrize(("kept", "expected"), [
    (None, "absent"), (["Ongoing", 5, 0], "open"), (["PrepareAbort", 5, 1], "open"),
    (["CompleteAbort", 5, 1], "ok"),
])
def test_a_coordinator_tells_whether_a_transaction_is_open(kept: Any, expected: str) -> None:
    found = facts({"transaction id=a": kept}, topic("t", [[written(0, 2, 5)]]), topic("o", [[]]),
                  {"topic name=x": None})
    assert state("settled", found, id="a", topic="t") == expected
    for other in ("o", "x"):  # what it knows is of a topic that is gone
        assert state("settled", found, id="a", topic=other) == "absent"


def test_what_only_a_broker_that_is_gone_has_is_found_on_its_disk() -> None:
    def after(leader: int | None, mine: list[Batch], theirs: list[Batch]) -> Facts:
        return facts(topic("t", [theirs], [leader]), {
            "disk broker=1 partition=0 topic=t": mine, "disk broker=2 partition=0 topic=t": theirs})

    arguments = {"topic": "t", "broker": 1, "records": 40}
    old = batch(0, 5)
    for leader, mine, theirs, expected in (
        (2, [old, batch(5, 40)], [old], "ok"), (2, [old, batch(5, 39)], [old], "fewer"),
        (2, [old, batch(5, 41)], [old], "more"), (1, [old], [old], "led"),
        (None, [old], [old], "leaderless"),
    ):
        assert state("only-on", after(leader, mine, theirs), **arguments) == expected
    assert state("only-on", facts(NONE), **arguments) == "absent"
    for leader, mine, expected in (
        (None, [batch(0, 40)], "ok"), (None, [batch(0, 4)], "fewer"), (2, [], "led"),
    ):
        assert state("leaderless", after(leader, mine, []), **arguments) == expected
    assert state("leaderless", facts(NONE), **arguments) == "absent"


def test_what_is_left_is_counted_and_what_is_gone_is_the_answer() -> None:
    for left, expected in ((40, "ok"), (41, "fewer"), (39, "more")):
        found = facts(topic("t", [[batch(0, 30), batch(30, 10)]]))
        assert state("left-over", found, topic="t", records=50, left=left) == expected
    assert look("left-over", found, {"topic": "t", "records": 50, "left": 40}).answer == "10"
    lost = facts(topic("t", [[]], [None]))
    assert state("left-over", lost, topic="t", records=5, left=5) == "leaderless"
    assert state("left-over", facts(NONE), topic="t", records=5, left=5) == "absent"


@pytest.mark.parametrize(("language", "seen"), [("en", "40 of 50"), ("ko", "50개 중 40개")])
def test_figures_are_shown_also_where_a_claim_holds(language: str, seen: str) -> None:
    exercise = parse({
        "chapter": 5, "minutes": 5, "title": {"en": "T"}, "claims": [
            {"id": "left", "say": {"en": "left"}, "probe": "left-over",
             "with": {"topic": "t", "records": 50, "left": 40}},
            {"id": "there", "say": {"en": "there"}, "probe": "topic", "with": {"topic": "t"}},
        ],
    }, id="ch5-try")
    judged = Bench(exercise, {}, facts(topic("t", [[batch(0, 40)]])), Progress(), language).judge(
        now=1)
    assert judged.solved and [one.seen for one in judged.verdicts] == [seen, ""]


def test_replicas_are_where_they_were_asked_to_be() -> None:
    found = facts(topic("t", [[], []]), {"topic name=x": None})
    assert state("placed", found, topic="t", replicas="1,2") == "ok"
    assert state("placed", found, topic="t", replicas="2,1") == "other"
    assert state("placed", found, topic="x", replicas="1") == "absent"


@given(st.text(st.characters(codec="utf-8"), max_size=30), st.integers(1, 50))
def test_every_transactional_id_has_a_partition(id: str, partitions: int) -> None:
    assert 0 <= coordinator.partition_of(id, partitions) < partitions


@pytest.mark.parametrize(("id", "hashed"), [  # as Java's String.hashCode has it
    ("", 0), ("a", 97), ("hello", 99162322), ("polygenelubricants", -(1 << 31)),
])
def test_the_partition_is_by_javas_hash(id: str, hashed: int) -> None:
    wanted = 0 if hashed == -(1 << 31) else abs(hashed)
    assert coordinator.partition_of(id, 1 << 40) == wanted


def test_what_a_coordinator_writes_down_is_read() -> None:
    assert coordinator.id_of(bytes.fromhex("0000 0003") + b"abc") == "abc"
    assert coordinator.id_of(bytes.fromhex("0000 0009") + b"abc") is None
    assert coordinator.id_of(b"") is None
    value = bytes.fromhex("0000 0000000000000fa0 0002 0000ea60 05 ffff")
    assert coordinator.state_of(value) == ("CompleteAbort", 4000, 2)
    with pytest.raises(ValueError, match="3 bytes"):
        coordinator.state_of(b"abc")
