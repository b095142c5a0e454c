"""Exercises on the lab: begin, answer, check, be helped."""

from __future__ import annotations

import json as jsonlib
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke import Collection

from scripts.errors import UsageError
from scripts.tasks.cli import held, lab_task

if TYPE_CHECKING:
    from scripts.session import Session

if TYPE_CHECKING:
    from lab.learning.judge import Judged
    from scripts.learning.course import Course
    from scripts.learning.look import Look

LANGUAGE = {"language": "en or ko (what it was begun in, else that of the lab file)"}
ID = {"id": "an exercise, as `fab exercise` lists it, such as ch3-partitions", **LANGUAGE}


def _language(session: Session, asked: str) -> str:
    """The language to speak. Raises UsageError for one that is not spoken."""
    from lab.learning.exercise import LANGUAGES

    if asked and asked not in LANGUAGES:
        raise UsageError(f"--language {asked}", hint="accepted: " + ", ".join(LANGUAGES))
    return asked or session.topology.config.language


def _looking(course: Course, *, copies: bool = False) -> AbstractContextManager[Look]:
    from scripts.learning.look import looking

    return looking(course, copies=copies)


def _course(session: Session, id: str, language: str) -> Course:
    """An exercise in a language: the one asked for, else that in which it was begun."""
    from lab.learning.exercise import LANGUAGES
    from scripts.learning.course import Course
    from scripts.learning.library import load

    course = Course(session, load(id), _language(session, language))
    begun_in = course.progress.language
    if not language and begun_in in LANGUAGES:
        course.language = begun_in
    return course


@lab_task(name="exercise", locks=False, dry=True, help={
    **LANGUAGE, "json": "print one JSON object, for programs"})
def listed(session: Session, language: str = "", json: bool = False) -> None:
    """List the exercises, and how far you are."""
    from lab.learning.needs import needs
    from scripts.learning.course import Course
    from scripts.learning.library import load, names
    from scripts.learning.listing import listing
    from scripts.workstation.screen import table

    spoken = _language(session, language)
    rows = []
    for name in names():
        book = load(name)
        one = book.exercise
        try:
            state = Course(session, book, spoken).progress.state
        except UsageError:
            state = "not here"
        rows.append((one.id, one.chapter, one.title.said(spoken), one.minutes, needs(one), state))
    if json:
        keys = ("id", "chapter", "title", "minutes", "needs", "state")
        print(jsonlib.dumps({"exercises": [dict(zip(keys, row, strict=True)) for row in rows]},
                            indent=2, ensure_ascii=False))
        return
    if sys.stdout.isatty():
        print(*listing([(id, title, minutes, needed, state)
                        for id, _, title, minutes, needed, state in rows], spoken), sep="\n")
        return
    table("exercises", ("exercise", "chapter", "", "minutes", "needs", "state"),
          [tuple("" if one is None else str(one) for one in row) for row in rows])


@lab_task(name="exercise.start", locks=False, help=ID)
def start(session: Session, id: str, language: str = "") -> None:
    """Begin an exercise: print its task."""
    from lab.learning.words import told
    from scripts.workstation.screen import markdown

    course = _course(session, id, language)
    with _looking(course) as look:  # the lab runs
        with held(session, "exercise.start") if course.book.fault else nullcontext():
            look.prepare()
        course.begin(language)
    markdown(course.task)
    for question in course.exercise.questions:
        asked = told(question.ask.said(course.language), course.values)
        choices = f" ({', '.join(question.choices)})" if question.choices else ""
        said = "N" if question.number else "…"
        print(f"? {asked}{choices}\n  fab exercise.answer {id} {question.id} {said}")


@lab_task(name="exercise.answer", locks=False, help={
    **ID, "question": "the question's name", "said": "what you say"})
def answer(
    session: Session, id: str, question: str, said: str, language: str = ""
) -> None:
    """Predict: answer one of an exercise's questions."""
    course = _course(session, id, language)
    with _looking(course) as look:
        look.answer(question, said)
    print(f"{id}: {question}: {said}")


@lab_task(name="exercise.check", locks=False, help={
    **ID, "watch": "look again and again, until all is so", "claim": "only this one",
    "facts": "write all that it is judged by into this file, to judge it again without the lab",
    "json": "print one JSON object, for programs"})
def check(
    session: Session, id: str, *, watch: bool = False, claim: str = "", facts: str = "",
    json: bool = False, language: str = "",
) -> int:
    """Check what an exercise claims, a line each.

    Exit status 1 when something is not so.
    """
    from scripts.learning.look import WATCH_SECONDS

    course = _course(session, id, language)
    shown = ""
    with _looking(course) as look:
        while True:
            judged = look.check(claim)
            if facts:
                Path(facts).write_text(look.snapshot().as_json(), encoding="utf-8")
            text = _as_json(look, judged) if json else _as_lines(course, judged)
            if text != shown:
                print(text, flush=True)
            shown = text
            if judged.solved or not watch:
                return 0 if judged.solved else 1
            time.sleep(WATCH_SECONDS)  # what --watch asks for


