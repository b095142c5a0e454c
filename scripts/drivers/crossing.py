"""The proof of a mirror: records and a group's offset that cross it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from lab.counted import counted
from lab.mirrors.topics import CANARY, remote_name
from lab.options.mirrors import Mirror
from lab.services.topics import replication
from scripts.clients.kafka import client_settings, forget_group, keep_topic
from scripts.clients.records import Tail, ends, offsets_by_value, value_at
from scripts.drivers.driver import Site
from scripts.errors import LabError, TimeoutExpired, told
from scripts.workstation.waiting import wait_until

CANARY_PARTITIONS = 2
CANARY_RETENTION_MS = 600_000
PROBES = 20
PROBE_PAUSE = 0.05
CROSS_SECONDS = 90.0
READ_PAUSE = 0.01


class Crossing:
    """Writes into one end of a mirror and reads at the other, through the EXTERNAL listeners."""

    def __init__(self, mirror: Mirror, source: Site, target: Site) -> None:
        self.mirror = mirror
        self._site = source
        self._run = secrets.token_hex(4)
        self._group = f"{CANARY}-{self._run}"
        self.source, self.target = source.kafka.endpoint, target.kafka.endpoint
        self._prepared = False

    def prepare(self) -> None:
        """Make the topic and the group of the proof now: mirrors look for new ones only now and
        then, and can do so while other things are verified. The proof will tell what failed."""
        try:
            self._make_canary()
            self._commit(0)
        except Exception as error:
            if told(error) is None:
                raise
        else:
            self._prepared = True

    def prove(self) -> str:
        """Write in the source, read in the target, and hold a translated offset against both.

        Returns what was seen. Raises LabError.
        """
        if not self._prepared:  # without its topic nothing would cross, and nobody would know why
            self._make_canary()
        remote = remote_name(self.mirror, CANARY)
        sent, latencies = self._cross(self._run, remote)
        offsets = self._translated(remote, sent)
        latencies.sort()
        middle = latencies[len(latencies) // 2]
        return (
            f"{counted(len(sent), 'record')} in {remote}, {middle * 1000:.0f} ms median, "
            f"{latencies[-1] * 1000:.0f} ms at most; {offsets}"
        )

    def _make_canary(self) -> None:
        keep_topic(
            self.source, CANARY, partitions=CANARY_PARTITIONS,
            config={"retention.ms": str(CANARY_RETENTION_MS)},
            replication=replication(self._site.lab, self._site.datacenter),
            where=self.mirror.source,
        )

    def _cross(self, run: str, remote: str) -> tuple[dict[str, int], list[float]]:
        """Send probes at a steady pace and time each one's arrival; offsets in the source by
        record. The first is awaited alone: the mirror may yet have to see that the topic is there.
        """
        from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

        producer = Producer(client_settings(self.source, acks="all", **{"linger.ms": 0}))
        tail = Tail(self.target, remote)
        sent: dict[str, int] = {}
        began: dict[str, float] = {}
        arrived: dict[str, float] = {}

        def acknowledged(error: Any, message: Any) -> None:
            if error is None:
                sent[message.value().decode()] = message.offset()

        def send() -> None:
            value = f"{run}-{len(began)}"
            began[value] = time.time()
            producer.produce(CANARY, value=value, partition=0, on_delivery=acknowledged)

        def crossed() -> bool:
            if len(began) < PROBES and arrived and time.time() >= max(began.values()) + PROBE_PAUSE:
                send()
            producer.poll(0)
            now = dict.fromkeys(tail.read(READ_PAUSE), time.time())
            arrived.update({value: at for value, at in now.items() if value in began})
            return len(arrived) == len(sent) == PROBES

        try:
            send()
            wait_until(crossed, timeout=CROSS_SECONDS, pause=0)
        except TimeoutExpired:
            raise LabError(
                f"{len(began) - len(arrived)} of {counted(len(began), 'record')} did not cross "
                f"within {CROSS_SECONDS:g} s, {counted(len(began) - len(sent), 'was', 'were')} "
                "not acknowledged",
                where=self.mirror.name, hint="see `fab mirror.status`",
            ) from None
        finally:
            tail.close()
        first = f"{run}-0"
        return sent, [arrived[one] - began[one] for one in began if one != first]

    def _commit(self, offset: int) -> None:
        from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415 - 50 ms

        consumer = Consumer(client_settings(self.source, **{"group.id": self._group}))
        try:
            place = TopicPartition(CANARY, 0, offset)
            consumer.assign([place])
            consumer.commit(offsets=[place], asynchronous=False)
        finally:
            consumer.close()

    def forget(self) -> None:
        """Remove the group of the proof; one that never was is as good as one that is gone."""
        for endpoint in (self.source, self.target):
            forget_group(endpoint, self._group)

    def _commit_last(self, committed: int) -> int:
        """Commit the last record of the source, if newer than `committed`. Returns what stands."""
        from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415 - 50 ms

        consumer = Consumer(client_settings(self.source, **{"group.id": self._group}))
        try:
            last = ends(consumer, TopicPartition(CANARY, 0))[1] - 1
        finally:
            consumer.close()
        if last > committed:
            self._commit(last)
        return max(last, committed)

    def _translated(self, remote: str, sent: Mapping[str, int]) -> str:
        """Commit in the source; wait for the offset in the target; compare what stands at both."""
        from confluent_kafka import Consumer, TopicPartition  # noqa: PLC0415 - 50 ms

        first, committed = min(sent.values()), max(sent.values())
        self._commit(committed)
        # What stands at the translated offset is the committed record or an older one: translation
        # may round down, so that records are read again, but never up, which would skip some. It
        # may be one of another mirror, whose proof is written into the same source meanwhile.
        offsets = offsets_by_value(self.source, CANARY, committed)
        probe = Consumer(client_settings(self.target, **{"group.id": self._group}))
        seen = "nothing"
        try:
            def synced() -> tuple[int, int] | None:
                nonlocal seen, committed, offsets
                (found,) = probe.committed([TopicPartition(remote, 0)], timeout=10)
                there, known = "", found.offset >= 0
                if known:
                    there = value_at(self.target, remote, found.offset)
                    seen = f"{found.offset}, where {there or 'nothing'} stands"
                # One of before this run's second record is the translation of an earlier commit, or
                # goes by a note of then: MirrorMaker makes one for what is last when it flushes. If
                # that was another proof's, none may ever come for a record of this one, but will
                # for what is last now. (What stands behind the committed record was skipped.)
                place = offsets.get(there, -1)
                if place > first:
                    return found.offset, place
                if place >= 0 or not known:
                    last, committed = committed, self._commit_last(committed)
                    if committed > last:
                        offsets = offsets_by_value(self.source, CANARY, committed)
                return None

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
        return f"offset {committed} became {there}, {counted(committed - place, 'record')} early"
