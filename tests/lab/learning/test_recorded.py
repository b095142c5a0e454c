"""Every exercise's claims and hints on what real clusters answered (`make recordings`)."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from docs.schemas import Check
from lab.learning.drawn import drawings
from lab.learning.facts import recorded
from lab.learning.progress import Progress
from lab.learning.snapshot import LONG, Snapshot, SnapshotError, parse
from lab.learning.words import page_words
from scripts.learning import library
from scripts.learning.drawn import panel
from scripts.learning.drawn.paper import Said
from tests import recordings
from tests.recordings import FOLDER, NOTHING, SOLVED, VERDICTS, WRONG

RECORDED = recordings.names()
ALL = [(name, kind) for name in RECORDED for kind in recordings.kinds(name)]
HANGUL = re.compile("[가-힣]")


def test_what_is_recorded_is_an_exercise_in_all_its_ways() -> None:
    assert set(RECORDED) == set(library.names()), "`make recordings EXERCISE=ID`"
    for name in RECORDED:
        files = {path.stem for path in (FOLDER / name).glob("*.json")}
        assert files == set(recordings.kinds(name)), f"{name}: `make recordings EXERCISE={name}`"


@pytest.mark.parametrize("name", RECORDED)
def test_the_verdicts_are_as_before(name: str) -> None:
    """Claim, state, what was seen, and every hint; `make snapshots` writes them anew."""
    if os.environ.get("KAFKALAB_SNAPSHOTS") == "write":
        recordings.write(name)
    assert recordings.verdicts(name) == (FOLDER / name / VERDICTS).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_a_recording_is_judged_as_what_it_is(name: str, kind: str) -> None:
    judged = recordings.judged(name, kind)
    verdicts = {one.claim: one for one in judged.verdicts}
    for one in judged.verdicts:
        assert not re.search(r"\bNone\b|[{}]", " ".join([one.say, one.seen, *one.hints])), one
    if kind == SOLVED:
        assert judged.solved and all(one.state in ("ok", "right", "wrong", "open")
                                     for one in judged.verdicts)
        return
    first = next((one for one in judged.verdicts if not one.held), None)
    assert first is not None and (first.hint or first.state in ("unanswered", "late")), first
    if kind == NOTHING:
        assert all(one.state == "unanswered" for one in judged.verdicts
                   if one.claim in {q.id for q in library.load(name).exercise.questions})
    else:
        missed = verdicts[library.load(name).wrong[kind.removeprefix(WRONG)]]
        assert not missed.held
        assert missed.hint or missed.state in ("unanswered", "late"), missed


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_it_is_judged_the_same_in_korean(name: str, kind: str) -> None:
    for english, korean in zip(recordings.judged(name, kind).verdicts,
                               recordings.judged(name, kind, "ko").verdicts, strict=True):
        assert (english.claim, english.held, english.state) == (
            korean.claim, korean.held, korean.state)
        assert len(english.hints) == len(korean.hints)
        figures = not re.search("[A-Za-z]{3}", english.seen)  # alike in both: "2825 ms"
        assert figures or HANGUL.search(korean.seen)


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_what_programs_get_holds_to_the_schema(name: str, kind: str) -> None:
    bench = recordings.snapshot(name, kind).bench(library.load(name).exercise)
    told = bench.as_json(bench.judge(now=1.0))
    assert Check.model_validate(told).model_dump() == told


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_a_recording_can_be_drawn(name: str, kind: str) -> None:
    found = recordings.snapshot(name, kind)
    exercise = library.load(name).exercise
    drawn = drawings(found.bench(exercise).survey())
    assert drawn or kind != SOLVED or not exercise.topics  # nothing of Kafka's own to draw
    for number, (_, one) in enumerate(drawn):
        assert panel(one, said=Said(page_words(), "ko"), ident=f"d{number}").rows


@pytest.mark.parametrize(("name", "kind"), ALL)
def test_a_snapshot_is_read_as_it_was_written_and_is_small(name: str, kind: str) -> None:
    text = (FOLDER / name / f"{kind}.json").read_text(encoding="utf-8")
    found = parse(text)
    assert parse(found.as_json()) == found and found.exercise == name
    assert len(text) < 60_000, "record it on a lab of an owner with smaller numbers"


@given(st.dictionaries(st.text(max_size=5), st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda some: st.lists(some, max_size=9) | st.dictionaries(st.text(max_size=5), some),
), max_size=3), st.integers(0, 600))
@settings(max_examples=30)
def test_what_is_long_is_packed_and_read_the_same(answers: dict[str, Any], more: int) -> None:
    answers["batches"] = [[number, "소라", None] for number in range(more)]
    found = Snapshot("e", "dc1", {}, Progress(), {"dc1": answers})
    text = found.as_json()
    assert parse(text) == found
    assert max(map(len, text.splitlines())) < LONG + 100


@pytest.mark.parametrize("text", [
    "", "{}", "[]", "1", '{"exercise": "a", "answers": 1}',
    '{"exercise": "a", "datacenter": "d", "values": {}, "progress": {}, '
    '"answers": {"d": {"a": {"zlib": "AAAA"}}}}',
])
def test_a_file_that_is_no_snapshot_is_told(text: str) -> None:
    with pytest.raises(SnapshotError, match="not a snapshot"):
        parse(text)


def test_a_claim_is_not_held_because_the_facts_do_not_matter() -> None:
    """Answers of one recording under the progress of another: each has a part in the verdict."""
    solved = recordings.snapshot("ch3-partitions", SOLVED)
    exercise = library.load("ch3-partitions").exercise
    bench = solved.bench(exercise)
    nothing = recordings.snapshot("ch3-partitions", NOTHING)
    for facts, progress in ((nothing.answers, solved.progress), (solved.answers, nothing.progress)):
        mixed = type(bench)(exercise, solved.values, recorded(facts, solved.datacenter), progress)
        assert not mixed.judge(now=1.0).solved
