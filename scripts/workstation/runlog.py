"""A run of a task: its log file and the lock that keeps a second run out."""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import logging
import os
import pwd
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.errors import LockedError

log = logging.getLogger("kafkalab.run")
LOGS_KEPT = 50
# In the environment of what a run starts: the process that holds the lab, and lets it run tasks.
MANDATE = "KAFKALAB_HELD_BY"


class RunLog(logging.FileHandler):
    """The log file of a run. Where it cannot be written, that is said once, and the run goes on."""

    _told = False

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._told:
            self._told = True
            print(f"warning: {self.baseFilename}: {error.strerror}: no log of this run",
                  file=sys.stderr)


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
    handler = RunLog(path, encoding="utf-8")
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


def mandated(state: Path) -> bool:
    """Whether the run that holds the lab has started this one: a script of an exercise runs tasks,
    as its student would."""
    try:
        with (state / "lock").open(encoding="utf-8") as file:
            holder = json.load(file)["pid"]
            if os.environ.get(MANDATE) != str(holder):
                return False
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return False  # it has ended, and what it started holds the lab for itself


@contextlib.contextmanager
def machine_lock(lab: str) -> Iterator[None]:
    """Hold a lab of this machine also against runs from other state folders. Raises LockedError.

    Users have no file in common that each may write and none may fake: on Linux a socket without a
    file tells its holder, and goes with it (unix(7), "abstract"). Elsewhere nothing is held.
    """
    if sys.platform != "linux":
        yield
        return
    name = f"\0kafkalab/{lab}"
    with socket.socket(socket.AF_UNIX) as held:
        try:
            held.bind(name)
        except OSError as error:
            raise LockedError(
                f"another run holds the lab: {_peer(name)}, from another state folder",
                hint="wait for it to end",
            ) from error
        held.listen()
        yield


def _peer(name: str) -> str:
    """Whose process listens on an abstract socket, as the kernel has it."""
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(name)
        except OSError:
            return "one that just starts or ends"
        size = struct.calcsize("3i")
        pid, uid, _ = struct.unpack("3i", asking.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, size
        ))
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = f"user {uid}"
    return f"process {pid} of {user}"


def _holder(path: str) -> str:
    try:
        who = json.loads(Path(path).read_text(encoding="utf-8"))
        return "`{task}` of {user} on {host}, process {pid}, since {since}".format(**who)
    except (ValueError, KeyError):
        return "one that is just starting"
