"""Proof that a cluster works: records go in and come out, from inside and from outside."""

from __future__ import annotations

import hashlib
import secrets
import shlex
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from lab.artifacts import PREFIX
from lab.counted import counted
from lab.services.tools import BIN, KCAT
from lab.services.topics import replication
from scripts.clients.kafka import client_settings, make_topics, settle
from scripts.clients.records import text
from scripts.drivers.driver import Report, Site
from scripts.errors import LabError, one_line
from scripts.workstation.waiting import wait_until

TOPIC_PREFIX = "kafkalab-verify-"
RECORDS = 200
PARTITIONS = 6
READ_SECONDS = 60
READY_SECONDS = 120


class Proof:
    """One datacenter's checks. Leaves no topic and no group behind."""

    def __init__(self, site: Site, service: str) -> None:
        self.fleet, self.datacenter, self.service = site.fleet, site.datacenter, service
        self.inside = site.context.internal(site.datacenter)
        self.factor = min(3, len(self.datacenter.by_role("kafka")))
        self.insync = min(replication(site.lab, site.datacenter)[1], self.factor)
        self.site, self.cluster = site, site.kafka
        self.topic = TOPIC_PREFIX + secrets.token_hex(4)
        self.written: list[str] = []
        self._groups: Any = None
        self._asked = False  # whether there may be a topic: one that was asked for may come late

    def run(self, report: Report) -> bool:
        """All checks; those that need a topic are left out when there is none."""
        check = partial(report.check, self.service)
        if not check("brokers", self._brokers):
            return report.ok
        try:
            if check("topic", self._create) and check("write outside", self._write_outside):
                check("write inside", self._write_inside)
                with ThreadPoolExecutor(2) as pool:
                    sides = (("read outside", self._read_outside),
                             ("read inside", self._read_inside))
                    parts = [Report(report.where, report.tell) for _ in sides]
                    list(pool.map(lambda pair: pair[0].check(self.service, *pair[1]),
                                  zip(parts, sides, strict=True)))
                    report.lines += [line for part in parts for line in part.lines]
        finally:
            if self._asked:
                check("clean-up", self._remove)
        return report.ok

    def _brokers(self) -> str:
        view = self.site.seen(self.cluster.wait_healthy(READY_SECONDS))
        # Asking for a group's coordinator makes a fresh cluster create its offsets topic, which
        # takes a second; it does so while the records are written. Nobody waits for the answer.
        self._groups = self.cluster.admin.describe_consumer_groups([f"{self.topic}-outside"])
        return f"{', '.join(map(str, view.brokers))} registered, {view.controller} controls"

    def _create(self) -> str:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms
        from confluent_kafka.admin import NewTopic  # noqa: PLC0415 - 50 ms

        admin = self.cluster.admin
        stale = [t for t in admin.list_topics(timeout=10).topics if t.startswith(TOPIC_PREFIX)]
        if stale:  # of a run that was killed; the lab's lock says that no other is under way
            settle(admin.delete_topics(stale), self.datacenter.name)
        topic = NewTopic(
            self.topic, num_partitions=PARTITIONS, replication_factor=self.factor,
            config={"min.insync.replicas": str(self.insync)},
        )
        self._asked = True
        try:
            make_topics(admin, [topic], self.datacenter.name)
        except KafkaException as error:
            raise LabError(one_line(error), where=self.datacenter.name) from error
        self._wait_in_sync(admin)
        return f"{PARTITIONS} partitions, {counted(self.factor, 'replica')} each"

    def _wait_in_sync(self, client: Any) -> None:
        """Wait until the broker that `client` asks knows all replicas of the topic in sync.

        Each client asks for itself: one that sends before its broker knows the topic looks again
        only after a second.
        """
        def in_sync() -> bool:
            partitions = client.list_topics(self.topic, timeout=5).topics[self.topic].partitions
            return len(partitions) == PARTITIONS and all(
                len(p.isrs) == self.factor for p in partitions.values()
            )

        wait_until(
            in_sync, timeout=30, message="replicas not in sync", where=self.datacenter.name,
            pause=0.02,
        )

    def _write_outside(self) -> str:
        from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

        producer = Producer(client_settings(self.cluster.endpoint, **{
            "acks": "all", "linger.ms": 5,
            "message.timeout.ms": READ_SECONDS * 1000,
        }))
        self._wait_in_sync(producer)
        failures: list[str] = []

        def delivered(error: Any, message: Any) -> None:
            if error is not None:
                failures.append(one_line(error))
            else:
                self.written.append(text(message))

        for number in range(RECORDS):
            producer.produce(
                self.topic, value=_record(f"outside-{number}"), on_delivery=delivered,
                partition=number % PARTITIONS,
            )
        producer.flush(READ_SECONDS)
        if len(self.written) != RECORDS:
            reason = failures[0] if failures else "no acknowledgement"
            raise LabError(
                f"{len(self.written)} of {RECORDS} records acknowledged ({reason})",
                where=self.datacenter.name,
            )
        return f"{RECORDS} records, acks=all"

    def _write_inside(self) -> str:
        records = [_record(f"inside-{number}") for number in range(RECORDS)]
        host = self.datacenter.seed
        feed = "".join(f"{record}\n" for record in records)
        self.fleet[host.name].script(
            f"{self._client('produce')} <<'RECORDS'\n{feed}RECORDS\n",
            label="write through INTERNAL", timeout=READ_SECONDS,
        )
        self.written += records
        return f"{RECORDS} records from {host.name}"

    def _read_outside(self) -> str:
        from confluent_kafka import Consumer  # noqa: PLC0415 - 50 ms

        consumer = Consumer(client_settings(self.cluster.endpoint, **{
            "group.id": f"{self.topic}-outside", "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            # The broker that it asks first may not know the topic yet; it would ask again after
            # five minutes (librdkafka's default) and until then be a member without partitions.
            "topic.metadata.refresh.interval.ms": 1000,
        }))
        seen: list[str] = []
        try:
            consumer.subscribe([self.topic])
            deadline = time.monotonic() + READ_SECONDS
            while len(seen) < len(self.written) and time.monotonic() < deadline:
                messages = consumer.consume(len(self.written), 0.2)
                seen += [text(m) for m in messages if m.error() is None]
            if seen:
                consumer.commit(asynchronous=False)
        finally:
            consumer.close()
        return self._compare(seen, "workstation")

    def _read_inside(self) -> str:
        host = self.datacenter.seed
        answer = self.fleet[host.name].script(
            f"{self._client('consume')}\n", label="read through INTERNAL", timeout=READ_SECONDS
        )
        return self._compare(answer.stdout.split(), host.name)

    def _client(self, act: str) -> str:
        """The command on the inside: kcat where it is installed, else Kafka's own tool.

        None of them lets the broker make the topic (Java's producer always does; it is there).
        """
        servers = self.inside.servers
        group, quiet = f"{self.topic}-inside", "allow.auto.create.topics=false"
        kcat = ["kcat", *(["-F", KCAT] if self.inside.settings else []), "-b", servers]
        tools = BIN if self.inside.settings else f"{PREFIX}/kafka/bin"
        if act == "produce":
            fast = [*kcat, "-P", "-q", "-t", self.topic, "-X", "acks=all", "-X", quiet]
            slow = [f"{tools}/kafka-console-producer.sh", "--bootstrap-server", servers,
                    "--topic", self.topic, "--producer-property", "acks=all"]
        else:
            fast = [*kcat, "-q", "-c", str(len(self.written)), "-X", "auto.offset.reset=earliest",
                    "-G", group, self.topic]
            slow = [f"{tools}/kafka-console-consumer.sh", "--bootstrap-server", servers,
                    "--topic", self.topic, "--group", group, "--from-beginning",
                    "--max-messages", str(len(self.written)), "--timeout-ms", "30000",
                    "--consumer-property", quiet]
        return (f"if command -v kcat >/dev/null; then tool=({shlex.join(fast)}); "
                f"else tool=({shlex.join(slow)}); fi; timeout {READ_SECONDS} \"${{tool[@]}}\"")

    def _compare(self, seen: list[str], reader: str) -> str:
        """Counts and checksums of what was written against what `reader` saw."""
        if len(seen) != len(self.written):
            raise LabError(
                f"{len(seen)} of {counted(len(self.written), 'record')} read by {reader}",
                where=self.datacenter.name,
            )
        if checksum(seen) != checksum(self.written):
            raise LabError(
                f"the records read by {reader} differ from those written",
                where=self.datacenter.name,
            )
        return f"{counted(len(seen), 'record')}, sha256 {checksum(seen)[:12]}, group on {reader}"

    def _remove(self) -> str:
        """What never was is as good as what is gone."""
        from confluent_kafka import KafkaError  # noqa: PLC0415 - 50 ms

        admin = self.cluster.admin
        try:
            settle(
                admin.delete_topics([self.topic], operation_timeout=30), self.datacenter.name,
                but=(KafkaError.UNKNOWN_TOPIC_OR_PART,),
            )
        finally:
            groups = [f"{self.topic}-outside", f"{self.topic}-inside"]
            for future in admin.delete_consumer_groups(groups).values():
                future.exception()
        return "topic and groups removed"


def _record(content: str) -> str:
    """A record that carries its own checksum."""
    return f"{content}-{hashlib.sha256(content.encode()).hexdigest()[:16]}"


def checksum(records: Iterable[str]) -> str:
    """One checksum of many records, whatever their order (partitions have none between them)."""
    return hashlib.sha256("\n".join(sorted(records)).encode()).hexdigest()
