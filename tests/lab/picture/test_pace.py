"""Many figures are told less often; what is no figure, and what is new, at once."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, strategies as st

from lab.picture.events import diff
from lab.picture.pace import Pace, size
from lab.picture.snapshot import Behind, Broker, Lag, Log, Room, Snapshot
from tests.pictures import snapshots

BROKER = Broker("dc1", 1, "x-kafka01", "kafka01")


def log(end: int, count: int = 100) -> Log:
    return Log("dc1", "orders", (0,) * count, (end,) * count)


def test_a_record_is_as_large_as_its_numbers_are_many() -> None:
    assert size(log(1, 7)) == 14
    assert size(Lag("dc1", "g", "t", (1, None))) == 2
    assert size(Behind("dc1", "t", ((0, 1), (), (2,)))) == 3
    assert size(Room("dc1", 1)) == 5


def test_figures_are_few_on_average_and_the_last_ones_come() -> None:
    pace, now, told = Pace(figures=50), Snapshot.of(0.0, [log(0)]), 0
    for step in range(1, 1001):
        after = pace.through(now, Snapshot.of(step / 10, [log(step)]))
        told += sum(size(one.after) for one in diff(now, after).changes if one.after)
        now = after
    assert 0.8 * 50 * 100 < told <= 50 * 100 + 50 + size(log(0))
    steps = 0
    while pace.holds:
        steps += 1
        now = pace.through(now, Snapshot.of(100 + steps, [log(1001)]))
    assert pace.through(now, Snapshot.of(101 + steps, [log(1001)])).things == {
        log(1001).key: log(1001)}


def test_what_is_no_figure_is_never_held_up() -> None:
    pace, now = Pace(figures=1), Snapshot.of(0.0, [log(0), BROKER])
    for step in range(1, 20):
        broker = replace(BROKER, alive=bool(step % 2))
        topic = Log("dc1", f"new-{step}", (0,), (step,))
        after = pace.through(now, Snapshot.of(step / 10, [log(step), broker, topic]))
        assert after.things[broker.key] == broker
        assert after.things[topic.key] == topic
        now = after
    assert pace.holds


@given(st.lists(snapshots(), min_size=2, max_size=8), st.integers(1, 100))
def test_all_that_is_there_is_there_also_at_a_slow_pace(
    found: list[Snapshot], figures: int
) -> None:
    pace, now = Pace(figures=figures), replace(found[0], at=0.0)
    for at, one in enumerate(found[1:], start=1):
        wanted = replace(one, at=at)
        after = pace.through(now, wanted)
        assert after.things.keys() == wanted.things.keys()
        assert all(thing == wanted.things[key] or (thing.FIGURES and thing == now.things[key])
                   for key, thing in after.things.items())
        now = after
