"""Partitions of a cluster as `lab.mirrors.offsets` looks at them: by offset, and by time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from lab.endpoint import Endpoint
from lab.mirrors.offsets import Record
from scripts.clients.kafka import admin_client, client_settings
from scripts.errors import LabError, one_line

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient

REQUEST_SECONDS = 10.0
STILL_SECONDS = 20.0  # without a record, until a partition is given up
BATCH = 500
# A look wants one record, most of the time; what is fetched beside it is thrown away.
FETCH_BYTES = 262_144


class Stamp(NamedTuple):
    """Where a record stands, and its timestamp in ms."""

    offset: int
    timestamp: int


class Partitions:
    """The partitions of one cluster. `committed`: what transactions have not committed is not
    there. `patient`: a partition that cannot be read for the moment is left out and stands in
    `unreadable`, where it would be an error else. `seconds`: how long a request may take. `admin`:
    a client of the same cluster, where there is one. Keeps connections: `close` it."""

    def __init__(
        self, endpoint: Endpoint, where: str, *, committed: bool, patient: bool = False,
        seconds: float = REQUEST_SECONDS, admin: AdminClient | None = None,
    ) -> None:
        from confluent_kafka import IsolationLevel  # noqa: PLC0415 - 50 ms

        self.where, self._patient, self._seconds = where, patient, seconds
        self.unreadable: dict[tuple[str, int], str] = {}
        self.admin = admin or admin_client(endpoint)
        self._endpoint = endpoint
        self._reader: Consumer | None = None
        self._led: set[str] = set()  # the topics of which `admin` knows who leads them
        self._committed = committed
        self._isolation = (
            IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        )

    @property
    def _consumer(self) -> Consumer:
        """The client that reads records, made for the first of them: most looks read none. Raises
        LabError."""
        from confluent_kafka import Consumer  # noqa: PLC0415 - 50 ms

        if self._reader is None:
            self._reader = Consumer(client_settings(self._endpoint, **{
                "group.id": "kafkalab-reader", "enable.auto.commit": False,
                "auto.offset.reset": "error", "enable.partition.eof": True,
                "fetch.wait.max.ms": 20, "fetch.message.max.bytes": FETCH_BYTES,
                "queued.max.messages.kbytes": 1024,
                "fetch.queue.backoff.ms": 20,  # a queue so small is full most of the time
                "isolation.level": "read_committed" if self._committed else "read_uncommitted",
            }))
            self.topics()  # it knows leaders then: else its first read takes a second
        return self._reader

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def sizes(self, timeout: float | None = None) -> dict[str, int]:
        """The number of partitions by topic. Raises LabError."""
        return {name: len(one.partitions) for name, one in self.topics(timeout).items()}

    def topics(self, timeout: float | None = None) -> Mapping[str, Any]:
        """Every topic as the client has it, with leaders and replicas. Raises LabError."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        client = self._reader or self.admin  # who is asked knows leaders afterwards
        try:
            found: Mapping[str, Any] = client.list_topics(timeout=timeout or self._seconds).topics
        except KafkaException as error:
            raise LabError(
                f"topics cannot be listed: {one_line(error)}", where=self.where,
                hint="see `fab status`",
            ) from error
        if client is self.admin:
            self._led.update(found)
        return found

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

    def extents(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """Both of each partition, asked for at once."""
        return self.outlines(places)[0]

    def heads(
        self, places: Iterable[tuple[str, int]]
    ) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], Stamp]]:
        """The first offset that each partition keeps, as `lows`, and its first record, as `oldest`,
        asked for at once."""
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415 - 50 ms

        lows, found = self._at_once(
            list(places), OffsetSpec.earliest(),  # type: ignore[no-untyped-call]
            OffsetSpec.for_timestamp(0),
        )
        return {place: one.offset for place, one in lows.items()}, _stamps(found)

    def outlines(
        self, places: Iterable[tuple[str, int]], timestamp: int | None = None
    ) -> tuple[dict[tuple[str, int], tuple[int, int]], dict[tuple[str, int], Stamp]]:
        """`extents` and, of a time in ms, `since_each`, asked for at once."""
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415 - 50 ms

        places = list(places)
        specs = [OffsetSpec.earliest(), OffsetSpec.latest()]  # type: ignore[no-untyped-call]
        if timestamp is not None:
            specs.append(OffsetSpec.for_timestamp(max(timestamp, 0)))
        lows, ends, *found = self._at_once(places, *specs)
        return {place: (lows[place].offset, ends[place].offset)
                for place in places if place in lows and place in ends
                }, _stamps(found[0]) if found else {}

    def since(self, place: tuple[str, int], timestamp: int) -> int | None:
        """The offset of the first record that is not older; None when there is none.

        Brokers look it up in their index by time and are exact (ListOffsets, KIP-79).
        """
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415 - 50 ms

        found = self._offsets({place: OffsetSpec.for_timestamp(max(timestamp, 0))})
        offset = found.get(place, -1)
        return offset if offset >= 0 else None

    def oldest(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Stamp]:
        """The first record that each partition keeps, where it has one."""
        return self.since_each(dict.fromkeys(places, 0))

    def since_each(self, times: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], Stamp]:
        """The first record of each partition that is not older than a time, where there is one.

        Markers of transactions have times, too, and what was aborted counts as a record.
        """
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415 - 50 ms

        found = self._asked({
            place: OffsetSpec.for_timestamp(max(stamp, 0)) for place, stamp in times.items()
        })
        return _stamps(found)

    def newest(self, place: tuple[str, int]) -> Stamp | None:
        """The youngest record of a partition; None where it has none, or is not there (KIP-734)."""
        from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415 - 50 ms

        found = self._asked({
            place: OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]
        }).get(place)
        return Stamp(found.offset, found.timestamp) if found and found.offset >= 0 else None

    def compacted(self, topics: Iterable[str]) -> set[str]:
        """Which of these topics are compacted. Raises LabError."""
        return {name for name, policy in self.policies(topics).items() if "compact" in policy}

    def policies(self, topics: Iterable[str]) -> dict[str, str]:
        """The cleanup policy by topic, of those that are there. Raises LabError."""
        from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415 - 50 ms
        from confluent_kafka.admin import ConfigResource, ResourceType  # noqa: PLC0415 - 50 ms

        asked = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
        if not asked:
            return {}
        futures = self.admin.describe_configs(asked, request_timeout=self._seconds)
        found = {}
        for resource, future in futures.items():
            try:
                found[resource.name] = future.result()["cleanup.policy"].value or ""
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise LabError(
                        f"settings of topics cannot be read: {one_line(error)}", where=self.where
                    ) from error
        return found

    def read(self, place: tuple[str, int], start: int, end: int) -> Iterator[Record]:
        """The records of a partition from one offset up to before another. Raises LabError.

        One reading at a time: the next one ends those before.
        """
        return map(_record, self.messages(place, start, end))

    def messages(
        self, place: tuple[str, int], start: int, end: int, batch: int = BATCH
    ) -> Iterator[Any]:
        """The same as the client has them, with headers. A small `batch` comes sooner."""
        return self.spans({place: (start, end)}, batch)

    def spans(
        self, wanted: Mapping[tuple[str, int], tuple[int, int]], batch: int = BATCH
    ) -> Iterator[Any]:
        """The same of several partitions side by side, each from one offset up to before another;
        those of one partition in order."""
        from confluent_kafka import KafkaError, TopicPartition  # noqa: PLC0415 - 50 ms

        left = {place: end for place, (start, end) in wanted.items() if start < end}
        if left:
            self._consumer.assign([TopicPartition(*place, wanted[place][0]) for place in left])
        deadline = time.monotonic() + STILL_SECONDS
        while left:
            # What is there, once there is one: for more it would wait the whole time, and of a log
            # with markers, or what is not committed, there are fewer than offsets.
            came = self._consumer.consume(1, 0.2)
            for message in (*came, *(self._consumer.consume(batch, 0) if came else ())):
                place = message.topic() or "", message.partition() or 0
                if place not in left:
                    continue
                error, offset = message.error(), message.offset() or 0
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    self._unreadable(place, one_line(error))
                if error is None and offset < left[place]:
                    yield message
                    deadline = time.monotonic() + STILL_SECONDS
                if error is not None or offset + 1 >= left[place]:
                    del left[place]
                    self._consumer.incremental_unassign([TopicPartition(*place)])
            if left and time.monotonic() > deadline:
                self._unreadable(min(left), f"nothing for {STILL_SECONDS:g} s")

    def firsts(
        self, starts: Mapping[tuple[str, int], int], still: float = STILL_SECONDS
    ) -> dict[tuple[str, int], Record]:
        """The first record at or behind an offset of each partition; none where only markers
        follow. One reading for all of them. still: seconds without an answer that end it."""
        from confluent_kafka import KafkaError, TopicPartition  # noqa: PLC0415 - 50 ms

        found: dict[tuple[str, int], Record] = {}
        left = set(starts)
        if left:
            self._consumer.assign([TopicPartition(*at, start) for at, start in starts.items()])
        deadline = time.monotonic() + still
        while left:
            message = self._consumer.poll(0.2)
            at = (message.topic() or "", message.partition() or 0) if message else ("", 0)
            if message and at in left:
                error = message.error()
                if error is None:
                    found[at] = _record(message)
                elif error.code() != KafkaError._PARTITION_EOF:
                    self._missed(at, one_line(error))
                left.discard(at)
                # Not paused: a partition would stay so when it is assigned again.
                self._consumer.incremental_unassign([TopicPartition(*at)])
                deadline = time.monotonic() + still
            elif time.monotonic() > deadline:
                self._missed(min(left), f"nothing for {still:g} s")
                break
        return found

    def _offsets(self, wanted: Mapping[tuple[str, int], Any]) -> dict[tuple[str, int], int]:
        return {place: one.offset for place, one in self._asked(wanted).items()}

    def _asked(self, wanted: Mapping[tuple[str, int], Any]) -> dict[tuple[str, int], Any]:
        return self._answers(self._ask(wanted))

    def _ask(self, wanted: Mapping[tuple[str, int], Any]) -> Mapping[Any, Any]:
        from confluent_kafka import TopicPartition  # noqa: PLC0415 - 50 ms

        if not wanted:
            return {}
        return self.admin.list_offsets(
            {TopicPartition(*place): spec for place, spec in wanted.items()},
            isolation_level=self._isolation, request_timeout=self._seconds,
        )

    def _at_once(self, places: Sequence[tuple[str, int]], *specs: Any) -> list[dict[Any, Any]]:
        """The answers to several questions about the same partitions."""
        self._learn_leaders({topic for topic, _ in places})
        asked = [self._ask(dict.fromkeys(places, spec)) for spec in specs]
        return list(map(self._answers, asked))

    def _learn_leaders(self, topics: set[str]) -> None:
        """What librdkafka learns by itself for one request. For two at once that begin with it, the
        second may miss that it is known, and waits until it asks again, 1 or 3 s later."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        if not topics <= self._led:
            with suppress(KafkaException):  # who does not answer is told of the requests
                self._led.update(self.admin.list_topics(timeout=self._seconds).topics)

    def _answers(self, futures: Mapping[Any, Any]) -> dict[tuple[str, int], Any]:
        """What brokers answer for each partition; those that are not there are left out."""
        from confluent_kafka import (  # noqa: PLC0415 - 50 ms
            OFFSET_INVALID,
            KafkaError,
            KafkaException,
        )

        found = {}
        for one, future in futures.items():
            try:
                answer = future.result()
                # Of a leader that is not reached in time, while others are, librdkafka says this.
                if answer.offset == OFFSET_INVALID:
                    self._missed((one.topic, one.partition), "its leader does not answer")
                else:
                    found[one.topic, one.partition] = answer
            except KafkaException as error:
                if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                    self._missed((one.topic, one.partition), one_line(error))
        return found

    def _missed(self, place: tuple[str, int], why: str) -> None:
        if not self._patient:
            self._unreadable(place, why)
        self.unreadable[place] = why

    def _unreadable(self, place: tuple[str, int], why: str) -> NoReturn:
        raise LabError(f"{place[0]}-{place[1]} cannot be read: {why}", where=self.where)


@dataclass(frozen=True)
class Part:
    """One partition; see `lab.mirrors.offsets.Part`."""

    partitions: Partitions
    place: tuple[str, int]
    low: int
    end: int

    def first(self, offset: int) -> Record | None:
        start = max(offset, self.low)
        return next(map(_record, self.partitions.messages(self.place, start, self.end, 1)), None)

    def since(self, timestamp: int) -> Iterator[Record]:
        start = self.partitions.since(self.place, timestamp)
        if start is not None:
            yield from self.partitions.read(self.place, start, self.end)


def _stamps(found: Mapping[tuple[str, int], Any]) -> dict[tuple[str, int], Stamp]:
    return {place: Stamp(one.offset, one.timestamp) for place, one in found.items()
            if one.offset >= 0}


def _record(message: Any) -> Record:
    from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME  # noqa: PLC0415 - 50 ms

    kind, at = message.timestamp()
    return Record(message.offset() or 0, at, message.key(), message.value(),
                  kind == TIMESTAMP_LOG_APPEND_TIME)
