"""The terraform program, typed: what it is asked, and its errors as one line each."""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.errors import CommandError, LabError, one_line
from scripts.workstation.process import follow, run

log = logging.getLogger("kafkalab.run")

MINIMUM = (1, 10)  # the first with locks in the state's bucket itself ("use_lockfile")
PROGRAM = "TERRAFORM_BINARY_NAME"  # what cdktf's own command line takes the program's name from
NO_CHANGES, CHANGES = 0, 2  # terraform's plan -detailed-exitcode
INIT_S, PLAN_S, APPLY_S = 900, 900, 5400
LOCK_S = 60  # how long somebody else's run is waited for
MIGRATE = (
    "to take its state along: `terraform init -migrate-state` in its folder below cdktf.out/stacks"
)
HINTS = {  # by terraform's summary of an error
    "Backend configuration changed": MIGRATE,
    "Backend initialization required, please run \"terraform init\"": MIGRATE,
}
LOCKED = "Error acquiring the state lock"


@dataclass(frozen=True)
class Diagnostic:
    """One error as terraform tells it."""

    summary: str
    detail: str
    address: str

    def unlock(self, stack: str) -> str:
        """What to do where a state is locked; "" for other errors."""
        held = re.search(r"^\s*ID:\s*(\S+)", self.detail, re.MULTILINE)
        if self.summary != LOCKED or not held:
            return ""
        return (
            "wait for the run that holds it; if that one is gone, such as a cancelled CI run: "
            f"`terraform force-unlock {held[1]}` in cdktf.out/stacks/{stack}"
        )

    def __str__(self) -> str:
        # Its first paragraph says what; those that follow explain terraform.
        detail = " ".join(self.detail.strip().partition("\n\n")[0].split())
        place = f"{self.address}: " if self.address else ""
        return one_line(f"{place}{self.summary}{f': {detail}' if detail else ''}")


class TerraformError(LabError):
    """terraform failed on a stack. The further errors, if there are several, are notes."""

    def __init__(self, stack: str, command: str, found: tuple[Diagnostic, ...]) -> None:
        self.found = found
        first, *more = found
        hint = first.unlock(stack) or HINTS.get(first.summary, "")
        super().__init__(f"terraform {command}: {first}", where=stack, hint=hint)
        for one in more:
            self.add_note(f"{stack}: terraform {command}: {one}")

    @property
    def stale(self) -> bool:
        """The saved plan was made for another state than there is now."""
        return any(one.summary == "Saved plan is stale" for one in self.found)


class Interrupted(LabError):
    """Somebody pressed Ctrl-C, and terraform ended in its own way."""

    exit_code = 130


