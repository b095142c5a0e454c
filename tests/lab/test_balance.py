"""A cluster made even, or some of its brokers empty: by how much brokers differ then, and that no
more moves than has to."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hypothesis import given, settings, strategies as st

from lab.balance.parts import Load, Part, Place, allowed, homeless, loads, on
from lab.balance.plan import least, plan

Parts = dict[Place, Part]


@st.composite
def clusters(
    draw: st.DrawFn, *, zones: int = 1, alike: bool = False, sizes: int = 1000
) -> tuple[Parts, dict[int, str]]:
    """Partitions anywhere on a few brokers, of which some may be new and have none. `alike`: all
    with the same number of replicas."""
    old = draw(st.integers(1, 6))
    racks = {one: "abc"[(one - 1) % zones] for one in range(1, old + draw(st.integers(0, 3)) + 1)}
    factor = draw(st.integers(1, old))
    parts = {}
    for number in range(draw(st.integers(0, 25))):
        order = draw(st.permutations(range(1, old + 1)))
        count = factor if alike else draw(st.integers(1, old))
        replicas = tuple(order[:count])
        parts["ab"[number % 2], number] = Part(
            replicas, draw(st.integers(0, sizes)) if sizes else 7, draw(st.sampled_from(replicas)),
        )
    return parts, racks


@st.composite
def leaving(
    draw: st.DrawFn, **more: Any
) -> tuple[Parts, dict[int, str], frozenset[int]]:
    """Such a cluster, and some of its brokers that are to leave, the last ones; of those some may
    be dead, and the cluster tells of them no more."""
    parts, racks = draw(clusters(**more))
    count = draw(st.integers(0, len(racks) - 1))
    gone = frozenset(sorted(racks)[len(racks) - count:])
    dead = draw(st.sets(st.sampled_from(sorted(gone)))) if gone else set[int]()
    return parts, {one: rack for one, rack in racks.items() if one not in dead}, gone


def done(
    parts: Parts, racks: Mapping[int, str], gone: Collection[int] = (), *, even: bool = True
) -> Parts:
    """The partitions as they are when a plan was carried out."""
    after = {one.place: one.after for one in plan(parts, racks, gone, even=even).moves}
    found = {}
    for place, part in parts.items():
        replicas = after.get(place, part.replicas)
        found[place] = Part(replicas, part.size, replicas[0])
    return found


def apart(values: list[int]) -> int:
    return max(values) - min(values)


@given(clusters(alike=True))
@settings(max_examples=60)
def test_brokers_are_even(cluster: tuple[Parts, dict[int, str]]) -> None:
    parts, racks = cluster
    now = list(loads(done(parts, racks), racks).values())
    assert apart([one.replicas for one in now]) <= 1
    assert apart([one.leaders for one in now]) <= 1
    assert apart([one.size for one in now]) <= allowed(parts, racks)


@given(clusters())
@settings(max_examples=60)
def test_replicas_and_leaders_are_even_also_where_some_partitions_have_more_of_them(
    cluster: tuple[Parts, dict[int, str]]
) -> None:
    parts, racks = cluster
    now = list(loads(done(parts, racks), racks).values())
    assert apart([one.replicas for one in now]) <= 1
    assert apart([one.leaders for one in now]) <= 1


@given(clusters(zones=3))
@settings(max_examples=60)
def test_no_partition_loses_a_replica_or_a_rack_or_has_two_on_a_broker(
    cluster: tuple[Parts, dict[int, str]]
) -> None:
    parts, racks = cluster
    for one in plan(parts, racks).moves:
        assert len(one.after) == len(one.before) == len({*one.after})
        assert {*one.after} <= racks.keys()
        assert len({racks[id] for id in one.after}) >= len({racks[id] for id in one.before})


@given(clusters(zones=2))
@settings(max_examples=60)
def test_what_a_plan_makes_is_left_as_it_is(cluster: tuple[Parts, dict[int, str]]) -> None:
    parts, racks = cluster
    again = plan(done(parts, racks), racks)
    assert not again
    assert (again.copies, again.exchanges) == (0, 0)


@given(clusters())
@settings(max_examples=60)
def test_no_more_moves_than_have_to_and_two_for_each_exchange(
    cluster: tuple[Parts, dict[int, str]]
) -> None:
    parts, racks = cluster
    found = plan(parts, racks)
    assert found.least <= found.copies <= found.least + 2 * found.exchanges


@given(clusters(alike=True, sizes=0))
@settings(max_examples=60)
def test_where_partitions_are_alike_as_few_move_as_can(
    cluster: tuple[Parts, dict[int, str]]
) -> None:
    parts, racks = cluster
    found = plan(parts, racks)
    assert found.copies == found.least == least(parts, racks)


@given(clusters())
@settings(max_examples=30)
def test_a_plan_says_truly_what_is_before_and_after(
    cluster: tuple[Parts, dict[int, str]]
) -> None:
    parts, racks = cluster
    found = plan(parts, racks)
    assert found.after == loads(done(parts, racks), racks)
    assert sum(one.leaders for one in found.before.values()) == len(parts)
    after = done(parts, racks)
    assert {one.place for one in found.moves} == {
        place for place in parts if after[place].replicas != parts[place].replicas
    }
    assert found.size == sum(one.size * len({*one.after} - {*one.before}) for one in found.moves)


@given(leaving(zones=3), st.booleans())
@settings(max_examples=80)
def test_brokers_that_leave_have_nothing_unless_there_is_no_room(
    cluster: tuple[Parts, dict[int, str], frozenset[int]], even: bool
) -> None:
    parts, racks, gone = cluster
    after = done(parts, racks, gone, even=even)
    stuck = homeless(parts, racks, gone)
    assert {topic for topic, _ in on(after, gone)} <= {*stuck}
    assert all(len(parts[place].replicas) > len(racks.keys() - gone)
               for place in on(after, gone))
    assert bool(on(after, gone)) == bool(stuck)


@given(leaving(zones=3))
@settings(max_examples=80)
def test_to_drain_copies_each_of_their_replicas_once_and_nothing_else(
    cluster: tuple[Parts, dict[int, str], frozenset[int]]
) -> None:
    parts, racks, gone = cluster
    found = plan(parts, racks, gone, even=False)
    for one in found.moves:
        assert len(one.after) == len(one.before) == len({*one.after})
        assert {*one.before} - {*one.after} <= gone
        assert {*one.adds} <= racks.keys() - gone
        before, after = ({racks.get(id) for id in ids} for ids in (one.before, one.after))
        there = {racks[id] for id in racks.keys() - gone}
        assert {*one.before} & gone, "nothing else is touched"
        assert len(after) >= min(len(before & there), len(one.after))
    if not homeless(parts, racks, gone):
        assert found.copies == found.least == sum(
            id in gone for part in parts.values() for id in part.replicas)


@given(leaving(alike=True))
@settings(max_examples=80)
def test_those_that_stay_are_even_when_others_leave(
    cluster: tuple[Parts, dict[int, str], frozenset[int]]
) -> None:
    parts, racks, gone = cluster
    if homeless(parts, racks, gone):
        return
    stay = racks.keys() - gone
    now = list(loads(done(parts, racks, gone), stay).values())
    assert apart([one.replicas for one in now]) <= 1
    assert apart([one.leaders for one in now]) <= 1
    assert apart([one.size for one in now]) <= allowed(parts, stay)


@given(leaving(zones=2), st.booleans())
@settings(max_examples=60)
def test_what_a_drain_makes_is_left_as_it_is(
    cluster: tuple[Parts, dict[int, str], frozenset[int]], even: bool
) -> None:
    parts, racks, gone = cluster
    again = plan(done(parts, racks, gone, even=even), racks, gone, even=even)
    assert not again
    assert again.copies == 0


@given(leaving(alike=True, sizes=0))
@settings(max_examples=60)
def test_from_an_even_cluster_no_more_is_copied_than_leaves(
    cluster: tuple[Parts, dict[int, str], frozenset[int]]
) -> None:
    """And those that stay are as even as that alone can make them."""
    parts, racks, gone = cluster
    if homeless(parts, racks, gone) or not racks.keys() >= gone:
        return
    start = done(parts, racks)
    found = plan(start, racks, gone, even=False)
    assert found.copies == found.least
    end = done(start, racks, gone, even=False)
    now = loads(end, racks.keys() - gone)
    assert apart([one.leaders for one in now.values()]) <= 2
    assert not better(start, end, now)


def better(start: Parts, end: Parts, now: Mapping[int, Load]) -> list[tuple[Place, int, int]]:
    """What came to a broker that has more, and might as well have come to one that has fewer."""
    return [
        (place, high, low) for place, part in end.items() for high in now for low in now
        if high in part.replicas and high not in start[place].replicas
        and low not in part.replicas and now[high].replicas - now[low].replicas > 1
    ]


def test_what_leaves_a_broker_goes_past_one_that_has_all_of_it_already() -> None:
    """So that one may end up with fewer than the others."""
    on_both = {("a", n): Part((4, 3), 7, 4) for n in range(3)}
    start = {**on_both, **{("b", n): Part((1, 2), 7, 1) for n in range(4)}}
    end = done(start, dict.fromkeys((1, 2, 3, 4), "a"), {4}, even=False)
    now = loads(end, (1, 2, 3))
    assert sorted(one.replicas for one in now.values()) == [3, 5, 6]
    assert not better(start, end, now)


def test_four_brokers_become_three_and_nothing_else_is_copied() -> None:
    orders = {("orders", n): Part(((n % 4) + 1, (n + 1) % 4 + 1, (n + 2) % 4 + 1), 100, n % 4 + 1)
              for n in range(12)}
    found = plan(orders, dict.fromkeys(range(1, 5), ""), {4}, even=False)
    assert found.before == dict.fromkeys(range(1, 5), Load(9, 3, 900))
    assert found.after == {**dict.fromkeys((1, 2, 3), Load(12, 4, 1200)), 4: Load()}
    assert (found.copies, found.least, found.size) == (9, 9, 900)
    assert plan(orders, dict.fromkeys(range(1, 5), ""), {4}) == found


def test_a_replica_goes_where_its_zone_has_another_broker_and_else_anywhere() -> None:
    racks = {1: "a", 2: "b", 3: "a", 4: "b"}
    (move,) = plan({("a", 0): Part((1, 4), 9, 1)}, racks, {4}, even=False).moves
    assert move.after == (1, 2)
    (move,) = plan({("a", 0): Part((1, 4), 9, 1)}, {1: "a", 3: "a", 4: "b"}, {4}, even=False).moves
    assert move.after == (1, 3)


def test_topics_that_do_not_fit_are_named_and_stay() -> None:
    parts = {("large", 0): Part((1, 2, 3), 5, 1), ("small", 0): Part((3,), 5, 3)}
    racks = {1: "", 2: "", 3: ""}
    assert homeless(parts, racks, {3}) == ("large",)
    assert homeless(parts, racks, ()) == ()
    moves = plan(parts, racks, {3}, even=False).moves
    assert [one.place for one in moves if one.adds] == [("small", 0)]


def test_a_fourth_broker_gets_its_share_and_no_other_replica_moves() -> None:
    orders = {("orders", n): Part(((n % 3) + 1, (n + 1) % 3 + 1, (n + 2) % 3 + 1), 100, n % 3 + 1)
              for n in range(12)}
    found = plan(orders, dict.fromkeys(range(1, 5), ""))
    assert found.before == {**dict.fromkeys((1, 2, 3), Load(12, 4, 1200)), 4: Load()}
    assert found.after == dict.fromkeys(range(1, 5), Load(9, 3, 900))
    assert (found.copies, found.least, found.size) == (9, 9, 900)
    assert {one.adds for one in found.moves} == {(4,)}


def test_a_large_partition_changes_places_with_a_small_one() -> None:
    parts = {("a", n): Part((1 if n < 4 else 2,), 100 if n < 4 else 10, 1 if n < 4 else 2)
             for n in range(8)}
    found = plan(parts, {1: "", 2: ""})
    assert [load.size for load in found.after.values()] in ([310, 130], [220, 220])
    assert (found.least, found.copies, found.exchanges) == (0, 4, 2)


def test_a_leader_that_is_not_the_preferred_one_is_an_election_and_no_move() -> None:
    found = plan({("a", 0): Part((1, 2), 5, 2), ("a", 1): Part((2, 1), 5, 2)}, {1: "", 2: ""})
    assert (found.moves, found.elections) == ((), (("a", 0),))
    assert found
    assert found.before[2] == Load(2, 2, 10)


def test_a_replica_stays_where_its_zone_has_no_other_broker() -> None:
    parts = {("a", n): Part((1, 2), 1, 1 + n % 2) for n in range(8)}
    found = plan(parts, {1: "a", 2: "b", 3: "b"})
    assert [load.replicas for load in found.after.values()] == [8, 4, 4]
    assert found.copies == 4


def test_nothing_to_do_for_nobody() -> None:
    assert not plan({}, {})
    assert not plan({}, {1: "", 2: ""}, {2})
    assert not plan({}, {1: ""})
