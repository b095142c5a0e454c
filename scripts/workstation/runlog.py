"""A run of a task: its log file and the lock that keeps a second run out."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import logging
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.errors import LockedError

log = logging.getLogger("kafkalab.run")
LOGS_KEPT = 50


def start(state: Path, task: str, *, echo: bool = False) -> Path:
    """Open the run's log file `runs/<time>-<task>.log`; every command will be a line in it.

    With `echo` these lines are also on standard error.
    """
    folder = state / "runs"
    folder.mkdir(exist_ok=True)
    for old in sorted(folder.glob("*.log"))[: -LOGS_KEPT + 1]:
        old.unlink(missing_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    path = folder / f"{stamp}-{task}-{os.getpid()}.log"
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s.%(msecs)03d %(message)s", "%H:%M:%S"))
    log.handlers[:] = [handler, logging.StreamHandler()] if echo else [handler]
    log.setLevel(logging.INFO)
    log.propagate = False
    log.info("fab %s", " ".join(sys.argv[1:]))
    return path


@contextlib.contextmanager
def lock(state: Path, task: str) -> Iterator[None]:
    """Hold the lab for as long as the block runs. Raises LockedError naming who has it.

    The kernel drops the lock with the process, so a killed run leaves none behind.
    """
    with (state / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LockedError(
                f"another run holds the lab: {_holder(file.name)}", hint="wait for it to end"
            ) from error
        file.truncate(0)
        holder = {
            "user": getpass.getuser(), "host": socket.gethostname(), "pid": os.getpid(),
            "task": f"fab {task}", "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        file.write(json.dumps(holder))
        file.flush()
        yield


def _holder(path: str) -> str:
    try:
        who = json.loads(Path(path).read_text(encoding="utf-8"))
        return "`{task}` of {user} on {host}, process {pid}, since {since}".format(**who)
    except (ValueError, KeyError):
        return "one that is just starting"
