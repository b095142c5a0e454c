"""Mirrors as they are: how far each is behind, and a proof that records and offsets cross."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.mirrors import CANARY, SOURCE, Mirror, remote_name
from lab.services.context import Context
from lab.services.kafka import replication
from lab.topology import Topology
from scripts.cluster import (
    admin_client,
    client_settings,
    forget_group,
    keep_topic,
    wait_until,
)
from scripts.connectors import Workers
from scripts.errors import LabError, TimeoutExpired
from scripts.fleet import Fleet
from scripts.rest import RestError
from scripts.session import bootstrap

CANARY_PARTITIONS = 2
CANARY_RETENTION_MS = 600_000
PROBES = 20
PROBE_PAUSE = 0.05
CROSS_SECONDS = 90.0
READ_SECONDS = 20.0
CHECKPOINTS = "{}.checkpoints.internal"


@dataclass(frozen=True)
class PartitionLag:
    """One partition: the source's end, the next offset to mirror, and how old what waits is."""

    topic: str
    partition: int
    source_end: int
    mirrored: int
    seconds: float

    @property
    def records(self) -> int:
        return max(self.source_end - self.mirrored, 0)


@dataclass(frozen=True)
class MirrorStatus:
    """One mirror: what is wrong ("" for nothing), its lag, the age of its last checkpoint in s."""

    name: str
    problem: str
    partitions: tuple[PartitionLag, ...]
    checkpoint_age: float | None

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "healthy": not self.problem, "problem": self.problem,
            "checkpoint_age_s": self.checkpoint_age,
            "lag_records": sum(one.records for one in self.partitions),
            "lag_seconds": max((one.seconds for one in self.partitions), default=0.0),
            "partitions": [
                {"topic": one.topic, "partition": one.partition, "source_end": one.source_end,
                 "mirrored": one.mirrored, "lag_records": one.records, "lag_seconds": one.seconds}
                for one in self.partitions
            ],
        }


