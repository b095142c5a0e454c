"""What the tasks of exercises print: signs, what helps, and in which language."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.learning import words
from lab.learning.judge import Judged
from scripts.errors import UsageError
from scripts.learning import library
from scripts.learning.look import looking
from scripts.tasks import learn
from tests import recordings
from tests.recordings import SOLVED
from tests.scripts.learning.fakes import ABSENT, EXERCISE, THERE, Lab, a_lab


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    return a_lab(monkeypatch, tmp_path, ABSENT)


def judged(lab: Lab, *, said: str = "", data: Any = EXERCISE) -> tuple[Any, Judged]:
    course = lab.course(lab.state, data)
    with looking(course) as look:
        if said:
            before, lab.answers = lab.answers, ABSENT
            look.answer("who", said)
            lab.answers = before
        return course, look.check(patient=False)


@pytest.mark.parametrize(("answers", "said", "sign"), [
    (ABSENT, "", "✗"), (ABSENT, "1", "○"), (THERE, "1", "✓"), (THERE, "2", "≠"), (THERE, "", "✗"),
])
def test_only_a_prediction_that_came_true_has_a_tick(
    lab: Lab, answers: Any, said: str, sign: str
) -> None:
    lab.answers = answers
    course, found = judged(lab, said=said)
    assert found.verdicts[0].sign == sign
    assert learn._as_lines(course, found).splitlines()[1].startswith(f"  {sign} Who?")


def test_a_prediction_that_is_missed_says_how_to_begin_anew_and_the_next_claim_is_helped(
    lab: Lab
) -> None:
    claims = [*EXERCISE["claims"], {**EXERCISE["claims"][0], "id": "wide", "say": {"en": "wide"},
                                    "with": {"topic": "{topic}", "partitions": 2},
                                    "hints": {"fewer": {"en": "more of them"}}}]
    lab.answers = THERE
    course, found = judged(lab, data={**EXERCISE, "claims": claims})
    assert [one.state for one in found.verdicts] == ["late", "ok", "fewer"]
    assert not found.solved
    anew = "too late to predict it; to begin anew: fab exercise.reset ch3-try"
    lines = learn._as_lines(course, found).splitlines()
    assert lines[1].startswith("  ✗ Who?") and lines[1].endswith(anew)
    assert lines[-2] == "      hint: more of them"
    helped = learn._help(course, found)
    assert helped[0].endswith(anew) and helped[-1] == "hint: more of them"


def test_where_a_missed_prediction_is_all_that_is_left_the_way_back_is_the_help(lab: Lab) -> None:
    lab.answers = THERE
    course, found = judged(lab)
    (line,) = learn._help(course, found)
    assert line.endswith("fab exercise.reset ch3-try") and not found.solved


def test_an_open_question_says_its_command_and_nothing_of_the_task(lab: Lab) -> None:
    course, found = judged(lab)
    (line,) = learn._help(course, found)
    assert line == "Who?: not answered: fab exercise.answer ch3-try who ANSWER"


@pytest.mark.parametrize("said", ["five", "-1", "1.5", "٣", ""])
def test_a_number_is_taken_in_digits_only(lab: Lab, said: str) -> None:
    question = {**EXERCISE["questions"][0], "choices": [], "number": True}
    course = lab.course(lab.state, {**EXERCISE, "questions": [question]})
    with looking(course) as look:
        with pytest.raises(UsageError, match="accepted: a number in digits, 0 or more"):
            look.answer("who", said)
        look.answer("who", "3")
    assert course.progress.answers == {"who": "3"}


def test_questions_say_that_they_ask_for_a_number_where_what_came_is_one() -> None:
    for name in library.names():
        bench = recordings.snapshot(name, SOLVED).bench(library.load(name).exercise)
        for one in bench.exercise.questions:
            came = str(bench._look(one).answer)
            assert one.number is (not one.choices and came.isdecimal()), (name, one.id, came)


def test_what_it_was_begun_in_is_spoken_until_another_is_asked_for(lab: Lab) -> None:
    course = lab.course(lab.state)
    assert course.begin().language == ""
    assert course.begin("ko").language == "ko"
    assert course.begin().language == "ko"
    assert lab.course(lab.state).progress.language == "ko"
    assert course.begin("en").language == "en"


def test_a_course_speaks_what_it_was_begun_in(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(library, "load", lambda name: lab.course(tmp_path).book)
    lab.course(tmp_path).begin("ko")
    assert learn._course(lab.session, "ch3-try", "").language == "ko"
    assert learn._course(lab.session, "ch3-try", "en").language == "en"
    lab.course(tmp_path).begin("../en")  # as nobody but a person with an editor writes it
    assert learn._course(lab.session, "ch3-try", "").language == "en"


def test_korean_has_no_english_left_in_it(lab: Lab) -> None:
    course, found = judged(lab)
    course.language = "ko"
    said = [*learn._as_lines(course, found).splitlines()[-1:], words.spoken("see_task", "ko"),
            words.spoken("hint_of", "ko", number=1, all=2), words.spoken("as_before", "ko")]
    assert said[0] == "2개 중 0개"
    for name, one in words._terminal_words().items():
        assert one.keys() == {"en", "ko"}, name
        text = one["ko"].format(held=1, all=2, number=1, minutes=5)
        assert name == "chapters" or not any("a" <= letter <= "z" for letter in text), text
