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
# What the lab itself writes to show that a mirror works: it crosses whatever a mirror is to take.
CANARY, DRILL = "kafkalab-canary", "kafkalab-drill"
PROOF_TOPICS = (CANARY, DRILL)
PROOF_GROUPS = ("kafkalab-.*",)
LONGEST_TOPIC = 249  # org.apache.kafka.common.internals.Topic
# Inline flags, named groups and references to groups: MirrorMaker joins all expressions into one,
# in which they would reach from one into the next, and Java writes some of them otherwise.
UNJOINABLE = re.compile(r"\(\?(?![:=!]|<[=!])|\\[1-9]")


def _regex(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"accepted: a regular expression ({error})") from error
    if "," in value or not value.strip():
        raise ValueError("accepted: a regular expression without commas, which separate them")
    if UNJOINABLE.search(value):
        raise ValueError("accepted: a regular expression without flags and named or numbered "
                         "groups, since MirrorMaker joins all of them into one")
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
    configs_s: Seconds = 30
    checkpoint_s: Seconds = 1
    sync_s: Seconds = 1
    heartbeat_s: Seconds = 1
    tasks_max: Annotated[int, Field(ge=1, le=32)] = 1


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
            # A heartbeat is written into the source, and crosses as every record does. Its topic is
            # made there, too: the connector makes it in what it takes for the target.
            "producer.override.bootstrap.servers": source.bootstrap,
            "target.cluster.bootstrap.servers": source.bootstrap,
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
        "topics": ",".join(_included(mirror)),
        "topics.exclude": ",".join(_excluded(mirror)),
        "tasks.max": str(mirroring.tasks_max),
        "replication.factor": str(target.replication_factor),
        "offset-syncs.topic.replication.factor": str(source.replication_factor),
        # A note for translating offsets every 100 records of a partition, and after each commit of
        # the mirror: one for every record would be as much work as mirroring.
        "offset.lag.max": "100",
        "refresh.topics.interval.seconds": every,
        "sync.topic.configs.interval.seconds": str(mirroring.configs_s),
        "sync.topic.acls.enabled": "false",
        "consumer.poll.timeout.ms": "100",
        # What a poll brings becomes a transaction, which costs several requests and a marker in
        # every partition: not for each handful of records. (A transaction that is to last for an
        # interval stays open when nothing follows, so its last records do not arrive.)
        "source.consumer.max.poll.records": "2000",
        "source.consumer.fetch.min.bytes": "65536",
        "source.consumer.fetch.max.wait.ms": "250",
        "source.consumer.auto.offset.reset": "earliest",
        # A link that was cut leaves connections that nobody closed: they are given up after this,
        # not after Kafka's 30 s.
        "source.consumer.request.timeout.ms": "10000",
        **({
            "exactly.once.support": "required",
            "source.consumer.isolation.level": "read_committed",
        } if mirror.exactly_once else {}),
    }


def _checkpoint(mirror: Mirror, target: Cluster, mirroring: Mirroring) -> dict[str, str]:
    return {
        "groups": ",".join((*mirror.groups, *PROOF_GROUPS)),
        "groups.exclude": ",".join(INTERNAL_GROUPS),
        "tasks.max": "1",
        "checkpoints.topic.replication.factor": str(target.replication_factor),
        "emit.checkpoints.interval.seconds": str(mirroring.checkpoint_s),
        "refresh.groups.interval.seconds": str(mirroring.refresh_s),
        "sync.group.offsets.enabled": "true",
        "sync.group.offsets.interval.seconds": str(mirroring.sync_s),
    }


def _included(mirror: Mirror) -> tuple[str, ...]:
    return (*mirror.topics, *PROOF_TOPICS)


def _excluded(mirror: Mirror) -> tuple[str, ...]:
    but_proofs = f"(?!(?:{'|'.join(PROOF_TOPICS)})$)"
    return (*INTERNAL, *(f"{but_proofs}(?:{regex})" for regex in mirror.exclude))


