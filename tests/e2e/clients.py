"""Kafka and Kafka Connect from beside: what a test writes, and what it sees arrive."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from lab.services.connect import PORT
from lab.topology import Host

# That a record may take: with all in order a tenth of a second. But after a worker was killed
# nobody sees past its open transaction, which Kafka ends after a minute if nobody else does.
SECONDS = 120


def send(
    servers: str, topic: str, records: Iterable[tuple[str | None, str | None]]
) -> None:
    """Write keys and values, all acknowledged."""
    failed: list[str] = []
    producer = Producer({"bootstrap.servers": servers, "acks": "all",
                         "broker.address.family": "v4", "enable.idempotence": True,
                         "queue.buffering.max.messages": 1_000_000})
    for key, value in records:
        producer.produce(topic, value, key=key, on_delivery=lambda error, _: (
            failed.append(str(error)) if error else None
        ))
    assert producer.flush(60) == 0
    assert failed == []


class Client:
    """One cluster, by its bootstrap list."""

    def __init__(self, servers: str) -> None:
        self._settings = {
            "bootstrap.servers": servers, "broker.address.family": "v4",
            "log_level": 0, "error_cb": lambda error: None,
        }
        self._admin = AdminClient(self._settings)

    def topics(self) -> dict[str, int]:
        """The number of partitions by topic."""
        found = self._admin.list_topics(timeout=10).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def make(self, topic: str, partitions: int = 1, **config: str) -> None:
        new = NewTopic(topic, partitions, 1, config={
            key.replace("_", "."): value for key, value in config.items()
        })
        for future in self._admin.create_topics([new], operation_timeout=30).values():
            future.result(60)

    def delete(self, *topics: str) -> None:
        """Delete topics, and wait until nothing is left of them."""
        for future in self._admin.delete_topics(list(topics), operation_timeout=30).values():
            future.result(60)
        deadline = time.monotonic() + SECONDS
        while not all(map(self._free, topics)):
            assert time.monotonic() < deadline, f"{topics} are still there after {SECONDS} s"
            time.sleep(0.1)

    def _free(self, topic: str) -> bool:
        """Whether a topic of that name could be made now; a deleted one lingers for a moment."""
        asked = self._admin.create_topics([NewTopic(topic, 1, 1)], validate_only=True)
        return all(future.exception(60) is None for future in asked.values())

    def grow(self, topic: str, partitions: int) -> None:
        for future in self._admin.create_partitions([NewPartitions(topic, partitions)]).values():
            future.result(60)

    def setting(self, topic: str, name: str) -> str:
        """A topic's setting as it is in force."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        (future,) = self._admin.describe_configs([resource]).values()
        return str(future.result(30)[name].value)

    def change(self, kind: ResourceType, name: str, key: str, value: str | None) -> None:
        """Change a dynamic setting of a topic or a broker; None takes it back."""
        does = AlterConfigOpType.DELETE if value is None else AlterConfigOpType.SET
        entry = ConfigEntry(key, value or "", incremental_operation=does)
        resource = ConfigResource(kind, name, incremental_configs=[entry])
        for future in self._admin.incremental_alter_configs([resource]).values():
            future.result(30)

    def write(
        self, topic: str, values: Iterable[str], partition: int = 0, **settings: int
    ) -> list[str]:
        """Write records and wait until each is acknowledged; returns them."""
        with self.writing(topic, **settings) as send:
            return [send(value, partition) for value in values]

    def write_in_transaction(
        self, topic: str, values: Iterable[str], *, commit: bool = True
    ) -> None:
        """Write records in one transaction, which is committed or aborted."""
        producer = Producer({**self._settings, "transactional.id": "beside"})
        producer.init_transactions(SECONDS)
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, partition=0)
        assert producer.flush(SECONDS) == 0
        end = producer.commit_transaction if commit else producer.abort_transaction
        end(SECONDS)

    @contextmanager
    def writing(self, topic: str, **settings: int) -> Iterator[Any]:
        """A function that sends a record; at the end of the block all are acknowledged.

        settings: of the producer, with _ for a dot.
        """
        errors: list[KafkaError] = []
        producer = Producer({
            **self._settings, "acks": "all", "enable.idempotence": True,
            **{name.replace("_", "."): value for name, value in settings.items()},
        })

        def send(value: str, partition: int = 0) -> str:
            producer.produce(
                topic, value, partition=partition,
                on_delivery=lambda error, message: errors.append(error) if error else None,
            )
            producer.poll(0)
            return value

        yield send
        assert producer.flush(SECONDS) == 0
        assert not errors

    @contextmanager
    def undecided(self, topic: str, value: str) -> Iterator[None]:
        """A record in a transaction that is open in the block, and aborted at its end."""
        producer = Producer({
            **self._settings, "transactional.id": f"beside-{topic}",
            "transaction.timeout.ms": 600_000,
        })
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(topic, value)
        assert producer.flush(30) == 0
        try:
            yield
        finally:
            producer.abort_transaction(30)

    def write_with(
        self, topic: str, value: str, headers: list[tuple[str, bytes | None]]
    ) -> None:
        """Write one record with headers."""
        producer = Producer({**self._settings, "acks": "all"})
        producer.produce(topic, value, headers=headers)
        assert producer.flush(SECONDS) == 0

    def headers(self, topic: str) -> Any:
        """Those of the topic's first record, once it is there."""
        consumer = Consumer({
            **self._settings, "group.id": "beside", "enable.auto.commit": False,
            "isolation.level": "read_committed", "topic.metadata.refresh.interval.ms": 1000,
        })
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        deadline = time.monotonic() + SECONDS
        try:
            while time.monotonic() < deadline:
                message = consumer.poll(0.2)
                if message is not None and message.error() is None:
                    return message.headers()
            raise AssertionError(f"{topic}: no record within {SECONDS} s")
        finally:
            consumer.close()

    def commit(self, group: str, topic: str, offsets: Mapping[int, int]) -> None:
        """Commit as a consumer that is then gone."""
        consumer = Consumer({**self._settings, "group.id": group, "enable.auto.commit": False})
        places = [TopicPartition(topic, part, offset) for part, offset in offsets.items()]
        consumer.assign(places)
        consumer.commit(offsets=places, asynchronous=False)
        consumer.close()

    def member(self, group: str, topic: str) -> Consumer:
        """A member of a group that has joined, and commits nothing; to be closed."""
        consumer = Consumer({**self._settings, "group.id": group, "enable.auto.commit": False})
        consumer.subscribe([topic])
        deadline = time.monotonic() + SECONDS
        while not consumer.assignment():
            assert time.monotonic() < deadline, f"{group} did not join within {SECONDS} s"
            consumer.poll(0.2)
        return consumer

    def committed(self, group: str, topic: str, partitions: int) -> dict[int, int]:
        """A group's offsets, in partitions where it has one."""
        consumer = Consumer({**self._settings, "group.id": group, "enable.auto.commit": False})
        try:
            found = consumer.committed(
                [TopicPartition(topic, part) for part in range(partitions)], timeout=30
            )
            return {one.partition: one.offset for one in found if one.offset >= 0}
        finally:
            consumer.close()

    def read(
        self, topic: str, until: Mapping[int, str], *, to_end: bool = True,
        start: Mapping[int, int] | None = None,
    ) -> dict[int, list[str]]:
        """Every committed record by partition: up to the one that `until` names for each and, with
        `to_end`, whatever comes after it. Fails when that one does not come. `start` names the
        offsets to begin at.
        """
        consumer = Consumer({
            **self._settings, "group.id": "beside", "enable.auto.commit": False,
            "isolation.level": "read_committed", "enable.partition.eof": True,
            "topic.metadata.refresh.interval.ms": 1000,
        })
        consumer.assign([
            TopicPartition(topic, part, (start or {}).get(part, OFFSET_BEGINNING))
            for part in until
        ])
        found: dict[int, list[str]] = {part: [] for part in until}
        waiting = set(until)
        deadline = time.monotonic() + SECONDS
        try:
            while waiting:
                assert time.monotonic() < deadline, (
                    f"{topic}: no {[until[p] for p in waiting]} within {SECONDS} s, but "
                    f"{ {part: (len(values), values[-3:]) for part, values in found.items()} }"
                )
                message = consumer.poll(0.2)
                if message is None:
                    continue
                part = message.partition()
                if message.error() is None:
                    found[part].append(message.value().decode())
                at_end = message.error() and message.error().code() == KafkaError._PARTITION_EOF
                if (at_end or not to_end) and until[part] in found[part]:
                    waiting.discard(part)
            return found
        finally:
            consumer.close()


def connect(host: Host, method: str, path: str, body: object = None) -> Any:
    """A request to a worker's REST API, past the lab's own way to it. Raises OSError."""
    request = urllib.request.Request(
        f"http://{host.address}:{PORT}{path}", method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None
