"""Internal topics put right, against clusters that reject what they do not expect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import confluent_kafka
import pytest

from lab.file import parse
from lab.services.internals import POLICY
from lab.services.local import local_context
from lab.topology import Topology, build
from scripts.clients.http import HttpError
from scripts.clients.kafka import Cluster, View
from scripts.drivers import internals as module
from scripts.drivers.driver import Site
from scripts.drivers.internals import Internals
from scripts.errors import LabError, TimeoutExpired
from scripts.workstation import waiting
from tests.fakes import FakeFleet, FakeHost

CONTROL = "ann-b-ctl01"
CONFIGS = "connect-b-configs"
SOUND = {
    "a": {"mm2-offset-syncs.b.internal": (1, "compact"), "heartbeats": (1, "compact"),
          "connect-b-offsets": (3, "compact")},
    "b": {CONFIGS: (1, "compact"), "connect-b-offsets": (6, "compact"),
          "connect-b-status": (3, "compact"), "a.checkpoints.internal": (1, "compact")},
}
CONNECTORS = {
    "mine": {"info": {"config": {"name": "mine"}}, "status": {"connector": {"state": "PAUSED"}}},
    "its": {"info": {"config": {"name": "its"}}, "status": {"connector": {"state": "RUNNING"}}},
}


class Done:
    """A future that is there."""

    def __init__(self, value: Any = None, error: Exception | None = None) -> None:
        self.value, self.error = value, error

    def result(self) -> Any:
        return self.value

    def exception(self, timeout: float) -> Exception | None:
        return self.error


@dataclass
class FakeAdmin:
    """One cluster; `topics` are partitions and policy. `lingers`: how many looks a deleted topic
    is still there. `did` is what was asked for, shared by all that a test looks at."""

    topics: dict[str, tuple[int, str]]
    did: list[str]
    lingers: int = 0
    going: dict[str, int] = field(default_factory=dict)
    silent: bool = False

    def list_topics(self, timeout: float) -> Any:
        if self.silent:
            raise confluent_kafka.KafkaException(confluent_kafka.KafkaError(-195))
        for name, looks in list(self.going.items()):
            self.going[name] = looks - 1
            if not looks:
                del self.going[name], self.topics[name]
        return SimpleNamespace(topics={
            name: SimpleNamespace(partitions=dict.fromkeys(range(count)))
            for name, (count, _) in self.topics.items()
        })

    def describe_configs(self, asked: list[Any], request_timeout: float) -> Any:
        return {one: Done({POLICY: SimpleNamespace(value=self.topics[one.name][1])})
                for one in asked}

    def create_topics(self, topics: list[Any], **_: float) -> Any:
        for one in topics:
            self.did.append(f"create {one.topic} {one.num_partitions}x{one.replication_factor}")
            assert one.topic not in self.topics and one.config == {POLICY: "compact"}
            self.topics[one.topic] = (one.num_partitions, "compact")
        return {one.topic: Done() for one in topics}

    def delete_topics(self, names: list[str], **_: float) -> Any:
        (name,) = names
        if name in self.going:
            return {name: Done(error=confluent_kafka.KafkaException(confluent_kafka.KafkaError(3)))}
        self.did.append(f"delete {name}")
        self.going[name] = self.lingers
        return {name: Done()}

    def incremental_alter_configs(self, resources: list[Any], request_timeout: float) -> Any:
        (one,) = resources
        (entry,) = one.incremental_configs
        assert (entry.name, entry.value) == (POLICY, "compact")
        self.did.append(f"alter {one.name}")
        self.topics[one.name] = (self.topics[one.name][0], "compact")
        return {one: Done()}


@dataclass
class Bench:
    did: list[str]
    admins: dict[str, FakeAdmin]
    site: Site
    connectors: dict[str, Any] | None = None  # None: no worker answers
    written: list[tuple[str, int, str, str]] = field(default_factory=list)

    def mend(self, *, running: bool = False) -> int:
        return Internals(self.site).mend(lambda text: None, running=running)


@pytest.fixture
def topology() -> Topology:
    return build(parse({
        "owner": "ann", "datacenters": [
            {"name": "a", "cidr": "10.1.0.0/24"}, {"name": "b", "cidr": "10.2.0.0/24"},
        ],
        "links": [{"between": ["a", "b"]}], "mirrors": [{"from": "a", "to": "b"}],
    }).lab)


@pytest.fixture
def bench(topology: Topology, monkeypatch: pytest.MonkeyPatch) -> Bench:
    did: list[str] = []
    admins = {name: FakeAdmin(dict(topics), did) for name, topics in SOUND.items()}

    def verb(label: str) -> Callable[[str], str]:
        def reply(text: str) -> str:
            assert f"systemctl {label} connect.service" in text
            did.append(f"{label} workers")
            return ""
        return reply

    fleet = FakeFleet([FakeHost(CONTROL, {
        f"{label} connect": verb(label) for label in ("stop", "start")
    })])
    made = Bench(did, admins, Site(fleet, local_context(topology, {}), topology.datacenter("b")))

    def rest(method: str, path: str) -> Any:
        assert (method, path) == ("GET", "/connectors?expand=info&expand=status")
        if made.connectors is None:
            raise HttpError(503, "no answer", where=CONTROL)
        return made.connectors

    class Producer:
        def __init__(self, settings: Any) -> None:
            assert settings["acks"] == "all"

        def produce(self, topic: str, value: str, *, key: str, partition: int, **_: Any) -> None:
            made.written.append((topic, partition, key, value))

        def flush(self, seconds: float) -> int:
            return 0

    monkeypatch.setattr(Cluster, "admin", property(lambda self: admins[self.name]))
    monkeypatch.setattr(Site, "http", lambda *_: rest)
    monkeypatch.setattr(confluent_kafka, "Producer", Producer)
    clock = iter(range(100_000))
    monkeypatch.setattr(waiting, "time", SimpleNamespace(
        monotonic=lambda: next(clock) / 10, sleep=lambda seconds: None
    ))
    return made


def test_what_is_in_order_is_looked_at_and_left(bench: Bench) -> None:
    assert Internals(bench.site).lines() == ()
    assert Internals(bench.site).prove() == "7 as they have to be"
    assert (bench.mend(), bench.did) == (0, [])


def test_topics_that_a_broker_made_anew_are_made_as_they_have_to_be(bench: Bench) -> None:
    """Workers stand still meanwhile, and find everybody's connectors as they were."""
    bench.connectors = CONNECTORS
    bench.admins["b"].topics = dict.fromkeys(SOUND["b"], (3, "delete"))
    bench.admins["b"].lingers = 3
    del bench.admins["a"].topics["heartbeats"]
    assert Internals(bench.site).lines() == (
        "~ internal topic a.checkpoints.internal of b: cleanup.policy: delete -> compact",
        f"~ internal topic {CONFIGS} of b: partitions: 3 -> 1, made anew",
        "~ internal topic connect-b-offsets of b: cleanup.policy: delete -> compact",
        "~ internal topic connect-b-status of b: cleanup.policy: delete -> compact",
        "+ internal topic heartbeats of a (1 partition, 3 replicas, cleanup.policy = compact)",
        "~ workers of b: all stop, and start again with these topics",
    )
    assert bench.mend() == 5
    assert bench.did == [
        "alter a.checkpoints.internal", "create heartbeats 1x3", "stop workers",
        f"delete {CONFIGS}", f"create {CONFIGS} 1x3", "alter connect-b-offsets",
        "alter connect-b-status", "start workers",
    ]
    assert bench.admins["b"].topics["connect-b-offsets"] == (3, "compact"), "and all offsets"
    assert bench.written == [
        (CONFIGS, 0, "connector-mine", '{"properties": {"name": "mine"}}'),
        (CONFIGS, 0, "target-state-mine", '{"state": "PAUSED", "state.v2": "PAUSED"}'),
        (CONFIGS, 0, "connector-its", '{"properties": {"name": "its"}}'),
    ]
    assert bench.mend() == 0