class MirrorView:
    """Looks at one mirror from the workstation, through the EXTERNAL listeners of both ends."""

    def __init__(self, fleet: Fleet, topology: Topology, mirror: Mirror, context: Context) -> None:
        self.mirror, self.topology = mirror, topology
        self._run = secrets.token_hex(4)
        self._group = f"{CANARY}-{self._run}"
        self.workers = Workers(fleet, topology, topology.datacenter(mirror.target))
        self.source = bootstrap(topology.datacenter(mirror.source), context)
        self.target = bootstrap(topology.datacenter(mirror.target), context)

    def status(self) -> MirrorStatus:
        """State, lag and checkpoint age. A side that does not answer is the problem, no error."""
        problem = self.problem()
        try:
            offsets = self._offsets()
        except RestError as error:
            return MirrorStatus(self.mirror.name, problem or error.what, (), None)
        try:
            return MirrorStatus(
                self.mirror.name, problem, tuple(self._lags(offsets)), self._checkpoint_age()
            )
        except LabError as error:
            return MirrorStatus(self.mirror.name, problem or error.what, (), None)

    def problem(self) -> str:
        """What is wrong with the mirror's connectors, in words; "" when all of them run."""
        mine = self.mirror.name + "."
        try:
            states = {s.name: s for s in self.workers.states() if s.name.startswith(mine)}
        except RestError as error:
            return error.what
        if any(name not in states for name in self.workers.wanted if name.startswith(mine)):
            return "not set up; run `fab mirror`"
        return next((state.problem for state in states.values() if state.problem), "")

    def _offsets(self) -> dict[tuple[str, int], int]:
        """The next offset to mirror of each partition, from the source connector's own record."""
        found = self.workers.rest("GET", f"/connectors/{self.mirror.name}.{SOURCE}/offsets")
        return {
            (one["partition"]["topic"], int(one["partition"]["partition"])):
                int(one["offset"]["offset"]) + 1
            for one in found["offsets"] if one.get("offset")
        }

    def _lags(self, offsets: Mapping[tuple[str, int], int]) -> Iterable[PartitionLag]:
        from confluent_kafka import TopicPartition  # noqa: PLC0415
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415

        if not offsets:
            return
        admin = admin_client(self.source)
        wanted = {TopicPartition(t, p): OffsetSpec.latest() for t, p in sorted(offsets)}
        for place, future in admin.list_offsets(wanted, request_timeout=10).items():
            if future.exception(timeout=15) is not None:
                continue  # the topic is gone in the source; its copy stays
            stop, mirrored = future.result().offset, offsets[place.topic, place.partition]
            age = 0.0
            if stop > mirrored:
                record = _record_at(self.source, place.topic, place.partition, mirrored)
                age = max(time.time() - record / 1000, 0.0) if record else 0.0
            yield PartitionLag(place.topic, place.partition, stop, mirrored, round(age, 3))

    def _checkpoint_age(self) -> float | None:
        """Seconds since the last checkpoint was written; None when there is none yet."""
        topic = CHECKPOINTS.format(self.mirror.source)
        stamp = _record_at(self.target, topic, 0, -1)
        return round(time.time() - stamp / 1000, 3) if stamp else None

    def running(self) -> str:
        """Wait until the mirror's connectors and tasks run; how many. Raises LabError."""
        self.workers.wait_running(repair=False)  # a proof that repairs proves nothing
        mine = [s for s in self.workers.states() if s.name.startswith(self.mirror.name + ".")]
        return f"{len(mine)} connectors, {sum(len(state.tasks) for state in mine)} tasks running"

    def prepare(self) -> None:
        """Have the topic and the group of the proof there: mirrors look for new ones only now and
        then, and may do so while other things are verified. Raises LabError."""
        self._make_canary()
        self._commit(0)

    def prove(self) -> str:
        """Write in the source, read in the target, and hold a translated offset against both.

        Returns what was seen. Raises LabError.
        """
        remote = remote_name(self.mirror, CANARY)
        sent, latencies = self._cross(self._run, remote)
        offsets = self._translated(remote, sent)
        latencies.sort()
        middle = latencies[len(latencies) // 2]
        return (
            f"{len(sent)} records in {remote}, {middle * 1000:.0f} ms median, "
            f"{latencies[-1] * 1000:.0f} ms at most; {offsets}"
        )

    def _make_canary(self) -> None:
        keep_topic(
            self.source, CANARY, partitions=CANARY_PARTITIONS, retention_ms=CANARY_RETENTION_MS,
            replication=replication(
                self.topology.config, self.topology.datacenter(self.mirror.source)
            ),
            where=self.mirror.source,
        )

    def _cross(self, run: str, remote: str) -> tuple[dict[str, int], list[float]]:
        """Send probes one by one and time each one's arrival; offsets in the source by record."""
        from confluent_kafka import Producer  # noqa: PLC0415

        producer = Producer(client_settings(self.source, acks="all", **{"linger.ms": 0}))
        reader = _Reader(self.target, remote)
        try:
            sent: dict[str, int] = {}
            latencies = []
            for number in range(PROBES):
                value = f"{run}-{number}"

                def acknowledged(error: Any, message: Any, value: str = value) -> None:
                    if error is None:
                        sent[value] = message.offset()

                began = time.time()
                producer.produce(CANARY, value=value, partition=0, on_delivery=acknowledged)
                if producer.flush(30) or value not in sent:
                    raise LabError("a record was not acknowledged", where=self.mirror.source)
                reader.wait_for(value, CROSS_SECONDS, self.mirror.name)
                if number:  # the first waits until the mirror has seen that the topic is there
                    latencies.append(time.time() - began)
            return sent, latencies
        finally:
            reader.close()

    def _commit(self, offset: int) -> None:
        from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415

        consumer = Consumer(client_settings(self.source, **{"group.id": self._group}))
        try:
            place = TopicPartition(CANARY, 0, offset)
            consumer.assign([place])
            consumer.commit(offsets=[place], asynchronous=False)
        finally:
            consumer.close()

    def forget(self) -> None:
        """Remove the group of the proof; one that never was is as good as one that is gone."""
        for servers in (self.source, self.target):
            forget_group(servers, self._group)

    def _translated(self, remote: str, sent: Mapping[str, int]) -> str:
        """Commit in the source; wait for the offset in the target; compare what stands at both."""
        from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415

        first, committed = min(sent.values()), max(sent.values())
        self._commit(committed)
        # What stands at the translated offset is the committed record or an older one: translation
        # may round down, so that records are read again, but never up, which would skip some. It
        # may be one of another mirror, whose proof is written into the same source meanwhile.
        offsets = _offsets_by_value(self.source, CANARY, committed)
        probe = Consumer(client_settings(self.target, **{"group.id": self._group}))
        seen = "nothing"
        try:
            def synced() -> tuple[int, int] | None:
                nonlocal seen
                (found,) = probe.committed([TopicPartition(remote, 0)], timeout=10)
                if found.offset < 0:
                    return None
                there = _value_at(self.target, remote, found.offset)
                seen = f"{found.offset}, where {there or 'nothing'} stands"
                # One of before this run's second record is the translation of an earlier commit.
                place = offsets.get(there, -1)
                return (found.offset, place) if place > first else None

            there, place = wait_until(
                synced, timeout=CROSS_SECONDS, where=self.mirror.name, pause=0.2,
            )
        except TimeoutExpired as error:
            raise LabError(
                f"offset {committed} of group {self._group} became {seen}, "
                f"still after {CROSS_SECONDS:g} s", where=self.mirror.name,
                hint="see `fab mirror.status`",
            ) from error
        finally:
            probe.close()
        return f"offset {committed} became {there}, {committed - place} records early"


class _Reader:
    """Reads a topic of the target from its end of now on, also one that is not there yet."""

    def __init__(self, servers: str, topic: str) -> None:
        from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415

        self._consumer = Consumer(client_settings(servers, **{
            "group.id": "kafkalab-reader", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "isolation.level": "read_committed",
            "topic.metadata.refresh.interval.ms": 1000, "fetch.wait.max.ms": 20,
        }))
        there = topic in self._consumer.list_topics(timeout=10).topics
        start = 0
        if there:
            place = TopicPartition(topic, 0)
            start = self._consumer.get_watermark_offsets(place, timeout=10)[1]
        self._consumer.assign([TopicPartition(topic, 0, start)])

    def wait_for(self, value: str, timeout: float, where: str) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            message = self._consumer.poll(0.1)
            if (
                message is not None and message.error() is None
                and message.value().decode() == value
            ):
                return
        raise LabError(f"a record did not cross within {timeout:g} s", where=where,
                       hint="see `fab mirror.status`")

    def close(self) -> None:
        self._consumer.close()


def _message_at(servers: str, topic: str, partition: int, offset: int) -> Any:
    """The record at `offset`, or the first one after it (markers have offsets of their own); -1 is
    the last record. None when there is none."""
    from confluent_kafka import Consumer, KafkaException, TopicPartition  # noqa: PLC0415

    consumer = Consumer(client_settings(servers, **{
        "group.id": "kafkalab-reader", "enable.auto.commit": False, "fetch.wait.max.ms": 20,
    }))
    try:
        place = TopicPartition(topic, partition)
        low, high = consumer.get_watermark_offsets(place, timeout=10)
        back = 1
        while offset < 0 and high - back >= low:
            consumer.assign([TopicPartition(topic, partition, high - back)])
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                return message
            back *= 2
        if offset < low or offset >= high:
            return None
        consumer.assign([TopicPartition(topic, partition, offset)])
        message = consumer.poll(2)
        return message if message is not None and message.error() is None else None
    except KafkaException:
        return None
    finally:
        consumer.close()


def _record_at(servers: str, topic: str, partition: int, offset: int) -> int | None:
    """The timestamp of the record at an offset, in ms since the epoch."""
    message = _message_at(servers, topic, partition, offset)
    return int(message.timestamp()[1]) if message is not None else None


def _value_at(servers: str, topic: str, offset: int) -> str:
    message = _message_at(servers, topic, 0, offset)
    return message.value().decode() if message is not None and message.value() else ""


def _offsets_by_value(servers: str, topic: str, last: int) -> dict[str, int]:
    """The offset of each record of partition 0 up to the one at `last`, by its content."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition  # noqa: PLC0415

    consumer = Consumer(client_settings(servers, **{
        "group.id": "kafkalab-reader", "enable.auto.commit": False, "fetch.wait.max.ms": 20,
    }))
    found: dict[str, int] = {}
    deadline = time.monotonic() + READ_SECONDS
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        while last not in found.values() and time.monotonic() < deadline:
            for message in consumer.consume(500, 0.2):
                if message.error() is None and message.offset() <= last:
                    found[message.value().decode()] = message.offset()
    finally:
        consumer.close()
    return found
