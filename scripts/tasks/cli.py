"""Tasks as `fab` runs them: one line for an error, the right exit status, a log and a lock."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from invoke import Argument, Context, Task, task
from invoke.exceptions import Exit

from scripts.errors import CommandError, LabError, UsageError, told
from scripts.workstation import output, runlog

if TYPE_CHECKING:
    from scripts.session import Session

DATACENTER = "only this datacenter (several: dc1,dc2)"
HOST = "only this host (several: a,b)"
DEBUG = "show the traceback of an error"
NARROW = {"datacenter": DATACENTER, "host": HOST}
Body = Callable[..., int | None]


class LabTask(Task[Any]):
    """A task that knows what it does in a dry run.

    `dry`: True where it changes nothing anyway; what it does instead, with the same options; or
    False where it has no dry run. `usage_status` is the exit status for options that it cannot use.
    """

    def __init__(self, *args: Any, dry: Body | bool, usage_status: int, **more: Any) -> None:
        super().__init__(*args, **more)
        self.dry, self.usage_status = dry, usage_status

    def get_arguments(self, ignore_unknown_help: bool | None = None) -> list[Argument]:
        return [
            Option(one, self.usage_status) for one in super().get_arguments(ignore_unknown_help)
        ]


class Option(Argument):
    """An argument whose value is an error in one line where it is no number and should be one.

    Invoke would end in a traceback.
    """

    def __init__(self, plain: Argument, status: int) -> None:
        super().__init__(
            names=plain.names, kind=plain.kind, default=plain.default, help=plain.help,
            positional=plain.positional, optional=plain.optional,
            incrementable=plain.incrementable, attr_name=plain.attr_name,
        )
        self._status = status

    def set_value(self, value: Any, cast: bool = True) -> None:
        try:
            super().set_value(value, cast)
        except ValueError:
            kind = "a whole number" if self.kind is int else "a number"
            raise Exit(
                f"error: --{self.names[0].replace('_', '-')} {value!r} (accepted: {kind})",
                code=self._status,
            ) from None


def asked_dry(config: Any) -> bool:
    """Whether a run is to change nothing: --dry, or fabric's settings (FABRIC_RUN_DRY=1, say).

    Fabric does not read Invoke's variable, but nobody sets it who wants a run to act.
    """
    return bool(config.run.dry) or os.environ.get("INVOKE_RUN_DRY", "0") not in ("", "0")


def lab_task(
    *, locks: bool, help: dict[str, str] | None = None, lab_file_error: int = 2, name: str = "",
    dry: Body | bool = False, several: Sequence[str] = (),
) -> Callable[[Body], Any]:
    """A Fabric task on a lab: `body(session, …options)` returns the exit status (None is 0).

    `locks`: the run changes the lab, so no other may at the same time. `lab_file_error` is the exit
    status for a lab file or an option that cannot be used. `name` is what `fab` calls the task
    where that is not the name of `body`. `dry` is its dry run (see LabTask), `several` are options
    that may be given again and again.
    """
    def decorate(body: Body) -> Any:
        @functools.wraps(body)
        def run(c: Context, *, debug: bool = False, **options: Any) -> None:
            if hasattr(c, "host"):  # a connection: not fabfile.py but another file has the tasks
                raise Exit(f"error: -H {c.host}: say --host (nothing was done)", code=2)
            dry_run = asked_dry(c.config)
            work = functools.partial(_worker(body, dry) if dry_run else body, **options)
            status = _guarded(
                work, name or body.__name__, locks=locks and not dry_run, debug=debug,
                lab_file_error=lab_file_error, echo=bool(c.config.run.echo), dry=dry_run,
            )
            if status:
                raise Exit(code=status)

        run.__signature__ = _signature(body)  # type: ignore[attr-defined]
        return task(
            run, help={**(help or {}), "debug": DEBUG}, iterable=list(several),
            klass=functools.partial(LabTask, dry=dry, usage_status=lab_file_error),
        )

    return decorate


def _worker(body: Body, dry: Body | bool) -> Body:
    """What a dry run of `body` does. Raises Exit where there is none."""
    if not dry:
        raise Exit("error: this task has no dry run (nothing was done)", code=2)
    return body if dry is True else dry


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
    *, locks: bool, debug: bool, lab_file_error: int, echo: bool = False, dry: bool = False,
) -> int:
    """Run a task's body; turn what a person can act on into one line and a status."""
    from lab.file import LabFileError
    from scripts.session import Session

    log_file = None
    output.go_on(locks)
    try:
        session = Session()
        session.dry = dry
        log_file = runlog.start(session.state, name, echo=echo)
        if not locks:
            session.warn_open()
            return work(session) or 0
        if runlog.mandated(session.state):
            session.warn()
            return work(session) or 0
        with held(session, name):
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
        found = told(error)
        if debug or found is None:
            raise
        return _tell(found, log_file, lab_file_error)


@contextmanager
def held(session: Session, name: str) -> Iterator[None]:
    """No other run changes the lab until the block ends. Raises LockedError naming who has it."""
    here = session.platform_name == "local"
    with runlog.lock(session.state, name), (
        runlog.machine_lock(session.topology.lab) if here else nullcontext()
    ):
        yield


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
