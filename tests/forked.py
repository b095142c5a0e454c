"""`fab` at a fraction of its price: each run is a fork of one process that has read its modules.

Nearly all of the half second that a `fab` takes is spent on reading modules. A run from here is
still a process of its own, with its own environment, output and exit status; only its modules are
already there. What a start costs, and what a task reads, is what tests ask of the real program.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).parents[1]
# What tasks read only when they need it. What is not there is read by whoever needs it, or fails.
LATER = ("boto3", "botocore.handlers", "confluent_kafka.admin", "jinja2", "paramiko", "rich.live",
         "rich.table", "lab.checks", "scripts.drivers.registry", "scripts.operations.plan",
         "scripts.operations.up", "scripts.platforms.local")


def fab(
    *words: str, environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run `fab` in the project's folder with nothing on standard input.

    Raises TimeoutExpired after `timeout` seconds, when it has been killed.
    """
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        request = {
            "words": words, "environment": dict(environment), "out": str(out), "err": str(err),
        }
        status = _status(request, timeout)
        said = out.read_text(), err.read_text()
    if status is None:
        raise subprocess.TimeoutExpired(["fab", *words], timeout, *said)
    return subprocess.CompletedProcess(["fab", *words], status, *said)


def _status(request: Mapping[str, object], timeout: float) -> int | None:
    """The exit status of one run; None where it took too long."""
    parent = _parent()
    assert parent.stdin and parent.stdout
    parent.stdin.write(json.dumps({**request, "timeout": timeout}) + "\n")
    parent.stdin.flush()
    answer = parent.stdout.readline()
    assert answer, f"the process that `fab` is forked from ended with {parent.wait()}"
    status: int | None = json.loads(answer)
    return status


@cache
def _parent() -> subprocess.Popen[str]:
    """What the others come from. It ends when its standard input does, with this one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.forked"], cwd=PROJECT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    atexit.register(process.communicate)
    return process


def serve() -> None:
    """Fork for each line on standard input, and answer with the status; in a fork: run `fab`."""
    import gc
    import importlib
    from contextlib import suppress

    from fabric.main import program

    import scripts.tasks  # noqa: F401

    for name in LATER:
        with suppress(ImportError):
            importlib.import_module(name)
    with suppress(ImportError):
        _read_models()
    gc.freeze()  # or each child would go through all of it again
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if not child:
            _become(request)
            program.run(sys.argv)
            return
        os.setpgid(child, child)  # whoever of both comes first
        print(json.dumps(_wait(child, request["timeout"])), flush=True)


def _read_models() -> None:
    """Have the largest of AWS's models at hand for every session that is made later."""
    import functools

    from botocore import loaders

    loaders.create_loader = functools.cache(loaders.create_loader)
    loaders.create_loader().load_service_model("ec2", "service-2")


def _become(request: Mapping[str, object]) -> None:
    """Take the place of a `fab` that was started with this environment and these arguments."""
    os.setpgid(0, 0)  # so that it can be ended with all that it has started
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    for number, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - the old one holds what was read ahead
    sys.argv = ["fab", *request["words"]]


def _wait(child: int, timeout: float) -> int | None:
    """The exit status as subprocess has it; None for a child that was killed for being late."""
    deadline = time.monotonic() + timeout
    ended = 0
    try:
        while not ended and time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            time.sleep(0 if ended else 0.005)
        return os.waitstatus_to_exitcode(status) if ended else None
    finally:
        if not ended:  # also when this process is interrupted
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)


if __name__ == "__main__":
    serve()
