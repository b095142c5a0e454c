"""The stacks of a lab as they are synthesized into cdktf.out, in the order of their dependencies.

Terraform runs where `cdktf deploy` runs it, in cdktf.out/stacks/NAME, and the state is where the
stack's own backend says. So both work on the same state and may be used in turn.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from lab.file import VARIABLE
from scripts.errors import CommandError, LabError
from scripts.platforms.aws.terraform.binary import Terraform, TerraformError
from scripts.workstation.process import run

OUTPUT = "cdktf.out"
LOCK = ".terraform.lock.hcl"
SYNTH_S = 300
NOTES = "//"  # where the engine keeps remarks for itself; Terraform ignores them


@dataclass(frozen=True)
class Stack:
    """One stack. `folder` is where terraform runs; a `removed` one is only in its state any more.
    """

    name: str
    folder: Path
    dependencies: tuple[str, ...] = ()
    removed: bool = False

    @property
    def file(self) -> Path:
        return self.folder / "cdk.tf.json"

    @cached_property
    def config(self) -> dict[str, Any]:
        """The synthesized JSON. Raises LabError when it cannot be read."""
        config = _read_json(self.file)
        return {key: value for key, value in config.items() if key != NOTES}

    @property
    def digest(self) -> str:
        """SHA-256 of what Terraform reads of the JSON."""
        return hashlib.sha256(json.dumps(self.config, sort_keys=True).encode()).hexdigest()

    @property
    def backend(self) -> tuple[str, dict[str, Any]]:
        """The kind of backend and its settings; "local" and {} where none is given."""
        given = self.config.get("terraform", {}).get("backend") or {"local": {}}
        ((kind, settings),) = given.items()
        return kind, settings


@dataclass(frozen=True)
class Project:
    """A lab's stacks on this machine. `synthesize` writes cdktf.out below `root`, from `lab_file`.

    `endpoint_url` is the emulator that the lab file names in AWS's place.
    """

    root: Path
    lab: str
    lab_file: Path
    say: Callable[[str], None]
    synthesize: Callable[[Path, Path], None]
    endpoint_url: str | None = None

    @property
    def output(self) -> Path:
        return self.root / OUTPUT

    def stacks(self) -> tuple[Stack, ...]:
        """Synthesize, and read what came out."""
        self.synthesize(self.root, self.lab_file)
        return read(self.output)


def synthesize(root: Path, lab_file: Path) -> None:
    """Run the app in a process of its own, as cdktf does. Raises LabError with what it said.

    It runs in `root`, and so finds the lab file by its whole path only.
    """
    environment = {**os.environ, VARIABLE: str(lab_file.absolute())}
    try:
        run([sys.executable, "-m", "stacks"], cwd=root, timeout=SYNTH_S, env=environment)
    except CommandError as error:
        said = [line for line in error.stderr.splitlines() if line.startswith("error: ")]
        if not said:
            raise
        first, *more = [line.removeprefix("error: ") for line in said]
        told = LabError(first)
        for line in more:
            told.add_note(line)
        raise told from error


def read(output: Path) -> tuple[Stack, ...]:
    """The stacks in manifest.json, those that others need first. Raises LabError."""
    manifest = _read_json(output / "manifest.json")
    stacks = {
        name: Stack(name, output / told["workingDirectory"], tuple(told.get("dependencies", ())))
        for name, told in manifest["stacks"].items()
    }
    graph: TopologicalSorter[str] = TopologicalSorter()
    for stack in stacks.values():
        graph.add(stack.name, *stack.dependencies)
    try:
        order = list(graph.static_order())
    except CycleError as error:
        raise LabError(f"stacks need each other: {' -> '.join(error.args[1])}") from error
    # Each stack as early as the file has it: first come those that need nothing.
    depth: dict[str, int] = {}
    for name in order:
        if name not in stacks:
            raise LabError(f"{output.name}/manifest.json: a stack needs {name}, which is not there")
        depth[name] = max((depth[one] + 1 for one in stacks[name].dependencies), default=0)
    return tuple(sorted(stacks.values(), key=lambda stack: depth[stack.name]))


def initialize(
    terraform: Terraform, stacks: Sequence[Stack], step: Callable[[str, str], None]
) -> dict[str, TerraformError]:
    """Init all stacks side by side; what failed, by name.

    Where providers are still to be fetched one stack goes ahead, and the others take its lock file
    and, through the plugin cache, its providers: they are fetched once, and are the same for all.
    """
    failed: dict[str, TerraformError] = {}

    def init(stack: Stack) -> None:
        step(stack.name, "init")
        try:
            terraform.init(stack.name, stack.folder)
        except TerraformError as error:
            failed[stack.name] = error

    waiting = list(stacks)
    fresh = [one for one in stacks if _providers(one) and not (one.folder / LOCK).exists()]
    if len(fresh) > 1:
        ahead = fresh[0]
        init(ahead)
        waiting.remove(ahead)
        for one in fresh[1:]:
            if _providers(one) == _providers(ahead) and (ahead.folder / LOCK).exists():
                shutil.copy(ahead.folder / LOCK, one.folder / LOCK)
    with ThreadPoolExecutor(max_workers=max(1, len(waiting))) as pool:
        list(pool.map(init, waiting))
    return failed


def _providers(stack: Stack) -> dict[str, Any]:
    needed: dict[str, Any] = stack.config.get("terraform", {}).get("required_providers", {})
    return needed


def file_digest(path: Path) -> str:
    """SHA-256 of a file. Raises LabError when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise LabError(f"{path}: {error.strerror}") from error


def names(stacks: Iterable[Stack]) -> list[str]:
    return [stack.name for stack in stacks]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not JSON"
        raise LabError(f"{path}: {reason}", hint="`python -m stacks` writes it") from error
    return found
