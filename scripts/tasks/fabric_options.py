"""What fabric's own options (`fab --help`) mean for the lab's tasks.

Fabric means them for connections and commands that it makes itself. The lab's tasks use neither:
the hosts stand in the lab file, and what runs there is no `run()`. So each option of `fab` either
has a meaning here, or is refused in one line before anything is touched; none is passed over.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fabric
from invoke.exceptions import Exit, ParseError
from invoke.parser import ParserContext

from scripts.errors import UsageError, one_line, stranger
from scripts.tasks.cli import asked_dry

REFUSED = {
    "command-timeout": "each step of a task has its own time limit",
    "connect-timeout": "the lab has its own time limit for connections",
    "hide": "the lab's tasks print results only; a run's commands are in its log",
    "identity": "the lab logs in with its platform's key",
    "prompt-for-login-password": "the lab logs in with its platform's key",
    "prompt-for-passphrase": "the lab logs in with its platform's key, which has none",
    "prompt-for-sudo-password": "sudo on the lab's hosts asks for none",
    "pty": "`fab ssh HOST` has a terminal",
    "ssh-config": "the lab reads no SSH configuration; the lab file has its hosts",
    "warn-only": "an error ends a task, and its exit status says so",
}
"""Options that would change nothing of what a task does, and why."""


FIRST = (
    "plan", "up", "verify", "status", "view", "load", "exercise", "drill.broker", "ssh", "down",
)
"""The tasks that `fab` alone shows."""

UNKNOWN = re.compile(r"No idea what '(.*)' is!")
LACKING = re.compile(r"Flag <Option: ([\w-]+).*> needed value and was not given one!")
"""invoke's words for what is neither a task nor an option, and for an option without its value."""


def attach(program: Any) -> None:
    """Let `program` (fabric's) ask here as soon as it has read its command line.

    That is before its settings take effect: it would else ask for a password, say, first. `fab`
    loads the lab's tasks into a program that exists already, so it cannot be one of our own.
    """
    if program.executor_class is Executor:
        return
    program.executor_class = Executor
    update_config = program.update_config

    def clear(parse: Callable[[], None]) -> Callable[[], None]:
        def parsed() -> None:
            try:
                parse()
            except ParseError as error:
                told = _clear(error, program.collection)
                if told is None:
                    raise
                name = error.context and error.context.name
                raise _exit(told, [program.collection[name]] if name else []) from None

        return parsed

    def checked() -> None:
        tasks = [program.collection[one.name] for one in program.tasks]
        try:
            check(program.args, program.core.remainder)
            with_settings_of(program.args.config.value, update_config)
        except UsageError as error:
            raise _exit(error, tasks) from None

    def overview() -> None:
        print(first(program.collection))
        raise Exit

    program.parse_tasks, program.parse_cleanup = map(
        clear, (program.parse_tasks, program.parse_cleanup))
    program.update_config = checked
    program.no_tasks_given = overview


def first(collection: Any) -> str:
    """What `fab` alone prints: where to begin, and where the rest is."""
    file = os.environ.get("LAB") or "lab.toml"
    width = max(map(len, FIRST))
    lines = []
    for name in FIRST:
        said, _, _ = (inspect.getdoc(collection[name]) or "").partition("\n")
        lines.append(f"  fab {name:{width}}  {said}")
    return "\n".join((
        f"The lab of {file} (LAB=FILE is for another one):", "", *lines, "",
        "`fab --list` shows all tasks, `fab --help TASK` the options of one, README.md the rest.",
    ))


def _clear(error: ParseError, collection: Any) -> UsageError | None:
    """What is wrong with a command line, for people; None where invoke's own words have to do."""
    context = error.context
    if context is not None and context.missing_positional_args:
        return _missing(context)
    task = (context and context.name) or ""
    if lacking := LACKING.fullmatch(str(error)):
        return _empty(f"--{lacking[1]}", task)
    if not (unknown := UNKNOWN.fullmatch(str(error))):
        return None
    word = unknown[1]
    if not word.startswith("-"):
        return stranger("task", word, "", sorted(collection.task_names), "`fab --list` shows all")
    known = [flag for flag in context.flags if flag.startswith("--")] if context and task else []
    return stranger("option", word, f"`fab {task}`" if task else "`fab`", known,
                    f"{_help(task)} shows them")


