"""Tasks as `fab` runs them: one line for an error, the right exit status, a log and a lock."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from invoke import Context, task
from invoke.exceptions import Exit

from lab.file import LabFileError
from scripts.errors import CommandError, LabError, UsageError, foreign
from scripts.session import Session
from scripts.workstation import runlog

DATACENTER = "only this datacenter (several: dc1,dc2)"
HOST = "only this host (several: a,b)"
DEBUG = "show the traceback of an error"
NARROW = {"datacenter": DATACENTER, "host": HOST}


def lab_task(
    *, locks: bool, help: dict[str, str] | None = None, lab_file_error: int = 2, name: str = ""
) -> Callable[[Callable[..., int | None]], Any]:
    """A Fabric task on a lab: `body(session, …options)` returns the exit status (None is 0).

    `locks`: the run changes the lab, so no other may at the same time. `lab_file_error` is the exit
    status for a lab file or an option that cannot be used. `name` is what `fab` calls the task
    where that is not the name of `body`.
    """
    def decorate(body: Callable[..., int | None]) -> Any:
        @functools.wraps(body)
        def run(c: Context, *, debug: bool = False, **options: Any) -> None:
            del c  # fabric's own context has no hosts: the lab file has
            work = functools.partial(body, **options)
            status = _guarded(
                work, name or body.__name__, locks=locks, debug=debug, lab_file_error=lab_file_error
            )
            if status:
                raise Exit(code=status)

        run.__signature__ = _signature(body)  # type: ignore[attr-defined]
        return task(run, help={**(help or {}), "debug": DEBUG})

    return decorate


def _signature(body: Callable[..., Any]) -> Any:
    """The options of `body` with fabric's context in front and --debug at the end."""
    import inspect

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    options = list(inspect.signature(body).parameters.values())[1:]
    return inspect.Signature([
        inspect.Parameter("c", kind), *(option.replace(kind=kind) for option in options),
        inspect.Parameter("debug", kind, default=False),
    ])


def _guarded(
    work: Callable[[Session], int | None], name: str,
    *, locks: bool, debug: bool, lab_file_error: int,
) -> int:
    """Run a task's body; turn what a person can act on into one line and a status."""
    log_file = None
    try:
        session = Session()
        log_file = runlog.start(session.state, name)
        if not locks:
            session.warn_open()
            return work(session) or 0
        with runlog.lock(session.state, name):
            session.warn()
            return work(session) or 0
    except LabFileError as error:
        if debug:
            raise
        print(error, file=sys.stderr)
        return lab_file_error
    except KeyboardInterrupt:
        print("stopped by hand; the next `fab up` completes what was begun", file=sys.stderr)
        return 130
    except Exception as error:
        told = error if isinstance(error, LabError) else foreign(error)
        if debug or told is None:
            raise
        return _tell(told, log_file, lab_file_error)


def _tell(error: LabError, log_file: Path | None, lab_file_error: int) -> int:
    """Print what a person can act on; the exit status."""
    runlog.log.info("error: %s", error, exc_info=error.__cause__)
    for line in (str(error), *getattr(error, "__notes__", ())):
        print(f"error: {line}", file=sys.stderr)
    if isinstance(error, CommandError):  # what the command itself said is longer than a line
        print(f"the whole output: {log_file}", file=sys.stderr)
    return lab_file_error if isinstance(error, UsageError) else error.exit_code


def confirm(question: str, *, whether: str, undone: str, yes: bool) -> None:
    """Raises UsageError unless a person agrees, here or with --yes in the command.

    `whether` completes "nobody here to ask whether", `undone` says what a refusal leaves.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"nobody here to ask whether {whether}", hint="say so with --yes")
    if input(f"{question} Type yes: ").strip().lower() != "yes":
        raise UsageError(f"not agreed; {undone}")
