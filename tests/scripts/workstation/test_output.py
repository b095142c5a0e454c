"""Readers that leave before a command has printed all: `fab plan | head -1`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.workstation.output import GONE
from tests.conftest import PROJECT

FAB = str(Path(sys.executable).parent / "fab")
PROGRAM = """
import sys, threading
from pathlib import Path
from scripts.workstation import output
output.shield()
output.go_on({goes_on})
print("x" * 100_000, flush=True)
print("more", file=sys.stderr, flush=True)
threads = [threading.Thread(target=print, args=("y" * 100_000,)) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
Path({done!r}).touch()
print("the rest, which is written at the end")
sys.exit(3)
"""


def unread(argv: Sequence[str]) -> tuple[int, str]:
    """The status of a command whose output nobody reads, and what it says of errors."""
    theirs, ours = os.pipe()
    os.close(theirs)
    with os.fdopen(ours, "wb") as pipe:
        done = subprocess.run(
            argv, stdout=pipe, stderr=subprocess.PIPE, text=True, cwd=PROJECT, timeout=60,
            check=False,
        )
    return done.returncode, done.stderr


@pytest.mark.parametrize(("goes_on", "status"), [(False, GONE), (True, 3)])
def test_a_command_goes_on_without_a_reader_only_where_it_changes_something(
    tmp_path: Path, goes_on: bool, status: int
) -> None:
    program = PROGRAM.format(goes_on=goes_on, done=str(tmp_path / "done"))
    found, said = unread([sys.executable, "-c", program])
    assert (found, said) == (status, "more\n" if goes_on else "")
    assert (tmp_path / "done").exists() is goes_on


def test_errors_that_nobody_reads_end_it_as_well(tmp_path: Path) -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    program = PROGRAM.format(goes_on=True, done=str(tmp_path / "done"))
    with os.fdopen(ours, "wb") as pipe:
        done = subprocess.run([sys.executable, "-c", program], stdout=pipe, stderr=pipe,
                              cwd=PROJECT, timeout=60, check=False)
    assert (done.returncode, (tmp_path / "done").exists()) == (3, True)


def test_the_list_of_tasks_that_nobody_reads() -> None:
    assert unread([FAB, "--list"]) == (GONE, "")
