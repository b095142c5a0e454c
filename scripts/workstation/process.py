"""Commands on the workstation itself: one place that runs, times and logs them."""

from __future__ import annotations

import logging
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, TypeVar

from scripts.errors import CommandError

log = logging.getLogger("kafkalab.run")
T = TypeVar("T")


def run(
    argv: Sequence[str],
    *,
    timeout: float = 120,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = True,
    hint: str = "",
    shielded: bool = False,
    stdout: BinaryIO | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.CompletedProcess[str]:
    """Run `argv` (never through a shell) and return its decoded result.

    `timeout` is in seconds. Raises CommandError when the program is missing, does not end in time
    or, with `check`, exits non-zero. Every call is one line in the run's log. A `shielded` command
    gets a process group of its own: what ends ours (Ctrl-C, a kill of the group) lets it finish.
    With `stdout` what it prints goes there and is no part of the result. `pass_fds`: our open
    files that it gets, too, under their numbers.
    """
    began = time.monotonic()
    try:
        done = subprocess.run(
            list(argv), check=False, timeout=timeout, env=env, cwd=cwd, input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=stdout or subprocess.PIPE, stderr=subprocess.PIPE,
            process_group=0 if shielded else None, pass_fds=pass_fds,
        )
    except FileNotFoundError as error:
        _record(argv, "not found", began)
        raise CommandError(argv, "not found", hint=hint) from error
    except subprocess.TimeoutExpired as error:
        _record(argv, "time-out", began)
        raise CommandError(argv, f"no end after {timeout:g} s", hint=hint) from error
    _record(argv, done.returncode, began)
    out, err = (done.stdout or b"").decode(errors="replace"), done.stderr.decode(errors="replace")
    if check and done.returncode:
        log.info("stderr: %s", err.strip())
        raise CommandError(argv, done.returncode, out, err, hint=hint)
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def beside(
    argv: Sequence[str], work: Callable[[], T], *, cwd: Path | None = None, seconds: float = 30
) -> tuple[T, subprocess.CompletedProcess[str]]:
    """Do `work` while a program of our own runs, out of reach of Ctrl-C; what both came to.

    The program has to end when its standard input does: after the work, or with this process. It
    is killed where it takes more than `seconds` for that. Raises what the work raises.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.PIPE, stdout=told, stderr=subprocess.STDOUT, cwd=cwd,
            process_group=0,
        )
        try:
            found = work()
        finally:
            if process.stdin:
                process.stdin.close()
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _record(argv, process.returncode, began)
        told.seek(0)
        out = told.read().decode(errors="replace")
    return found, subprocess.CompletedProcess(list(argv), process.returncode, out, "")


def follow(
    argv: Sequence[str],
    each: Callable[[str], None],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    hint: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run `argv`; hand every line of its output (both streams) to `each` as it comes.

    For commands that must not be cut off: Ctrl-C, and the end of `timeout` seconds, are passed on
    as an interrupt, and its orderly end is waited for; then KeyboardInterrupt or CommandError.
    """
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=env, cwd=cwd, text=True, errors="replace", process_group=0,
        )
    except FileNotFoundError as error:
        _record(argv, "not found", began)
        raise CommandError(argv, "not found", hint=hint) from error
    late, interrupted = threading.Event(), False

    def interrupt() -> None:
        late.set()
        process.send_signal(signal.SIGINT)

    deadline = threading.Timer(timeout, interrupt)
    deadline.daemon = True
    deadline.start()
    lines: list[str] = []
    with process:
        while process.returncode is None:
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    each(line)
                process.wait()
            except KeyboardInterrupt:
                interrupted = True
                process.send_signal(signal.SIGINT)
    deadline.cancel()
    _record(argv, process.returncode, began)
    if interrupted:
        raise KeyboardInterrupt
    if late.is_set():
        raise CommandError(argv, f"no end after {timeout:g} s", "".join(lines), hint=hint)
    return subprocess.CompletedProcess(list(argv), process.returncode, "".join(lines), "")


def _record(argv: Sequence[str], status: int | str, began: float) -> None:
    log.info("workstation: %s -> %s, %.3f s", " ".join(argv), status, time.monotonic() - began)