def remote_name(mirror: Mirror, topic: str) -> str:
    """What a topic of the source is called in the target.

    MirrorMaker's identity policy, too, renames whatever ends like the heartbeats' topic
    (IdentityReplicationPolicy.looksLikeHeartbeat).
    """
    keeps = mirror.policy == "identity" and not topic.endswith(HEARTBEATS)
    return topic if keeps else f"{mirror.source}.{topic}"


def matches(mirror: Mirror, topic: str) -> bool:
    """Whether the mirror takes a topic of the source (MirrorSourceConnector.shouldReplicateTopic).

    Heartbeats and the lab's proof topics cross whatever the expressions say.
    """
    return _wanted(mirror, topic) and not _internal(topic) and not _returns(mirror, topic)


def _wanted(mirror: Mirror, topic: str) -> bool:
    if topic == HEARTBEATS or topic.endswith(f".{HEARTBEATS}"):
        return True
    return any(re.fullmatch(regex, topic) for regex in _included(mirror)) and not any(
        re.fullmatch(regex, topic) for regex in _excluded(mirror)
    )


def _internal(topic: str) -> bool:
    """What MirrorMaker never takes (ReplicationPolicy.isInternalTopic)."""
    return topic.startswith(("__", ".")) or topic.endswith(("-internal", ".internal"))


def _returns(mirror: Mirror, topic: str) -> bool:
    """Whether the topic's name says that it has been in the target (KIP-382, cycle detection).

    MirrorMaker goes by the name alone: any word before a dot that is the target's name counts.
    Names that the identity policy keeps tell it nothing.
    """
    if mirror.policy == "identity" and not topic.endswith(HEARTBEATS):
        return False
    # As Java's split, which drops empty words at the end.
    return mirror.target in topic.rstrip(".").split(".")[:-1]


def predicted(
    mirrors: Iterable[Mirror], topics: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, tuple[str, ...]]]:
    """Every topic that each datacenter ends up with, and the way it came.

    `topics` are those written in each datacenter itself. The way is the datacenters passed, the
    origin first; a topic written here came the way (here,). Where several ways lead to one name,
    it is one of the shortest.
    """
    mirrors = tuple(mirrors)
    found: dict[str, dict[str, tuple[str, ...]]] = {
        name: dict.fromkeys(own, (name,)) for name, own in topics.items()
    }
    new = [(name, topic) for name, own in found.items() for topic in own]
    while new:
        came, new = new, []
        for place, topic in came:
            for mirror in mirrors:
                name = remote_name(mirror, topic)
                target = found.setdefault(mirror.target, {})
                if (
                    mirror.source == place and name not in target and len(name) <= LONGEST_TOPIC
                    and matches(mirror, topic)
                ):
                    target[name] = (*found[place][topic], mirror.target)
                    new.append((mirror.target, name))
    return found


def identity_cycle(mirrors: Iterable[Mirror]) -> tuple[str, ...]:
    """Datacenters in a ring with an identity mirror in it, in order; () when there is none.

    What an identity mirror copies does not say where it came from. Where all of a ring does so,
    records go round for ever; where it alternates with the default policy, topics do, under ever
    longer names (t, b.t, b.b.t, …), and else records come back to where they were written.
    """
    edges = {(m.source, m.target): m.policy for m in mirrors if m.source != m.target}
    for (source, target), policy in edges.items():
        if policy == "identity" and (way := _shortest(edges, target, source)):
            return (source, *way[:-1])
    return ()


def _shortest(edges: Iterable[tuple[str, str]], start: str, goal: str) -> tuple[str, ...]:
    """One of the shortest ways, both ends included; () when there is none."""
    edges, seen = tuple(edges), {start}
    ways: list[tuple[str, ...]] = [(start,)]
    for way in ways:  # grows while it is read: nearer ones first
        if way[-1] == goal:
            return way
        for source, target in edges:
            if source == way[-1] and target not in seen:
                seen.add(target)
                ways.append((*way, target))
    return ()
