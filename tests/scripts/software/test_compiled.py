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
from scripts.software import kept, maven
from scripts.software.kept import recipe_digest, recipe_files
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
            names = {Path(name).name for name in tar.getnames()}
            assert {"SearchSinkTask.java", "BatchTask.java"} <= names
        asked.append(tuple(words))
        jar = tmp_path / "kafkalab-search-sink.jar"
        jar.write_text("classes")
        with tarfile.open(target, "w") as tar:
            tar.add(jar, "search-sink/libs/kafkalab-search-sink.jar")

    wanted = ["cache", "maven"]
    first = obtain(SINK, sources=wanted, say=lambda line: None, compile=compiled)
    again = obtain(SINK, sources=wanted, say=lambda line: None, compile=compiled)
    assert (first.source, again.source) == ("Maven", "cache")
    assert asked == [("search-sink",)]
    with tarfile.open(again.tar) as tar:
        assert "search-sink/libs/kafkalab-search-sink.jar" in tar.getnames()


def test_without_a_compiler_that_is_said() -> None:
    with pytest.raises(LabError, match="there is nothing to compile it with"):
        obtain(SINK, sources=["maven"], say=lambda line: None)


@pytest.mark.parametrize("sink", [SINK, artifacts.hbase()], ids=lambda one: one.name)
def test_every_source_and_test_is_part_of_what_the_cache_goes_by(sink: artifacts.Artifact) -> None:
    names = recipe_files(sink.recipe)
    assert {"pom.xml", "assembly.xml", "compile.sh"} <= names.keys()
    assert sum(name.endswith("Test.java") for name in names) >= 2
    assert "src/main/java/kafkalab/sink/BatchTask.java" in names


def recipes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two recipes, of which `one` names a shared folder and has a file of its own instead."""
    files = {
        "recipes/one/pom.xml": "one", "recipes/one/shared.toml": 'folders = ["both"]',
        "recipes/one/src/Own.java": "own", "recipes/two/pom.xml": "two",
        "shared/both/src/Common.java": "common", "shared/both/src/Own.java": "overruled",
        "shared/other/src/Other.java": "nobody's",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(kept, "RECIPES", folder / "recipes")
    monkeypatch.setattr(kept, "SHARED", folder / "shared")


def test_a_recipe_has_the_files_of_shared_folders_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes(tmp_path, monkeypatch)
    found = {name: path.read_text() for name, path in recipe_files("one").items()}
    assert found == {
        "pom.xml": "one", "shared.toml": 'folders = ["both"]', "src/Own.java": "own",
        "src/Common.java": "common",
    }
    assert recipe_files("two").keys() == {"pom.xml"}


@pytest.mark.parametrize(("changed", "others"), [
    ("shared/both/src/Common.java", True), ("shared/both/src/New.java", True),
    ("shared/other/src/Other.java", False),
])
def test_what_was_made_from_a_shared_file_is_outdated_when_that_changes(
    changed: str, others: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipes(tmp_path, monkeypatch)
    before = {name: recipe_digest(name) for name in ("one", "two")}
    (tmp_path / changed).write_text("changed")
    assert (recipe_digest("one") != before["one"]) is others
    assert recipe_digest("two") == before["two"]
