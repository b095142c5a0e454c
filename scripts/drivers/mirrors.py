"""Mirrors as they are: how far each is behind, and a proof that records and offsets cross."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from lab.mirrors.topics import CANARY, remote_name
from lab.options.mirrors import Mirror
from lab.services.kafka import replication
from scripts.clients.http import HttpError
from scripts.clients.kafka import client_settings, forget_group, keep_topic
from scripts.clients.records import Tail, offsets_by_value, time_at, value_at
from scripts.drivers.connect import Workers
from scripts.drivers.driver import Driver, Part, Report, Site, Span
from scripts.drivers.lag import PartitionLag, lags, mirrored
from scripts.errors import LabError, TimeoutExpired
from scripts.workstation.waiting import wait_until

CANARY_PARTITIONS = 2
CANARY_RETENTION_MS = 600_000
PROBES = 20
PROBE_PAUSE = 0.05
CROSS_SECONDS = 90.0
READ_PAUSE = 0.01
CHECKPOINTS = "{}.checkpoints.internal"


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

    def __init__(self, mirror: Mirror, source: Site, target: Site) -> None:
        self.mirror, self.name = mirror, mirror.name
        self._site = source
        self._run = secrets.token_hex(4)
        self._group = f"{CANARY}-{self._run}"
        self.workers = Workers(target)
        self.source, self.target = source.kafka.endpoint, target.kafka.endpoint

    def status(self) -> MirrorStatus:
        """State, lag and checkpoint age. A side that does not answer is the problem, no error."""
        problem = self.problem()
        try:
            behind = tuple(lags(self.source, mirrored(self.workers.rest, self.mirror)))
            return MirrorStatus(self.mirror.name, problem, behind, self._checkpoint_age())
        except LabError as error:
            return MirrorStatus(self.mirror.name, problem or error.what, (), None)

    def problem(self) -> str:
        """What is wrong with the mirror's connectors, in words; "" when all of them run."""
        mine = self.mirror.name + "."
        try:
            states = {s.name: s for s in self.workers.states() if s.name.startswith(mine)}
        except HttpError as error:
            return error.what
        if any(name not in states for name in self.workers.names if name.startswith(mine)):
            return "not set up; run `fab mirror`"
        return next((state.problem for state in states.values() if state.problem), "")

    def _checkpoint_age(self) -> float | None:
        """Seconds since the last checkpoint was written; None when there is none yet."""
        topic = CHECKPOINTS.format(self.mirror.source)
        stamp = time_at(self.target, topic, 0, -1)
        return round(time.time() - stamp / 1000, 3) if stamp else None

    def running(self) -> str:
        """Wait until the mirror's connectors and tasks run; how many. Raises LabError."""
        self.workers.wait_running(repair=False)  # a proof that repairs proves nothing
        mine = [s for s in self.workers.states() if s.name.startswith(self.mirror.name + ".")]
        return f"{len(mine)} connectors, {sum(len(state.tasks) for state in mine)} tasks running"

    def prepare(self) -> None:
        """Make the topic and the group of the proof now: mirrors look for new ones only now and
        then, and can do so while other things are verified. The checks will tell what failed."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        with suppress(LabError, KafkaException):
            self._make_canary()
            self._commit(0)

    def prove(self, report: Report) -> None:
        if report.check("mirrors", "connectors", self.running):
            report.check("mirrors", "records and offsets", self.crossing)

    def crossing(self) -> str:
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
                f"{len(began) - len(arrived)} of {len(began)} records did not cross within "
                f"{CROSS_SECONDS:g} s, {len(began) - len(sent)} were not acknowledged",
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
                nonlocal seen
                (found,) = probe.committed([TopicPartition(remote, 0)], timeout=10)
                if found.offset < 0:
                    return None
                there = value_at(self.target, remote, found.offset)
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


class Mirrors(Driver):
    """Mirrors have no process of their own: they are connectors, and a proof across a link."""

    def concerns(self, site: Site) -> bool:
        return any(site.name == one.target for one in site.lab.mirrors)

    def status(self, site: Site, up: Collection[str]) -> Part:
        """The mirrors that lead to a datacenter, by what their connectors do."""
        mirrors = [one for one in site.lab.mirrors if one.target == site.name]
        reachable = any(host.name in up for host in site.carriers("connect"))
        topology = site.context.topology
        found = {}
        for one in mirrors:
            source = Site(site.fleet, site.context, topology.datacenter(one.source))
            found[one.name] = (
                MirrorView(one, source, site).problem() if reachable else "no worker runs"
            )
        return Part(
            data=[{"name": name, "problem": text} for name, text in found.items()],
            problems=tuple(f"{name}: {text}" for name, text in found.items() if text),
        )

    def verify(self, site: Site, report: Report) -> bool:
        return True  # what there is to prove lies between two datacenters

    def spans(self, sites: Mapping[str, Site]) -> Iterator[Span]:
        lab = next(iter(sites.values())).lab
        for mirror in lab.mirrors:
            if {mirror.source, mirror.target} <= sites.keys():
                yield MirrorView(mirror, sites[mirror.source], sites[mirror.target])
