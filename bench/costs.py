"""What each listener of the lab that LAB names costs, as a process of its own.

    python -m bench.costs NUMBER

The same is done over each listener that brokers have for the workstation, in turns: records are
written as fast as they go and read back, some are written at a pace, and new clients begin. Which
listener goes first changes from turn to turn, and with NUMBER. The client is librdkafka, the one
that the lab itself uses: it does TLS with OpenSSL and needs little of the machine for that, so what
is seen is what brokers need. The last line that is printed are the figures, as JSON.
"""

from __future__ import annotations

import json
import os
import secrets
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.measure import BenchError
from lab.drills.measures import percentile
from lab.listeners import KINDS
from scripts.clients.kafka import client_settings, keep_topic, settle
from scripts.drivers.driver import Site
from scripts.drivers.listeners import login
from scripts.drivers.proof import TOPIC_PREFIX
from scripts.drivers.ready import settings
from scripts.drivers.wire import speaking
from scripts.errors import one_line
from scripts.session import Session
from scripts.tasks.clusters import sites_of

TOPIC = f"{TOPIC_PREFIX}cost-"  # which no mirror takes
RECORD, PARTITIONS, REPLICAS = 1000, 6, (3, 2)  # bytes; how many copies, and at least in sync
TURNS, WRITE_S, WARM_S = 3, 2.5, 1.0
RATE, PACED_S, CLIENTS = 200, 2.0, 3  # records/s and seconds at a pace; new clients a turn
QUEUE_KB, WAIT_S = 32_768, 60.0
MB = 1e6
PER_MB = 100  # CPU seconds are told for so many
# What a broker has worked so far, in the kernel's ticks, and how many of these are a second.
CPU = """\
pid=$(systemctl show -p MainPID --value kafka.service)
cut -d' ' -f14,15 "/proc/$pid/stat"
getconf CLK_TCK
"""
Settings = Mapping[str, Any]
Figures = dict[str, list[float]]


def ways(site: Site) -> dict[str, Settings]:
    """What a client is told for each listener that the workstation reaches."""
    known = login(site)
    found: dict[str, Settings] = {}
    for name in site.context.listens(site.datacenter).ordered:
        if KINDS[name].outside:
            endpoint = speaking(site, name).external(site.datacenter)
            found[name] = client_settings(
                endpoint, **settings("python", endpoint, known.user, known.password))
    return found


def order(names: Sequence[str], turn: int) -> list[str]:
    """The listeners in the order of a turn: each is first, last and in between equally often."""
    first = turn % len(names)
    rolled = [*names[first:], *names[:first]]
    return rolled[::-1] if turn // len(names) % 2 else rolled


def measured(site: Site, number: int) -> dict[str, Figures]:
    """The figures of each listener, one of each turn; of those at a pace, of all turns together."""
    found: dict[str, Figures] = {}
    waited: dict[str, list[float]] = {}
    over = ways(site)
    for client in over.values():  # what no compiler has seen yet costs all of them the same
        with _topic(site) as topic:
            _read(client, topic, _write(client, topic, WARM_S)[0])
    for turn in range(TURNS):
        for name in order(list(over), number * TURNS + turn):
            with _topic(site) as topic:
                once = _fast(site, over[name], topic)
                waited.setdefault(name, []).extend(_paced(over[name], topic))
                begun = [_begun(over[name], topic) for _ in range(CLIENTS)]
                once["begin"] = [1000 * statistics.median(begun)]
            for what, values in once.items():
                found.setdefault(name, {}).setdefault(what, []).extend(values)
    for name, every in waited.items():
        found[name] |= {what: [1000 * percentile(sorted(every), percent)]
                        for what, percent in (("median", 50), ("p99", 99))}
    return found


@contextmanager
def _topic(site: Site) -> Iterator[str]:
    """A topic of its own, so that disks do not fill."""
    name = f"{TOPIC}{secrets.token_hex(4)}"
    keep_topic(site.kafka.endpoint, name, partitions=PARTITIONS, replication=REPLICAS,
               config={"file.delete.delay.ms": "1000"}, where=site.name)
    try:
        yield name
    finally:
        settle(site.kafka.admin.delete_topics([name], operation_timeout=30), site.name)


def _fast(site: Site, client: Settings, topic: str) -> Figures:
    """Megabytes a second, and CPU seconds of all brokers and of the client for a hundred of them,
    of writing and of reading."""
    wrote = _worked(site, lambda: _write(client, topic, WRITE_S))
    read = _worked(site, lambda: _read(client, topic, wrote[0]))
    found: Figures = {}
    for what, (count, seconds, brokers, own) in (("write", wrote), ("read", read)):
        size = count * RECORD / MB
        found |= {what: [size / seconds], f"{what}_cpu": [PER_MB * brokers / size],
                  f"{what}_client": [PER_MB * own / size]}
    return found


