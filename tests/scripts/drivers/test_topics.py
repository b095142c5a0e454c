"""The topics of the lab file, made in a cluster that rejects what it does not expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import confluent_kafka
import pytest

from lab.resources import TOPIC, ClusterState, Topic
from lab.state import Key
from scripts.clients.kafka import Cluster, View
from scripts.drivers import topics as module
from scripts.drivers.driver import Site
from scripts.drivers.record import Noted
from scripts.drivers.topics import Topics
from scripts.errors import LabError
from tests.scripts.drivers.test_internals import Done

THERE = confluent_kafka.KafkaException(
    confluent_kafka.KafkaError(confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS))
REFUSED = confluent_kafka.KafkaException(
    confluent_kafka.KafkaError(confluent_kafka.KafkaError.INVALID_REPLICATION_FACTOR))
WANTED: ClusterState = {Key(TOPIC, "orders"): Topic(3, 2, {"retention.ms": "60000"})}


@dataclass
class FakeAdmin:
    """A cluster; `answers` is what it says to a request for a topic, which it makes all the same
    with so many partitions. `unknown`: for how many looks no broker tells of it. `partly`: and for
    how many then of its first partition only."""

    answers: Exception | None = None
    partitions: int = 3
    unknown: int = 0
    partly: int = 0
    made: dict[str, Any] = field(default_factory=dict)

    def list_topics(self, timeout: float) -> Any:
        del timeout
        if self.made and self.unknown:
            self.unknown -= 1
            return SimpleNamespace(topics={})
        count = self.partitions
        if self.made and self.partly:
            self.partly, count = self.partly - 1, 1
        return SimpleNamespace(topics={
            name: SimpleNamespace(partitions={
                number: SimpleNamespace(replicas=range(topic.replication_factor))
                for number in range(count)
            }) for name, topic in self.made.items()
        })

    def create_topics(
        self, topics: list[Any], operation_timeout: float, request_timeout: float,
        validate_only: bool,
    ) -> Mapping[str, Done]:
        assert operation_timeout > 0 and request_timeout > 0
        (one,) = topics
        assert one.topic not in self.made
        if not validate_only and self.answers is not REFUSED:
            self.made[one.topic] = one
        return {one.topic: Done(error=self.answers)}

    def describe_configs(self, asked: list[Any], request_timeout: float) -> Any:
        assert request_timeout > 0
        return {one: Done({
            name: SimpleNamespace(value=value, is_default=False)
            for name, value in self.made[one.name].config.items()
        }) for one in asked}


@dataclass
class FakeCluster:
    admin: FakeAdmin
    expected: tuple[int, ...] = (1, 2)

    def view(self) -> View:
        return View(self.expected, 1, ())

    def wait_healthy(self) -> None:
        pass


class FakeRecord:
    def __init__(self, site: Any) -> None:
        self.site = site
        self.noted: dict[str, Noted] = {}

    def read(self) -> dict[str, Noted]:
        return self.noted

    def note(self, name: str, config: Any) -> None:
        if config is None:
            del self.noted[name]
        else:
            self.noted[name] = Noted(tuple(config))


def topics(monkeypatch: pytest.MonkeyPatch, admin: FakeAdmin) -> Topics:
    monkeypatch.setattr(module, "Record", FakeRecord)
    kafka = cast("Cluster", FakeCluster(admin))
    return Topics(cast("Site", SimpleNamespace(name="dc1", kafka=kafka)))


def reconcile(driver: Topics) -> int:
    return driver.reconcile(WANTED, lambda text: None)


def test_a_topic_is_made_and_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = topics(monkeypatch, FakeAdmin())
    assert reconcile(driver) == 1
    assert driver.record.read() == {"orders": Noted(("retention.ms",))}
    assert reconcile(driver) == 0


@pytest.mark.parametrize(("unknown", "partly"), [(0, 0), (2, 0), (0, 2), (1, 1)])
def test_who_asks_twice_because_no_answer_came_has_made_it(
    monkeypatch: pytest.MonkeyPatch, unknown: int, partly: int
) -> None:
    driver = topics(monkeypatch, FakeAdmin(THERE, unknown=unknown, partly=partly))
    assert reconcile(driver) == 1
    assert set(driver.record.read()) == {"orders"}


def test_what_somebody_else_made_meanwhile_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN_SECONDS", 0.3)
    driver = topics(monkeypatch, FakeAdmin(THERE, partitions=1))
    with pytest.raises(LabError, match="topic orders: somebody has made it meanwhile"):
        reconcile(driver)
    assert driver.record.read() == {}


def test_what_kafka_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = topics(monkeypatch, FakeAdmin(REFUSED))
    with pytest.raises(LabError, match="topic orders: orders"):
        reconcile(driver)
    (told,) = driver.differences(WANTED, there=True).refused
    assert told.startswith("dc1: topic orders: orders")
