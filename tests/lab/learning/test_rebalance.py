"""What members of a group wrote down of a rebalance, and which partitions stopped by that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.learning.facts import Facts, recorded
from lab.learning.probes import Finding, look
from lab.learning.probes.rebalance import Event, events, holders, stops

Line = tuple[int, str, str, list[str]]  # ms, member, event, partitions
TWO: list[Line] = [
    (0, "a", "started", []), (1, "a", "assigned", ["t-0", "t-1", "t-2"]),
    (10, "b", "started", []), (20, "a", "revoked", ["t-0", "t-1", "t-2"]),
    (30, "a", "assigned", ["t-0", "t-1"]), (31, "b", "assigned", ["t-2"]),
]


def journal(lines: list[Line], *, strategy: str = "range", static: bool = False) -> Facts:
    records = [
        [0, offset, at, "g", json.dumps({"member": member, "event": event, "strategy": strategy,
                                         "partitions": places, "static": static})]
        for offset, (at, member, event, places) in enumerate(lines)
    ]
    # What others wrote, and what is no event.
    noise = [[0, 900 + n, 5, "g", value] for n, value in enumerate(["{}", None, "[1]", "", "{"])]
    noise += [[0, 990, 5, "other", one[4]] for one in records[:1]]
    return recorded({"dc1": {"records committed=True topic=j": records + noise}}, "dc1")


def found(probe: str, lines: list[Line], how: dict[str, Any] | None = None, **said: Any) -> Finding:
    return look(probe, journal(lines, **(how or {})), {"journal": "j", "group": "g", **said})


@pytest.mark.parametrize(("lines", "state"), [
    (TWO, "ok"), (TWO[:5], "fewer"), (TWO[:2], "fewer"), ([], "absent"),
])
def test_who_had_most_counts_once_all_was_divided(lines: list[Line], state: str) -> None:
    one = found("most", lines, members=2, partitions=3, strategy="range")
    assert one.state == state
    if state == "ok":
        assert (one.answer, one.seen["found"]) == ("2", "2/1")
    if lines:
        wrong = found("most", lines, members=2, partitions=3, strategy="sticky")
        assert (wrong.state, wrong.seen["found"]) == ("strategy", "range")


EAGER: list[Line] = [
    (100, "c", "started", []), (200, "b", "revoked", ["t-2"]),
    (1200, "a", "revoked", ["t-0", "t-1"]), (1300, "a", "assigned", ["t-0"]),
    (1301, "b", "assigned", ["t-1"]), (1302, "c", "assigned", ["t-2"]),
]
COOPERATIVE: list[Line] = [
    (100, "c", "started", []), (1200, "a", "revoked", ["t-1"]), (1400, "c", "assigned", ["t-1"]),
]
ENDED: list[Line] = [(9000, "a", "ended", []), (9001, "a", "revoked", ["t-0"])]


@pytest.mark.parametrize(("lines", "state", "answer", "longest"), [
    ([*TWO, *EAGER], "ok", "3", "1.10"),
    ([*TWO, *COOPERATIVE], "ok", "1", "0.20"),
    ([*TWO, *COOPERATIVE, *ENDED], "ok", "1", "0.20"),  # that a goes is not c's doing
    ([*TWO, *EAGER[:-1]], "moving", None, None),
    (TWO, "alone", None, None),
    ([*TWO[:2], *COOPERATIVE], "early", None, None),
])
def test_what_stopped_for_one_that_came(
    lines: list[Line], state: str, answer: str | None, longest: str | None
) -> None:
    one = found("stopped", lines, member="c", strategy="range")
    assert (one.state, one.answer, one.seen.get("longest")) == (state, answer, longest)


BUSY: list[Line] = [(50, "a", "busy", []), (100, "c", "started", [])]
FREE: Line = (5100, "a", "free", [])
FIRST: Line = (5300, "c", "assigned", ["t-2"])


@pytest.mark.parametrize(("lines", "state", "answer"), [
    ([*TWO, *BUSY, FREE, FIRST], "ok", "yes"),
    ([*TWO, *BUSY, (400, "c", "assigned", ["t-2"]), FREE], "ok", "no"),
    ([*TWO, *BUSY, (400, "c", "assigned", ["t-2"])], "moving", None),
    ([*TWO, *BUSY, FREE], "moving", None),
    ([*TWO, *BUSY[1:], FREE, FIRST], "idle", None),
    ([*TWO, *BUSY[::-1], FREE, FIRST], "ok", "yes"),  # by their times
    ([*TWO, BUSY[0], (60, "a", "free", []), BUSY[1], FIRST], "idle", None),
    ([*TWO, (100, "c", "started", []), (200, "a", "busy", []), FREE, FIRST], "idle", None),
    ([*TWO[:2], *BUSY, FREE, FIRST], "early", None), (TWO, "alone", None), ([], "absent", None),
])
def test_whether_one_that_came_waited_for_a_busy_one(
    lines: list[Line], state: str, answer: str | None
) -> None:
    one = found("waited-for", lines, member="c", busy="a", strategy="range")
    assert (one.state, one.answer) == (state, answer)
    if answer:
        assert one.seen["waited"] == ("5.2" if answer == "yes" else "0.3")
        assert one.seen["through"] == "5.0"


BACK: list[Line] = [
    (50, "b", "ended", []), (51, "b", "revoked", ["t-2"]), (2000, "b", "started", []),
    (2051, "b", "assigned", ["t-2"]),
]
TAKEN: list[Line] = [  # its session had ended, so a got what it had, and gave it back
    (50, "b", "ended", []), (51, "b", "revoked", ["t-2"]), (60, "a", "revoked", ["t-0", "t-1"]),
    (61, "a", "assigned", ["t-0", "t-1", "t-2"]), (2000, "b", "started", []),
    (2051, "b", "assigned", ["t-2"]),
]


@pytest.mark.parametrize(("lines", "static", "state"), [
    ([*TWO, *BACK], True, "ok"), ([*TWO, *BACK], False, "dynamic"),
    ([*TWO, *BACK[:3]], True, "moving"), ([*TWO, *BACK[:2]], True, "once"), (TWO, True, "once"),
    (TWO[:2], True, "alone"), ([*TWO, *TAKEN], True, "others"),
    ([*TWO, *TAKEN, *[(at + 3000, *rest) for at, *rest in BACK]], True, "ok"),
    ([], True, "absent"),
])
def test_a_static_member_comes_back_and_nobody_else_stops(
    lines: list[Line], static: bool, state: str
) -> None:
    one = found("returned", lines, {"static": static}, member="b")
    assert one.state == state
    if state == "ok":
        assert (one.answer, one.seen["longest"]) == ("0", "2.00")


@given(st.lists(st.tuples(
    st.sampled_from("abc"), st.sampled_from(["started", "assigned", "revoked", "ended"]),
    st.sets(st.integers(0, 5)),
)))
def test_whatever_they_wrote_a_partition_has_one_reader(
    lines: list[tuple[str, str, set[int]]]
) -> None:
    happened = [Event(at, member, what, tuple(f"t-{n}" for n in sorted(numbers)))
                for at, (member, what, numbers) in enumerate(lines)]
    revoked = [(place, one.at) for one in happened if one.what == "revoked"
               for place in one.partitions]
    ended = list(stops(happened))
    assert [(one.partition, one.since) for one in ended] == revoked
    for one in ended:
        assert one.until is None or one.since < one.until
        assert one.cause <= one.since
    assert set(holders(happened).values()) <= set("abc")


@given(st.integers(2, 8), st.data())
def test_as_many_stop_as_were_taken(partitions: int, data: st.DataObject) -> None:
    places = [f"t-{n}" for n in range(partitions)]
    cut = data.draw(st.integers(1, partitions - 1))
    taken = data.draw(st.lists(st.sampled_from(places), unique=True))
    lines: list[Line] = [
        (0, "a", "started", []), (0, "b", "started", []), (1, "a", "assigned", places[:cut]),
        (1, "b", "assigned", places[cut:]), (5, "c", "started", []),
        (6, "a", "revoked", [one for one in taken if one in places[:cut]]),
        (7, "b", "revoked", [one for one in taken if one in places[cut:]]),
        (9, "c", "assigned", taken),
    ]
    one = found("stopped", lines, member="c", strategy="range")
    assert (one.state, one.answer) == ("ok", str(len(taken)))


def test_events_of_one_moment_stay_in_the_order_in_which_they_were_written() -> None:
    facts = journal([(5, "a", "started", []), (5, "a", "assigned", ["t-0"]), (1, "b", "ended", [])])
    assert [one.what for one in events(facts, "j", "g")] == ["ended", "started", "assigned"]


@pytest.mark.parametrize(("shares", "state", "said"), [
    ([], "absent", {}), ([3], "fewer", {}), ([3, 3, 0], "more", {}),
    ([0, 0], "moving", {"state": "completing_rebalancing"}),
    ([3, 3], "assignor", {"assignor": "range"}), ([4, 2], "uneven", {}), ([3, 3], "ok", {}),
])
def test_a_share_is_that_of_every_member(
    shares: list[int], state: str, said: dict[str, str]
) -> None:
    group = {"state": "stable", "assignor": "sticky", "offsets": {}, **said, "members": [
        {"client": "c", "partitions": [f"t-{n}" for n in range(share)]} for share in shares
    ]}
    facts = recorded({"dc1": {"group name=s": group}}, "dc1")
    asked = {"group": "s", "members": 2, "assignor": "sticky", "most": 3}
    assert look("share", facts, asked).state == state
