"""Releases of Kafka that a lab may run, and in what they differ."""

from __future__ import annotations

from typing import Literal, get_args

KafkaVersion = Literal["4.3.1", "4.1.1", "3.9.2", "3.9.1", "3.8.1", "3.7.2"]
Metadata = Literal["zookeeper", "kraft"]
VERSIONS: tuple[str, ...] = get_args(KafkaVersion)  # the newest first
KEEPERS: tuple[str, str] = get_args(Metadata)
ZOOKEEPER, KRAFT = KEEPERS
BOTH = "both"  # while metadata moves from the one to the other (lab.migration)


def line(version: str) -> int:
    """The major version: what is laid out alike, and logs alike."""
    return int(version.partition(".")[0])


def has_zookeeper(version: str) -> bool:
    """ZooKeeper came with Kafka until 4.0."""
    return line(version) < 4


def at_least(version: str, other: str) -> bool:
    """Whether a version is another one ("4.2") or newer, by its numbers."""
    return [*map(int, version.split("."))] >= [*map(int, other.split("."))]


def takes_old_scram(version: str) -> bool:
    """Whether brokers let a librdkafka log in with SCRAM that is older than 2.6.1: it says its own
    nonce twice (its pull request 4895), and Kafka 4 goes by RFC 5802. Debian 12 has 2.0.2."""
    return line(version) < 4


def has_quorums(version: str) -> bool:
    """Whether a quorum of controllers may change while it runs (KIP-853)."""
    return at_least(version, "3.9")


def with_both() -> tuple[str, ...]:
    """The versions that can move from the one to the other."""
    return tuple(one for one in with_metadata(ZOOKEEPER) if has_quorums(one))


def with_metadata(metadata: str) -> tuple[str, ...]:
    """The versions that can keep metadata there."""
    fits = has_zookeeper if metadata == ZOOKEEPER else has_quorums
    return tuple(one for one in VERSIONS if fits(one))


BRIDGE = with_both()[0]  # the newest of these
