"""Single records of a cluster, read from the workstation without a group: what stands where, and
what arrives."""

from __future__ import annotations

import time
from typing import Any

from lab.endpoint import Endpoint
from scripts.clients.kafka import client_settings
from scripts.errors import LabError, one_line
from scripts.workstation.waiting import POLL_SECONDS

READ_SECONDS = 20.0


def ends(consumer: Any, place: Any) -> tuple[int, int]:
    """The first and the next offset of a partition (a TopicPartition).

    The request goes to the broker that the client takes for the leader, and is not tried again by
    the client itself when that is no longer so. Raises KafkaException.
    """
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415 - 50 ms

    moving = (
        KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE, KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH, KafkaError.OFFSET_NOT_AVAILABLE,
    )
    deadline = time.monotonic() + READ_SECONDS
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=10)
        except KafkaException as error:
            if error.args[0].code() not in moving or time.monotonic() >= deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return low, high


class Tail:
    """Reads what arrives in partition 0 of a topic from now on; the topic may not exist yet."""

    def __init__(self, endpoint: Endpoint, topic: str) -> None:
        from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415 - 50 ms

        self._consumer = Consumer(client_settings(endpoint, **{
            "group.id": "kafkalab-reader", "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "isolation.level": "read_committed",
            "topic.metadata.refresh.interval.ms": 1000, "fetch.wait.max.ms": 20,
        }))
        there = topic in self._consumer.list_topics(timeout=10).topics
        start = 0
        if there:
            place = TopicPartition(topic, 0)
            start = ends(self._consumer, place)[1]
        self._consumer.assign([TopicPartition(topic, 0, start)])

    def read(self, timeout: float) -> list[str]:
        """The contents of what arrives within `timeout` seconds; returns with the first."""
        return [
            text(message) for message in self._consumer.consume(1, timeout)
            if message.error() is None
        ]

    def close(self) -> None:
        self._consumer.close()


def text(message: Any) -> str:
    """The content of a record; "" for one without."""
    return (message.value() or b"").decode()


def message_at(endpoint: Endpoint, topic: str, partition: int, offset: int) -> Any:
    """The record at `offset`, or the first one after it (markers have offsets of their own); -1 is
    the last record. None when there is none."""
    from confluent_kafka import Consumer, KafkaException, TopicPartition  # noqa: PLC0415 - 50 ms

    consumer = Consumer(client_settings(endpoint, **{
        "group.id": "kafkalab-reader", "enable.auto.commit": False, "fetch.wait.max.ms": 20,
    }))
    try:
        place = TopicPartition(topic, partition)
        low, high = ends(consumer, place)
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


def value_at(endpoint: Endpoint, topic: str, offset: int) -> str:
    message = message_at(endpoint, topic, 0, offset)
    return text(message) if message is not None else ""


def offsets_by_value(endpoint: Endpoint, topic: str, last: int) -> dict[str, int]:
    """The offset of each record of partition 0 up to the one at `last`, by its content."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition  # noqa: PLC0415 - 50 ms

    consumer = Consumer(client_settings(endpoint, **{
        "group.id": "kafkalab-reader", "enable.auto.commit": False, "fetch.wait.max.ms": 20,
    }))
    found: dict[str, int] = {}
    deadline = time.monotonic() + READ_SECONDS
    try:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        while last not in found.values() and time.monotonic() < deadline:
            for message in consumer.consume(500, 0.2):
                if message.error() is None and (offset := message.offset() or 0) <= last:
                    found[text(message)] = offset
    finally:
        consumer.close()
    return found


def read_partition(
    endpoint: Endpoint, topic: str, partition: int = 0
) -> list[tuple[str, str | None]]:
    """Key and content of every record of a small topic, the oldest first; none where there is none.

    Raises LabError when it cannot be read to its end.
    """
    from confluent_kafka import Consumer, KafkaException, TopicPartition  # noqa: PLC0415 - 50 ms

    consumer = Consumer(client_settings(endpoint, **{
        "group.id": "kafkalab-reader", "enable.auto.commit": False, "fetch.wait.max.ms": 20,
    }))
    found: list[tuple[str, str | None]] = []
    deadline = time.monotonic() + READ_SECONDS
    try:
        if topic not in consumer.list_topics(timeout=10).topics:
            return []
        place = TopicPartition(topic, partition)
        low, high = ends(consumer, place)
        consumer.assign([TopicPartition(topic, partition, low)])
        while low < high:
            for message in consumer.consume(500, 0.2):
                if message.error() is None and (message.offset() or 0) < high:
                    key, value = message.key() or b"", message.value()
                    found.append((key.decode(), None if value is None else value.decode()))
            # The position also passes what compaction took away.
            low = max(low, consumer.position([place])[0].offset)
            if time.monotonic() > deadline:
                raise LabError(f"{topic} could not be read within {READ_SECONDS:g} s")
    except KafkaException as error:
        raise LabError(f"{topic} cannot be read: {one_line(error)}") from error
    finally:
        consumer.close()
    return found
