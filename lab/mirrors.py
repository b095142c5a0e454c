"""Mirrors: what is replicated from where to where, as MirrorMaker 2's connectors.

A mirror runs on the Kafka Connect workers of the datacenter it leads to, so it consumes over the
link and produces at home: what is slow is read, what must be acknowledged is near
(KIP-382, "Walkthrough: Running MirrorMaker 2.0").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from lab.section import Section

SOURCE, CHECKPOINT, HEARTBEAT = "source", "checkpoint", "heartbeat"
KINDS = {
    SOURCE: "org.apache.kafka.connect.mirror.MirrorSourceConnector",
    CHECKPOINT: "org.apache.kafka.connect.mirror.MirrorCheckpointConnector",
    HEARTBEAT: "org.apache.kafka.connect.mirror.MirrorHeartbeatConnector",
}
POLICIES = {
    "default": "org.apache.kafka.connect.mirror.DefaultReplicationPolicy",
    "identity": "org.apache.kafka.connect.mirror.IdentityReplicationPolicy",
}
# What is the clusters' own business: offsets, transactions, MirrorMaker's and Connect's own state,
# and what `fab verify` makes and removes on one side only.
INTERNAL = ("__.*", r".*[\-\.]internal", r".*\.replica", "connect-.*", "kafkalab-verify-.*")
INTERNAL_GROUPS = ("console-consumer-.*", "connect-.*", "__.*", "kafkalab-verify-.*")
HEARTBEATS = "heartbeats"


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"accepted: a regular expression ({error})") from error
    if "," in value or not value.strip():
        raise ValueError("accepted: a regular expression without commas, which separate them")
    return value


Regex = Annotated[str, AfterValidator(_regex)]
Seconds = Annotated[int, Field(ge=1, le=3600)]


class Mirror(Section):
    """One direction between two datacenters. `topics`, `exclude`, `groups`: regular expressions."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    topics: tuple[Regex, ...] = (".*",)
    exclude: tuple[Regex, ...] = ()
    groups: tuple[Regex, ...] = (".*",)
    policy: Literal["default", "identity"] = "default"
    exactly_once: bool = True

    @property
    def name(self) -> str:
        return f"{self.source}-to-{self.target}"


class Mirroring(Section):
    """How often mirrors look, in seconds: the shorter, the less a failover loses and repeats.

    Each costs a request to both clusters every time; Kafka's own defaults are 600, 60, 60 and 1.
    """

    refresh_s: Seconds = 5
    checkpoint_s: Seconds = 1
    sync_s: Seconds = 1
    heartbeat_s: Seconds = 1
    tasks_max: Annotated[int, Field(ge=1, le=32)] = 2


@dataclass(frozen=True)
class Cluster:
    """One end of a mirror: its name and how the workers reach it."""

    name: str
    bootstrap: str
    replication_factor: int


Config = Mapping[str, str]


def connectors(
    mirror: Mirror, source: Cluster, target: Cluster, mirroring: Mirroring
) -> dict[str, Config]:
    """The three connectors of a mirror by name, as Connect's REST API takes and returns them."""
    common = {
        "source.cluster.alias": source.name,
        "target.cluster.alias": target.name,
        "source.cluster.bootstrap.servers": source.bootstrap,
        "target.cluster.bootstrap.servers": target.bootstrap,
        "replication.policy.class": POLICIES[mirror.policy],
        "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
    }
    per_kind = {
        SOURCE: _source(mirror, source, target, mirroring),
        CHECKPOINT: _checkpoint(mirror, target, mirroring),
        HEARTBEAT: {
            # A heartbeat is written into the source, and crosses as every record does.
            "producer.override.bootstrap.servers": source.bootstrap,
            "heartbeats.topic.replication.factor": str(source.replication_factor),
            "emit.heartbeats.interval.seconds": str(mirroring.heartbeat_s),
            "tasks.max": "1",
        },
    }
    return {
        f"{mirror.name}.{kind}": {
            **common, **per_kind[kind], "connector.class": cls, "name": f"{mirror.name}.{kind}",
        }
        for kind, cls in KINDS.items()
    }


