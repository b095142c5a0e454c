"""Whether a mirror moves, on paper: what waits, and what is held back."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from lab.mirrors.held import BATCH_SIZE, EXCLUDE, HELD, USUAL_BATCH, Care, plain, taken
from lab.mirrors.progress import At, Progress, Wait, reason, split, told
from lab.options.mirrors import Mirroring

NAMES = st.text("ab.-_", min_size=1, max_size=4)
CONFIG = {EXCLUDE: "__.*,(?!(?:a|b)$)(?:c)", "other": "1"}


@given(st.frozensets(NAMES), st.sampled_from([USUAL_BATCH, 1000]), st.booleans())
def test_what_is_held_back_is_excluded_and_nothing_else(
    topics: frozenset[str], batch: int, ours: bool
) -> None:
    before = {**CONFIG, **({"kafkalab.lab": "lab"} if ours else {})}
    care = Care(topics, batch)
    changed = taken(before, care)
    assert plain(changed) == (before, care)
    assert changed.get(BATCH_SIZE, str(USUAL_BATCH)) == str(batch)
    # As DefaultTopicFilter reads it: all joined into one expression.
    more = changed[EXCLUDE].removeprefix(before[EXCLUDE]).removeprefix(",").replace(",", "|")
    for topic in ("a", "a.b", "a-b", "aab", "b", "..", *topics):
        assert bool(re.fullmatch(more, topic)) is (topic in topics)


def test_a_hand_on_what_is_changed_is_seen() -> None:
    care = Care(frozenset("t"), 1000)
    hand = {**taken(CONFIG, care), EXCLUDE: "x", BATCH_SIZE: "7"}
    assert plain(hand) == ({**CONFIG, EXCLUDE: "x", BATCH_SIZE: "7"}, care)
    assert plain({HELD: "t"}) == ({}, Care(frozenset("t")))


looks = st.lists(st.tuples(
    st.floats(0, 20), st.dictionaries(st.sampled_from("abc"), st.integers(0, 3)),
), max_size=12)


@given(looks, st.booleans(), st.sampled_from([1.0, 60.0, -3600.0]))
def test_a_mirror_stands_still_where_the_same_record_waits_for_the_stated_time(
    steps: list[tuple[float, dict[str, int]]], trusting: bool, age: float
) -> None:
    progress, now = Progress(30, trusting=trusting), 0.0
    history: list[tuple[float, dict[str, int]]] = []
    for passed, waits in steps:
        now += passed
        history.append((now, waits))
        found = progress.weigh(now, [Wait(At(t, 0), at, age) for t, at in waits.items()])
        for topic, offset in waits.items():
            since = now
            for at, look in reversed(history):
                if look.get(topic) != offset:
                    break
                since = at
            assert (topic in [one.at.topic for one in found]) is (now - since >= 30)
        first = {t for t in waits if all(look.get(t) == waits[t] for _, look in history)}
        doubtful = {one.at.topic for one in progress.doubtful}
        assert doubtful <= waits.keys() - {one.at.topic for one in found}
        if trusting and age == 1.0:
            assert not doubtful, "what has just been written is given its time, and nobody waits"
        elif history[0][0] > now - 30:
            assert first <= doubtful


def test_what_moved_once_is_not_waited_for_again() -> None:
    progress = Progress(30)
    first, later = Wait(At("t", 0), 1, 60), Wait(At("t", 0), 2, 60)
    assert progress.weigh(0, [first]) == () and progress.doubtful == (first,)
    assert progress.weigh(1, [later]) == () and progress.doubtful == ()
    assert progress.weigh(31, [later]) == (later,), "who looks on sees it all the same"


def test_a_partition_that_the_mirror_may_not_have_seen_gets_more_time() -> None:
    progress, new = Progress(30, more=5), Wait(At("t", 0), 0, 60, begun=False)
    assert progress.weigh(0, [new]) == progress.weigh(34.9, [new]) == ()
    assert progress.weigh(35, [new]) == (new,)


def test_it_gets_the_time_to_be_seen_and_to_be_given_to_a_task() -> None:
    progress, new = Progress.by(Mirroring(refresh_s=2, stall_s=10)), Wait(At("t", 0), 0, 60, False)
    assert progress.weigh(0, [new]) == progress.weigh(16.9, [new]) == ()
    assert progress.weigh(17, [new]) == (new,)


def test_where_nothing_moves_is_told_with_the_oldest() -> None:
    waits = [Wait(At("new", 0), 3, 40), Wait(At("old", 1), 5, 90)]
    assert told(waits[:1], 30) == "nothing moves at new-0, offset 3, for 30 s now"
    assert told(waits, 30) == (
        "nothing moves at old-1, offset 5 and 1 other place, for 30 s now"
    )
    assert told([], 30) == ""


LOG = [
    "INFO nothing of a.t-0 (org.apache.kafka.connect.X)",
    "WARN [Producer clientId=connector-producer-a-to-b.source-0] Got error produce response on "
    "topic-partition a.t-0, splitting and retrying (9 attempts left). Error: MESSAGE_TOO_LARGE "
    "(org.apache.kafka.clients.producer.internals.Sender)",
    "WARN [Consumer clientId=a->b|a-to-b.source-0|consumer] Connection to node 1 (h/10.0.0.1:9092) "
    "could not be established. (org.apache.kafka.clients.NetworkClient)",
    "ERROR a.t-01 and xa.t-0 are others (org.apache.X)",
]


@pytest.mark.parametrize(("names", "found"), [
    (["a.t-0"], "Got error produce response on topic-partition a.t-0, splitting and retrying "
                "(9 attempts left). Error: MESSAGE_TOO_LARGE"),
    (["a.u-0"], "Connection to node 1 (h/10.0.0.1:9092) could not be established."),
], ids=str)
def test_the_reason_is_the_last_line_about_the_partition_or_the_connector(
    names: list[str], found: str
) -> None:
    assert reason(LOG, "a-to-b.source", names) == found
    assert reason([], "a-to-b.source", names) == reason(LOG[:1], "x", names) == ""


def test_the_batches_that_a_broker_finds_too_large_are_known_from_the_log() -> None:
    assert split(LOG) == {"a.t-0"}
