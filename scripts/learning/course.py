"""One exercise of one student on one lab: its parameters and its task, and how far they are."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from lab.learning.exercise import Question, Value
from lab.learning.judge import Verdict, mistakes
from lab.learning.progress import Progress, ProgressError, parse
from lab.learning.words import told
from lab.services.context import Context
from scripts.errors import LabError, UsageError, one_line
from scripts.learning.library import Book
from scripts.learning.place import parameters, place
from scripts.session import Session
from scripts.workstation.whole import write_whole


class Course:
    """An exercise of one student. Reads and writes only what carries the exercise's names."""

    def __init__(self, session: Session, book: Book, language: str) -> None:
        self.session, self.book, self.language = session, book, language
        self.exercise = book.exercise
        self.place = place(self.exercise, session)
        self._file = session.state / "exercises" / f"{self.exercise.id}.json"

    @cached_property
    def context(self) -> Context:
        return self.session.context({}, {})

    @cached_property
    def values(self) -> dict[str, Value]:
        """The student's parameters."""
        values = self.exercise.values(parameters(
            self.exercise, self.place, self.context, state=self.session.state,
            again=self.progress.again,
        ))
        if wrong := next(mistakes(self.exercise, values), ""):
            raise LabError(wrong, where=str(self.book.file))
        return values

    @property
    def task(self) -> str:
        """The task's text, filled in. Raises LabError for one that cannot be."""
        path = self.book.task_file(self.language)
        try:
            return told(path.read_text(encoding="utf-8"), self.values)
        except (OSError, ValueError, KeyError, IndexError) as error:
            raise LabError(f"cannot be filled in: {one_line(error)}", where=str(path)) from error

    @property
    def progress(self) -> Progress:
        """How far the student is. Raises LabError for a file that cannot be read."""
        try:
            return parse(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Progress()
        except ProgressError as error:
            raise LabError(str(error), where=str(self._file), hint="remove the file") from error

    def keep(self, progress: Progress) -> None:
        """Write the progress down, whole or not at all."""
        _write(self._file, progress.as_json())

    def forget(self) -> None:
        """Forget the progress."""
        self._file.unlink(missing_ok=True)

    def keep_page(self, html: str) -> Path:
        """Write the exercise's page, in place of an earlier one; where it is."""
        page = self._file.with_suffix(".html")
        _write(page, html)
        return page

    def begin(self, language: str = "") -> Progress:
        """The exercise is begun, if it was not; language: what it is to speak from now on."""
        before = self.progress
        after = replace(before, started=before.started or time.time(),
                        language=language or before.language)
        if after != before:
            self.keep(after)
        return after

    def question(self, name: str) -> Question:
        """One of the exercise's questions. Raises UsageError."""
        for one in self.exercise.questions:
            if one.id == name:
                return one
        known = ", ".join(one.id for one in self.exercise.questions) or "none"
        raise UsageError(f"{self.exercise.id} has no question {name!r}", hint=f"known: {known}")

    def hinted(self, verdict: Verdict) -> tuple[str, ...]:
        """The hints for a verdict that were given up to now, and one more each time."""
        before, after = self.progress.hint(f"{verdict.claim}/{verdict.state}")
        if before < len(verdict.hints):
            self.keep(after)
        return verdict.hints[:before + 1]

def _write(path: Path, text: str) -> None:
    """Whole or not at all, also while another check writes it: a solution runs some itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
