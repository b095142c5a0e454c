"""What an exercise sees of connectors."""

from __future__ import annotations

from typing import Any

import pytest

from lab.learning.facts import Facts
from lab.learning.probes import look


def facts(**answers: Any) -> Facts:
    return Facts(lambda what, said: answers[what])


def a_connector(**change: Any) -> dict[str, Any]:
    return {"kind": "source", "state": "RUNNING", "tasks": ["RUNNING"], "problem": "", **change}


@pytest.mark.parametrize(("found", "state", "answer"), [
    (None, "absent", None),
    (a_connector(kind="sink"), "other", None),
    (a_connector(problem="a task is FAILED: no such file"), "ill", None),
    (a_connector(tasks=[]), "idle", None),
    (a_connector(), "ok", "1"),
    (a_connector(tasks=["RUNNING"] * 3), "ok", "3"),
])
def test_a_connector_runs_as_what_it_is_to_be(
    found: Any, state: str, answer: str | None
) -> None:
    seen = look("connector", facts(connector=found), {"name": "reads", "kind": "source"})
    assert (seen.state, seen.answer) == (state, answer)


@pytest.mark.parametrize(("offset", "state"), [(None, "absent"), (2, "left"), (3, "ok")])
def test_what_a_sink_has_read_is_counted_in_records(offset: int | None, state: str) -> None:
    """At offset 3 there is the marker of a transaction, which nobody reads."""
    group = None if offset is None else {
        "state": "stable", "assignor": "range", "members": [], "offsets": {"t-0": offset}}
    records = [(0, number, 0, None, "a") for number in range(3)]
    found = look("carried", facts(group=group, records=records), {"name": "s", "topic": "t"})
    assert found.state == state


@pytest.mark.parametrize(("values", "state", "answer"), [
    ([], "absent", None), (["a", "b"], "absent", None),
    (["a", "b", "c"], "ok", "next"), (["a", "b", "a", "b", "c"], "ok", "first"),
])
def test_where_a_source_went_on(values: list[str], state: str, answer: str | None) -> None:
    records = [(0, offset, 0, None, value) for offset, value in enumerate(values)]
    seen = look("goes-on", facts(records=records), {"topic": "t", "first": 2})
    assert (seen.state, seen.answer) == (state, answer)
