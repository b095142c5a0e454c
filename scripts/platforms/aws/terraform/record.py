"""The folder of a plan: the saved plans, what they were made from, and how far they are applied.

A saved plan holds values of the state, and with them whatever is secret there: the folder is for
its owner alone (0700), and so is every file in it.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.errors import LabError, UsageError
from scripts.platforms.aws.terraform.stacks import Project, file_digest
from scripts.workstation.process import run

RECORD, JOURNAL, SUMMARY = "plan.json", "applied.jsonl", "summary.md"
FORMAT = 1
OWNER_ONLY = 0o700


@dataclass(frozen=True)
class StackPlan:
    """One stack of a plan.

    `status`: changes, unchanged, waiting (shown, and planned once what it needs is made), deferred
    (not even that) or failed. `config` is the digest of the synthesized JSON, `plan` that of the
    saved plan, or of what is shown of one that waits; "" where there is none.
    """

    name: str
    status: str
    config: str
    plan: str = ""
    removed: bool = False
    note: str = ""

    @property
    def file(self) -> str:
        """The file in the plan's folder whose digest is `plan`."""
        return f"{self.name}.{'json' if self.status == 'waiting' else 'tfplan'}"


@dataclass(frozen=True)
class Origin:
    """What a plan is made from. Without git, `commit` and `tree` are ""."""

    lab: str
    lab_file: str
    commit: str
    tree: str
    dirty: bool
    terraform: str


@dataclass(frozen=True)
class Record:
    """What plan.json says. `made` is in UTC; the stacks are in the order of applying."""

    origin: Origin
    made: str
    stacks: tuple[StackPlan, ...]

    @property
    def changes(self) -> bool:
        return bool(self.acting) or any(one.status == "deferred" for one in self.stacks)

    @property
    def acting(self) -> tuple[StackPlan, ...]:
        """The stacks that the plan changes."""
        return tuple(one for one in self.stacks if one.status in ("changes", "waiting"))

    @property
    def complete(self) -> bool:
        return all(one.status != "failed" for one in self.stacks)


def origin(project: Project, terraform: str) -> Origin:
    """What a plan made now is made from."""
    commit = _git(project, "rev-parse", "HEAD")
    return Origin(
        project.lab, file_digest(project.lab_file), commit,
        _git(project, "rev-parse", "HEAD^{tree}") if commit else "",
        bool(commit and _git(project, "status", "--porcelain")), terraform,
    )


def _git(project: Project, *argv: str) -> str:
    """What git says; "" where it is missing or this is no repository."""
    try:
        return run(["git", "-C", str(project.root), *argv], check=False).stdout.strip()
    except LabError:
        return ""


def prepare(folder: Path) -> None:
    """Make the folder, or empty one that holds an older plan. Raises UsageError for any other."""
    if folder.exists() and any(folder.iterdir()) and not (folder / RECORD).exists():
        raise UsageError(f"{folder} holds other things than a plan", hint="name a new folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=OWNER_ONLY)
    folder.chmod(OWNER_ONLY)
    write(folder / RECORD, "{}\n")  # no plan yet, and if it is cut off the next one takes its place


def write(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def save(folder: Path, record: Record) -> None:
    told = {"format": FORMAT, **asdict(record)}
    write(folder / RECORD, json.dumps(told, indent=2) + "\n")


def load(folder: Path) -> Record:
    """Read plan.json. Raises UsageError when the folder holds no plan of this format."""
    try:
        told: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise ValueError
        stacks = tuple(StackPlan(**one) for one in told["stacks"])
        return Record(Origin(**told["origin"]), told["made"], stacks)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{folder} holds no plan", hint="`fab tf.plan` makes one") from error


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class Journal:
    """How far a plan is applied: a line when a stack is begun, and one when it is done."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / JOURNAL
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        told = [json.loads(line) for line in lines if line.endswith("}")]
        self.begun = {one["stack"] for one in told}
        self.applied = {one["stack"] for one in told if one["what"] == "applied"}

    def note(self, stack: str, what: str) -> None:
        """Add a line, and have it on the disk before anything else happens."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"stack": stack, "what": what, "time": now()}) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.begun.add(stack)
        if what == "applied":
            self.applied.add(stack)
