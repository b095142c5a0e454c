"""The internal topics of workers and mirrors, looked at and put right.

Workers read theirs when they start and remember them. So they are stopped while their topics are
put right, and what they remember of connectors is written down again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.resources import Topic
from lab.services.connect import PORT, SERVICE
from lab.services.internals import COMPACT, POLICY, Fault, Internal, faults, internals
from scripts.clients.kafka import Cluster, client_settings, make_topics, settle
from scripts.drivers.driver import Site, Tell
from scripts.errors import LabError, TimeoutExpired
from scripts.hosts.units import STOP_SECONDS, where_set_up
from scripts.workstation.waiting import wait_until

if TYPE_CHECKING:
    from confluent_kafka.admin import NewTopic

LOOK_SECONDS = 3.0
REQUEST_SECONDS = 30.0
MEND_SECONDS = 60.0
MADE_SECONDS = 90.0  # until brokers that start are there
# What a halted connector's record says (org.apache.kafka.connect.storage.KafkaConfigBackingStore:
# the second name is for workers that know the newer state).
HALTED = {
    "PAUSED": {"state": "PAUSED", "state.v2": "PAUSED"},
    "STOPPED": {"state": "PAUSED", "state.v2": "STOPPED"},
}
Records = dict[str, dict[str, Any]]


class Internals:
    """Those of one datacenter's workers, and of the mirrors that lead there."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.wanted = internals(site.datacenter, site.context)

    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with them, as far as clusters answer."""
        if not self.wanted:
            return ()
        with ThreadPoolExecutor(len(self.wanted)) as pool:
            seen = list(pool.map(self._there, self.wanted, self.wanted.values()))
        return tuple(
            fault for (cluster, wanted), there in zip(self.wanted.items(), seen, strict=True)
            if there is not None for fault in faults(cluster, wanted, there)
        )

    def problems(self) -> tuple[str, ...]:
        """The same in words."""
        return tuple(fault.problem for fault in self.faults())

    def prove(self) -> str:
        """That nothing is wrong with them; how many there are. Raises LabError."""
        if wrong := self.problems():
            raise LabError("; ".join(wrong))
        return f"{sum(map(len, self.wanted.values()))} as they have to be"

    def lines(self) -> tuple[str, ...]:
        """What `mend` would do, for `plan`."""
        found = self.faults()
        again = [f"~ workers of {self.site.name}: all stop, and start again with these topics"]
        return (*(one.line for one in found), *(again if _theirs(found) else []))

    def mend(self, tell: Tell, *, running: bool = False) -> int:
        """Put them right; how many were wrong. `running`: only what workers need not stop for.

        Raises LabError.
        """
        found = self.faults()
        for fault in found:
            if not fault.want.workers:
                self._put(fault)
        if not (theirs := _theirs(found)) or running:
            return len(found) - len(theirs)
        tell("internal topics of Connect")
        configs = [fault for fault in theirs if fault.want.single]
        records = self._remembered() if configs else {}
        self._workers("stop")
        for fault in theirs:
            self._put(fault)
        for fault in configs:
            self._write(fault.name, records)
        self._workers("start")
        return len(found)

    def make(self, over: Callable[[], bool]) -> None:
        """Make those that are missing as soon as the brokers that have them are there, while the
        processes that would make them still start.

        Kafka Connect asks for what it has made at once, and waits 10 s for the next try where a
        broker has not heard of it yet (org.apache.kafka.connect.util.TopicAdmin.retryEndOffsets);
        some a broker would make, with its own policy. What cannot be made until it is `over` is
        left to them.
        """
        if self.wanted:
            with ThreadPoolExecutor(len(self.wanted)) as pool:
                list(pool.map(partial(self._made, over), self.wanted, self.wanted.values()))

    def _made(self, over: Callable[[], bool], name: str, wanted: Mapping[str, Internal]) -> None:
        cluster = self._cluster(name)

        def made() -> bool:
            try:
                view = cluster.view(LOOK_SECONDS)
                if not {*cluster.expected} <= {*view.brokers}:
                    return False
                known = {one.rpartition("-")[0] for one in view.replicas}
                missing = [
                    _compacted(topic, one) for topic, one in wanted.items() if topic not in known
                ]
                if missing:
                    make_topics(cluster.admin, missing, name, request_timeout=REQUEST_SECONDS)
            except LabError:
                return False
            return True

        with suppress(TimeoutExpired):
            wait_until(lambda: over() or made(), timeout=MADE_SECONDS, pause=0.1)

    def _cluster(self, name: str) -> Cluster:
        return self.site.other(name).kafka

    def _there(self, name: str, wanted: Mapping[str, Internal]) -> dict[str, Topic] | None:
        """Those that a cluster has; None when it does not answer."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms
        from confluent_kafka.admin import ConfigResource, ResourceType  # noqa: PLC0415 - 50 ms

        cluster = self._cluster(name)
        try:
            topics = cluster.admin.list_topics(timeout=LOOK_SECONDS).topics
            asked = [ConfigResource(ResourceType.TOPIC, one) for one in wanted if one in topics]
            if not asked:
                return {}
            answers = cluster.admin.describe_configs(asked, request_timeout=REQUEST_SECONDS)
            settle(answers, name)
        except (KafkaException, LabError):
            return None
        return {
            resource.name: Topic(
                len(topics[resource.name].partitions), None,
                {POLICY: str(future.result()[POLICY].value)},
            )
            for resource, future in answers.items()
        }

    def _put(self, fault: Fault) -> None:
        """Make one right, whatever it becomes meanwhile: a broker makes what is asked for."""
        last = ""

        def right() -> bool:
            nonlocal last
            there = self._there(fault.cluster, {fault.name: fault.want})
            if there is None:
                return False
            now = next(faults(fault.cluster, {fault.name: fault.want}, there), None)
            if now is None:
                return True
            try:
                self._step(now)
            except LabError as error:
                last = error.what
            return False

        try:
            wait_until(right, timeout=MEND_SECONDS)
        except TimeoutExpired:
            raise TimeoutExpired(
                f"internal topic {fault.name} cannot be put right after {MEND_SECONDS:g} s"
                + (f": {last}" if last else ""), where=fault.cluster, hint="see `fab status`",
            ) from None

    def _step(self, fault: Fault) -> None:
        from confluent_kafka.admin import (  # noqa: PLC0415 - 50 ms
            AlterConfigOpType,
            ConfigEntry,
            ConfigResource,
            ResourceType,
        )

        admin, where = self._cluster(fault.cluster).admin, fault.cluster
        request = partial(settle, where=where)
        if fault.have is None:
            topic = _compacted(fault.name, fault.want)
            make_topics(admin, [topic], where, request_timeout=REQUEST_SECONDS)
        elif fault.anew:
            request(admin.delete_topics(
                [fault.name], operation_timeout=REQUEST_SECONDS, request_timeout=REQUEST_SECONDS
            ))
        else:
            entry = ConfigEntry(POLICY, COMPACT, incremental_operation=AlterConfigOpType.SET)
            request(admin.incremental_alter_configs(
                [ConfigResource(ResourceType.TOPIC, fault.name, incremental_configs=[entry])],
                request_timeout=REQUEST_SECONDS,
            ))

    def _remembered(self) -> Records:
        """The connectors that a worker knows, everybody's, as records of the configs topic; none
        where no worker answers."""
        for host in self.site.carriers(SERVICE.name):
            try:
                found = self.site.http(host, PORT, SERVICE.name)(
                    "GET", "/connectors?expand=info&expand=status"
                )
            except LabError:
                continue
            return dict(_records(found))
        return {}

    def _write(self, topic: str, records: Records) -> None:
        from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

        failures: list[str] = []

        def delivered(error: Any, message: Any) -> None:
            del message
            if error is not None:
                failures.append(error.str())

        producer = Producer(client_settings(self.site.kafka.endpoint, acks="all", **{
            "message.timeout.ms": int(REQUEST_SECONDS * 1000),
        }))
        for key, value in records.items():
            producer.produce(topic, json.dumps(value), key=key, partition=0, on_delivery=delivered)
        if producer.flush(REQUEST_SECONDS) or failures:
            raise LabError(
                f"{topic} cannot be written ({failures[0] if failures else 'no answer'})",
                where=self.site.name, hint="see `fab status`",
            )

    def _workers(self, verb: str) -> None:
        """Stop or start every worker that is set up."""
        script = where_set_up(verb, str(SERVICE.unit))
        hosts = [host.name for host in self.site.carriers(SERVICE.name)
                 if host.name in self.site.fleet.hosts]
        self.site.fleet.each(lambda name: self.site.fleet[name].script(
            script, label=f"{verb} {SERVICE.name}", timeout=STOP_SECONDS
        ), hosts)


def _compacted(name: str, want: Internal) -> NewTopic:
    from confluent_kafka.admin import NewTopic  # noqa: PLC0415 - 50 ms

    return NewTopic(name, want.partitions, want.replicas, config={POLICY: COMPACT})


def _theirs(found: tuple[Fault, ...]) -> list[Fault]:
    return [fault for fault in found if fault.want.workers]


def _records(found: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, one in found.items():
        yield f"connector-{name}", {"properties": one["info"]["config"]}
        if halted := HALTED.get(one["status"]["connector"]["state"]):
            yield f"target-state-{name}", halted