def _empty(what: str, task: str) -> UsageError:
    return UsageError(f"{what} needs a value", hint=f"{_help(task)} says which")


def _help(task: str) -> str:
    return f"`fab --help {task}`" if task else "`fab --help`"


def _missing(context: ParserContext) -> UsageError:
    """What a task was not told, what it is, and in which order it is told."""
    what = "; ".join(f"{str(one.name).upper()} is missing" + (f": {one.help}" if one.help else "")
                     for one in context.missing_positional_args)
    order = " ".join(str(one.name).upper() for one in context.positional_args)
    return UsageError(f"{context.name}: {what}", hint=f"fab {context.name} {order}")


def check(args: Any, remainder: str) -> None:
    """Raises UsageError for an option that the lab has no meaning for."""
    for name, why in REFUSED.items():
        if args[name].got_value:
            raise UsageError(f"--{name} is not for the lab's tasks", hint=why)
    if remainder:
        raise UsageError(f"-- {remainder}: a task takes no command", hint="see `fab ssh HOST`")


def with_settings_of(path: str | None, update_config: Any) -> None:
    """Read fabric's settings, also from the file that --config names. Raises UsageError."""
    path = path or os.environ.get("INVOKE_RUNTIME_CONFIG")
    if path and not Path(path).is_file():  # which fabric would pass over
        raise UsageError(f"--config {path}", hint="no such file")
    try:
        update_config()
    except Exception as error:  # of whichever parser the file is for
        if not path:
            raise
        raise UsageError(f"--config {path}", hint=one_line(error)) from error


class Executor(fabric.Executor):  # type: ignore[misc]
    """Runs each task once, for all hosts of -H together; looks at all before the first runs."""

    def execute(self, *tasks: Any) -> Any:
        self.config.load_shell_env()  # FABRIC_RUN_DRY=1; fabric reads it before each task
        calls = self.normalize(tasks)
        try:
            for context in tasks:
                _told(context)
            for call in calls:
                if asked_dry(self.config) and not call.dry:
                    raise UsageError(
                        f"`fab {call.called_as}` has no dry run", hint="nothing was done"
                    )
                self._narrow(call)
        except UsageError as error:
            raise _exit(error, [call.task for call in calls]) from None
        return super().execute(*tasks)

    def expand_calls(self, calls: Sequence[Any], apply_hosts: bool = True) -> list[Any]:
        """Each task once. Fabric would run it once for each host of -H, and not tell it which."""
        if apply_hosts:
            for call in calls:
                self._narrow(call)
        return list(super().expand_calls(calls, apply_hosts=False))

    def _narrow(self, call: Any) -> None:
        """Give a task the hosts of -H as its --host. Raises UsageError where it cannot be."""
        hosts = self.core[0].args.hosts
        if not hosts.got_value:
            return
        if "host" not in inspect.signature(call.body).parameters:
            raise UsageError(
                f"-H {hosts.value}: `fab {call.called_as}` cannot be narrowed to hosts",
                hint="nothing was done",
            )
        if not _names(hosts.value):
            raise UsageError("-H names no host", hint="such as -H NAME, or -H NAME,NAME")
        own = call.kwargs.get("host")
        if own and _names(own) != _names(hosts.value):
            raise UsageError(
                f"-H {hosts.value} and --host {own} name different hosts", hint="say one of them"
            )
        call.kwargs["host"] = hosts.value


def _told(context: Any) -> None:
    """Raises UsageError for an option with an empty value, as a shell makes of a variable that is
    not set: the task would go on as if nothing had been said, with all datacenters, say."""
    for argument in context.args.values():
        if argument.got_value and argument.value == "":
            name = argument.name.upper() if argument.positional else f"--{argument.name}"
            raise _empty(name, context.name)


def _names(hosts: str) -> set[str]:
    return {name.strip() for name in hosts.split(",") if name.strip()}


def _exit(error: UsageError, tasks: Sequence[Any]) -> Exit:
    """The end of `fab`, with the status that the first task has for options it cannot use."""
    status = next((task.usage_status for task in tasks), error.exit_code)
    return Exit(f"error: {error}", code=status)
