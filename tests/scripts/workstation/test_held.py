"""Programs that are held: they go on, their end is told, and none outlives its use."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from scripts.errors import CommandError, LabError
from scripts.workstation.held import Held

# A program with a child in its group, as the AWS CLI has one in its plugin.
PARENT = """
import subprocess, sys, pathlib
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
print("open", flush=True)
child.wait()
"""


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def within(seconds: float, what: object) -> None:
    deadline = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_is_held_ends_with_its_use_and_takes_its_children_along(tmp_path: Path) -> None:
    told = tmp_path / "child"
    with Held() as held:
        held.start([sys.executable, "-c", PARENT, str(told)])
        within(30, lambda: held.said == "open")
        child = int(told.read_text())
        held.check()
        assert alive(child)
    within(10, lambda: not alive(child))


def test_one_that_ends_by_itself_is_an_error_with_its_last_words() -> None:
    with Held() as held:
        held.start([sys.executable, "-c", "import time; time.sleep(60)"])
        held.start([sys.executable, "-c", "print('a'); print('no such target'); exit(3)"])

        def ended() -> bool:
            try:
                held.check()
            except LabError as error:
                assert str(error) == f"`{sys.executable}` ended with 3: no such target"
                return True
            return False

        within(30, ended)


def test_one_that_is_not_there_is_named() -> None:
    with Held() as held, pytest.raises(CommandError, match=r"no-such-program.*\(get it\)"):
        held.start(["no-such-program"], hint="get it")
