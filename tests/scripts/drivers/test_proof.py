"""The proof of a cluster, against one in memory: what each check finds, and what is left behind."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException

from lab.file import parse
from lab.services.local import local_context
from lab.topology import build
from scripts.clients.kafka import Cluster, View
from scripts.drivers import proof as module
from scripts.drivers.driver import Report, Site
from scripts.drivers.proof import PARTITIONS, RECORDS, TOPIC_PREFIX, Proof, checksum
from scripts.errors import LabError, TimeoutExpired
from scripts.hosts.fleet import Answer
from scripts.workstation import waiting
from tests.fakes import FakeFleet, FakeHost

CONTROL = "ann-a-ctl01"
CHECKS = ["brokers", "topic", "write outside", "write inside", "read outside", "read inside",
          "clean-up"]


def topology(**more: int) -> Any:
    return build(parse({
        "owner": "ann", "datacenters": [{"name": "a", "cidr": "10.1.0.0/24", **more}],
    }).lab)


def error(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))


@dataclass
class Done:
    """A future that is there."""

    why: Exception | None = None

    def exception(self, timeout: float = 0) -> Exception | None:
        if isinstance(self.why, TimeoutError):
            raise self.why
        return self.why


@dataclass
class World:
    """A cluster. `refuses`: what fails of what is asked of it, by its name. `tampers`: what a
    reader sees instead of what was written. `syncs`: looks until all replicas are in sync."""

    refuses: dict[str, Exception] = field(default_factory=dict)
    tampers: dict[str, Callable[[list[str]], list[str]]] = field(default_factory=dict)
    unheard: int = 0  # records that are not acknowledged
    syncs: int = 2
    now: float = 1000.0
    topics: dict[str, list[str]] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    did: list[str] = field(default_factory=list)
    scripts: dict[str, str] = field(default_factory=dict)
    made: Any = None  # the topic as it was asked for
    open: int = 0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def ask(self, what: str) -> None:
        self.did.append(what)
        if what in self.refuses:
            raise self.refuses[what]

    def answer(self, what: str) -> Done:
        self.did.append(what)
        return Done(self.refuses.get(what))

    # -- the client for requests

    def list_topics(self, name: str = "", timeout: float = 0) -> Any:
        assert timeout > 0
        if not name:
            self.ask("list topics")
            return SimpleNamespace(topics=dict.fromkeys(self.topics))
        self.syncs -= 1
        isrs = [1, 2, 3][:self.made.replication_factor if self.syncs <= 0 else 1]
        there = {n: SimpleNamespace(isrs=isrs) for n in range(self.made.num_partitions)}
        return SimpleNamespace(topics={name: SimpleNamespace(partitions=there)})

    def create_topics(self, topics: list[Any], operation_timeout: float) -> Any:
        (self.made,) = topics
        assert self.made.topic.startswith(TOPIC_PREFIX)
        done = self.answer("create")
        if done.why is None or isinstance(done.why, TimeoutError):
            self.topics[self.made.topic] = []
        return {self.made.topic: done}

    def delete_topics(self, names: list[str], **_: float) -> Any:
        found = {}
        for name in names:
            found[name] = self.answer("delete" if name == self.made_name else f"delete {name}")
            if name not in self.topics:
                found[name] = Done(error(KafkaError.UNKNOWN_TOPIC_OR_PART))
            elif found[name].why is None:
                del self.topics[name]
        return found

    @property
    def made_name(self) -> str:
        return self.made.topic if self.made else ""

    def describe_consumer_groups(self, names: list[str]) -> str:
        return "asked for the coordinator"

    def delete_consumer_groups(self, names: list[str]) -> Any:
        self.did.append("delete groups")
        found = {name: Done(None if name in self.groups else error(KafkaError.GROUP_ID_NOT_FOUND))
                 for name in names}
        self.groups -= set(names)
        return found

    # -- the host inside

    def write(self, text: str) -> Answer | str:
        self.ask("write inside")
        self.scripts["write"] = text
        _, _, feed = text.partition("<<'RECORDS'\n")
        self.topics[self.made.topic] += feed.removesuffix("RECORDS\n").split()
        return ""

    def read(self, text: str) -> Answer | str:
        self.ask("read inside")
        self.scripts["read"] = text
        self.groups.add(f"{self.made.topic}-inside")
        return "\n".join(self.seen("inside")) + "\n"

    def seen(self, where: str) -> list[str]:
        written = list(reversed(self.topics[self.made.topic]))  # partitions have no order
        return self.tampers.get(where, lambda records: records)(written)


def clients(world: World) -> tuple[type, type]:
    class Producer:
        def __init__(self, settings: dict[str, Any]) -> None:
            assert settings["acks"] == "all"
            self.left: list[tuple[str, Callable[..., None]]] = []

        def list_topics(self, name: str, timeout: float) -> Any:
            return world.list_topics(name, timeout)

        def produce(
            self, topic: str, *, value: str, partition: int, on_delivery: Callable[..., None]
        ) -> None:
            assert topic == world.made.topic and 0 <= partition < PARTITIONS
            self.left.append((value, on_delivery))

        def flush(self, seconds: float) -> None:
            world.ask("write outside")
            for number, (value, tell) in enumerate(self.left):
                if number < world.unheard:
                    tell(KafkaError(KafkaError._MSG_TIMED_OUT), None)
                    continue
                world.topics[world.made.topic].append(value)
                tell(None, SimpleNamespace(value=value.encode))

    class Consumer:
        def __init__(self, settings: dict[str, Any]) -> None:
            self.group = settings["group.id"]
            assert settings["auto.offset.reset"] == "earliest"
            self.left: list[str] | None = None
            world.open += 1

        def subscribe(self, topics: list[str]) -> None:
            assert topics == [world.made.topic]
            world.groups.add(self.group)

        def consume(self, most: int, timeout: float) -> list[Any]:
            world.sleep(timeout)
            if self.left is None:
                self.left = world.seen("outside")
            now, self.left = self.left[:150], self.left[150:]
            broken = SimpleNamespace(value=lambda: b"x", error=lambda: KafkaError(-195))
            return [broken, *(SimpleNamespace(value=one.encode, error=lambda: None)
                              for one in now)]

        def commit(self, asynchronous: bool) -> None:
            assert not asynchronous
            world.ask("commit")

        def close(self) -> None:
            world.open -= 1

    return Producer, Consumer


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()

    def healthy(cluster: Cluster, timeout: float = 0) -> View:
        made.ask("brokers")
        return View((1, 2, 3), 2, ())

    producer, consumer = clients(made)
    monkeypatch.setattr(confluent_kafka, "Producer", producer)
    monkeypatch.setattr(confluent_kafka, "Consumer", consumer)
    monkeypatch.setattr(Cluster, "admin", property(lambda cluster: made))
    monkeypatch.setattr(Cluster, "wait_healthy", healthy)
    for one in (waiting, module):
        monkeypatch.setattr(one, "time", made)
    return made


def proven(world: World, **more: int) -> dict[str, str]:
    """What each check says, in order; of one that does not hold with an exclamation mark."""
    of = topology(**more)
    inside = of.datacenters[0].seed.name
    fleet = FakeFleet([FakeHost(inside, {
        "write through INTERNAL": world.write, "read through INTERNAL": world.read,
    })])
    report = Report("a")
    proof = Proof(Site(fleet, local_context(of, {}), of.datacenters[0]), "kafka")
    assert proof.run(report) is report.ok
    assert world.open == 0, "consumers stay open"
    assert {line.service for line in report.lines} == {"kafka"}
    assert not any("\n" in line.seen for line in report.lines)
    return {line.what: line.seen if line.held else f"! {line.seen}" for line in report.lines}


def test_a_cluster_in_order_is_proven_from_both_sides_and_left_as_it_was(world: World) -> None:
    found = proven(world)
    assert list(found) == CHECKS
    assert found["brokers"] == "1, 2, 3 registered, 2 controls"
    assert found["topic"] == "6 partitions, 3 replicas each"
    assert found["write outside"] == f"{RECORDS} records, acks=all"
    assert found["write inside"] == f"{RECORDS} records from {CONTROL}"
    outside, inside = found["read outside"], found["read inside"]
    assert outside.replace("workstation", CONTROL) == inside
    assert inside.startswith(f"{2 * RECORDS} records, sha256 ")
    assert (world.topics, world.groups) == ({}, set())
    assert world.made.config == {"min.insync.replicas": "2"}


@pytest.mark.parametrize(("kafka", "replicas", "insync"), [(1, 1, 1), (2, 2, 1), (5, 3, 2)])
def test_the_topic_has_as_many_replicas_as_brokers_bear(
    world: World, kafka: int, replicas: int, insync: int
) -> None:
    assert proven(world, kafka=kafka)["topic"] == (
        f"6 partitions, {replicas} replica{'' if replicas == 1 else 's'} each")
    assert world.made.config == {"min.insync.replicas": str(insync)}


def test_without_a_control_host_a_broker_is_the_inside(world: World) -> None:
    assert proven(world, control=0)["write inside"] == f"{RECORDS} records from ann-a-kafka01"


def test_the_inside_takes_kcat_or_kafkas_own_tools_and_lets_no_broker_make_topics(
    world: World,
) -> None:
    proven(world)
    for text, slow in ((world.scripts["write"], "kafka-console-producer.sh"),
                       (world.scripts["read"], "kafka-console-consumer.sh")):
        line = text.splitlines()[0]
        assert line.count(shlex.quote(world.made.topic)) >= 2
        assert "tool=(kcat -b ann-a-kafka01.lab.internal:9092," in line and slow in line
        assert "allow.auto.create.topics=false" in line
    assert f"-c {2 * RECORDS} " in world.scripts["read"]


def test_brokers_that_are_not_well_are_the_only_finding(world: World) -> None:
    world.refuses["brokers"] = TimeoutExpired("still not healthy after 120 s: broker 3", where="a")
    assert proven(world) == {"brokers": "! a: still not healthy after 120 s: broker 3"}
    assert world.did == ["brokers"]


def test_a_topic_that_is_refused_is_told_with_its_reason(world: World) -> None:
    world.refuses["create"] = error(KafkaError.POLICY_VIOLATION)
    found = proven(world)
    assert list(found) == ["brokers", "topic", "clean-up"]
    assert "POLICY_VIOLATION" in found["topic"].upper().replace(" ", "_")
    assert found["clean-up"] == "topic and groups removed", "one that never was is as good as gone"


def test_what_was_not_asked_for_is_not_removed(world: World) -> None:
    """A cluster that does not answer is one finding, and nobody waits for it twice."""
    world.refuses["list topics"] = error(KafkaError._TIMED_OUT)
    assert list(proven(world)) == ["brokers", "topic"]
    assert world.did == ["brokers", "list topics"]


@pytest.mark.parametrize("why", ["slow", "silent"])
def test_a_topic_that_does_not_get_whole_is_taken_away(world: World, why: str) -> None:
    """It stayed until the next `fab verify`, in a cluster that has trouble already."""
    if why == "slow":
        world.syncs = 10**6
    else:
        world.refuses["create"] = TimeoutError()  # it is made all the same
    found = proven(world)
    assert list(found) == ["brokers", "topic", "clean-up"]
    assert found["topic"].startswith("! ")
    if why == "slow":
        assert found["topic"] == "! a: replicas not in sync after 30 s"
    assert world.topics == {}


def test_what_a_run_left_that_was_killed_is_removed_and_nothing_else(world: World) -> None:
    world.topics = {"orders": [], f"{TOPIC_PREFIX}0a": []}
    assert "!" not in "".join(proven(world).values())
    assert world.topics == {"orders": []}


@pytest.mark.parametrize(("count", "said"), [
    (3, "! a: 197 of 200 records acknowledged (Local: Message timed out)"),
    (RECORDS, "! a: 0 of 200 records acknowledged (Local: Message timed out)"),
])
def test_records_that_are_not_acknowledged_are_counted_and_nobody_reads(
    world: World, count: int, said: str
) -> None:
    world.unheard = count
    found = proven(world)
    assert list(found) == ["brokers", "topic", "write outside", "clean-up"]
    assert found["write outside"] == said
    assert world.topics == {}


def test_who_cannot_write_inside_hides_neither_reader(world: World) -> None:
    world.refuses["write inside"] = LabError("`write through INTERNAL` ended with 1", where=CONTROL)
    found = proven(world)
    assert list(found) == CHECKS
    assert found["write inside"] == f"! {CONTROL}: `write through INTERNAL` ended with 1"
    assert found["read inside"].startswith(f"{RECORDS} records, ")


@pytest.mark.parametrize("where", ["inside", "outside"])
@pytest.mark.parametrize(("tamper", "said"), [
    (lambda records: records[1:], "399 of 400 records read by"),
    (lambda records: [*records, records[0]], "401 of 400 records read by"),
    (lambda records: [records[0].replace("-", "_"), *records[1:]], "the records read by"),
    (lambda records: [records[1], *records[1:]], "the records read by"),
    (lambda records: [], "0 of 400 records read by"),
])
def test_what_a_reader_lacks_is_told_and_the_other_one_is_heard(
    world: World, where: str, tamper: Callable[[list[str]], list[str]], said: str
) -> None:
    world.tampers[where] = tamper
    found = proven(world)
    other = "outside" if where == "inside" else "inside"
    assert found[f"read {where}"].startswith(f"! a: {said}")
    assert found[f"read {other}"].startswith("400 records, ")
    assert (world.topics, world.groups) == ({}, set())
    assert world.now < 1000 + 200, "a wait without an end"


def test_a_commit_that_fails_is_a_finding(world: World) -> None:
    world.refuses["commit"] = error(KafkaError.COORDINATOR_NOT_AVAILABLE)
    found = proven(world)
    assert found["read outside"].startswith("! Kafka: ")
    assert found["read inside"].startswith("400 records, ")


def test_a_topic_that_cannot_be_removed_keeps_no_group(world: World) -> None:
    world.refuses["delete"] = error(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    found = proven(world)
    assert found["clean-up"].startswith(f"! a: {TOPIC_PREFIX}")
    assert world.groups == set()


def test_a_bug_is_raised_and_the_topic_goes_all_the_same(world: World) -> None:
    world.refuses["read inside"] = KeyError("a bug")
    with pytest.raises(KeyError):
        proven(world)
    assert world.topics == {}


def test_a_checksum_is_of_the_records_and_not_of_their_order() -> None:
    assert checksum(["a", "b"]) == checksum(["b", "a"]) != checksum(["a", "a"])
