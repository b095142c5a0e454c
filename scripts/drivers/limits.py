"""Records that cannot cross, because something on their way takes none so large."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lab.mirrors.held import Refused
from lab.mirrors.progress import At, Wait
from lab.mirrors.sizes import MIB, batch_bytes, carried, request_bytes
from scripts.clients.kafka import Cluster, settle
from scripts.drivers.flow import Flow
from scripts.errors import LabError

REQUEST_SECONDS = 10.0
# A task polls no more at once (source.consumer.max.poll.records), and fails with the first of these
# that is refused: nothing of what it polled is copied then.
RECORDS, BYTES = 2000, 64 * MIB
TOPIC_LIMIT, BROKER_LIMIT = "max.message.bytes", "message.max.bytes"


@dataclass(frozen=True)
class Limit:
    """What a copy takes, in bytes; who says so; and what it takes as soon as the mirror has copied
    the topic's settings: `own` is the topic's own limit then, None for that of the brokers."""

    size: int
    holder: str
    later: int
    own: str | None


class Limits:
    """The limits of one mirror's target, asked for once."""

    def __init__(self, flow: Flow) -> None:
        self._flow, self.mirror = flow, flow.mirror
        self._most = carried(flow.source.lab.connect.heap_mb)
        self._known: dict[At, Limit | None] = {}

    def refused(self, waits: Iterable[Wait]) -> list[Refused]:
        """The first record of each partition that cannot cross, of those that wait next.

        Raises LabError.
        """
        waits = tuple(waits)
        ends = self._flow.partitions.ends(one.at for one in waits)
        return [found for one in waits if one.at in ends
                if (found := self._first(one, ends[one.at])) is not None]

    def _first(self, wait: Wait, end: int) -> Refused | None:
        read = 0
        there = self._flow.partitions.messages(wait.at, wait.offset, end)
        for number, message in enumerate(there, 1):
            content = message.key(), message.value(), message.headers() or ()
            size = batch_bytes(*content)
            read += size
            if found := self._refusal(wait.at, message.offset(), size, request_bytes(*content)):
                return found
            if number >= RECORDS or read >= BYTES:
                break
        return None

    def _refusal(self, at: At, offset: int, size: int, request: int) -> Refused | None:
        if request > self._most:
            return Refused(
                at, offset, request, self._most, "a mirror with this heap",
                "raise heap_mb in [connect], of which a mirror takes an eighth",
            )
        limit = self.of(at)
        if limit is None or size <= limit.size:
            return None
        target, source = self.mirror.target, self.mirror.source
        return Refused(
            at, offset, size, limit.size, limit.holder,
            f"raise {BROKER_LIMIT} in {target}, or {TOPIC_LIMIT} of {at.topic} in {source}, which "
            "its copy gets, too", coming=size <= limit.later,
        )

    def of(self, at: At) -> Limit | None:
        """What the copy of a partition takes; None where there is none yet. Raises LabError."""
        if at not in self._known:
            self._known[at] = self._ask(at)
        return self._known[at]

    def _ask(self, at: At) -> Limit | None:
        from confluent_kafka.admin import ConfigSource  # noqa: PLC0415 - 50 ms

        copy, cluster = self._flow.copy(at), self._flow.target.kafka
        found = cluster.admin.list_topics(copy.topic, timeout=REQUEST_SECONDS).topics[copy.topic]
        if found.error is not None or copy.partition not in found.partitions:
            return None
        leader = str(found.partitions[copy.partition].leader)
        brokers = int(_described(cluster, "BROKER", leader, BROKER_LIMIT).value)
        here = _described(cluster, "TOPIC", copy.topic, TOPIC_LIMIT)
        there = _described(self._flow.source.kafka, "TOPIC", at.topic, TOPIC_LIMIT)
        own = int(here.value) if here.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value else None
        size = brokers if own is None else own
        who = "a broker of" if own is None else f"{copy.topic} in"
        # MirrorSourceConnector.targetConfig: what brokers have in their files stays theirs, what is
        # set at run time is the topic's own in the target, and a default is taken back there.
        match ConfigSource(there.source):
            case ConfigSource.STATIC_BROKER_CONFIG:
                later, set_to = size, None if own is None else str(own)
            case ConfigSource.DEFAULT_CONFIG:
                later, set_to = brokers, None
            case _:
                later, set_to = int(there.value), str(there.value)
        return Limit(size, f"{who} {self.mirror.target}", later, set_to)

    def bring(self, refused: Refused) -> None:
        """Give a copy the limit that the mirror would give it soon: by then its task has failed,
        and Connect does not start it again. Raises LabError."""
        from confluent_kafka.admin import (  # noqa: PLC0415 - 50 ms
            AlterConfigOpType,
            ConfigEntry,
            ConfigResource,
            ResourceType,
        )

        limit = self.of(refused.at)
        if limit is None:
            return
        does = AlterConfigOpType.DELETE if limit.own is None else AlterConfigOpType.SET
        entry = ConfigEntry(TOPIC_LIMIT, limit.own, incremental_operation=does)
        topic = self._flow.copy(refused.at).topic
        cluster = self._flow.target.kafka
        settle(cluster.admin.incremental_alter_configs(
            [ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])],
            request_timeout=REQUEST_SECONDS,
        ), cluster.name)
        self._known.clear()


def _described(cluster: Cluster, kind: str, name: str, key: str) -> Any:
    """One setting as it is in force. Raises LabError."""
    from confluent_kafka.admin import ConfigResource, ResourceType  # noqa: PLC0415 - 50 ms

    asked = [ConfigResource(ResourceType[kind], name)]
    futures = cluster.admin.describe_configs(asked, request_timeout=REQUEST_SECONDS)
    settle(futures, cluster.name)
    for future in futures.values():
        return future.result()[key]
    raise LabError(f"{name} cannot be described", where=cluster.name)