class Terraform:
    """The program on the PATH, asked for one stack's folder at a time. Safe in threads."""

    def __init__(self, program: str | None = None) -> None:
        self.program = program or os.environ.get(PROGRAM) or "terraform"

    @cached_property
    def version(self) -> str:
        """Its version. Raises LabError when it is missing or too old."""
        least = ".".join(map(str, MINIMUM))
        hint = f"install Terraform {least} or newer and put it on the PATH, or name it in {PROGRAM}"
        try:
            told = run([self.program, "version", "-json"], env=_environment(), hint=hint)
            version = str(json.loads(told.stdout)["terraform_version"])
            numbers = tuple(int(part) for part in version.partition("-")[0].split(".")[:2])
        except CommandError as error:
            if error.status == "not found":
                raise LabError(f"no `{self.program}` program here", hint=hint) from error
            raise
        except (ValueError, KeyError, TypeError) as error:
            raise LabError(f"`{self.program} version` told no version", hint=hint) from error
        if numbers < MINIMUM:
            raise LabError(f"Terraform {version} is too old", hint=hint)
        return version

    def init(self, stack: str, folder: Path) -> None:
        """Fetch the providers and open the backend. Raises TerraformError."""
        self._ask(stack, folder, ["init", "-input=false", "-json"], timeout=INIT_S)

    def plan(
        self, stack: str, folder: Path, out: Path,
        *, destroy: bool = False, refresh_only: bool = False, lock: bool = True,
    ) -> bool:
        """Save a plan in `out`; whether it would change anything. Raises TerraformError.

        With `refresh_only` it would change the state alone, to what is read. Without `lock` it
        keeps nobody waiting: for a plan that is only looked at.
        """
        argv = ["plan", "-input=false", "-json", "-detailed-exitcode", f"-out={out}"]
        argv += ["-destroy"] if destroy else ["-refresh-only"] if refresh_only else []
        argv += [f"-lock-timeout={LOCK_S}s"] if lock else ["-lock=false"]
        status = self._ask(stack, folder, argv, timeout=PLAN_S, good=(NO_CHANGES, CHANGES))
        out.chmod(0o600)
        return status == CHANGES

    def show(self, stack: str, folder: Path, plan: Path) -> dict[str, Any]:
        """What a saved plan says (Terraform, "JSON Output Format"). Raises TerraformError."""
        argv = [self.program, "show", "-json", "-no-color", str(plan)]
        done = run(argv, env=_environment(), cwd=folder, check=False, timeout=PLAN_S)
        if done.returncode:
            raise TerraformError(stack, "show", _found_in_text(done.stderr or done.stdout))
        shown: dict[str, Any] = json.loads(done.stdout)
        return shown

    def apply(self, stack: str, folder: Path, plan: Path, each: Callable[[str], None]) -> None:
        """Apply a saved plan, as it is; `each` hears what is being done. Raises TerraformError."""

        def hear(line: str) -> None:
            message = _message(line)
            if message.get("type") in ("apply_start", "apply_progress", "apply_complete"):
                each(str(message.get("@message", "")))

        argv = ["apply", "-input=false", "-json", f"-lock-timeout={LOCK_S}s", str(plan)]
        self._ask(stack, folder, argv, timeout=APPLY_S, hear=hear)

    def state(self, stack: str, folder: Path) -> dict[str, Any]:
        """The whole state of an initialized stack; {} where there is none."""
        argv = [self.program, "state", "pull"]
        done = run(argv, env=_environment(), cwd=folder, check=False, timeout=PLAN_S)
        if done.returncode:
            raise TerraformError(stack, "state pull", _found_in_text(done.stderr))
        state: dict[str, Any] = json.loads(done.stdout or "{}")
        return state

    def _ask(
        self, stack: str, folder: Path, argv: list[str], *, timeout: float,
        good: tuple[int, ...] = (0,), hear: Callable[[str], None] = lambda line: None,
    ) -> int:
        """Run a command that holds locks, and so must come to its own end.

        Raises TerraformError, and Interrupted after Ctrl-C once terraform has ended.
        """
        try:
            done = follow(
                [self.program, *argv], hear, env=_environment(), cwd=folder, timeout=timeout
            )
        except KeyboardInterrupt as error:
            raise Interrupted(
                f"terraform {argv[0]} was stopped by hand; its state has what it had done",
                where=stack,
            ) from error
        if done.returncode not in good:
            log.info("terraform %s said: %s", argv[0], done.stdout)
            raise TerraformError(stack, argv[0], _found(done.stdout))
        return done.returncode


def _environment() -> Mapping[str, str]:
    """Ours, with nothing asked, nothing told to its maker, and the plugin cache that cdktf uses."""
    cache = Path(os.environ.get("TF_PLUGIN_CACHE_DIR") or Path.home() / ".terraform.d/plugin-cache")
    cache.mkdir(parents=True, exist_ok=True)
    return {
        **os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0",
        "TF_PLUGIN_CACHE_DIR": str(cache),
    }


def _message(line: str) -> dict[str, Any]:
    """One line of terraform's -json output; {} for a line that is none."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _found(output: str) -> tuple[Diagnostic, ...]:
    return tuple(_errors(output)) or _found_in_text(output)


def _errors(output: str) -> Iterator[Diagnostic]:
    for line in output.splitlines():
        told = _message(line).get("diagnostic")
        if told and told.get("severity") == "error":
            yield Diagnostic(
                told.get("summary", ""), told.get("detail", ""), told.get("address", "")
            )


def _found_in_text(output: str) -> tuple[Diagnostic, ...]:
    """The errors in output for people: from `Error:` on, without the frame around it."""
    lines = [line.strip("│╷╵ ").strip() for line in output.splitlines()]
    starts = [index for index, line in enumerate(lines) if line.startswith("Error: ")]
    if not starts:
        said = next((line for line in reversed(lines) if line), "it said nothing")
        return (Diagnostic(said, "", ""),)
    return tuple(
        Diagnostic(lines[start].removeprefix("Error: "), "\n".join(lines[start + 1:end]), "")
        for start, end in zip(starts, [*starts[1:], len(lines)], strict=True)
    )
