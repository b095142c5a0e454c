"""How far each replica's log goes: a question that only each broker itself can answer.

Kafka tells who is in sync, and by how much who is not lags behind only to the leader itself, by JMX
(DescribeLogDirs has an `offsetLag`, which is 0 of every replica that is not being moved). But a
broker answers ListOffsets for a partition that it only follows, with the end of its own log, if it
is asked as Kafka's own tool for verifying replicas asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scripts.clients.brokers import Brokers, read_library

At = tuple[str, int]
VERIFIER = -2  # the replica id of who is none, and asks a follower (ListOffsetsRequest of Kafka)
LATEST, EARLIEST = -1, -2


def ends(brokers: Brokers, wanted: Mapping[int, Iterable[At]]) -> dict[tuple[int, At], int]:
    """The offset after the last record of each broker's log of each of these partitions. All are
    asked at once; who does not answer is left out."""
    return _offsets(brokers, wanted, LATEST)


def starts(brokers: Brokers, wanted: Mapping[int, Iterable[At]]) -> dict[tuple[int, At], int]:
    """The first offset that each broker's log keeps."""
    return _offsets(brokers, wanted, EARLIEST)


def _offsets(
    brokers: Brokers, wanted: Mapping[int, Iterable[At]], which: int
) -> dict[tuple[int, At], int]:
    read_library()
    requests = [(broker, request) for broker, places in wanted.items()
                if (request := _request(places, which))]
    return {
        (broker, (topic.name, part.partition_index)): part.offset
        for (broker, _), answer in zip(requests, brokers.ask(requests), strict=True) if answer
        for topic in answer.topics for part in topic.partitions
        if not part.error_code and part.offset >= 0
    }


def _request(places: Iterable[At], which: int) -> Any:
    """One request for all partitions of a broker; None for none."""
    from kafka.protocol.consumer import ListOffsetsRequest  # noqa: PLC0415 - 0.2 s

    topics: dict[str, list[int]] = {}
    for topic, number in places:
        topics.setdefault(topic, []).append(number)
    if not topics:
        return None
    one = ListOffsetsRequest.ListOffsetsTopic
    return ListOffsetsRequest(
        replica_id=VERIFIER, isolation_level=0, min_version=1, max_version=5, topics=[
            one(name=name, partitions=[
                one.ListOffsetsPartition(partition_index=number, timestamp=which)
                for number in numbers
            ]) for name, numbers in topics.items()
        ],
    )
