"""The exercises' folders: `exercises/ID/` with exercise.toml, task.md, solution.sh and wrong/."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from lab.learning.exercise import Exercise, ExerciseError, parse
from scripts.errors import LabError, one_line, stranger
from scripts.workstation.paths import PROJECT

FOLDER = PROJECT / "exercises"
FILE = "exercise.toml"
LAST = 100  # behind every chapter


@dataclass(frozen=True)
class Book:
    """One exercise with its folder."""

    exercise: Exercise
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / FILE

    def task_file(self, language: str) -> Path:
        """The task, in English where there is none in the language. Raises LabError for none."""
        for name in (f"task.{language}.md", "task.md"):
            path = self.folder / name
            if path.is_file():
                return path
        raise LabError("has no task.md", where=str(self.folder))

    def task(self, language: str) -> str:
        """The task's text, with words in {} that are still to be filled in."""
        return self.task_file(language).read_text(encoding="utf-8")

    @property
    def solution(self) -> Path:
        return self.folder / "solution.sh"

    @property
    def fault(self) -> Path | None:
        """The script that makes what a student has to find, where there is something to find."""
        path = self.folder / "fault.sh"
        return path if path.is_file() else None

    @property
    def wrong(self) -> dict[str, str]:
        """Scripts that do it wrong, by name, and the claim each of them misses."""
        exercise = self.exercise
        parts = [one.id for one in exercise.claims] + [one.id for one in exercise.questions]
        found = {}
        for path in sorted((self.folder / "wrong").glob("*.sh")):
            fitting = [id for id in parts if path.stem == id or path.stem.startswith(f"{id}-")]
            found[path.stem] = max(fitting, key=len, default="")
        return found


def names() -> list[str]:
    """Every exercise's id, by chapter and name; those of no chapter come last."""
    return sorted((path.parent.name for path in FOLDER.glob(f"*/{FILE}")), key=_order)


def _order(name: str) -> tuple[int, str]:
    chapter = name.partition("-")[0].removeprefix("ch")
    return (int(chapter) if chapter.isdecimal() else LAST, name)


def load(name: str) -> Book:
    """An exercise by its id. Raises UsageError for none, LabError for one that cannot be used."""
    folder = FOLDER / name
    if name not in names():
        raise stranger("exercise", name, "", names(), "`fab exercise` lists them")
    try:
        data = tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
        return Book(parse(data, id=name), folder)
    except ExerciseError as error:
        first, *more = str(error).splitlines()
        rest = f" (and {len(more)} more)" if more else ""
        raise LabError(first + rest, where=str(folder / FILE)) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabError(f"cannot be read: {one_line(error)}", where=str(folder / FILE)) from error
