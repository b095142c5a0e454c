"""A cluster made even, also by a run that goes on with what another one has left."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from lab.balance.parts import loads
from lab.balance.plan import plan
from lab.endpoint import Endpoint
from scripts.clients import brokers
from scripts.clients.reassigning import RATES, Reassigning
from scripts.drivers import balancing as module
from scripts.drivers.balancing import Balancing
from scripts.errors import LabError
from tests.fake_cluster import FakeCluster, Killed

RATE = 5_000_000


class Never:
    """A stop that nobody asks for; a second passes at once."""

    def wait(self, seconds: float) -> bool:
        assert 0 < seconds <= 1
        return False

    def is_set(self) -> bool:
        return False


class Now(Never):
    def wait(self, seconds: float) -> bool:
        return True

    def is_set(self) -> bool:
        return True


def grown() -> FakeCluster:
    """Three brokers had all; the fourth one is new."""
    return FakeCluster(dict.fromkeys((1, 2, 3, 4), ""), {
        (topic, n): [n % 3 + 1, (n + 1) % 3 + 1] for topic in ("a", "b") for n in range(6)
    })


def balancing(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> Balancing:
    monkeypatch.setattr(brokers, "python_admin", cluster.admin)
    monkeypatch.setattr(module, "spread_leaders", cluster.elect)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0)
    site: Any = SimpleNamespace(name="dc1", kafka=SimpleNamespace(
        endpoint=Endpoint("h:1"), expected=(1, 2, 3, 4)))
    return Balancing(site, Reassigning(Endpoint("h:1"), "dc1"))


def run(one: Balancing, said: list[str] | None = None, stop: Any = None) -> None:
    one.carry_out(one.look(), RATE, (said if said is not None else []).append, stop or Never())


def assert_even(cluster: FakeCluster, one: Balancing) -> None:
    assert one.look().idle
    assert cluster.moving == {}
    assert not any(cluster.settings.values()), "nothing is held back any more"
    found = one.cluster.seen()
    now = loads(found.parts, found.racks).values()
    assert [load.replicas for load in now] == [6] * 4
    assert {load.leaders for load in now} == {3}
    assert cluster.leaders == {place: replicas[0] for place, replicas in cluster.parts.items()}


def test_a_new_broker_gets_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = grown()
    one, said = balancing(cluster, monkeypatch), list[str]()
    stand = one.look()
    assert (stand.plan.copies, stand.plan.least, stand.idle) == (6, 6, False)
    assert "alter_configs" not in cluster.requests, "to look changes nothing"
    run(one, said)
    assert cluster.copied == 6
    assert cluster.highest_rates == {str(RATE)}
    assert_even(cluster, one)
    assert re.fullmatch(r" +\d s  0 of 6 partitions moved, 3.0kB of 6.0kB", said[0]), said
    assert re.fullmatch(r" +\d s  6 of 6 partitions moved, 6.0kB of 6.0kB", said[1]), said


def test_what_is_even_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = grown()
    one = balancing(cluster, monkeypatch)
    run(one)
    before = cluster.requests.count("alter_partition_reassignments")
    run(one)
    assert cluster.requests.count("alter_partition_reassignments") == before
    assert_even(cluster, one)


@pytest.mark.parametrize("after", [False, True])
def test_a_run_that_is_killed_anywhere_is_gone_on_with(
    after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of its requests, once before and once after the cluster has done it."""
    whole = grown()
    run(balancing(whole, monkeypatch))
    for at in range(len(whole.requests)):
        cluster = grown()
        cluster.dies_at, cluster.dies_after = at, after
        with pytest.raises(Killed):
            run(balancing(cluster, monkeypatch))
        again = balancing(cluster, monkeypatch)
        run(again)
        assert_even(cluster, again)
        assert cluster.copied == 6, "nothing is copied twice"


