"""The application of a drill: one that writes, one group that reads, one that watches a mirror.

They run on the workstation, through the EXTERNAL listeners, with one clock, and note what they see
in a `Log`. The settings are those that a careful application has: acks=all and an idempotent
producer that never gives a record up, offsets committed for what has been processed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaException,
    Producer,
    TopicPartition,
)

from lab.drills import avro
from lab.drills.log import Acked, Committed, Log, Seen, decode, encode
from lab.endpoint import Endpoint
from scripts.clients.kafka import client_settings, unknown
from scripts.clients.records import ends
from scripts.errors import LabError

TICK_S = 0.01
COMMIT_S = 0.5
# Longer than a coordinator is missed when its broker dies (ZooKeeper's session, 9 s, and an
# election): a member that gives up first has to wait until its own old self has expired.
SESSION_MS = 15000
FLUSH_S = 30.0
FAREWELL_S = 0.5  # for what is under way to a cluster that is given up
BATCH = 1000


@dataclass(frozen=True)
class Place:
    """A cluster as the application reaches it. `topics` are the drill's, by where they come from:
    {"dc1": "dc1.kafkalab-drill", "dc2": "kafkalab-drill"} in dc2."""

    name: str
    endpoint: Endpoint
    topics: dict[str, str]

    @property
    def own(self) -> str:
        """The topic that is written here."""
        return self.topics[self.name]


class Client(threading.Thread):
    """A thread that works until it is stopped; an error in it is raised where it is looked at."""

    def __init__(self, name: str) -> None:
        super().__init__(name=f"drill-{name}", daemon=True)
        self.stopping = threading.Event()
        self.error: BaseException | None = None
        self._orders: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def run(self) -> None:
        try:
            while not self.stopping.is_set():
                with self._lock:
                    orders, self._orders = self._orders, []
                for order in orders:
                    order()
                self.work()
            self.finish()
        except BaseException as error:  # shown by `check`
            self.error = error

    def order(self, act: Callable[[], None]) -> None:
        """Have `act` done by this thread, before its next piece of work."""
        with self._lock:
            self._orders.append(act)

    def work(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """What is to be done at the end, in this thread."""

    def check(self) -> None:
        """Raise what went wrong in this thread."""
        if self.error is not None:
            raise LabError(
                f"{self.name} failed: {type(self.error).__name__}: {self.error}",
                hint="this is not the lab's doing; run it with --debug",
            ) from self.error

    def end(self, timeout: float = 2 * FLUSH_S) -> None:
        """Stop and wait until it has. Raises LabError when it does not."""
        self.stopping.set()
        if self.is_alive():
            self.join(timeout)
        self.check()
        if self.is_alive():
            raise LabError(f"{self.name} does not end within {timeout:g} s")


class Writer(Client):
    """Writes numbered records at a steady `rate` per second, each until it is acknowledged.

    `wrap`: what becomes of a record before it is written (Avro, say).
    """

    def __init__(
        self, log: Log, run: str, place: Place, rate: int,
        wrap: Callable[[bytes], bytes] = bytes,
    ) -> None:
        super().__init__("writer")
        self.log, self.run_id, self.rate, self.wrap = log, run, rate, wrap
        self.last_ack = time.time()
        self._pending: dict[int, float] = {}
        self._began, self._skipped = time.monotonic(), 0
        self._paused = False
        self._place = place
        self._producer = _producer(place.endpoint)

    @property
    def pending(self) -> int:
        """Records that are sent and not acknowledged."""
        return len(self._pending)

    def move(self, place: Place) -> None:
        """Give up the present cluster: what it has not acknowledged is sent to the other one."""
        self.order(partial(self._move, place))

    def pause(self) -> None:
        """Send no new records; what is under way goes on."""
        self.order(partial(setattr, self, "_paused", True))

    def work(self) -> None:
        due = int((time.monotonic() - self._began) * self.rate) - self._skipped
        if self._paused:  # the pace starts anew afterwards, without a burst
            self._skipped += due - self.log.sent
        else:
            while self.log.sent < due:
                number, self.log.sent = self.log.sent, self.log.sent + 1
                self._send(number, time.time())
        self._producer.poll(TICK_S)

    def finish(self) -> None:
        """Wait until all is acknowledged; what is not in time shows in the log."""
        self._producer.flush(FLUSH_S)

    def key(self, number: int) -> str | None:
        """What a record has for a key, whatever partition it is for."""
        return None

    def value(self, number: int, sent: float) -> bytes:
        """What a record is."""
        key = number % self.log.keys
        return self.wrap(encode(stamp(self.run_id, self._place.name), number, key, sent))

    def _send(self, number: int, sent: float) -> None:
        key = number % self.log.keys
        value = self.value(number, sent)
        self._pending[number] = sent
        while True:
            try:
                self._producer.produce(
                    self._place.own, value, key=self.key(number), partition=key,
                    on_delivery=partial(self._delivered, number, sent, self._place),
                )
                return
            except BufferError:
                self._producer.poll(TICK_S)
            except KafkaException as error:
                if not unknown(error.args[0]):
                    raise
                self._producer.poll(TICK_S)

    def _delivered(self, number: int, sent: float, place: Place, error: Any, message: Any) -> None:
        if error is not None:
            if unknown(error) and place == self._place:
                self.order(partial(self._send, number, sent))
            return  # given up with its cluster: `_move` sends it again
        now = time.time()
        self.last_ack = now
        self._pending.pop(number, None)
        self.log.acked.append(
            Acked(number, number % self.log.keys, sent, now, place.name, message.offset())
        )

    def _move(self, place: Place) -> None:
        self._producer.flush(FAREWELL_S)
        self._producer.purge(in_queue=True, in_flight=True)
        self._producer.flush(FAREWELL_S)
        self._place, self._producer = place, _producer(place.endpoint)
        self._paused = False
        for number, sent in sorted(self._pending.items()):
            self._send(number, sent)


class Reader(Client):
    """One consumer group that reads the drill's topics and commits twice a second."""

    def __init__(self, log: Log, run: str, group: str, place: Place) -> None:
        super().__init__("reader")
        self.log, self.run_id, self.group = log, run, group
        self.seen: set[int] = set()  # the numbers of all records that it has read
        self._open(place)

    def move(self, place: Place) -> None:
        """Leave the present cluster and go on in the other one, as the same group."""
        self.order(partial(self._move, place))

    def work(self) -> None:
        for message in self._consumer.consume(BATCH, TICK_S * 5):
            seen = _seen(message, self.run_id, self._place)
            if seen is not None:
                self.seen.add(seen.number)
                self.log.consumed.append(seen)
                if self.log.avro:
                    self.log.avro.note(self._place.name, message.value())
        if time.monotonic() >= self._commit_at:
            self._commit(asynchronous=True)

    def finish(self) -> None:
        self._commit(asynchronous=False)
        self._consumer.close()

    def _open(self, place: Place) -> None:
        self._place = place
        self._commit_at = time.monotonic() + COMMIT_S
        self._consumer = Consumer(client_settings(place.endpoint, **{
            "group.id": self.group, "enable.auto.commit": False, "auto.offset.reset": "earliest",
            "isolation.level": "read_committed", "session.timeout.ms": SESSION_MS,
            "fetch.min.bytes": 65536, "fetch.wait.max.ms": 100,
            "topic.metadata.refresh.interval.ms": 5000,
            "on_commit": partial(self._committed, place),
        }))
        self._consumer.subscribe(list(place.topics.values()))

    def _commit(self, *, asynchronous: bool) -> None:
        self._commit_at = time.monotonic() + COMMIT_S
        with suppress(KafkaException):  # nothing new to commit, or the cluster is gone
            if asynchronous:
                self._consumer.commit(asynchronous=True)
            else:
                self._committed(self._place, None, self._consumer.commit(asynchronous=False))

    def _committed(self, place: Place, error: Any, partitions: Any) -> None:
        if error is not None:
            return
        origins = {topic: name for name, topic in place.topics.items()}
        now = time.time()
        self.log.committed += [
            Committed(one.partition, now, place.name, origins[one.topic], one.offset)
            for one in partitions if one.offset >= 0 and one.error is None
        ]

    def _move(self, place: Place) -> None:
        # The cluster that is left may never answer again: nobody waits for the farewell.
        threading.Thread(target=self._consumer.close, daemon=True).start()
        self._open(place)


