"""The Python environments: what the lab needs is a part of what everything needs."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from scripts.workstation.paths import PROJECT

pytestmark = pytest.mark.programs

VENV = PROJECT / "scripts" / "venv.sh"
_ENTRY = re.compile(r"^([a-z0-9._-]+)==(\S+) \\\n((?:    --hash=\S+(?: \\)?\n)+)", re.MULTILINE)


def locked(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and digests of each package of a lock."""
    text = (PROJECT / name).read_text()
    found = {
        name: (version, frozenset(re.findall(r"sha256:[0-9a-f]{64}", hashes)))
        for name, version, hashes in _ENTRY.findall(text)
    }
    assert len(found) == len(re.findall(r"^\S+==", text, re.MULTILINE))
    return found


def test_the_labs_lock_is_a_part_of_the_whole_one() -> None:
    """Else `make test` after `make lab` would change what the lab runs with."""
    lab, everything = locked("requirements-lab.lock"), locked("requirements.lock")
    assert lab.items() <= everything.items()
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    wanted = {re.split(r"[<>=\[]", line)[0] for line in project["dependencies"]}
    assert wanted <= lab.keys()
    others = {
        re.split(r"[<>=\[]", line)[0]
        for lines in project["optional-dependencies"].values() for line in lines
    }
    assert not others & lab.keys(), "what the lab does not need"


def test_a_python_without_pip_is_told_in_one_line(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$*" in *bundled*) echo;; esac\n')
    python.chmod(0o755)
    done = subprocess.run(
        [str(VENV), str(tmp_path / "venv"), "requirements-lab.lock"],
        env={**os.environ, "PYTHON": str(python)}, cwd=PROJECT, capture_output=True, text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == f"error: {python} brings no pip along (ensurepip has no pip-*.whl)\n"
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(("forbidden", "compiled"), [("", False), ("1", True)])
def test_modules_are_compiled_at_once_only_where_no_import_may_write_them(
    forbidden: str, compiled: bool, tmp_path: Path
) -> None:
    wheel = tmp_path / "some-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as out:
        out.writestr("some.py", "VALUE = 1\n")
        for name, text in (
            ("METADATA", "Metadata-Version: 2.1\nName: some\nVersion: 1.0\n"),
            ("WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            ("RECORD", ""),
        ):
            out.writestr(f"some-1.0.dist-info/{name}", text)
    lock = tmp_path / "lock"
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock.write_text(f"some @ {wheel.as_uri()} --hash=sha256:{digest}\n")
    subprocess.run(
        [str(VENV), str(tmp_path / "venv"), str(lock)], check=True, capture_output=True,
        env={**os.environ, "PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": forbidden},
    )
    (module,) = (tmp_path / "venv").glob("lib/*/site-packages/some.py")
    assert bool(list(module.parent.glob("__pycache__/some.*"))) == compiled


def test_a_clone_with_the_line_ends_of_windows_is_told_so(tmp_path: Path) -> None:
    """bash would only say that it finds no `bash\\r`."""
    for name in ("Makefile", "scripts/venv.sh", "requirements-lab.lock", "requirements.lock"):
        there = tmp_path / name
        there.parent.mkdir(exist_ok=True)
        there.write_bytes((PROJECT / name).read_bytes().replace(b"\n", b"\r\n"))
    for target in ("lab", "venv"):
        done = subprocess.run(["make", target], cwd=tmp_path, capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode != 0
        assert "error: this clone has the line ends of Windows (CRLF)" in done.stderr
    assert not (tmp_path / ".venv").exists()
