"""The documentation against the program: every command, option, field and file that it names."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from fabric.main import program
from invoke import Collection, Task

import scripts
from lab.file import load, parse
from tests.test_walls import LAB, SCRIPTS

PROJECT = Path(__file__).parents[2]
README = PROJECT / "README.md"
PAGES = (
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGES.md")),
    *sorted((PROJECT / "docs").glob("*.md")),
)
TEXTS = {page: page.read_text() for page in PAGES}
NAMESPACE: Collection = scripts.namespace
TASKS: dict[str, Task[Any]] = {name: NAMESPACE[name] for name in NAMESPACE.task_names}
# Read at once: Invoke takes a task's help away when it reads the task for the first time, and
# whichever test runs a command in this process does that.
ARGUMENTS = {name: task.get_arguments() for name, task in TASKS.items()}
# What a collection does when it is named alone.
SHORT = {short: name for name, shorts in NAMESPACE.task_names.items() for short in shorts}
# `fab X …` in a code span or a line of a console block; what follows on the line are its words.
COMMAND = re.compile(r"(?:`|^\$ |&& )(?:[A-Z_]+=\S+ )*fab ([^`\n|]*)", re.MULTILINE)
OF_FAB = {f"--{name}" for option in program.core_args() for name in option.names}
OF_THE_EXAMPLE = {"web"}  # a task as soon as somebody adds the service of docs/extending.md


def commands() -> list[tuple[Path, str]]:
    """(page, words after `fab`) of every command in the documentation."""
    return [(page, match[1].strip()) for page, text in TEXTS.items()
            for match in COMMAND.finditer(text)]


def test_the_documentation_names_commands() -> None:
    assert len(commands()) > 20


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_documented_and_has_one_line_of_help(name: str) -> None:
    assert any(f"fab {name}" in text for text in TEXTS.values()), f"fab {name} stands nowhere"
    line = (TASKS[name].__doc__ or "").splitlines()[0]
    assert line.endswith("."), line
    assert len(line) <= 65, f"`fab --list` folds it: {line}"


@pytest.mark.parametrize("name", TASKS)
def test_every_option_has_help(name: str) -> None:
    for argument in ARGUMENTS[name]:
        assert argument.help, f"fab {name} --{argument.name}"


@pytest.mark.parametrize(("page", "words"), commands(), ids=lambda value: str(value)[-40:])
def test_every_command_in_the_documentation_exists(page: Path, words: str) -> None:
    """Words in capitals and `…` stand for something else."""
    task = None
    for word in shlex.split(words.replace("'", "")):
        if word in OF_FAB or word in ("…", "TASK") or word.isupper():
            continue
        if word.startswith("--"):
            option = word.partition("=")[0].removeprefix("--")
            assert task is not None, f"{page.name}: fab {words}"
            assert option in options(task), f"{page.name}: fab {words}"
        elif word in TASKS or word in SHORT:
            task = SHORT.get(word, word)
        elif page.name != "extending.md" or word not in OF_THE_EXAMPLE:
            assert task is not None, f"{page.name}: no task {word}: fab {words}"


def test_every_option_in_the_documentation_exists() -> None:
    known = {option for task in TASKS for option in options(task)}
    known |= {option.removeprefix("--") for option in OF_FAB}
    for page in PAGES:
        for option in re.findall(r"`--([a-z-]+)", TEXTS[page]):
            assert option in known, f"{page.name}: --{option}"


def options(task: str) -> set[str]:
    names = {name for argument in ARGUMENTS[task] for name in argument.names}
    return names | {name.replace("_", "-") for name in names}


def test_every_make_target_in_the_documentation_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for target in re.findall(r"(?:`|\$ |&& |toml )make ([a-z-]+)", TEXTS[page]):
            assert target in targets, f"{page.name}: make {target}"


def test_every_link_leads_to_a_file() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", TEXTS[page]):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_lab_file_is_documented_and_good() -> None:
    for path in (PROJECT / "lab.toml", *(PROJECT / "labs").glob("*.toml")):
        assert str(path.relative_to(PROJECT)) in TEXTS[README]
        assert load(path).warnings == ()


def test_readmes_lab_file_is_good() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", TEXTS[README], re.DOTALL)
    assert blocks
    for block in blocks:
        parse(tomllib.loads(block))


def test_status_fields_are_documented() -> None:
    """The words of docs/status.md against every key that the code makes, wherever in a line."""
    text = TEXTS[PROJECT / "docs" / "status.md"]
    folder = PROJECT / "scripts"
    drivers = [path for path in (folder / "drivers").glob("*.py")
               if "def status(" in path.read_text()]
    code = "".join(path.read_text() for path in (
        folder / "operations/status.py", folder / "operations/surplus.py",
        PROJECT / "lab/mirrors/groups.py", *drivers,
    ))
    task = (folder / "tasks/inspect.py").read_text()
    added = re.search(r"found = \{(.*?)\*\*found", task, re.DOTALL)
    assert added
    fields = set(re.findall(r'(?<!== )"([a-z_]+)":', code + added[1]))
    assert {"ssh", "roles", "lag_seconds", "under_replicated", "skipped", "engine", "epoch",
            "broker", "internal_topics"} <= fields
    for field in fields:
        assert re.search(rf"`\.?{field}(\[\])?`", text), field


def test_the_house_is_shown_as_its_walls_stand() -> None:
    """CONTRIBUTING.md has every room, in the order in which they may import each other."""
    text = TEXTS[PROJECT / "CONTRIBUTING.md"]
    for part, rooms in (("lab", LAB), ("scripts", SCRIPTS)):
        table = text.split(f"| room of `{part}/` |", 1)[1].split("\n\n", 1)[0]
        shown = [name for row in table.splitlines()[2:]
                 for name in re.findall(r"`(\w+)`", row.split("|")[1])]
        assert shown == [room.split(".")[1] for room in rooms if room.startswith(f"{part}.")]
