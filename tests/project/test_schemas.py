"""The published schema is what the models say, and holds what does not fit."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from docs import schemas
from docs.schemas import Check, List

CLAIM = {"claim": "topic", "held": False, "say": "a topic", "state": "absent", "seen": "no topic",
         "hint": ""}
CHECK = {"exercise": "ch3-x", "solved": False, "parameters": {"topic": "t", "records": 3},
         "claims": [CLAIM]}
ROW = {"id": "ch3-x", "chapter": 3, "title": "T", "minutes": 5, "needs": "", "state": "new"}


def test_the_file_is_as_the_models_write_it() -> None:
    assert schemas.FILE.read_text(encoding="utf-8") == schemas.written(), "say `make docs`"


def test_every_key_has_its_place_in_it() -> None:
    parts = schemas.schema()["$defs"]
    assert parts.keys() == {"Check", "Claim", "Exercise", "List"}
    for part in parts.values():
        assert part["additionalProperties"] is False
        assert set(part["required"]) == part["properties"].keys()


@pytest.mark.parametrize("change", [
    {"solved": "no"}, {"more": 1}, {"claims": []}, {"claims": [{**CLAIM, "held": 1}]},
    {"claims": [{**CLAIM, "state": "Not Found"}]}, {"parameters": {"topic": None}},
    {"claims": [{key: CLAIM[key] for key in CLAIM if key != "hint"}]},
])
def test_a_check_that_is_none_is_refused(change: dict[str, Any]) -> None:
    assert Check.model_validate(CHECK)
    with pytest.raises(ValidationError):
        Check.model_validate({**CHECK, **change})


@pytest.mark.parametrize("change", [{"state": "lost"}, {"minutes": 0}, {"chapter": "3"}])
def test_a_list_that_is_none_is_refused(change: dict[str, Any]) -> None:
    assert List.model_validate({"exercises": [ROW]})
    with pytest.raises(ValidationError):
        List.model_validate({"exercises": [{**ROW, **change}]})