class Watcher(Client):
    """Sees what a mirror delivers into `place` from `origin`: reads the copies, for nobody."""

    def __init__(self, log: Log, run: str, place: Place, origin: str) -> None:
        super().__init__("watcher")
        self.log, self.run_id, self._place = log, run, place
        self.last_seen = 0.0  # when the last copy arrived
        self.ends: dict[int, int] = {}  # by key: the offset after the last copy
        self.seen: set[int] = set()
        self._consumer = _bystander(place, [place.topics[origin]], log.keys)

    def work(self) -> None:
        for message in self._consumer.consume(BATCH, TICK_S * 5):
            seen = _seen(message, self.run_id, self._place)
            if seen is not None and seen.origin != self._place.name:
                self.last_seen, self.ends[seen.key] = seen.at, seen.offset + 1
                self.seen.add(seen.number)
                self.log.mirrored.append(seen)

    def finish(self) -> None:
        self._consumer.close()


def read_all(run: str, place: Place, keys: int, timeout: float = 60) -> list[Seen]:
    """Every record of the run that a cluster holds now. Raises LabError after `timeout` seconds."""
    topics = sorted(set(place.topics.values()))
    consumer = _bystander(place, topics, keys)
    found: list[Seen] = []
    try:
        left = {}
        for topic in topics:
            for key in range(keys):
                low, high = ends(consumer, TopicPartition(topic, key))
                if high > low:
                    left[topic, key] = high
        deadline = time.monotonic() + timeout
        while left:
            for message in consumer.consume(BATCH, 0.1):
                seen = _seen(message, run, place)
                if seen is not None:
                    found.append(seen)
            # The position also passes the markers of transactions, which are no records.
            for one in consumer.position([TopicPartition(t, p) for t, p in left]):
                if one.offset >= left[one.topic, one.partition]:
                    del left[one.topic, one.partition]
            if time.monotonic() > deadline:
                raise LabError(
                    f"its records could not be read within {timeout:g} s", where=place.name,
                    hint="see `fab status`",
                )
    finally:
        consumer.close()
    return found


