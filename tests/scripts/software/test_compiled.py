"""An artifact of the lab's own sources: Maven collects what they need, and a container compiles."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import artifacts
from scripts.errors import LabError
from scripts.software import maven
from scripts.software.kept import recipe_files
from scripts.software.obtain import obtain

SINK = artifacts.search_sink()


@pytest.fixture(autouse=True)
def collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Maven that leaves one tar; and a cache of one's own."""
    def run(argv: Sequence[str], *, cwd: Path, **more: Any) -> SimpleNamespace:
        assert argv[0] == "mvn"
        (cwd / "target").mkdir()
        with tarfile.open(cwd / "target/search-sink.tar", "w") as tar:
            tar.add(cwd / "src", "src")
        return SimpleNamespace(returncode=0, stdout="")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(maven, "ensure_maven", lambda say: None)
    monkeypatch.setattr(maven.process, "run", run)


def test_the_recipes_script_gets_the_sources_and_what_it_leaves_is_kept(tmp_path: Path) -> None:
    asked: list[tuple[str, ...]] = []

    def compiled(script: str, words: Sequence[str], source: Path, target: Path) -> None:
        assert script == recipe_files(SINK.recipe)["compile.sh"].read_text()
        with tarfile.open(source) as tar:
            assert any(name.endswith("SearchSinkTask.java") for name in tar.getnames())
        asked.append(tuple(words))
        jar = tmp_path / "search-sink.jar"
        jar.write_text("classes")
        with tarfile.open(target, "w") as tar:
            tar.add(jar, "search-sink/libs/search-sink.jar")

    wanted = ["cache", "maven"]
    first = obtain(SINK, sources=wanted, say=lambda line: None, compile=compiled)
    again = obtain(SINK, sources=wanted, say=lambda line: None, compile=compiled)
    assert (first.source, again.source) == ("Maven", "cache")
    assert asked == [("search-sink",)]
    with tarfile.open(again.tar) as tar:
        assert "search-sink/libs/search-sink.jar" in tar.getnames()


def test_without_a_compiler_that_is_said() -> None:
    with pytest.raises(LabError, match="there is nothing to compile it with"):
        obtain(SINK, sources=["maven"], say=lambda line: None)


def test_every_source_and_test_is_part_of_what_the_cache_goes_by() -> None:
    names = recipe_files(SINK.recipe)
    assert {"pom.xml", "assembly.xml", "compile.sh"} <= names.keys()
    assert sum(name.endswith("Test.java") for name in names) >= 2
