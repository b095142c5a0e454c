"""What each broker has, and whether that is even."""

from __future__ import annotations

import pytest

from lab.learning.facts import Facts, recorded
from lab.learning.probes import look

ON_THREE = {"topic": "t", "broker": 3}


def facts(replicas: list[list[int]] | None, shares: dict[str, list[int]]) -> Facts:
    topic = None if replicas is None else [
        {"number": number, "leader": one[0], "replicas": one, "isr": one}
        for number, one in enumerate(replicas)]
    return recorded({"dc1": {"topic name=t": topic, "shares": shares}}, "dc1")


@pytest.mark.parametrize(("replicas", "shares", "state"), [
    (None, {}, "absent"), ([[1, 2]], {}, "none"),
    ([[1, 3]], {"1": [9, 3], "2": [8, 2], "3": [7, 3]}, "replicas"),
    ([[1, 3]], {"1": [9, 4], "2": [8, 2], "3": [9, 3]}, "leaders"),
    ([[1, 3]], {"1": [9, 3], "2": [8, 2], "3": [9, 3]}, "ok"),
])
def test_brokers_that_have_as_much_as_each_other(
    replicas: list[list[int]] | None, shares: dict[str, list[int]], state: str
) -> None:
    assert look("even", facts(replicas, shares), ON_THREE).state == state


def test_what_is_told_is_in_the_order_of_the_brokers() -> None:
    shares = {str(broker): [20, 7] for broker in range(1, 12)} | {"3": [21, 6]}
    seen = look("even", facts([[1, 3]], shares), ON_THREE).seen
    assert seen["found"] == "20/20/21" + "/20" * 8 and seen["leads"].startswith("7/7/6/7")


@pytest.mark.parametrize(("replicas", "apart", "arrived", "answer"), [
    (None, "absent", "absent", None), ([[1, 2], [2, 1]], "ok", "none", None),
    ([[1, 2], [3, 1]], "there", "ok", "1"),
])
def test_what_a_broker_has_of_a_topic(
    replicas: list[list[int]] | None, apart: str, arrived: str, answer: str | None
) -> None:
    one = facts(replicas, {})
    assert look("apart", one, ON_THREE).state == apart
    found = look("arrived", one, ON_THREE)
    assert (found.state, found.answer) == (arrived, answer)
