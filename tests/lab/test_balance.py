"""A cluster made even: by how much brokers differ then, and that no more moves than has to."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, settings, strategies as st

from lab.balance import Load, Part, Place, allowed, least, loads, plan

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


def done(parts: Parts, racks: Mapping[int, str]) -> Parts:
    """The partitions as they are when a plan was carried out."""
    after = {one.place: one.after for one in plan(parts, racks).moves}
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
    assert not plan({}, {1: ""})
