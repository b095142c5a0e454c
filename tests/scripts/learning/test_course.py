"""One student's exercise: what is kept, when it is too late, and what cannot be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lab.file import parse as parse_lab
from lab.learning.snapshot import parse
from lab.topology import build
from scripts.errors import LabError, UsageError
from scripts.learning import reset as reset_module
from scripts.learning.course import Course
from scripts.learning.look import Look, looking
from scripts.learning.place import place
from scripts.learning.reset import reset
from tests.scripts.learning.fakes import ABSENT, EXERCISE, THERE, Lab, a_lab, instance


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    return a_lab(monkeypatch, tmp_path, ABSENT)


@pytest.fixture
def course(lab: Lab, tmp_path: Path) -> Course:
    (tmp_path / "task.md").write_text("# T\n\nMake {topic} on {tools_host}.\n")
    return lab.course(tmp_path)


def test_it_is_begun_once_and_what_is_said_is_kept(lab: Lab, course: Course) -> None:
    assert course.progress.state == "new"
    began = course.begin().started
    with looking(course) as look:
        look.answer("who", "2")
    assert course.begin().started == began
    assert (course.progress.answers, course.progress.state) == ({"who": "2"}, "begun")
    assert lab.asked[-1] == "closed"


def test_what_its_programs_tell_closed_brokers_is_in_a_file(lab: Lab, course: Course) -> None:
    assert (course.values["client"], course.values["closed"]) == ("", "")
    lab.topology = build(parse_lab({
        "owner": "ann", "security": {"listeners": "tls"},
        "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24", "kafka": 1, "zookeeper": 1}],
    }).lab)
    shut = lab.course(course.book.folder)
    file = lab.state / "clients" / "kafkalab.dc1.json"
    assert shut.values["client"] == str(file)
    assert str(shut.values["closed"]).split() == [f"CLIENT={file}"]
    assert not file.exists()
    with looking(shut):
        assert json.loads(file.read_text())["security.protocol"] == "SSL"
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_solved_one_is_done_and_stays_so(lab: Lab, course: Course) -> None:
    with looking(course) as look:
        look.answer("who", "1")
        lab.answers = THERE
        assert look.check().solved
        lab.answers = ABSENT
        assert not look.check(patient=False).solved
    assert course.progress.state == "done"


def test_a_check_of_what_was_not_begun_keeps_nothing(lab: Lab, course: Course) -> None:
    with looking(course) as look:
        look.check()
    assert not (lab.state / "exercises").exists()


@pytest.mark.parametrize(("answers", "words", "said"), [
    (ABSENT, ("who", "3"), "accepted: 1, 2"), (THERE, ("who", "1"), "no prediction any more"),
    (ABSENT, ("when", "1"), "known: who"),
])
def test_an_answer_that_cannot_be(
    lab: Lab, course: Course, answers: Any, words: tuple[str, str], said: str
) -> None:
    lab.answers = answers
    with looking(course) as look, pytest.raises(UsageError, match=said):
        look.answer(*words)
    assert course.progress.answers == {}


def test_a_claim_that_there_is_not(course: Course) -> None:
    with looking(course) as look, pytest.raises(UsageError, match="known: there"):
        look.check("here")


def test_hints_come_one_more_each_time_by_claim_and_state(lab: Lab, course: Course) -> None:
    def hinted() -> tuple[str, ...]:
        with looking(course) as look:
            verdict = look.check("there").helped
        assert verdict is not None
        return course.hinted(verdict)

    both = ("make it", "kafka-topics.sh --create")
    assert [hinted(), hinted(), hinted()] == [both[:1], both, both]
    two = [{**THERE["topic name=t-ann"][0], "number": number} for number in (0, 1)]
    lab.answers = {**THERE, "topic name=t-ann": two}
    assert hinted() == ("begin anew",), "of another state the first one"
    lab.answers = ABSENT
    assert hinted() == both
    assert course.progress.state == "new", "to be helped is not to begin"


def test_a_snapshot_is_judged_the_same_without_the_lab(lab: Lab, course: Course) -> None:
    course.begin()
    for answers in (ABSENT, THERE):
        lab.answers = answers
        with looking(course) as look:
            judged = look.check()
            snapshot = parse(look.snapshot().as_json())
        assert snapshot.answers == {"dc1": answers if answers is THERE else {
            "topic name=t-ann": None}}
        assert snapshot.bench(course.exercise).judge(now=1).verdicts == judged.verdicts
        assert snapshot.progress.started == course.progress.started


def test_each_check_asks_anew_and_once(lab: Lab, course: Course) -> None:
    with looking(course) as look:
        look.check(patient=False)
        look.check(patient=False)
    assert lab.asked == ["topic name=t-ann", "topic name=t-ann", "closed"]


@pytest.mark.parametrize(("running", "there", "said"), [
    (False, True, "dc1: the lab is stopped (start it first)"),
    (False, False, "dc1: the lab is not there (make it first)"),
])
def test_a_lab_that_does_not_run_is_one_line(
    lab: Lab, course: Course, running: bool, there: bool, said: str
) -> None:
    lab.instances = {name: instance(name, running=running) for name in lab.instances if there}
    with pytest.raises(LabError) as caught, looking(course):
        raise AssertionError("it does not run")
    assert str(caught.value) == said
    assert lab.asked == []


def test_a_host_that_serves_nobody_does_not_make_a_lab_run(lab: Lab, course: Course) -> None:
    lab.instances = {name: instance(name, running="kafka" not in name) for name in lab.instances}
    with pytest.raises(LabError, match="the lab is stopped"), looking(course):
        raise AssertionError("no broker runs")


def test_a_lab_that_is_too_small_for_it(lab: Lab) -> None:
    for change, said in (
        ({"brokers": 3}, r"3 brokers in one datacenter \(LAB=lab.toml has that\)"),
        ({"mirror": True}, "a mirror"),
        ({"metadata": "kraft"}, r"KRaft in one datacenter \(LAB=labs/kraft.toml has that\)"),
    ):
        with pytest.raises(UsageError, match=f"ch3-try needs {said}"):
            lab.course(lab.state, {**EXERCISE, **change})
    assert place(lab.course(lab.state).exercise, lab.session).tools.name.endswith("ctl01")


def test_progress_that_cannot_be_read_is_a_line_with_its_file(lab: Lab, course: Course) -> None:
    course.begin()
    (file,) = (lab.state / "exercises").iterdir()
    file.write_text('{"started": 1')
    with pytest.raises(LabError, match=r"ch3-try\.json: not a file of progress.*remove the file"):
        course.begin()


def test_what_a_kill_left_half_written_is_no_progress(
    lab: Lab, course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.begin()
    folder = lab.state / "exercises"
    real, left = Path.replace, []

    def killed(self: Path, target: Path) -> None:
        left.append(self.name)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        course.keep(course.progress.answer("who", "1"))
    monkeypatch.setattr(Path, "replace", real)
    assert (course.progress.state, course.progress.answers) == ("begun", {})
    course.keep(course.progress.answer("who", "2"))
    assert json.loads((folder / "ch3-try.json").read_text())["answers"] == {"who": "2"}
    assert str(os.getpid()) in left[0], "another process writes to a file of its own"


def test_a_task_is_told_with_what_is_the_students(course: Course, tmp_path: Path) -> None:
    assert course.task == "# T\n\nMake t-ann on ann-dc1-ctl01.\n"
    for text in ("{nobody}", "{", "{0}"):
        (tmp_path / "task.md").write_text(text)
        with pytest.raises(LabError, match=r"task\.md: cannot be filled in"):
            _ = course.task


@pytest.mark.parametrize(("change", "said"), [
    ({"probe": "spell"}, "there: no probe 'spell'"),
    ({"with": {"topic": "{nobody}"}}, "there: '{nobody}': no parameter nobody"),
    ({"hints": {"lost": {"en": "x"}}}, "there: no state 'lost'"),
])
def test_a_claim_that_cannot_work_is_a_line_with_file_and_claim(
    lab: Lab, change: dict[str, Any], said: str
) -> None:
    claim = {**EXERCISE["claims"][0], **change}
    course = lab.course(lab.state, {**EXERCISE, "claims": [claim]})
    with pytest.raises(LabError) as caught, looking(course) as look:
        look.check()
    assert f"exercise.toml: ch3-try: {said}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_page_takes_the_place_of_the_one_before(course: Course) -> None:
    pages = {course.keep_page(text) for text in ("a", "b")}
    (page,) = pages
    assert page.read_text() == "b" and page.name == "ch3-try.html"
    assert [one.name for one in page.parent.iterdir()] == ["ch3-try.html"]


def test_an_exercise_about_upgrades_says_how_it_begins_anew(lab: Lab, course: Course) -> None:
    with looking(course) as look:
        assert look.left() == "", "no broker is asked where it does not matter"
    with pytest.raises(UsageError, match=r'3\.8\.1 with finalize = "by hand" .*labs/upgrade\.toml'):
        lab.course(lab.state, {**EXERCISE, "begins": "3.8.1"})
    config = lab.topology.config
    kafka = config.kafka.model_copy(update={"finalize": "by hand"})
    lab.topology = build(config.model_copy(update={"kafka": kafka}))
    lab.answers = {"releases": {"1": {"starts": [[1, "3.8.1"], [2, "3.9.2"]], "protocol": "3.8"}}}
    with looking(lab.course(lab.state, {**EXERCISE, "begins": "3.8.1"})) as look:
        assert look.left().startswith('dc1: brokers run Kafka 3.9.2: say version = "3.8.1"')


def with_a_fault(
    lab: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch, *, ends: bool = True
) -> tuple[Course, list[str]]:
    """An exercise that breaks something, and the names of the scripts that ran."""
    (folder / "fault.sh").write_text("make it\n")
    course, ran = lab.course(folder), []

    def run(self: Look, script: Path) -> str:
        ran.append(script.name)
        if not ends:
            raise KeyboardInterrupt
        return ""

    monkeypatch.setattr(Look, "run", run)
    return course, ran


def test_a_fault_is_made_once_and_again_where_the_lab_has_its_topics_no_more(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, ran = with_a_fault(lab, tmp_path, monkeypatch)
    lab.answers = THERE
    with looking(course) as look:
        look.prepare()
        look.prepare()
        assert ran == ["fault.sh"] and course.progress.prepared
        lab.answers = ABSENT  # another lab of this name
        look.prepare()
    assert ran == ["fault.sh"] * 2


def test_a_fault_that_was_cut_off_is_made_again(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, _ = with_a_fault(lab, tmp_path, monkeypatch, ends=False)
    lab.answers = THERE
    with looking(course) as look, pytest.raises(KeyboardInterrupt):
        look.prepare()
    assert not course.progress.prepared
    course, ran = with_a_fault(lab, tmp_path, monkeypatch)
    with looking(course) as look:
        look.prepare()
    assert ran == ["fault.sh"] and course.progress.prepared


def test_a_reset_that_is_cut_off_leaves_a_fault_to_be_made_again(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    course, ran = with_a_fault(lab, tmp_path, monkeypatch)
    lab.answers = THERE

    def cut_off(*_: Any) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(reset_module, "ended", cut_off)
    with looking(course) as look:
        look.prepare()
        course.begin()
        with pytest.raises(KeyboardInterrupt):
            reset(look)
        assert course.progress.started and not course.progress.prepared
        look.prepare()
    assert ran == ["fault.sh"] * 2


def test_an_exercise_without_a_fault_makes_none(lab: Lab, course: Course) -> None:
    with looking(course) as look:
        look.prepare()
    assert lab.asked == ["closed"] and not (lab.state / "exercises").exists()
