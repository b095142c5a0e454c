"""A run that the holder of the lab started itself, and what only says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.workstation.runlog import MANDATE, lock, mandated

CHILD = """\
import sys
from pathlib import Path
from scripts.workstation.runlog import mandated
print(mandated(Path(sys.argv[1])))
"""


def child(state: Path, holder: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(state)], env={**os.environ, MANDATE: holder},
        capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()


def test_what_the_holder_starts_goes_on_and_nothing_else(tmp_path: Path) -> None:
    me = str(os.getpid())
    with lock(tmp_path, "exercise.solve"):
        assert child(tmp_path, me) == "True"
        assert child(tmp_path, "1") == "False"
        assert child(tmp_path, "") == "False"
    assert child(tmp_path, me) == "False", "nobody holds it any more: it takes the lab itself"
    with lock(tmp_path, "up"):
        pass


@pytest.mark.parametrize("text", [None, "", "{", "[]", "1", "{}"])
def test_a_lab_that_says_no_holder_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    monkeypatch.setenv(MANDATE, str(os.getpid()))
    if text is not None:
        (tmp_path / "lock").write_text(text)
    assert not mandated(tmp_path)
