"""Partitions of a cluster as `lab.mirrors.offsets` looks at them: by offset, and by time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lab.endpoint import Endpoint
from lab.mirrors.offsets import Record
from scripts.clients.kafka import admin_client, client_settings
from scripts.errors import LabError

REQUEST_SECONDS = 10.0
STILL_SECONDS = 20.0  # without a record, until a partition is given up
BATCH = 500
# A look wants one record, most of the time; what is fetched beside it is thrown away.
FETCH_BYTES = 262_144


class Partitions:
    """The partitions of one cluster. `committed`: what transactions have not committed is not
    there. Keeps connections: `close` it."""

    def __init__(self, endpoint: Endpoint, where: str, *, committed: bool) -> None:
        from confluent_kafka import Consumer, IsolationLevel  # noqa: PLC0415 - 50 ms

        self.where = where
        self.admin = admin_client(endpoint)
        self._isolation = (
            IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        )
        self._consumer = Consumer(client_settings(endpoint, **{
            "group.id": "kafkalab-reader", "enable.auto.commit": False,
            "auto.offset.reset": "error", "enable.partition.eof": True, "fetch.wait.max.ms": 20,
            "fetch.message.max.bytes": FETCH_BYTES, "queued.max.messages.kbytes": 1024,
            "isolation.level": "read_committed" if committed else "read_uncommitted",
        }))

    def close(self) -> None:
        self._consumer.close()

    def sizes(self) -> dict[str, int]:
        """The number of partitions by topic. Raises LabError."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        try:
            found = self.admin.list_topics(timeout=REQUEST_SECONDS).topics
        except KafkaException as error:
            raise LabError(
                f"topics cannot be listed: {error.args[0].str()}", where=self.where,
                hint="see `fab status`",
            ) from error
        return {name: len(topic.partitions) for name, topic in found.items()}

    def lows(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The first offset that each partition keeps. Those that are not there are left out."""
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415 - 50 ms

        return self._offsets(dict.fromkeys(
            places, OffsetSpec.earliest()  # type: ignore[no-untyped-call]
        ))

    def ends(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """The offset after all that can be read of each partition."""
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415 - 50 ms

        return self._offsets(dict.fromkeys(
            places, OffsetSpec.latest()  # type: ignore[no-untyped-call]
        ))

    def since(self, place: tuple[str, int], timestamp: int) -> int | None:
        """The offset of the first record that is not older; None when there is none.

        Brokers look it up in their index by time and are exact (ListOffsets, KIP-79).
        """
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415 - 50 ms

        found = self._offsets({place: OffsetSpec.for_timestamp(max(timestamp, 0))})
        offset = found.get(place, -1)
        return offset if offset >= 0 else None

    def compacted(self, topics: Iterable[str]) -> set[str]:
        """Which of these topics are compacted. Raises LabError."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms
        from confluent_kafka.admin import ConfigResource, ResourceType  # noqa: PLC0415 - 50 ms

        asked = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
        if not asked:
            return set()
        futures = self.admin.describe_configs(asked, request_timeout=REQUEST_SECONDS)
        try:
            return {
                resource.name for resource, future in futures.items()
                if "compact" in (future.result()["cleanup.policy"].value or "")
            }
        except KafkaException as error:
            raise LabError(
                f"settings of topics cannot be read: {error.args[0].str()}", where=self.where
            ) from error

    def read(self, place: tuple[str, int], start: int, end: int) -> Iterator[Record]:
        """The records of a partition from one offset up to before another. Raises LabError.

        One reading at a time: the next one ends those before.
        """
        from confluent_kafka import KafkaError, TopicPartition  # noqa: PLC0415 - 50 ms

        if start >= end:
            return
        self._consumer.assign([TopicPartition(*place, start)])
        deadline = time.monotonic() + STILL_SECONDS
        while True:
            for message in self._consumer.consume(BATCH, 0.2):
                error = message.error()
                if error is not None and error.code() == KafkaError._PARTITION_EOF:
                    return
                if error is not None:
                    self._unreadable(place, error.str())
                if (message.offset() or 0) >= end:
                    return
                yield _record(message)
                deadline = time.monotonic() + STILL_SECONDS
            if time.monotonic() > deadline:
                self._unreadable(place, f"nothing for {STILL_SECONDS:g} s")

    def _offsets(self, wanted: Mapping[tuple[str, int], Any]) -> dict[tuple[str, int], int]:
        from confluent_kafka import (  # noqa: PLC0415 - 50 ms
            KafkaError,
            KafkaException,
            TopicPartition,
        )

        if not wanted:
            return {}
        futures = self.admin.list_offsets(
            {TopicPartition(*place): spec for place, spec in wanted.items()},
            isolation_level=self._isolation, request_timeout=REQUEST_SECONDS,
        )
        found = {}
        for one, future in futures.items():
            try:
                found[one.topic, one.partition] = future.result().offset
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    self._unreadable((one.topic, one.partition), error.args[0].str())
        return found

    def _unreadable(self, place: tuple[str, int], why: str) -> None:
        raise LabError(f"{place[0]}-{place[1]} cannot be read: {why}", where=self.where)


@dataclass(frozen=True)
class Part:
    """One partition; see `lab.mirrors.offsets.Part`."""

    partitions: Partitions
    place: tuple[str, int]
    low: int
    end: int

    def first(self, offset: int) -> Record | None:
        return next(self.partitions.read(self.place, max(offset, self.low), self.end), None)

    def since(self, timestamp: int) -> Iterator[Record]:
        start = self.partitions.since(self.place, timestamp)
        if start is not None:
            yield from self.partitions.read(self.place, start, self.end)


def _record(message: Any) -> Record:
    from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME  # noqa: PLC0415 - 50 ms

    kind, at = message.timestamp()
    return Record(message.offset() or 0, at, message.key(), message.value(),
                  kind == TIMESTAMP_LOG_APPEND_TIME)
