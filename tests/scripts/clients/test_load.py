"""The pace and the numbers of a workload, written to a producer that is told what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException
from hypothesis import HealthCheck, given, settings, strategies as st

from lab.endpoint import Endpoint
from lab.load import SHAPES, Load
from scripts.clients.load import Writer

NEVER: Callable[[], bool] = lambda: False  # noqa: E731


class World:
    """A clock that goes on with each poll, and a producer whose queue holds `room` records and
    answers at the next poll, unless it is away."""

    def __init__(self, room: int = 10**6, away: tuple[float, float] = (0, 0)) -> None:
        self.now, self.room, self.away = 100.0, room, away
        self.queue: list[tuple[bytes | str, Any]] = []
        self.written: list[tuple[float, str, str]] = []
        self.errors: dict[int, KafkaError] = {}
        self.fatal_at = -1
        self.unknown = (0.0, 0.0)  # from when to when nobody knows the topic
        self.settings: dict[str, Any] = {}

    def producer(self, settings: dict[str, Any]) -> World:
        self.settings = settings
        return self

    def produce(self, topic: str, value: str, key: str, *, on_delivery: Any) -> None:
        assert topic == "orders"
        if len(self.queue) >= self.room:
            raise BufferError
        if len(self.written) == self.fatal_at:
            raise KafkaException(KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED))
        if self.unknown[0] <= self.now - 100 < self.unknown[1]:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
        self.written.append((self.now - 100, key, value))
        self.queue.append((value, on_delivery))

    def poll(self, seconds: float) -> None:
        self.now += seconds
        if not self.away[0] <= self.now - 100 < self.away[1]:
            self._answer()

    def flush(self, seconds: float) -> int:
        self.now += 0.5
        self._answer()
        return 0

    def _answer(self) -> None:
        for value, told in self.queue:
            told(self.errors.pop(json.loads(value)["seq"], None), None)
        self.queue = []

    def numbers(self) -> list[int]:
        return [json.loads(value)["seq"] for _, _, value in self.written]


def writer(world: World, monkeypatch: pytest.MonkeyPatch, load: Load) -> Writer:
    monkeypatch.setattr(confluent_kafka, "Producer", world.producer)
    return Writer(Endpoint("h:1"), "orders", load, lambda: world.now)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.builds(Load, rate=st.integers(1, 500), shape=st.sampled_from(SHAPES)),
       st.tuples(st.floats(0, 3), st.floats(0, 3)), st.integers(1, 2000), st.integers(1, 4))
def test_numbers_have_no_gap_whatever_the_cluster_does(
    monkeypatch: pytest.MonkeyPatch, load: Load, away: tuple[float, float], room: int,
    duration: int,
) -> None:
    world = World(room, away)
    one = writer(world, monkeypatch, load)
    seconds = list(one.run(duration, NEVER))
    one.end()
    assert world.numbers() == list(range(one.tally.sent))
    assert [(key, value) for _, key, value in world.written] == [
        load.record(number) for number in range(one.tally.sent)
    ]
    assert one.tally.sent <= load.due(duration)
    assert (one.tally.acked, one.tally.waiting) == (one.tally.sent, 0)
    assert [number for number, _ in seconds] == list(range(1, duration + 1))
    assert sum(count for _, count in seconds) == one.tally.sent
    if away[0] >= away[1] and room >= load.rate:
        assert one.tally.sent == load.due(duration)


def test_it_is_a_careful_producer(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    writer(world, monkeypatch, Load())
    wanted = {"acks": "all", "enable.idempotence": True, "allow.auto.create.topics": False}
    assert wanted.items() <= world.settings.items()


def test_what_a_silent_cluster_missed_comes_in_no_flood(monkeypatch: pytest.MonkeyPatch) -> None:
    """After five seconds at which nothing could be sent, one second's records are made up for."""
    world = World(room=10, away=(1.0, 6.0))
    one = writer(world, monkeypatch, Load(rate=100))
    list(one.run(6.5, NEVER))
    one.end()
    assert 100 + 10 + 100 <= one.tally.sent <= 100 + 10 + 100 + 50 + 10
    assert world.numbers() == list(range(one.tally.sent))


def test_failures_are_counted_with_their_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    world.errors = {3: KafkaError(KafkaError._MSG_TIMED_OUT)}
    one = writer(world, monkeypatch, Load(rate=10))
    list(one.run(1, NEVER))
    one.end()
    assert (one.tally.sent, one.tally.acked, one.tally.lost) == (10, 9, 1)
    assert list(one.tally.reasons) == ["Local: Message timed out"]


def test_it_ends_when_it_is_stopped_and_when_nothing_can_be_sent_any_more(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    one = writer(world, monkeypatch, Load(rate=10))
    list(one.run(None, lambda: world.now >= 102))
    one.end()
    assert one.tally.sent == one.tally.acked in (19, 20)

    world = World()
    world.fatal_at = 5
    one = writer(world, monkeypatch, Load(rate=10))
    list(one.run(None, NEVER))
    assert one.tally.sent == 5
    assert one.fatal == "Broker: Cluster authorization failed"


def test_a_topic_that_nobody_knows_for_a_moment_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a broker that has just started, with ZooKeeper; Java's producers do the same."""
    world = World()
    world.unknown, world.errors = (1.0, 2.0), {3: KafkaError(KafkaError._UNKNOWN_TOPIC)}
    one = writer(world, monkeypatch, Load(rate=10))
    list(one.run(3, NEVER))
    one.end()
    assert one.fatal == "" and one.tally.sent == one.tally.acked in (29, 30)
    assert one.tally.lost == 0

    world = World()
    world.unknown = (1.0, 99.0)
    one = writer(world, monkeypatch, Load(rate=10))
    list(one.run(None, NEVER))
    assert "Unknown topic" in one.fatal and 131 <= world.now <= 133