def test_what_is_stopped_goes_on_by_itself_and_with_the_next_run(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = grown()
    one = balancing(cluster, monkeypatch)
    with pytest.raises(LabError, match="dc1: stopped; the brokers go on with 6 partitions"):
        run(one, stop=Now())
    assert any(cluster.settings.values()), "what goes on is still held back"
    cluster.speed = 0.2
    stand = one.look()
    assert len(stand.seen.under_way) == 6
    assert not stand.plan.copies
    run(one)
    assert_even(cluster, one)


def test_limits_that_a_run_has_left_are_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = grown()
    one = balancing(cluster, monkeypatch)
    run(one)
    cluster.settings["broker", "2"] = {RATES[0]: "1", "log.retention.ms": "5"}
    stand = one.look()
    assert stand.held == {("broker", "2"): (RATES[0],)}
    assert not stand.idle
    run(one)
    assert cluster.settings["broker", "2"] == {"log.retention.ms": "5"}


def test_leaders_are_elected_where_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = grown()
    one, said = balancing(cluster, monkeypatch), list[str]()
    run(one)
    place, replicas = next(iter(cluster.parts.items()))
    cluster.leaders[place] = replicas[1]
    assert one.look().plan.elections == (place,)
    run(one, said)
    assert said == ["electing leaders of 1 partition"]
    assert_even(cluster, one)


@pytest.mark.parametrize(("change", "message"), [
    (lambda it: it.racks.pop(4), "dc1: broker 4 not registered .*fab up"),
    (lambda it: it.racks.update({5: ""}), "dc1: broker 5 is not of the lab; .*docs/scale.md"),
    (lambda it: it.short.add(("a", 1)), r"dc1: 1 partition lacks a replica \(a-1\)"),
])
def test_nothing_is_moved_in_a_cluster_that_is_not_whole(
    change: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = grown()
    change(cluster)
    with pytest.raises(LabError, match=message):
        balancing(cluster, monkeypatch).look()
    assert not {"alter_configs", "alter_partition_reassignments"} & {*cluster.requests}


def test_what_the_cluster_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = grown()
    cluster.refuses = "InvalidReplicaAssignmentError"
    with pytest.raises(LabError, match=r"dc1: a-\d cannot be moved: InvalidReplicaAssignmentError"):
        run(balancing(cluster, monkeypatch))


def test_what_does_not_go_on_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = grown()
    cluster.speed = 0
    monkeypatch.setattr(module, "STILL_SECONDS", 0.01)
    with pytest.raises(LabError, match=r"dc1: nothing has arrived for 0\.01 s: 6 partitions are"):
        run(balancing(cluster, monkeypatch))


def test_partitions_under_way_count_as_where_they_go(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = grown()
    one = balancing(cluster, monkeypatch)
    with pytest.raises(LabError, match="stopped"):
        run(one, stop=Now())
    cluster.speed = 0
    seen = one.cluster.seen()
    assert seen.short == ()
    assert {len(part.replicas) for part in seen.parts.values()} == {2}
    assert not plan(seen.parts, seen.racks).copies


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_broker_that_has_not_heard_yet_is_asked_again(
    at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows a partition that has just arrived with a replica too many."""
    cluster = grown()
    cluster.lag = 1
    one = balancing(cluster, monkeypatch)
    cluster.dies_at = 12 + at
    with pytest.raises(Killed):
        run(one)
    run(one)
    assert_even(cluster, one)
    assert {len(replicas) for replicas in cluster.parts.values()} == {2}


def test_only_the_order_of_replicas_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One broker leads all, and each of the others could."""
    cluster = FakeCluster(dict.fromkeys((1, 2, 3, 4), ""), {
        ("a", n): [1, 2, 3, 4] for n in range(4)
    }, lag=1)
    one, said = balancing(cluster, monkeypatch), list[str]()
    assert (len(one.look().plan.moves), one.look().plan.copies) == (3, 0)
    run(one, said)
    assert said == ["electing leaders of 3 partitions"]
    assert "alter_configs" not in cluster.requests, "nothing is copied"
    assert sorted(cluster.leaders.values()) == [1, 2, 3, 4]
    assert one.look().idle
