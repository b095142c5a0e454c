"""A folder of jars as an artifact: packed once, and anew when a jar is another one."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from lab import artifacts
from scripts.errors import LabError
from scripts.software.obtain import obtain

PLUGIN = artifacts.plugin("jars")


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "jars"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib/one.jar").write_text("1")
    (folder / "two.jar").write_text("2")
    (folder / "README").write_text("nothing for a worker")
    return folder


def test_all_jars_are_in_it_and_it_is_packed_once(jars: Path) -> None:
    first = obtain(PLUGIN, near=jars.parent, say=lambda line: None)
    with tarfile.open(first.tar) as tar:
        names = [one.name for one in tar if one.isfile()]
    assert {f"{PLUGIN.folder}/libs/{jar}.jar" for jar in ("one", "two")} <= set(names)
    assert not any("README" in name for name in names)
    again = obtain(PLUGIN, near=jars.parent, sources=["cache"], say=lambda line: None)
    assert (again.sha256, again.source) == (first.sha256, "cache")


def test_another_jar_is_another_artifact(jars: Path) -> None:
    first = obtain(PLUGIN, near=jars.parent, say=lambda line: None)
    (jars / "two.jar").write_text("3")
    os.utime(jars / "two.jar", ns=(1, 1))
    other = obtain(PLUGIN, near=jars.parent, sources=["cache"], say=lambda line: None)
    assert other.source == "folder"
    assert other.sha256 != first.sha256


@pytest.mark.parametrize(("spoil", "said"), [
    ("absent", "there is no such folder"), ("empty", "there is no jar in it"),
    ("twice", "one.jar is there twice"),
])
def test_what_is_wrong_with_a_folder_is_said(jars: Path, spoil: str, said: str) -> None:
    plugin = PLUGIN
    if spoil == "absent":
        plugin = artifacts.plugin("elsewhere")
    elif spoil == "empty":
        (jars / "lib/one.jar").unlink()
        (jars / "two.jar").unlink()
    else:
        (jars / "one.jar").write_text("1")
    with pytest.raises(LabError, match=said):
        obtain(plugin, near=jars.parent, say=lambda line: None)
