"""A quorum's answer as its bytes say it, and what is wrong with a quorum."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from scripts.clients.quorum import Described, QuorumView, Replica, answered, question

NOW = 1_700_000_000_000


def replicas(*found: tuple[int, int, int]) -> bytes:
    """Voters or observers: (id, end offset, when it had all and fetched, in ms before now)."""
    return bytes([len(found) + 1]) + b"".join(
        struct.pack(">iqqq", id, end, NOW - max(ago, 0), NOW - ago if ago >= 0 else -1) + b"\0"
        for id, end, ago in found
    )


def answer(
    error: int = 0, leader: int = 3001, observers: tuple[tuple[int, int, int], ...] = ((1, 100, 5),)
) -> bytes:
    partition = (
        struct.pack(">ihiiq", 0, error, leader, 4, 90)
        + replicas((3001, 100, 0), (3002, 98, 40), (3003, 0, -1)) + replicas(*observers)
    )
    name = b"__cluster_metadata"
    topic = bytes([len(name) + 1]) + name + b"\x02" + partition + b"\0"
    return struct.pack(">i", 1) + b"\0" + struct.pack(">h", 0) + b"\x02" + topic + b"\0" + b"\0"


def test_the_leader_tells_how_far_each_is() -> None:
    assert answered(answer()) == Described(
        3001, 4, 90,
        {3001: Replica(0, 0), 3002: Replica(2, 40), 3003: Replica(100, -1)}, {1: Replica(0, 5)},
    )


def test_a_broker_that_was_made_anew_is_the_one_that_fetches() -> None:
    """Its former self, of another disk, is told for five minutes more, before it or after it."""
    former, living = (3, 80, 90_000), (3, 100, 5)
    for both in ((former, living), (living, former)):
        found = answered(answer(observers=both))
        assert found is not None and dict(found.observers) == {3: Replica(0, 5)}


def test_who_does_not_lead_says_so() -> None:
    assert answered(answer(error=6, leader=3002)) is None


def test_a_question_is_as_long_as_it_says() -> None:
    size = struct.unpack(">i", question()[:4])[0]
    assert len(question()) == size + 4
    assert struct.unpack(">hh", question()[4:8]) == (55, 1)


GOOD = QuorumView(
    "a", ("b",), (), Described(3001, 1, 9, {3001: Replica(0, 0), 3002: Replica(1, 20)}, {}),
    {"a": 3001, "b": 3002},
)


def test_who_serves_and_has_no_vote_observes() -> None:
    more = replace(GOOD, followers=("b", "c"), ids={**GOOD.ids, "c": 3003})
    assert more.observers == ("c",)
    assert GOOD.observers == replace(more, described=None, leader=None).observers == ()


@pytest.mark.parametrize(("view", "problem"), [
    (GOOD, ""),
    (replace(GOOD, silent=("b",), followers=()), "b not serving"),
    (replace(GOOD, leader=None, described=None), "no controller leads"),
    (replace(GOOD, ids={"a": 3001, "c": 3003}), "controllers 3001, 3002 vote, and 3001, 3003"),
    (replace(GOOD, described=Described(3001, 1, 9, {
        3001: Replica(0, 0), 3002: Replica(5, 6000)}, {})), "b does not follow"),
    (replace(GOOD, described=Described(3001, 1, 9, {
        3001: Replica(0, 0), 3002: Replica(5, -1)}, {})), "b does not follow"),
])
def test_what_is_wrong_is_said(view: QuorumView, problem: str) -> None:
    assert problem in view.problem and bool(view.problem) is bool(problem)
    assert (view.controller, view.behind) == ((3001, view.behind) if view.described else (-1, 0))