def _worked(
    site: Site, work: Callable[[], tuple[int, float]]
) -> tuple[int, float, float, float]:
    """Records and seconds of some work, and CPU seconds of the brokers and of this process."""
    before, mine = _cpu(site), time.process_time()
    count, seconds = work()
    return count, seconds, _cpu(site) - before, time.process_time() - mine


def _cpu(site: Site) -> float:
    """CPU seconds that the brokers have worked."""
    def one(name: str) -> float:
        user, system, ticks = site.fleet[name].script(CPU, label="work?").stdout.split()
        return (int(user) + int(system)) / int(ticks)

    return sum(site.fleet.each(one, [host.name for host in site.carriers("kafka")]).values())


VALUE = os.urandom(RECORD)


class _Producer:
    """A producer of which every record has to be acknowledged."""

    def __init__(self, client: Settings, topic: str, **more: object) -> None:
        from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

        self.topic, self.failed = topic, ""
        self.own = Producer({**client, "acks": "all", "queue.buffering.max.kbytes": QUEUE_KB,
                             **more})

    def send(self, number: int, told: Callable[[], None] | None = None) -> None:
        """Raises BufferError where the queue is full. `told`: called when it is acknowledged."""
        self.own.produce(self.topic, VALUE, partition=number % PARTITIONS, on_delivery=(
            partial(self._delivered, told) if told else self._failed))

    def _failed(self, error: Any, message: Any) -> None:
        del message
        if error is not None:
            self.failed = one_line(error)

    def _delivered(self, told: Callable[[], None], error: Any, message: Any) -> None:
        self._failed(error, message)
        told()

    def flush(self) -> None:
        left = self.own.flush(WAIT_S)
        if left or self.failed:
            raise BenchError(f"not all records were written: {self.failed or left}")

    def connect(self) -> None:
        """Know all brokers, and be known to them."""
        for number in range(PARTITIONS):
            self.send(number)
        self.flush()


def _write(client: Settings, topic: str, seconds: float) -> tuple[int, float]:
    """Write as fast as it goes; how many records, and in how many seconds all were acknowledged."""
    producer = _Producer(client, topic, **{
        "enable.idempotence": True, "linger.ms": 5, "delivery.report.only.error": True})
    producer.connect()
    began, count = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        try:
            producer.send(count)
            count += 1
        except BufferError:
            producer.own.poll(0.005)
    producer.flush()
    return count, time.monotonic() - began


def _read(client: Settings, topic: str, count: int) -> tuple[int, float]:
    """Read what was written; records and seconds after the first of them came."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition  # noqa: PLC0415 - 50 ms

    consumer = Consumer({**client, "group.id": "kafkalab-reader", "enable.auto.commit": False,
                         "fetch.wait.max.ms": 20})
    try:
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING)
                         for number in range(PARTITIONS)])
        first = len(consumer.consume(1, WAIT_S))
        began, left = time.monotonic(), count - first
        while left > 0:
            came = consumer.consume(5000, 1.0)
            if wrong := [one for one in came if one.error()]:
                raise BenchError(f"{topic} is not read: {one_line(wrong[0].error())}")
            left -= len(came)
            if time.monotonic() - began > WAIT_S:
                raise BenchError(f"{left} of {count} records were not read")
        return count - first, time.monotonic() - began
    finally:
        consumer.close()


def _paced(client: Settings, topic: str) -> list[float]:
    """The seconds until each record was acknowledged, of some that are written at a pace."""
    producer = _Producer(client, topic, **{"linger.ms": 0})
    producer.connect()
    took: list[float] = []

    def done(sent: float) -> None:
        took.append(time.monotonic() - sent)

    began = time.monotonic()
    for number in range(int(RATE * PACED_S)):
        while (left := began + number / RATE - time.monotonic()) > 0:
            producer.own.poll(left)
        producer.send(number, partial(done, time.monotonic()))
    producer.flush()
    return took


def _begun(client: Settings, topic: str) -> float:
    """The seconds from when a client begins until its first record is acknowledged."""
    began = time.monotonic()
    producer = _Producer(client, topic, **{"linger.ms": 0})
    producer.send(0)
    producer.flush()
    return time.monotonic() - began


def main(number: int) -> None:
    with sites_of(Session(), None) as (places, _):
        print(json.dumps(measured(next(iter(places.values())), number)))


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except BenchError as error:
        sys.exit(f"error: {error}")
