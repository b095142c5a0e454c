"""How far a mirror has come, when Connect says so and when it cannot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.options.mirrors import Mirror
from scripts.clients.http import HttpError
from scripts.drivers.position import Position, noted


def record(name: str, topic: str, partition: int, offset: int | None) -> tuple[Any, Any]:
    place = {"cluster": "a", "topic": topic, "partition": partition}
    content = None if offset is None else json.dumps({"offset": offset}).encode()
    return json.dumps([name, place]).encode(), content


def test_the_newest_note_of_a_partition_counts() -> None:
    assert noted([
        record("a-to-b.source", "t", 0, 3), record("a-to-b.source", "t", 1, 8),
        record("c-to-b.source", "t", 0, 99), record("a-to-b.source", "t", 0, 4),
        record("a-to-b.source", "gone", 0, 1), record("a-to-b.source", "gone", 0, None),
        (json.dumps(["a-to-b.source", {"sourceClusterAlias": "a"}]).encode(), b'{"offset":0}'),
    ], "a-to-b.source") == {("t", 0): 5, ("t", 1): 9}


def position(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> tuple[Position, list[str]]:
    """What Connect says in turn to each request, which are noted."""
    asked: list[str] = []

    def rest(method: str, path: str) -> Any:
        asked.append(f"{method} {path}")
        answer = answers[len(asked) - 1]
        if isinstance(answer, int):
            raise HttpError(answer, "no", where="b")
        return answer

    made = Position.__new__(Position)
    made.mirror = Mirror.model_validate({"from": "a", "to": "b"})
    made.rest, made.record, made._past = rest, rest, False  # type: ignore[assignment]
    made._last = None
    monkeypatch.setattr(Position, "_read", lambda self: {("t", 0): 7})
    monkeypatch.setattr("scripts.drivers.position.PAUSE", 0)
    return made, asked


OFFSETS = {"offsets": [{"partition": {"topic": "t", "partition": 0}, "offset": {"offset": 4}}]}
ASK, ALIVE = "GET /connectors/a-to-b.source/offsets", "GET /connectors"


def test_workers_that_hand_connectors_out_anew_are_waited_for(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = position(monkeypatch, 409, 409, OFFSETS)
    assert made() == {("t", 0): 5}
    assert asked == [ASK] * 3


def test_where_that_takes_long_the_record_is_read_meanwhile(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = position(monkeypatch, 409, 409, OFFSETS)
    with monkeypatch.context() as now:
        now.setattr("scripts.drivers.position.REBALANCE_SECONDS", -1.0)
        assert made() == made() == {("t", 0): 7}
    assert made() == {("t", 0): 5}, "as soon as they answer, they are asked"
    assert asked == [ASK] * 3


def test_where_connect_cannot_say_it_its_record_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made, asked = position(monkeypatch, 503, [])
    assert made() == made() == {("t", 0): 7}
    assert asked == [ASK, ALIVE], "once"


def test_workers_that_do_not_answer_at_all_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = position(monkeypatch, 503, 503)
    with pytest.raises(HttpError, match="no"):
        made()


def test_who_asks_right_after_somebody_else_gets_the_same_answer(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    made, asked = position(monkeypatch, OFFSETS, {"offsets": []})
    assert made.last() == made.last() == {("t", 0): 5}
    assert asked == [ASK]
    assert made() == made.last() == {}
