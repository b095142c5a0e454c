"""Which groups are told to be without an offset or far behind, and when."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.mirrors.groups import (
    FAR,
    LONGEST_S,
    Patience,
    Place,
    Standing,
    looked_after,
    settle_seconds,
    told,
    translated,
)
from lab.mirrors.offsets import Spot
from lab.options.mirrors import Mirror, Mirroring

PLACE = Place("app", "orders", 2)


def standing(offset: int | None, spot: int | None = 500, **more: Any) -> Standing:
    """A group that committed 500 of 1,000 records, all of which are copied."""
    fields = {"committed": 500, "low": 0, "end": 1000, "spot": Spot(spot), **more}
    return Standing(PLACE, offset=offset, **fields)


@pytest.mark.parametrize(("one", "skips", "again", "bad"), [
    (standing(None), 500, 500, True),
    (standing(None, 1000), 0, 1000, True),
    (standing(None, 90, end=90), 0, 90, False),  # nothing to skip and little to read again
    (standing(None, 0, end=0), 0, 0, False),
    (standing(None, 0, end=10), 10, 0, True),  # one that has read nothing skips it all
    (standing(500), 0, 0, False),
    (standing(500 - FAR), 0, FAR, False),
    (standing(499 - FAR), 0, FAR + 1, True),
    (standing(700), 0, 0, False),  # it has gone on in the target itself
    (standing(1, active=True), 0, 499, False),  # it reads there at its own pace
    (standing(None, active=True), 500, 500, True),
    (standing(3, low=5), 500, 495, True),  # that offset is as good as none
    (standing(None, None), 1000, 0, True),
    (standing(1, None), 0, 0, False),
])
def test_what_is_bad(one: Standing, skips: int, again: int, bad: bool) -> None:
    assert (one.skips, one.again, one.bad) == (skips, again, bad)


@given(st.none() | st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40),
       st.booleans())
def test_nobody_who_would_skip_a_record_is_passed_over(
    offset: int | None, low: int, length: int, ahead: int, active: bool
) -> None:
    """Without an offset that is still there, and with records behind the right one."""
    end = low + length
    one = standing(offset, min(low + ahead, end), low=low, end=end, active=active)
    unread = end - min(low + ahead, end)
    skipped = unread if offset is None or offset < low else 0
    assert one.skips == skipped
    assert one.bad >= (skipped > 0)


@pytest.mark.parametrize(("one", "words", "in_order"), [
    (standing(None), "", False),
    (standing(400), "", False),
    (standing(500), "", True),
    (standing(700, active=True), "", True),
    (standing(400, active=True), "the group has members in dc2", False),
    (standing(400, spot=None), "", False),
])
def test_what_may_be_committed(one: Standing, words: str, in_order: bool) -> None:
    assert (one.refusal("dc2"), one.in_order) == (words, in_order)
    unknown = Standing(PLACE, 5, None, 0, 9, Spot(None, "deleted"))
    assert unknown.refusal("dc2") == "deleted"


def test_a_group_is_a_finding_once_the_mirror_had_its_time() -> None:
    patience = Patience(10)
    assert patience.weigh(0, [standing(None)]) == ()
    assert patience.waiting
    assert patience.weigh(9.9, [standing(None)]) == ()
    assert patience.weigh(10, [standing(None)]) == (standing(None),)
    assert not patience.waiting
    assert patience.weigh(11, [standing(None)]) == (standing(None),)
    assert patience.weigh(12, [standing(500)]) == ()
    assert not patience.waiting


def test_without_trouble_nobody_waits() -> None:
    patience = Patience(10)
    assert patience.weigh(0, [standing(500)]) == ()
    assert not patience.waiting


def test_a_group_that_moves_on_is_held_to_what_it_had_committed() -> None:
    """It always is some records behind in the target, but never behind what it had long ago."""
    patience = Patience(10)
    for second in range(60):
        spot = 1000 * second + 1000
        one = standing(max(0, spot - 3000), spot, committed=spot, end=spot + 50)
        assert patience.weigh(second, [one]) == ()
    assert not patience.waiting


def test_a_group_that_moves_on_and_is_not_translated_is_found() -> None:
    patience = Patience(10)
    for second in range(11):
        one = standing(0, 1000 * second + 1000, end=99_000)
        found = patience.weigh(second, [one])
    assert found == (one,)


def test_a_group_that_stands_still_after_it_moved_on_is_found() -> None:
    patience = Patience(5)
    assert patience.weigh(0, [standing(0, 500)]) == ()
    assert patience.weigh(1, [standing(500, 900)]) == ()
    assert not patience.waiting
    assert patience.weigh(5, [standing(500, 900)]) == ()
    assert patience.weigh(6, [standing(500, 900)]) == (standing(500, 900),)


def test_the_time_is_that_of_the_lab_file_within_reason() -> None:
    assert settle_seconds(Mirroring()) == 5 + 2 * (1 + 1) + 2
    assert settle_seconds(Mirroring(refresh_s=600, checkpoint_s=60, sync_s=60)) == LONGEST_S


def test_groups_are_taken_as_mirrormaker_does_but_for_the_labs_own() -> None:
    mirror = Mirror.model_validate({"from": "a", "to": "b", "groups": ["app.*", "console-.*"]})
    for group, crosses, ours in (
        ("app-1", True, False), ("other", False, False), ("console-consumer-7", False, False),
        ("kafkalab-canary-1", True, True), ("kafkalab-verify-1", False, True),
        ("connect-dc1", False, False),
    ):
        assert translated(mirror, group) is crosses, group
        assert looked_after(mirror, group) is (crosses and not ours), group


def test_it_is_told_by_group_and_by_what_it_would_cost() -> None:
    def at(part: int, one: Standing) -> Standing:
        return Standing(PLACE._replace(partition=part), one.committed, one.offset, one.low, one.end,
                        one.spot)

    assert told([
        at(0, standing(None)), at(1, standing(None)), at(2, standing(1)),
        at(3, standing(None, 1000)),
    ], "dc2") == [
        "group app: far behind in dc2 for orders-2: up to 499 records are read again",
        "group app: no offset in dc2 for orders-3: it has read all, but up to 1,000 records again "
        "when it begins there with the earliest",
        "group app: no offset in dc2 for orders-0, orders-1: up to 1,000 records that it has not "
        "read are skipped when it begins there with the latest",
    ]
    lost = Standing(PLACE, 5, None, 0, 9, Spot(None, "deleted"))
    assert told([lost], "dc2")[1] == "group app: orders-2: deleted"