def _source(
    mirror: Mirror, source: Cluster, target: Cluster, mirroring: Mirroring
) -> dict[str, str]:
    every = str(mirroring.refresh_s)
    return {
        "topics": ",".join(mirror.topics),
        "topics.exclude": ",".join((*INTERNAL, *mirror.exclude)),
        "tasks.max": str(mirroring.tasks_max),
        "replication.factor": str(target.replication_factor),
        "offset-syncs.topic.replication.factor": str(source.replication_factor),
        # 0: every record may be translated; MirrorMaker's default leaves 100 records between.
        "offset.lag.max": "0",
        "refresh.topics.interval.seconds": every,
        "sync.topic.configs.interval.seconds": every,
        "sync.topic.acls.enabled": "false",
        "consumer.poll.timeout.ms": "100",
        "source.consumer.auto.offset.reset": "earliest",
        **({
            "exactly.once.support": "required",
            "source.consumer.isolation.level": "read_committed",
        } if mirror.exactly_once else {}),
    }


def _checkpoint(mirror: Mirror, target: Cluster, mirroring: Mirroring) -> dict[str, str]:
    return {
        "groups": ",".join(mirror.groups),
        "groups.exclude": ",".join(INTERNAL_GROUPS),
        "tasks.max": "1",
        "checkpoints.topic.replication.factor": str(target.replication_factor),
        "emit.checkpoints.interval.seconds": str(mirroring.checkpoint_s),
        "refresh.groups.interval.seconds": str(mirroring.refresh_s),
        "sync.group.offsets.enabled": "true",
        "sync.group.offsets.interval.seconds": str(mirroring.sync_s),
    }


def remote_name(mirror: Mirror, topic: str) -> str:
    """What a topic of the source is called in the target."""
    return topic if mirror.policy == "identity" else f"{mirror.source}.{topic}"


def matches(mirror: Mirror, topic: str) -> bool:
    """Whether the mirror's expressions take a topic of the source."""
    taken = any(re.fullmatch(regex, topic) for regex in mirror.topics)
    return taken and not any(
        re.fullmatch(regex, topic) for regex in (*INTERNAL, *mirror.exclude)
    )


def predicted(
    mirrors: Iterable[Mirror], topics: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Every topic that each datacenter ends up with, and the way it came.

    `topics` are those written in each datacenter itself. The way is the datacenters passed, the
    origin first; a topic written here came the way (here,). What has already been in a datacenter
    does not come back to it (KIP-382, cycle detection).
    """
    mirrors = tuple(mirrors)
    found: dict[str, dict[str, tuple[str, ...]]] = {
        name: dict.fromkeys(own, (name,)) for name, own in topics.items()
    }
    grew = True
    while grew:
        grew = False
        for mirror in mirrors:
            target = found.setdefault(mirror.target, {})
            for topic, way in list(found.get(mirror.source, {}).items()):
                name = remote_name(mirror, topic)
                if name not in target and mirror.target not in way and matches(mirror, topic):
                    target[name] = (*way, mirror.target)
                    grew = True
    return found


def identity_cycle(mirrors: Iterable[Mirror]) -> tuple[str, ...]:
    """Datacenters in a ring of identity mirrors, in order; () when there is none.

    Under the identity policy nothing tells where a record came from, so it would go round for ever.
    """
    edges: dict[str, list[str]] = {}
    for mirror in mirrors:
        if mirror.policy == "identity":
            edges.setdefault(mirror.source, []).append(mirror.target)

    def walk(way: tuple[str, ...]) -> tuple[str, ...]:
        for name in edges.get(way[-1], []):
            if name in way:
                return way[way.index(name):]
            ring = walk((*way, name))
            if ring:
                return ring
        return ()

    return next((ring for name in edges if (ring := walk((name,)))), ())