def _as_lines(course: Course, judged: Judged) -> str:
    from lab.learning.words import spoken

    language = course.language
    lines = [f"{course.exercise.id}: {course.exercise.title.said(course.language)}"]
    for one in judged.verdicts:
        seen = f": {one.seen}" if one.seen else ""
        lines.append(f"  {one.sign} {one.say}{seen}")
        if one is judged.helped and one.hint:
            lines.append(f"      {spoken('hint', language)}: {one.hint}")
    held = sum(one.held for one in judged.verdicts)
    count = spoken("count", language, held=held, all=len(judged.verdicts))
    lines.append(count + (f" - {spoken('done', language)}" if judged.solved else ""))
    return "\n".join(lines)


def _as_json(look: Look, judged: Judged) -> str:
    bench = look.last or look.bench()
    return jsonlib.dumps(bench.as_json(judged), indent=2, ensure_ascii=False)


@lab_task(name="exercise.hint", locks=False, help=ID)
def hint(session: Session, id: str, language: str = "") -> int:
    """Help with the first claim that is not so, more each time.

    Exit status 1 when there is nothing to help with.
    """
    course = _course(session, id, language)
    with _looking(course) as look:
        judged = look.check()
    for line in _help(course, judged):
        print(line)
    return 1 if judged.solved else 0


def _help(course: Course, judged: Judged) -> list[str]:
    """What helps: of predictions that came too late the way back, then the next that can be done.
    """
    from lab.learning.words import spoken

    first, language, id = judged.helped, course.language, course.exercise.id
    lines = [f"{one.say}: {one.seen}" for one in judged.late]
    if first is None:
        return lines or [f"{id}: {spoken('all_so', language)}"]
    lines.append(f"{first.say}: {first.seen}")
    hints, all = course.hinted(first), len(first.hints)
    for number, said in enumerate(hints, 1):
        told = spoken("hint_of", language, number=number, all=all) if all > 1 else spoken(
            "hint", language)
        lines.append(f"{told}: {said}")
    # A question says itself by which command it is answered.
    if not hints and first.state != "unanswered":
        lines.append(f"{spoken('see_task', language)}: `fab exercise.start {id}`")
    return lines


@lab_task(name="exercise.show", locks=False, help={
    **ID, "offset": "say in which file this offset is, and point at it"})
def show(session: Session, id: str, offset: str = "", language: str = "") -> None:
    """Write a page with the task, what holds, and drawings."""
    from scripts.learning.page import Sheet, pointed, render

    if offset and not offset.isdecimal():
        raise UsageError(f"--offset {offset}", hint="accepted: 0 and more")
    course, at = _course(session, id, language), time.time()
    with _looking(course) as look:
        judged = look.check(patient=False)
        sheet = Sheet(
            course.exercise, course.language, session.topology.lab, course.task, judged,
            look.drawings(), at, int(offset) if offset else None,
        )
    for line in pointed(sheet):
        print(line)
    print(course.keep_page(render(sheet)))


@lab_task(name="exercise.reset", locks=True, help=ID)
def reset(session: Session, id: str, language: str = "") -> None:
    """Remove what an exercise made, and begin anew."""
    from lab.learning.words import spoken
    from scripts.learning.reset import reset as brought_back

    course = _course(session, id, language)
    with _looking(course, copies=True) as look:
        for line in brought_back(look):
            print(line)
        left = look.left()
    print(left or f"{id}: {spoken('as_before', course.language)}")


@lab_task(name="exercise.solve", locks=True, help={
    **ID, "wrong": "run this script of those that do it wrong"})
def solve(session: Session, id: str, wrong: str = "", language: str = "") -> int:
    """Let the exercise's own solution run, then check.

    For teachers, and to see how it goes.
    """
    course = _course(session, id, language)
    script = course.book.solution
    if wrong:
        if wrong not in course.book.wrong:
            raise UsageError(f"--wrong {wrong}",
                             hint="known: " + (", ".join(course.book.wrong) or "none"))
        script = course.book.folder / "wrong" / f"{wrong}.sh"
    course.begin()
    with _looking(course) as look:
        look.prepare()
        sys.stdout.write(look.run(script))
        judged = look.check()
    print(_as_lines(course, judged))
    return 0 if judged.solved else 1


def _collection() -> Collection:
    found = Collection("exercise")
    found.add_task(listed, name="list", default=True)
    tasks: dict[str, Any] = {"start": start, "answer": answer, "check": check, "hint": hint,
                             "show": show, "reset": reset, "solve": solve}
    for name, one in tasks.items():
        found.add_task(one, name=name)
    return found


EXERCISE = _collection()
