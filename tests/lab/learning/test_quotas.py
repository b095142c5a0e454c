"""Quotas, and how fast records came by the log's own word."""

from __future__ import annotations

from typing import Any

import pytest

from lab.learning.batches import APPEND_TIME
from lab.learning.facts import Facts, recorded
from lab.learning.probes import look

RATE = 1000


def log(records: int, seconds: float, *, size: int = 100, kept: bool = True) -> list[list[Any]]:
    """Batches of ten records each, evenly spread."""
    count = records // 10
    return [
        [10 * one, 10 * one + 9, 10, 10 * size, 0, -1, -1, -1, APPEND_TIME if kept else 0, 0,
         round(1000 * seconds * one / max(1, count - 1))] for one in range(count)
    ]


def facts(**logs: list[list[Any]]) -> Facts:
    one = [{"number": 0, "leader": 1, "replicas": [1], "isr": [1]}]
    answers: dict[str, Any] = {f"topic name={name}": None for name in ("t", "other")}
    for name, batches in logs.items():
        answers |= {f"topic name={name}": one, f"batches partition=0 topic={name}": batches,
                    f"spans topic={name}": {"0": [0, 10 * len(batches)]}}
    answers["quotas client=c"] = {"producer_byte_rate": 1000.0}
    return recorded({"dc1": answers}, "dc1")


@pytest.mark.parametrize(("value", "name", "state"), [
    (1000, "producer_byte_rate", "ok"), (1, "producer_byte_rate", "other"),
    (1000, "consumer_byte_rate", "none"),
])
def test_a_quota_is_the_one_that_was_asked_for(value: int, name: str, state: str) -> None:
    found = look("quota", facts(), {"client": "c", "name": name, "value": value})
    assert found.state == state


@pytest.mark.parametrize(("batches", "state"), [
    (log(190, 30), "fewer"), (log(200, 30, kept=False), "untold"), (log(200, 0.5), "quick"),
    # 20 kB, of which 11 may come at once: nine seconds, nearly.
    (log(200, 7), "quick"), (log(200, 7.5), "ok"), (log(200, 30), "ok"),
])
def test_records_that_came_as_a_quota_has_it(batches: list[list[Any]], state: str) -> None:
    asked = {"topic": "t", "rate": RATE, "records": 200}
    assert look("paced", facts(t=batches), asked).state == state
    found = look("refused", facts(t=batches), asked)
    assert (found.state, found.answer) == (state, "0" if state == "ok" else None)
    assert look("paced", facts(), asked).state == "absent"


def test_several_partitions_have_several_quotas() -> None:
    one = facts(t=log(200, 30))
    both = [{"number": n, "leader": n + 1, "replicas": [n + 1], "isr": [n + 1]} for n in (0, 1)]
    spread = recorded({"dc1": {"topic name=t": both, "batches partition=0 topic=t": log(100, 30),
                               "batches partition=1 topic=t": log(100, 30),
                               "spans topic=t": {"0": [0, 1], "1": [0, 1]}}}, "dc1")
    asked = {"topic": "t", "rate": RATE, "records": 200}
    assert [look("paced", of, asked).state for of in (one, spread)] == ["ok", "spread"]


@pytest.mark.parametrize(("logs", "state"), [
    ({}, "absent"), ({"other": log(100, 1)}, "fewer"),
    ({"other": log(200, 1), "t": log(200, 9)}, "ok"),
    ({"other": log(200, 4), "t": log(200, 9)}, "slow"), ({"other": log(200, 1)}, "slow"),
])
def test_who_has_no_quota_is_quicker_by_far(logs: dict[str, Any], state: str) -> None:
    asked = {"topic": "other", "records": 200, "beside": "t"}
    assert look("unheld", facts(**logs), asked).state == state