def stamp(run: str, origin: str) -> str:
    """The name under which records of a run are written in one datacenter."""
    return f"{run}@{origin}"


def _seen(message: Any, run: str, place: Place) -> Seen | None:
    """A message as a record of this run; None for all others."""
    if message.error() is not None:
        return None
    value = avro.text(message.value())
    for origin in place.topics:
        found = decode(value, stamp(run, origin))
        if found is not None:
            number, key = found
            return Seen(
                number, key, time.time(), place.name, origin, message.offset(), number >= 0
            )
    return None


def _producer(endpoint: Endpoint) -> Any:
    return Producer(client_settings(endpoint, **{
        "acks": "all", "enable.idempotence": True, "linger.ms": 50,
        # The application decides when a cluster is given up, not a time-out: 0 is never.
        "message.timeout.ms": 0, "socket.timeout.ms": 10000,
        "topic.metadata.refresh.interval.ms": 5000,
    }))


def _bystander(place: Place, topics: Sequence[str], keys: int) -> Any:
    """A consumer of all partitions without a group, from their first record."""
    consumer = Consumer(client_settings(place.endpoint, **{
        "group.id": "kafkalab-drill-bystander", "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "isolation.level": "read_committed",
        "fetch.min.bytes": 65536, "fetch.wait.max.ms": 50,
    }))
    consumer.assign([
        TopicPartition(topic, key, OFFSET_BEGINNING) for topic in topics for key in range(keys)
    ])
    return consumer
