"""Mirrors: what is replicated from where to where, as MirrorMaker 2's connectors.

A mirror runs on the Kafka Connect workers of its target, so it reads over the slow link and writes
to the cluster that is near, where every write waits for its acknowledgement
(KIP-382, "Walkthrough: Running MirrorMaker 2.0").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.endpoint import Endpoint
from lab.mirrors.sizes import carried, fetched
from lab.mirrors.topics import excluded, included
from lab.options.fixed import OFFSET_LAG_MAX

if TYPE_CHECKING:
    from lab.options.mirrors import Mirror, Mirroring

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
INTERNAL_GROUPS = ("console-consumer-.*", "connect-.*", "__.*", "kafkalab-verify-.*")
PROOF_GROUPS = ("kafkalab-.*",)
# A consumer that still asks for a topic that somebody deleted would let the broker make it anew.
# (Java's producers have no such setting: MirrorMaker's write to its own topics and to copies only.)
QUIET_CONSUMERS = {
    "source.consumer.allow.auto.create.topics": "false",
    "target.consumer.allow.auto.create.topics": "false",
}


@dataclass(frozen=True)
class End:
    """One end of a mirror: the cluster's name, how the workers reach it, replicas of what is made
    there."""

    name: str
    endpoint: Endpoint
    replication_factor: int


Config = Mapping[str, str]


def connectors(
    mirror: Mirror, source: End, target: End, mirroring: Mirroring, *, heap_mb: int
) -> dict[str, Config]:
    """The three connectors of a mirror by name, as Connect's REST API takes and returns them.

    heap_mb: of the workers, which bounds what they can hold of a mirror's records.
    """
    common = {
        "source.cluster.alias": source.name,
        "target.cluster.alias": target.name,
        **source.endpoint.client("source.cluster."),
        **target.endpoint.client("target.cluster."),
        "replication.policy.class": POLICIES[mirror.policy],
        "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        # Connect's own default makes text of headers, and so Base64 of MirrorMaker's bytes.
        "header.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
    }
    per_kind = {
        SOURCE: {**_source(mirror, source, target, mirroring), **_room(heap_mb)},
        CHECKPOINT: _checkpoint(mirror, target, mirroring),
        HEARTBEAT: {
            # A heartbeat is written into the source, and crosses as every record does. Its topic is
            # made there, too: the connector makes it in what it takes for the target.
            **source.endpoint.client("producer.override."),
            **source.endpoint.client("target.cluster."),
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
    mirror: Mirror, source: End, target: End, mirroring: Mirroring
) -> dict[str, str]:
    every = str(mirroring.refresh_s)
    return {
        "topics": ",".join(included(mirror)),
        "topics.exclude": ",".join(excluded(mirror)),
        "tasks.max": str(mirroring.tasks_max),
        "replication.factor": str(target.replication_factor),
        "offset-syncs.topic.replication.factor": str(source.replication_factor),
        # MirrorMaker notes a pair of offsets every 100 records of a partition and after each commit
        # of its own. A note for every record would take as much work as mirroring itself.
        "offset.lag.max": str(OFFSET_LAG_MAX),
        "refresh.topics.interval.seconds": every,
        "sync.topic.configs.interval.seconds": str(mirroring.configs_s),
        "sync.topic.acls.enabled": "false",
        "consumer.poll.timeout.ms": "100",
        # Each poll becomes a transaction, which costs several requests and a marker in every
        # partition: too much for a handful of records. (Transactions that last for an interval are
        # no way out: one stays open until more records follow, so the last ones do not arrive.)
        "source.consumer.max.poll.records": "2000",
        "source.consumer.fetch.min.bytes": "65536",
        "source.consumer.fetch.max.wait.ms": "250",
        "source.consumer.auto.offset.reset": "earliest",
        **QUIET_CONSUMERS,
        # A link that was cut leaves connections that nobody closed: they are given up after this,
        # not after Kafka's 30 s.
        "source.consumer.request.timeout.ms": "10000",
        **({
            "exactly.once.support": "required",
            "source.consumer.isolation.level": "read_committed",
        } if mirror.exactly_once else {}),
    }


def _room(heap_mb: int) -> dict[str, str]:
    """How much of a mirror a worker holds.

    Whether a record is too large is for the brokers to say, of which each topic may have a limit of
    its own. So the mirror has one limit for all, which is what its workers can bear.
    """
    most = str(carried(heap_mb))
    return {
        "producer.override.max.request.size": most,
        "producer.override.buffer.memory": most,
        # Of each broker; one record that is larger comes all the same (KIP-74). Kafka's own is
        # 50 MiB, and a mirror that has to catch up with many partitions is given all of it.
        "source.consumer.fetch.max.bytes": str(fetched(heap_mb)),
    }


def _checkpoint(mirror: Mirror, target: End, mirroring: Mirroring) -> dict[str, str]:
    return {
        "groups": ",".join((*mirror.groups, *PROOF_GROUPS)),
        "groups.exclude": ",".join(INTERNAL_GROUPS),
        "tasks.max": "1",
        **QUIET_CONSUMERS,
        "checkpoints.topic.replication.factor": str(target.replication_factor),
        "emit.checkpoints.interval.seconds": str(mirroring.checkpoint_s),
        "refresh.groups.interval.seconds": str(mirroring.refresh_s),
        "sync.group.offsets.enabled": "true",
        "sync.group.offsets.interval.seconds": str(mirroring.sync_s),
    }
