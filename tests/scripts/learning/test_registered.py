"""Exercises with a schema registry: where they take place, what they see, how they are reset."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import parse as lab_of
from lab.learning.exercise import parse
from lab.learning.facts import Version
from lab.topology import build
from scripts.drivers.driver import Site
from scripts.errors import UsageError
from scripts.learning import live
from scripts.learning.live import Live
from scripts.learning.place import place
from scripts.learning.removal import remove_subjects
from tests.scripts.drivers.test_schemas import FakeRegistry, site

EXERCISE = parse({"minutes": 5, "title": {"en": "T"}, "registry": True, "claims": [
    {"id": "a", "say": {"en": "A"}, "probe": "topic"}]}, id="ch-x")


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    made = FakeRegistry(subjects={"mine-value": ["{}", "[]"], "other": ["{}"]}, ids=["{}", "[]"])
    monkeypatch.setattr(Site, "http", lambda self, host, *_: made)
    monkeypatch.setattr(live, "admin_client", lambda endpoint: None)
    return made


def test_what_is_registered_is_asked_of_the_registry(registry: FakeRegistry) -> None:
    registry.levels = {"": "BACKWARD", "mine-value": "FORWARD"}
    found = live.facts({"dc1": Live(site())}, "dc1", {})
    mine = found.subject("mine-value")
    assert mine is not None
    assert (mine.level, mine.versions) == ("FORWARD", (Version(1, 1, "{}"), Version(2, 2, "[]")))
    assert mine.version(2) == Version(2, 2, "[]") and mine.version(3) is None
    assert found.subject("none") is None


def test_a_reset_removes_its_subjects_and_no_others(registry: FakeRegistry) -> None:
    assert remove_subjects(site(), ["mine-value", "none"]) == ["dc1: subject mine-value removed"]
    assert registry.subjects.keys() == {"other"}
    assert remove_subjects(site(), ["mine-value"]) == remove_subjects(site(), []) == []


def test_it_takes_place_where_schemas_are_registered() -> None:
    def session(**section: Any) -> Any:
        return SimpleNamespace(topology=build(lab_of({
            "owner": "ann", "registry": section,
            "datacenters": [{"name": f"dc{n}", "cidr": f"10.31.{n}.0/24"} for n in (1, 2)],
        }).lab))

    assert place(EXERCISE, session(at="dc2")).datacenter.name == "dc2"
    with pytest.raises(UsageError, match="needs a schema registry in one datacenter"):
        place(EXERCISE, session())
