"""Which broker has which replicas of a topic, and what they are there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from lab.learning.facts import Partition

LEADER, FOLLOWER, OUT = "leader", "follower", "out"


@dataclass(frozen=True)
class Strip:
    """One broker. there: whether it is registered. cells: by partition what its replica is: LEADER,
    FOLLOWER (in sync), or OUT of sync."""

    broker: int
    there: bool
    cells: Mapping[int, str]

    def count(self, kind: str) -> int:
        return sum(one == kind for one in self.cells.values())


@dataclass(frozen=True)
class Placement:
    """A topic's partitions on brokers, each in order. leaderless: partitions that nobody leads."""

    topic: str
    partitions: tuple[int, ...]
    strips: tuple[Strip, ...]
    leaderless: tuple[int, ...] = ()


@dataclass(frozen=True)
class Placements:
    """Topics below each other."""

    topics: tuple[Placement, ...]


def placement(
    topic: str, partitions: Sequence[Partition], brokers: Collection[int]
) -> Placement:
    """brokers: the ids of those that are registered; one that has a replica may be away."""
    named = {id for one in partitions for id in one.replicas}
    return Placement(
        topic, tuple(one.number for one in partitions),
        tuple(
            Strip(broker, broker in brokers, {
                one.number: _kind(one, broker) for one in partitions if broker in one.replicas
            })
            for broker in sorted(named | set(brokers))
        ),
        tuple(one.number for one in partitions if one.leader is None),
    )


def _kind(partition: Partition, broker: int) -> str:
    if broker == partition.leader:
        return LEADER
    return FOLLOWER if broker in partition.isr else OUT