def test_where_no_worker_answers_there_is_nothing_to_write_down(bench: Bench) -> None:
    del bench.admins["b"].topics[CONFIGS]
    assert bench.mend() == 1
    assert bench.did == ["stop workers", f"create {CONFIGS} 1x3", "start workers"]
    assert bench.written == []


def test_for_topics_of_mirrors_workers_go_on(bench: Bench) -> None:
    bench.admins["a"].topics["heartbeats"] = (3, "delete")
    bench.admins["b"].topics["connect-b-status"] = (3, "delete")
    assert (bench.mend(running=True), bench.did) == (1, ["alter heartbeats"])


def test_of_a_cluster_that_is_silent_nothing_is_said(bench: Bench) -> None:
    bench.admins["a"].silent = True
    del bench.admins["b"].topics["connect-b-status"]
    assert Internals(bench.site).problems() == (
        "internal topic connect-b-status of b is missing; run `fab up`",
    )


def test_one_that_does_not_go_is_named(bench: Bench) -> None:
    bench.admins["b"].topics[CONFIGS] = (3, "compact")
    bench.admins["b"].lingers = 100_000
    with pytest.raises(TimeoutExpired, match=f"internal topic {CONFIGS} cannot be put right after"):
        bench.mend()
    assert module.MEND_SECONDS > 0 and cast(Any, bench.site).name == "b"


def starting(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *brokers: tuple[int, ...]
) -> dict[str, list[tuple[int, ...]]]:
    """Clusters whose brokers start: those that each look at one sees, the last for ever."""
    left = {name: list(brokers) for name in bench.admins}

    def view(cluster: Cluster, timeout: float) -> View:
        seen = left[cluster.name]
        there = seen.pop(0) if len(seen) > 1 else seen[0]
        if not there:
            raise LabError("no broker answers")
        topics = bench.admins[cluster.name].topics
        return View(there, there[0], (), {f"{name}-{part}": (1,)
                                          for name, (count, _) in topics.items()
                                          for part in range(count)})

    monkeypatch.setattr(Cluster, "view", view)
    return left


def test_what_is_missing_is_made_as_soon_as_all_brokers_are_there(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for admin in bench.admins.values():
        admin.topics.clear()
    left = starting(bench, monkeypatch, (), (1, 2), (1, 2, 3))
    Internals(bench.site).make(bool)
    assert all(len(one) == 1 for one in left.values()), "not before"
    assert {name: one.topics for name, one in bench.admins.items()} == {
        "a": {**SOUND["a"], "connect-b-offsets": (1, "compact")}, "b": SOUND["b"],
    }
    assert Internals(bench.site).lines() == ()
    bench.did.clear()
    Internals(bench.site).make(bool)
    assert bench.did == [], "what is there is left"


def test_what_cannot_be_made_is_left_to_the_workers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.admins["b"].topics.clear()
    starting(bench, monkeypatch, (1, 2))
    looks = iter((False, False))
    Internals(bench.site).make(lambda: next(looks, True))
    assert bench.did == []
