"""What workers of a share group wrote down of the records that they were given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.learning.facts import recorded
from lab.learning.probes import Finding, look

Line = tuple[str, int, int, str]  # worker, offset, delivery, what it did
GOOD: list[Line] = [("a", 0, 1, "accepted"), ("b", 1, 1, "accepted"), ("a", 3, 1, "accepted")]
SPOILED: list[Line] = [("ab"[number % 2], 2, number, "released") for number in range(1, 6)]


def found(probe: str, lines: list[Line], **said: Any) -> Finding:
    records = [
        [0, offset, 0, "g", json.dumps(
            {"worker": worker, "offset": of, "delivery": number, "did": did})]
        for offset, (worker, of, number, did) in enumerate(lines)
    ]
    # What another group wrote, and what is no delivery.
    other = json.dumps({"worker": "z", "offset": 9, "delivery": 9, "did": "released"})
    noise = [[0, 900 + n, 5, "g", value] for n, value in enumerate(["{}", None, "[1]", "", "{"])]
    facts = recorded({"dc1": {"records committed=True topic=j": [
        *records, *noise, [0, 990, 5, "other", other]]}}, "dc1")
    return look(probe, facts, {"journal": "j", "group": "g", **said})


@pytest.mark.parametrize(("lines", "state", "answer"), [
    (GOOD, "ok", "2"), (GOOD[:1], "fewer", None), (SPOILED, "absent", None), ([], "absent", None),
])
def test_workers_count_that_accepted_something(
    lines: list[Line], state: str, answer: str | None
) -> None:
    one = found("workers", lines, workers=2)
    assert (one.state, one.answer) == (state, answer)
    if answer:
        assert one.seen["found"] == "a 2, b 1"


@pytest.mark.parametrize(("lines", "state"), [
    ([*GOOD, *SPOILED], "ok"), (GOOD[:2], "fewer"), ([*GOOD, ("b", 2, 6, "accepted")], "more"),
    ([*GOOD, ("b", 0, 2, "accepted")], "twice"), (SPOILED, "absent"),
])
def test_records_are_accepted_once(lines: list[Line], state: str) -> None:
    assert found("accepted", lines, records=3).state == state


@pytest.mark.parametrize(("lines", "state", "answer"), [
    ([*GOOD, *SPOILED], "ok", "5"), ([*GOOD, *SPOILED[:4]], "fewer", None), (GOOD, "none", None),
    ([], "absent", None),
])
def test_a_record_is_given_back_until_it_is_given_up(
    lines: list[Line], state: str, answer: str | None
) -> None:
    one = found("given-up", lines, limit=5)
    assert (one.state, one.answer) == (state, answer)
    if answer:
        assert one.seen["by"] == "b, a, b, a, b"
