"""Partitions and their replicas on brokers, and how much each broker has of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

Place = tuple[str, int]
Layout = dict[Place, tuple[int, ...]]
PERCENT = 10  # of the mean of all brokers, that their bytes may differ by


@dataclass(frozen=True)
class Part:
    """A partition: its brokers, the preferred leader first; the bytes of one replica; who leads
    it now, None for nobody."""

    replicas: tuple[int, ...]
    size: int = 0
    leader: int | None = None


@dataclass(frozen=True)
class Load:
    """What a broker has: replicas, partitions that it leads, bytes."""

    replicas: int = 0
    leaders: int = 0
    size: int = 0


def loads(parts: Mapping[Place, Part], brokers: Collection[int]) -> dict[int, Load]:
    """What each broker has; as leaders count the preferred ones."""
    replicas, leaders, sizes = Counter[int](), Counter[int](), Counter[int]()
    for part in parts.values():
        leaders[part.replicas[0]] += 1
        for broker in part.replicas:
            replicas[broker] += 1
            sizes[broker] += part.size
    return {one: Load(replicas[one], leaders[one], sizes[one]) for one in sorted(brokers)}


def allowed(parts: Mapping[Place, Part], brokers: Collection[int]) -> int:
    """By how many bytes these brokers may differ, when all replicas are theirs."""
    total = sum(part.size * len(part.replicas) for part in parts.values())
    largest = max((part.size for part in parts.values()), default=0)
    return max(total * PERCENT // (100 * max(1, len(brokers))), largest)


def on(parts: Mapping[Place, Part], brokers: Collection[int]) -> dict[Place, Part]:
    """The partitions that have a replica on one of these brokers."""
    return {place: part for place, part in parts.items() if {*part.replicas} & {*brokers}}


def homeless(
    parts: Mapping[Place, Part], brokers: Collection[int], leaving: Collection[int]
) -> tuple[str, ...]:
    """The topics of which `leaving` cannot give what they have to the other brokers: a partition
    has more replicas than there are of those. Kafka's own topics last."""
    room = len({*brokers} - {*leaving})
    return tuple(sorted(
        {topic for (topic, _), part in on(parts, leaving).items() if len(part.replicas) > room},
        key=lambda topic: (topic.startswith("__"), topic),
    ))
