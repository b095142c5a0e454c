"""What is told of groups."""

from __future__ import annotations

import pytest

from lab.data.groups import Group, Member, Position, internal, positions

READER = Member("c-1-uuid", "c-1", "10.1.1.5", (("orders", 0), ("orders", 2), ("a", 1)))


@pytest.mark.parametrize(("committed", "first", "next_", "lag", "note"), [
    (7, 0, 10, 3, ""), (10, 0, 10, 0, ""), (None, 0, 10, None, "nothing committed yet"),
    (2, 5, 10, 5, "3 expired unread"), (12, 0, 10, 0, "behind the end: the topic was made anew"),
    (3, None, None, None, "no leader answers"),
])
def test_the_lag_is_what_is_there_and_not_read(
    committed: int | None, first: int | None, next_: int | None, lag: int | None, note: str
) -> None:
    one = Position("t", 0, committed, first, next_)
    assert (one.lag, one.note) == (lag, note)


def test_a_group_has_what_it_reads_and_what_it_has_committed() -> None:
    found = positions(
        [READER], {("orders", 0): 4, ("gone", 0): 9}, [("orders", 0), ("orders", 2), ("a", 1)],
        {("orders", 0): (1, 6), ("orders", 2): (0, 8)},
    )
    assert [(one.topic, one.partition, one.lag, one.member, one.note) for one in found] == [
        ("a", 1, None, "c-1-uuid", "nothing committed yet"),
        ("gone", 0, None, None, "no such partition any more"),
        ("orders", 0, 2, "c-1-uuid", ""), ("orders", 2, None, "c-1-uuid", "nothing committed yet"),
    ]
    group = Group("g", "stable", "range", 1, (READER,), found)
    assert group.lag == 2
    assert group.row() == ("g", "stable", "1", "4", "2")
    assert group.rows()[2] == ("g", "orders", "0", "4", "6", "2", "c-1", "")
    assert READER.row("g") == ("g", "c-1", "10.1.1.5", "a 1; orders 0 2")
    assert Group("g", "empty").row() == ("g", "empty", "0", "0", "-")
    assert group.as_json()["members"][0]["partitions"][0] == {"topic": "orders", "partition": 0}


def test_names_of_clients_do_nothing_to_a_terminal() -> None:
    bad = Member("id", "c\x1b[2J", "h\n", ())
    group = Group("g\x07", "stable", members=(bad,), positions=(Position("t", 0, 1, 0, 1, "id"),))
    for row in (bad.row("g\x07"), group.row(), *group.rows()):
        assert all(cell.isprintable() for cell in row)


def test_where_only_markers_follow_nothing_is_left_to_read() -> None:
    one = Position("t", 0, 9, 0, 10, bare=True)
    assert one.lag == 0
    assert one.note == "read to the last record: a transaction's marker follows"
    assert Group("g", "empty", positions=(one,)).lag == 0


@pytest.mark.parametrize(("name", "own"), [
    ("connect-dc1", True), ("kafkalab-canary-76e7d964", True), ("kafkalab-drill-1", True),
    ("billing", False), ("connect-orders-to-store", False), ("connect-dc3", False),
])
def test_the_labs_own_groups_are_told_from_peoples(name: str, own: bool) -> None:
    assert internal(name, ("connect-dc1", "connect-dc2")) is own
