"""Kafka's definitions of its settings: the table in the repository is what its jars say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab import artifacts
from lab.settings.definitions import FOLDER, KINDS
from scripts.errors import LabError
from scripts.software.definitions import VERSIONS, Settings, defined, tables
from scripts.software.obtain import obtain


def read(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{kind}.json").read_text())
    return found


def whole(table: Mapping[str, Any], version: str) -> Settings:
    """The settings of a version, as a table tells them."""
    found = {**table["settings"], **table["versions"][version]}
    return {name: fields for name, fields in found.items() if fields is not None}


def test_there_is_a_table_for_each_kind_and_in_it_each_version() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == {f"{kind}.json" for kind in KINDS}
    for kind in KINDS:
        assert tuple(read(kind)["versions"]) == VERSIONS, "say `make settings`"


@pytest.mark.host  # not before hosts were made: then the jars of theirs are at hand
@pytest.mark.skipif(shutil.which("javac") is None, reason="no JDK to run the generator")
@pytest.mark.parametrize("version", VERSIONS)
def test_the_tables_are_what_kafkas_jars_say(version: str) -> None:
    try:
        obtained = obtain(artifacts.kafka(version), sources=["cache"], say=lambda line: None)
    except LabError as error:
        pytest.skip(f"{error.what}: the jars are not at hand")
    found = defined(obtained)
    assert found.keys() == set(KINDS)
    for kind in KINDS:
        assert whole(read(kind), version) == found[kind], f"{kind}: say `make settings`"


settings = st.dictionaries(st.text("ab.", min_size=1, max_size=3), st.fixed_dictionaries(
    {"type": st.sampled_from(["int", "list"])}, optional={"default": st.text(max_size=2)},
), max_size=5)


@given(st.lists(settings, min_size=1, max_size=3))
def test_a_table_holds_what_every_version_has(found: list[Settings]) -> None:
    versions = {f"3.{number}": {"brokers": one} for number, one in enumerate(found)}
    table = json.loads(tables(versions)["brokers.json"])
    for version, kinds in versions.items():
        assert whole(table, version) == kinds["brokers"]
    assert table["versions"]["3.0"] == {}
