"""The picture of a lab: what changes, replayed, is how it became; and what people are told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from bench.scene import Scene
from lab.picture.events import diff, replay, replay_json
from lab.picture.history import SECONDS, SLACK, History
from lab.picture.snapshot import (
    DOWN,
    ENSEMBLE,
    QUORUM,
    Broker,
    Datacenter,
    Group,
    Log,
    Member,
    Mirror,
    Partition,
    Server,
    Snapshot,
    Thing,
    Topic,
    labels,
)
from lab.picture.words import Line, told
from tests.pictures import snapshots


@given(snapshots(), snapshots())
def test_what_changed_replayed_on_the_first_is_the_second(a: Snapshot, b: Snapshot) -> None:
    assert replay(a, [diff(a, b)]) == b
    assert diff(b, b).changes == ()


@given(snapshots(), snapshots())
def test_the_same_through_json(a: Snapshot, b: Snapshot) -> None:
    assert Snapshot.from_json(json.loads(json.dumps(a.as_json()))) == a
    sent = json.loads(json.dumps(diff(a, b).as_json()))
    assert replay_json(a, [sent]) == b


@given(snapshots(), snapshots())
def test_a_line_is_told_of_whatever_changed(a: Snapshot, b: Snapshot) -> None:
    for line in told(diff(a, b), a, b):
        assert line.text
        assert "\n" not in line.text
        assert "None" not in line.text


@given(st.lists(snapshots(), min_size=2, max_size=8), st.lists(st.floats(0, 400), min_size=8,
                                                               max_size=8))
def test_the_history_leads_from_its_base_to_now(found: list[Snapshot], steps: list[float]) -> None:
    at, history = 0.0, History.of(replace(found[0], at=0.0))
    for one, step in zip(found[1:], steps, strict=False):
        at += step
        history = history.plus(replace(one, at=at))
        assert replay(history.base, (one.delta for one in history.moments)).things == (
            history.now.things)
        assert history.number >= len(history.moments)
        if history.moments:
            assert history.now.at - history.moments[0].delta.at <= SECONDS + SLACK
            last = history.since(history.number - 1)
            assert last is not None
            assert [one.number for one in last] == [history.number]
        assert history.since(history.number) in ((), [])
        assert history.since(history.number + 1) is None


def test_what_is_too_old_is_asked_for_in_vain() -> None:
    history = History.of(Snapshot.of(0, [Datacenter("dc1", 0)]))
    for second in range(0, 2000, 10):
        history = history.plus(Snapshot.of(second, [Datacenter("dc1", second)]))
    assert history.since(1) is None
    assert len(history.moments) <= (SECONDS + SLACK) / 10 + 1
    assert history.since(history.number - 3) is not None


@given(st.lists(st.integers(0, 300), max_size=5))
def test_what_was_done_to_the_lab_is_told_where_it_was_done(times: list[int]) -> None:
    history = STORY.telling((STORY.base.at + at, Line("dc1", f"{at}")) for at in times)
    texts = [line.text for one in history.moments for line in one.lines]
    told = [line.text for one in STORY.moments for line in one.lines]
    assert [one for one in texts if one in told] == told
    assert [one for one in texts if one not in told] == [f"{at}" for at in sorted(times)]
    assert [one.number for one in history.moments] == list(range(1, history.number + 1))
    ats = [one.delta.at for one in history.moments]
    assert ats == sorted(ats)
    seen = replay(history.base, (one.delta for one in history.moments))
    assert (seen.things, seen.at) == (STORY.now.things, history.now.at)


def test_a_history_is_the_same_through_json() -> None:
    again = History.from_json(json.loads(json.dumps(STORY.as_json())))
    assert again.as_json() == STORY.as_json()
    assert again.now == STORY.now


def test_what_was_done_before_anybody_looked_is_left_out() -> None:
    assert STORY.telling([(STORY.base.at - 1, Line("", "too early"))]) == STORY
    nothing = History.of(Snapshot(3.0), seconds=9.0)
    assert nothing.telling([]) == nothing
    assert nothing.as_json()["seconds"] == 9.0


def test_the_story_of_a_killed_broker_as_it_is_told() -> None:
    texts = [line.text for one in Scene(partitions=3).history().moments for line in one.lines]
    assert texts[:2] == ["kafka03 gone", "controller is kafka01"]
    assert "orders-2 leader 3→1" in texts
    assert "orders-0,1,2 ISR 3→2" in texts
    assert "Kafka's own topics: leaders of 16 partitions moved" in texts
    assert texts.index("kafka03 gone") < texts.index("orders-2 leader 3→1")
    assert "billing rebalances" in texts
    assert "billing: rebalance 13→14 (0.8 s)" in texts
    assert "kafka03 back" in texts
    assert "orders-0,1,2 ISR 2→3" in texts


STORY = Scene(seconds=220, step=5.0, partitions=3).history()
ORDERS = Topic("dc1", "orders")
PLACE = Partition("dc1", "orders", 2, 3, (3, 1, 2), (3, 1, 2))
BROKER = Broker("dc1", 3, "x-kafka03", "kafka03")
SERVER = Server("dc1", ENSEMBLE, 1, "x-zk01", "zk01", "follower")
VOTER = Server("dc1", QUORUM, 1, "x-kraft01", "kraft01", "follower")
BOTH = replace(VOTER, number=3, host="x-kafka03", label="kafka03")  # the broker is a controller
MEMBER = Member("m1", "a", "app", "10.0.0.1", (("orders", 0),))
GROUP = Group("dc1", "billing", "stable", 10.0, None, (MEMBER,))
MIRROR = Mirror("dc1-to-dc2", "dc1", "dc2")


@pytest.mark.parametrize(("before", "after", "texts"), [
    ([], [BROKER], ["kafka03 is new"]),
    ([BROKER], [], ["kafka03 is no broker any more"]),
    ([BROKER], [replace(BROKER, alive=False)], ["kafka03 gone"]),
    ([BROKER], [replace(BROKER, controller=True)], ["controller is kafka03"]),
    ([replace(BROKER, controller=True)], [BROKER], []),
    ([SERVER], [replace(SERVER, state=DOWN)], ["zk01 gone"]),
    ([SERVER], [replace(SERVER, state="leader")], ["zk01 leads the ensemble"]),
    ([replace(SERVER, state=DOWN)], [SERVER], ["zk01 back"]),
    ([VOTER], [replace(VOTER, state="leader")], ["controller is kraft01"]),
    ([replace(VOTER, state="leader")], [replace(VOTER, state=DOWN)], ["kraft01 gone"]),
    ([SERVER, VOTER], [SERVER, replace(VOTER, state=DOWN)], ["kraft01 gone"]),
    ([BROKER, BOTH], [replace(BROKER, controller=True), replace(BOTH, state="leader")],
     ["controller is kafka03"]),
    ([BROKER, BOTH], [replace(BROKER, alive=False), replace(BOTH, state=DOWN)], ["kafka03 gone"]),
    ([], [ORDERS, PLACE], ["topic orders made (1 partition)"]),
    ([ORDERS, PLACE], [], ["topic orders gone"]),
    ([ORDERS, PLACE], [ORDERS, PLACE, replace(PLACE, number=3)], ["orders: 1 partition more"]),
    ([ORDERS, PLACE], [ORDERS, replace(PLACE, leader=None, isr=())],
     ["orders-2 offline", "orders-2 ISR 3→0"]),
    ([ORDERS, replace(PLACE, leader=None)], [ORDERS, PLACE], ["orders-2 led by 3 again"]),
    ([ORDERS, PLACE], [ORDERS, replace(PLACE, replicas=(3, 4, 2))],
     ["orders-2 replicas 3,1,2→3,4,2"]),
    ([Log("dc1", "orders", (0,), (5,))], [Log("dc1", "orders", (0,), (6,))], []),
    ([], [GROUP], ["group billing appears (1 member)"]),
    ([], [replace(GROUP, members=())], ["group billing appears (no member)"]),
    ([GROUP], [], ["group billing gone"]),
    ([GROUP], [replace(GROUP, state="preparing rebalance")], ["billing rebalances"]),
    ([replace(GROUP, state="preparing rebalance")], [replace(GROUP, since=11.25)],
     ["billing: rebalance (1.2 s)"]),
    ([GROUP], [replace(GROUP, state="empty", members=())], ["billing: no member left"]),
    ([GROUP], [replace(GROUP, generation=2, members=(replace(MEMBER, partitions=()),))],
     ["billing: rebalance, 1 member"]),
    ([GROUP], [replace(GROUP, members=(MEMBER, replace(MEMBER, id="m2", partitions=())))],
     ["billing: members 1→2"]),
    ([MIRROR], [replace(MIRROR, problem="no worker runs")], ["dc1-to-dc2: no worker runs"]),
    ([replace(MIRROR, problem="x")], [MIRROR], ["dc1-to-dc2 runs"]),
    ([Datacenter("dc1", 0)], [Datacenter("dc1", 0, answers=False)], ["no broker answers"]),
])
def test_each_change_in_words(before: list[Thing], after: list[Thing], texts: list[str]) -> None:
    a, b = Snapshot.of(0, before), Snapshot.of(1, after)
    assert [line.text for line in told(diff(a, b), a, b)] == texts


def test_many_of_a_kind_are_one_line() -> None:
    def look(leader: int, *, internal: bool, count: int) -> Snapshot:
        return Snapshot.of(0, [Topic("dc1", "t", internal), *(
            Partition("dc1", "t", one, leader, (1, 2), (1, 2)) for one in range(count)
        )])

    for internal, count, text in (
        (False, 4, "t: leaders of 4 partitions moved"),
        (True, 1, "Kafka's own topics: leaders of 1 partition moved"),
    ):
        a, b = (look(one, internal=internal, count=count) for one in (1, 2))
        assert [line.text for line in told(diff(a, b), a, b)] == [text]


@pytest.mark.parametrize(("hosts", "said"), [
    (["student-dc1-kafka01", "student-dc1-kafka02"], ["kafka01", "kafka02"]),
    (["student-dc1-kafka01"], ["kafka01"]),
    (["student-kafka01.foo.bar", "student-kafka02.foo.bar"], ["kafka01", "kafka02"]),
    (["one", "two"], ["one", "two"]),
    (["a-b", "a-c-d"], ["b", "c-d"]),
    ([], []),
])
def test_hosts_are_called_by_what_tells_them_apart(hosts: list[str], said: list[str]) -> None:
    assert list(labels(hosts).values()) == said
