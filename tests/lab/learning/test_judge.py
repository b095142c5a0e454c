"""Claims, hints and predictions on recorded facts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.learning.exercise import Exercise, ExerciseError, parse
from lab.learning.facts import Facts, question, recorded
from lab.learning.judge import Bench, mistakes
from lab.learning.probes import PROBES, look
from lab.learning.progress import Progress, ProgressError, parse as progress_of

EXERCISE = {
    "chapter": 3, "minutes": 5, "title": {"en": "T"},
    "parameters": {"topic": "t-{owner}", "n": {"between": [3, 3]}},
    "questions": [{
        "id": "who", "ask": {"en": "Who?"}, "probe": "leader", "open": "there",
        "with": {"topic": "{topic}", "partition": 0}, "why": {"en": "so it is"},
    }],
    "claims": [
        {"id": "there", "say": {"en": "{topic} has {n}"}, "probe": "topic",
         "with": {"topic": "{topic}", "partitions": "{n}"},
         "hints": {"absent": {"en": "make {topic}"}, "fewer": {"en": "{found} is not {n}"}}},
        {"id": "crowd", "say": {"en": "two"}, "probe": "members", "once": True,
         "with": {"group": "g", "members": 2}},
    ],
}
TWO = {"state": "stable", "assignor": "range", "offsets": {}, "members": [
    {"client": "a", "partitions": ["t-ann-0"]}, {"client": "b", "partitions": []}]}


def topic(partitions: int) -> list[dict[str, Any]]:
    return [{"number": number, "leader": 2, "replicas": [2, 1], "isr": [1, 2]}
            for number in range(partitions)]


def facts(partitions: int | None, group: dict[str, Any] | None = None) -> Facts:
    return recorded({"dc1": {
        "topic name=t-ann": None if partitions is None else topic(partitions),
        "group name=g": group,
    }}, "dc1")


def bench(found: Facts, progress: Progress = Progress(), **change: Any) -> Bench:  # noqa: B008
    exercise: Exercise = parse({**EXERCISE, **change}, id="ch3-try")
    return Bench(exercise, exercise.values({"owner": "ann"}), found, progress)


def test_nothing_done_is_told_with_what_helps() -> None:
    judged = bench(facts(None)).judge(now=5)
    assert [one.claim for one in judged.verdicts] == ["who", "there", "crowd"]
    assert not judged.solved and judged.helped and judged.helped.state == "unanswered"
    assert judged.verdicts[1].say == "t-ann has 3"
    assert judged.verdicts[1].seen == "there is no topic t-ann"
    assert judged.verdicts[1].hint == "make t-ann"
    assert judged.verdicts[2].hint == ""


def test_a_hint_is_bound_to_what_was_seen() -> None:
    judged = bench(facts(1)).judge(now=5, only="there")
    assert [(one.state, one.hint) for one in judged.verdicts] == [("fewer", "1 is not 3")]


def test_what_holds_is_told_with_more_where_there_is_more_to_say() -> None:
    two = {**TWO, "assignor": "sticky"}
    share = {"id": "crowd", "say": {"en": "two"}, "probe": "share",
             "with": {"group": "g", "members": 2, "assignor": "sticky", "most": 1}}
    two["members"] = [{"client": name, "partitions": [f"t-{name}"]} for name in "ab"]
    one = bench(facts(3, two), claims=[EXERCISE["claims"][0], share])  # type: ignore[index]
    assert [(line.held, line.seen) for line in one.judge(now=5).verdicts[1:]] == [
        (True, ""), (True, "they have 1/1")]


def test_what_was_seen_once_counts_from_then_on() -> None:
    judged = bench(facts(3, TWO)).judge(now=5)
    assert judged.progress.held == {"crowd": 5}
    later = bench(facts(3, None), judged.progress.answer("who", "2")).judge(now=9)
    assert later.solved and later.progress.held == {"crowd": 5} and later.progress.solved == 9
    assert not bench(facts(3, None)).judge(now=9).solved


@pytest.mark.parametrize(("partitions", "said", "state"), [
    (None, "2", "open"), (3, "2", "right"), (3, " 2 ", "right"), (3, "1", "wrong"),
])
def test_a_prediction_is_judged_by_what_came(
    partitions: int | None, said: str, state: str
) -> None:
    judged = bench(facts(partitions), Progress().answer("who", said)).judge(now=1)
    assert judged.verdicts[0].held and judged.verdicts[0].state == state
    assert ("so it is" in judged.verdicts[0].seen) is (state == "wrong")


def test_a_prediction_is_too_late_once_it_has_come() -> None:
    for partitions, late in ((None, False), (1, False), (3, True)):
        one = bench(facts(partitions))
        assert one.too_late(one.exercise.questions[0]) is late


@pytest.mark.parametrize(("change", "said"), [
    ({"probe": "spell"}, "no probe 'spell'"), ({"with": {"topic": "{nobody}"}}, "no parameter"),
    ({"with": {"subject": "t"}}, "missing a required"), ({"hints": {"x": {"en": ""}}}, "no state"),
])
def test_a_claim_that_cannot_work_is_a_mistake(change: dict[str, Any], said: str) -> None:
    claim = {**EXERCISE["claims"][0], **change}  # type: ignore[index]
    one = bench(facts(3), claims=[claim], questions=[])
    (found,) = mistakes(one.exercise, one.values)
    assert said in found and found.startswith("ch3-try: ")


def test_what_nobody_asked_is_no_fact() -> None:
    with pytest.raises(KeyError):
        facts(3).topic("other")
    with pytest.raises(ExerciseError):
        look("topic", facts(3), {"topic": "t-ann", "colour": "red"})
    assert question("a", {"z": 1, "b": 2}) == "a b=2 z=1"
    assert "topic" in PROBES


@given(st.builds(
    Progress, st.floats(0, 1e10), st.floats(0, 1e10), st.dictionaries(st.text(), st.text()),
    st.dictionaries(st.text(), st.floats(0, 1e10)), st.dictionaries(st.text(), st.integers()),
    st.integers(0, 99),
))
def test_progress_is_read_as_it_was_written(one: Progress) -> None:
    assert progress_of(one.as_json()) == one


def test_a_file_from_before_names_were_numbered_is_read() -> None:
    kept = json.loads(Progress(started=1.0).as_json())
    del kept["again"]
    assert progress_of(json.dumps(kept)) == Progress(started=1.0)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"started": "x"}', "1"])
def test_a_file_that_is_no_progress_is_told(text: str) -> None:
    with pytest.raises(ProgressError, match="not a file of progress"):
        progress_of(text)


def test_the_segment_that_is_written_to_is_not_compacted() -> None:
    records = [[0, n, 0, key, "v"] for n, key in enumerate(["a", "b", "a", "b"])]
    answers = {"topic name=p": topic(1), "spans topic=p": {"0": [0, 4]},
               "records committed=True topic=p": records}
    for files, state in (
        ([["00000000000000000002.log", 9], ["00000000000000000000.log", 9]], "ok"),
        ([["00000000000000000000.log", 9]], "keys"),
        ([["00000000000000000000.log", 9], ["00000000000000000003.log", 9]], "twice"),
    ):
        found = recorded({"dc1": {**answers, "files partition=0 topic=p": files}}, "dc1")
        assert look("compacted", found, {"topic": "p", "keys": 2}).state == state
