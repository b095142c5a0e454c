"""The drill's topic in each cluster: made once, kept, and empty before and after each drill.

A topic that comes and goes would make every mirror rebalance in the middle of a measurement.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from confluent_kafka import (
    OFFSET_END,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from lab.mirrors.topics import DRILL, remote_name
from lab.options.mirrors import Mirror
from lab.services.context import Context
from lab.services.topics import replication
from lab.topology import Topology
from scripts.clients.kafka import admin_client, keep_topic, spread_leaders
from scripts.drills.clients import Place
from scripts.errors import LabError, one_line
from scripts.workstation.waiting import POLL_SECONDS, wait_until

TOPIC = DRILL
KEYS = 6  # partitions, and keys of the records
RETENTION_MS = 3_600_000
APPEAR_S = 90.0
EMPTY_S = 15.0


def place(topology: Topology, context: Context, name: str, mirrors: Sequence[Mirror]) -> Place:
    """A datacenter as the drill's clients see it; `mirrors` are those that the drill uses."""
    copies = {m.source: remote_name(m, TOPIC) for m in mirrors if m.target == name}
    endpoint = context.external(topology.datacenter(name))
    return Place(name, endpoint, {name: TOPIC, **copies})


def prepare(topology: Topology, places: Sequence[Place]) -> None:
    """Have every topic of `places` there, in sync, led by all brokers, empty. Raises LabError."""
    for one in places:
        keep_topic(
            one.endpoint, TOPIC, partitions=KEYS, where=one.name,
            config={"retention.ms": str(RETENTION_MS)},
            replication=replication(topology.config, topology.datacenter(one.name)),
        )
    for one in places:
        _await(one)
        spread_leaders(one.endpoint, where=one.name)
    for one in places:
        empty(one)


def empty(one: Place) -> None:
    """Remove all records of a place's topics (not the topics). Raises LabError.

    A broker that does not yet know, or no longer, that it leads a partition is asked again: topics
    are known to one broker before they are to all.
    """
    transient = {
        KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE, KafkaError._NOENT,  # librdkafka: "No leaders found"
    }
    admin = admin_client(one.endpoint)
    left = [
        TopicPartition(topic, key, OFFSET_END)
        for topic in sorted(set(one.topics.values())) for key in range(KEYS)
    ]
    deadline = time.monotonic() + EMPTY_S
    while left:
        futures = admin.delete_records(left, request_timeout=30)
        left = []
        for spot, future in futures.items():
            error = future.exception(timeout=60)
            if error is None:
                continue
            if error.args[0].code() not in transient or time.monotonic() > deadline:
                raise LabError(
                    f"{spot.topic} cannot be emptied: {one_line(error)}", where=one.name
                ) from error
            left.append(TopicPartition(spot.topic, spot.partition, OFFSET_END))
        if left:
            time.sleep(POLL_SECONDS)


def committed(one: Place, group: str, topic: str) -> list[int]:
    """The group's committed offset of every partition of a topic; -1 where there is none."""
    wanted = [TopicPartition(topic, key) for key in range(KEYS)]
    admin = admin_client(one.endpoint)
    (future,) = admin.list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group, wanted)]
    ).values()
    try:
        found = future.result(timeout=30)
    except KafkaException:  # the group or its coordinator is not there yet
        return [-1] * KEYS
    return [max(spot.offset, -1) for spot in sorted(
        found.topic_partitions, key=lambda spot: spot.partition
    )]


def _await(one: Place) -> None:
    """Wait until all of a place's topics are there (mirrors look for new ones now and then)."""
    admin = admin_client(one.endpoint)

    def there() -> bool:
        topics = admin.list_topics(timeout=10).topics
        return all(
            name in topics and len(topics[name].partitions) == KEYS
            and all(p.leader >= 0 and len(p.isrs) == len(p.replicas)
                    for p in topics[name].partitions.values())
            for name in one.topics.values()
        )

    wait_until(
        there, timeout=APPEAR_S, where=one.name, pause=0.2,
        message=f"{', '.join(one.topics.values())} not there in {KEYS} partitions, all in sync "
                "(see `fab mirror.status`)",
    )
