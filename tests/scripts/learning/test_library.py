"""The folders of exercises: what cannot be used is a line with its file and key."""

from __future__ import annotations

import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from scripts.errors import LabError, UsageError
from scripts.learning import library

TASKS = sorted((Path(__file__).parents[3] / "exercises").glob("*/task*.md"))
GOOD = """\
chapter = 3
minutes = 5
title = { en = "T" }
[[claims]]
id = "size"
say = { en = "A" }
probe = "topic"
with = { topic = "t" }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    for name in ("ch3-b", "ch10-a", "ch3-a"):
        (tmp_path / name / "wrong").mkdir(parents=True)
        (tmp_path / name / "exercise.toml").write_text(GOOD)
    (tmp_path / "ch3-no-exercise").mkdir()
    return tmp_path / "ch3-a"


def test_they_come_by_chapter_and_name(folder: Path) -> None:
    shutil.copytree(folder, folder.with_name("ch-a"))
    assert library.names() == ["ch3-a", "ch3-b", "ch10-a", "ch-a"], "what has no chapter is last"


@pytest.mark.parametrize(("change", "said"), [
    (("minutes = 5", "minutes = five"), "cannot be read: Invalid value (at line 2, column 11)"),
    (("minutes = 5", "minutes = 500"), "minutes: Input should be less than or equal to 120"),
    (('probe = "topic"\n', ""), "claims.size.probe: Field required"),
    (('say = { en = "A" }', 'say = { ko = "A" }'), "claims.size.say.en: Field required"),
    (("with = {", 'hints = { absent = [] }\nwith = {'), "claims.size.hints.absent: "),
    (("minutes = 5", "minuets = 5\nseconds = 5"), "minutes: Field required (and 2 more)"),
    (('id = "size"', 'id = "Size"'), "claims.Size.id: String should match pattern"),
])
def test_a_file_that_cannot_be_used_is_a_line_with_file_and_key(
    folder: Path, change: tuple[str, str], said: str
) -> None:
    file = folder / "exercise.toml"
    file.write_text(GOOD.replace(*change))
    with pytest.raises(LabError) as caught:
        library.load("ch3-a")
    assert str(caught.value).startswith(f"{file}: {said}"), caught.value
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_told(folder: Path) -> None:
    (folder / "exercise.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(LabError, match="cannot be read"):
        library.load("ch3-a")


def test_an_exercise_that_there_is_not(folder: Path) -> None:
    with pytest.raises(UsageError, match="did you mean ch10-a"):
        library.load("ch10-b")
    with pytest.raises(UsageError, match="`fab exercise` lists them"):
        library.load("elsewhere")


def test_a_hint_may_be_one_or_several(folder: Path) -> None:
    for text, count in (('{ en = "a" }', 1), ('[{ en = "a" }, { en = "b", ko = "c" }]', 2)):
        (folder / "exercise.toml").write_text(f"{GOOD}[claims.hints]\nabsent = {text}\n")
        (claim,) = library.load("ch3-a").exercise.claims
        assert [one.en for one in claim.hints["absent"]] == ["a", "b"][:count]


def test_a_task_is_english_where_there_is_none_in_the_language(folder: Path) -> None:
    book = library.load("ch3-a")
    with pytest.raises(LabError, match=r"ch3-a: has no task\.md"):
        book.task("ko")
    (folder / "task.md").write_text("in English")
    assert (book.task("ko"), book.task("en")) == ("in English", "in English")
    (folder / "task.ko.md").write_text("한국어")
    assert (book.task("ko"), book.task("en")) == ("한국어", "in English")


def test_a_wrong_script_belongs_to_the_claim_that_it_is_named_after(folder: Path) -> None:
    for name in ("size-late", "size", "sized", "other"):
        (folder / "wrong" / f"{name}.sh").write_text("")
    assert library.load("ch3-a").wrong == {
        "other": "", "size": "size", "size-late": "size", "sized": ""}


@pytest.mark.parametrize("path", TASKS, ids=[f"{one.parent.name}/{one.name}" for one in TASKS])
def test_what_is_to_be_typed_stands_apart_from_the_text(path: Path) -> None:
    """Else it is one more word of the paragraph before it."""
    lines = path.read_text(encoding="utf-8").splitlines()
    glued = [line for before, line in pairwise(lines)
             if line.startswith("    ") and re.match(r"[^\s\d-]", before)]
    assert glued == []
