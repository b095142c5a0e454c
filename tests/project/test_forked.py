"""A forked `fab` is the real one: same words, same status, an environment and an end of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import forked
from tests.conftest import LAB, PROJECT


@pytest.mark.parametrize("words", ["plan --host x", "up --hots x"])
def test_it_says_what_the_program_says(words: str, tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text(LAB)
    environment = {
        **os.environ, "LAB": str(tmp_path / "lab.toml"), "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    real = subprocess.run(
        [Path(sys.executable).parent / "fab", *words.split()], cwd=PROJECT, env=environment,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )
    mine = forked.fab(*words.split(), environment=environment, timeout=60)
    assert (mine.returncode, mine.stdout, mine.stderr) == (
        real.returncode, real.stdout, real.stderr,
    )


def test_one_run_leaves_nothing_to_the_next(tmp_path: Path) -> None:
    """Neither of its environment nor of what its modules have kept."""
    (tmp_path / "lab.toml").write_text(LAB)
    there = {**os.environ, "LAB": str(tmp_path / "lab.toml"), "XDG_STATE_HOME": str(tmp_path)}
    gone = {**there, "LAB": str(tmp_path / "none.toml")}
    runs = ((there, "no host 'x'"), (gone, "none.toml: file"), (there, "no host 'x'"))
    for environment, told in runs:
        said = forked.fab("up", "--host", "x", environment=environment, timeout=60).stderr
        assert told in said


def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    """It waits for a lab file that nobody writes: a pipe."""
    os.mkfifo(tmp_path / "lab.toml")
    environment = {**os.environ, "LAB": str(tmp_path / "lab.toml"), "XDG_STATE_HOME": str(tmp_path)}
    with pytest.raises(subprocess.TimeoutExpired):
        forked.fab("up", environment=environment, timeout=0.5)
    assert forked.fab("--list", environment=environment, timeout=60).returncode == 0
