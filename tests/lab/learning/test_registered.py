"""What exercises find in a schema registry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.learning.facts import Facts, recorded
from lab.learning.probes.finding import look

EXTRA = {"name": "memo", "type": "string"}


def facts(*versions: list[dict[str, Any]], level: str = "BACKWARD", there: bool = True) -> Facts:
    """A subject with these versions, each by the fields that it has behind `id`."""
    found = {"level": level, "versions": [
        [number, 10 * number, json.dumps({"type": "record", "name": "P", "fields": [
            {"name": "id", "type": "string"}, *more]})]
        for number, more in enumerate(versions, 1)
    ]}
    return recorded({"dc1": {"subject name=s": found if there else None}}, "dc1")


def state(name: str, found: Facts, **arguments: Any) -> tuple[str, str | None]:
    seen = look(name, found, {"subject": "s", **arguments})
    return seen.state, seen.answer


@pytest.mark.parametrize(("versions", "expected"), [
    ([[]], "unregistered"), ([[], [EXTRA]], "bare"), ([[], [{**EXTRA, "default": ""}]], "ok"),
    ([[], [EXTRA, EXTRA | {"name": "x"}]], "fields"), ([[], []], "fields"),
])
def test_a_version_has_its_fields_in_order_and_their_defaults(
    versions: list[list[dict[str, Any]]], expected: str
) -> None:
    wanted = {"version": 2, "fields": "id,memo", "default": "memo"}
    assert state("schema-version", facts(*versions), **wanted)[0] == expected


def test_a_field_may_have_to_have_none() -> None:
    wanted = {"version": 1, "fields": "id, memo", "required": "memo"}
    assert state("schema-version", facts([EXTRA]), **wanted)[0] == "ok"
    assert state("schema-version", facts([{**EXTRA, "default": ""}]), **wanted)[0] == "optional"


@pytest.mark.parametrize("probe", [
    ("schema-version", {"version": 1, "fields": "id"}), ("compat-level", {"level": "FULL"}),
])
def test_where_there_is_no_subject_it_is_absent(probe: tuple[str, dict[str, Any]]) -> None:
    assert state(probe[0], facts(there=False), **probe[1])[0] == "absent"


def test_a_level_is_told() -> None:
    assert state("compat-level", facts([]), level="BACKWARD") == ("ok", None)
    seen = look("compat-level", facts([], level="NONE"), {"subject": "s", "level": "FULL"})
    assert (seen.state, seen.seen["found"]) == ("other", "NONE")


def test_what_came_answers_the_questions() -> None:
    bare, optional = facts([EXTRA]), facts([{**EXTRA, "default": ""}])
    asked = {"version": 1, "field": "memo"}
    assert state("default-there", bare, **asked) == ("ok", "without")
    assert state("default-there", optional, **asked) == ("ok", "with")
    assert state("bare-taken", bare, **asked) == ("ok", "taken")
    assert state("bare-taken", optional, **asked) == ("optional", None)
    for probe in ("default-there", "bare-taken"):
        assert state(probe, facts([]), **asked) == ("unregistered", None)
        assert state(probe, facts(there=False), **asked) == ("unregistered", None)


@pytest.mark.parametrize("text", ["", "[]", "null", '"string"', '{"fields": 3}'])
def test_what_is_no_record_has_no_fields(text: str) -> None:
    found = recorded({"dc1": {"subject name=s": {"level": "NONE", "versions": [[1, 1, text]]}}},
                     "dc1")
    seen = look("schema-version", found, {"subject": "s", "version": 1, "fields": "id"})
    assert (seen.state, seen.seen["found"]) == ("fields", "-")
