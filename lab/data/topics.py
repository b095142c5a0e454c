"""The topics of a cluster: how many records, whether every replica has them, and whose they are."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from lab.data.words import size
from lab.mirrors.names import OWN
from lab.mirrors.topics import HEARTBEATS

# What the lab writes itself, wherever it was copied to.
LABS = re.compile(rf"kafkalab-.*|{HEARTBEATS}")
COLUMNS = ("topic", "partitions", "replicas", "in sync", "offsets", "size", "policy")
DETAIL = ("partition", "leader", "replicas", "in sync", "first", "next", "offsets")


@dataclass(frozen=True)
class Partition:
    """leader: None where there is none. first, next: the first offset that is kept, and that of the
    next record; None where they are not known."""

    number: int
    leader: int | None
    replicas: tuple[int, ...]
    in_sync: tuple[int, ...]
    first: int | None = None
    next: int | None = None

    @property
    def records(self) -> int | None:
        """Offsets between the two: markers of transactions, and what compaction took, count."""
        return None if self.first is None or self.next is None else self.next - self.first

    @property
    def short(self) -> bool:
        """Whether a replica is missing."""
        return len(self.in_sync) < len(self.replicas)

    def as_json(self) -> dict[str, Any]:
        return {
            "partition": self.number, "leader": self.leader, "replicas": list(self.replicas),
            "in_sync": list(self.in_sync), "first": self.first, "next": self.next,
            "records": self.records,
        }

    def row(self) -> tuple[str, ...]:
        return (
            str(self.number), "none" if self.leader is None else str(self.leader),
            _ids(self.replicas), _ids(self.in_sync), _number(self.first), _number(self.next),
            _number(self.records),
        )


@dataclass(frozen=True)
class Topic:
    """policy, bytes: None where they are not known; the bytes are those of all replicas."""

    name: str
    partitions: tuple[Partition, ...]
    policy: str | None = None
    bytes: int | None = None
    internal: bool = False

    @property
    def replicas(self) -> int:
        return max((len(one.replicas) for one in self.partitions), default=0)

    @property
    def records(self) -> int | None:
        """None as soon as one partition cannot tell."""
        known = [one.records for one in self.partitions if one.records is not None]
        return sum(known) if len(known) == len(self.partitions) else None

    @property
    def short(self) -> int:
        return sum(one.short for one in self.partitions)

    @property
    def leaderless(self) -> int:
        return sum(one.leader is None for one in self.partitions)

    def as_json(self, *, detail: bool = False) -> dict[str, Any]:
        found = {
            "name": self.name, "partitions": len(self.partitions), "replicas": self.replicas,
            "records": self.records, "under_replicated": self.short,
            "leaderless": self.leaderless, "bytes": self.bytes, "cleanup_policy": self.policy,
            "internal": self.internal,
        }
        return found | ({"detail": [one.as_json() for one in self.partitions]} if detail else {})

    def row(self) -> tuple[str, ...]:
        return (
            self.name, str(len(self.partitions)), str(self.replicas), self._in_sync(),
            _number(self.records), size(self.bytes), self.policy or "-",
        )

    def _in_sync(self) -> str:
        bad = sum(one.short or one.leader is None for one in self.partitions)
        if not bad:
            return "all"
        count = len(self.partitions)
        leads = f", {self.leaderless} leaderless" if self.leaderless else ""
        return f"{count - bad} of {count}{leads}"


def internal(name: str, datacenters: Collection[str]) -> bool:
    """Whether Kafka, Connect, MirrorMaker or the lab made a topic for itself, here or in one of the
    datacenters that it was copied from."""
    if OWN.fullmatch(name) or LABS.fullmatch(name):
        return True
    origin, _, rest = name.partition(".")
    return origin in datacenters and bool(rest) and internal(rest, datacenters)


def _ids(brokers: tuple[int, ...]) -> str:
    return " ".join(map(str, brokers)) or "none"


def _number(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
