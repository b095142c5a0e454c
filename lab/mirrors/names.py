"""What topics' names keep a mirror from doing, in words: what it never takes, and what collides."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from lab.mirrors.topics import (
    HEARTBEATS,
    LONGEST_TOPIC,
    PROOF_TOPICS,
    asked,
    internal,
    matches,
    remote_name,
    returns,
    shortest,
)

if TYPE_CHECKING:
    from lab.options.mirrors import Mirror

# What Kafka, MirrorMaker and the lab make for themselves: nobody expects a copy of it.
OWN = re.compile(r"__.*|mm2-.*\.internal|.*\.checkpoints\.internal|kafkalab-verify-.*|"
                 r"connect-.*-(configs|offsets|status)")


def left_out(mirror: Mirror, mirrors: Iterable[Mirror], topics: Iterable[str]) -> dict[str, str]:
    """The topics of the source that the lab file names and the mirror never takes, and why.

    Not those whose names are too long for a copy: see `too_long`.
    """
    ways = [(one.source, one.target) for one in mirrors]
    comes_back = bool(shortest(ways, mirror.target, mirror.source))

    def why(topic: str) -> str:
        if topic.endswith(("-internal", ".internal")) or topic.startswith("."):
            ends = "begins with a dot" if topic.startswith(".") else "ends in internal"
            return f"its name {ends}, which MirrorMaker takes for a topic of its own"
        if topic.endswith(".replica"):
            return "its name ends in .replica, which MirrorMaker takes for a copy"
        if topic.startswith("connect-"):
            return "its name begins with connect-, as Kafka Connect's own do"
        # Where a way leads back, it is most likely a copy, which is not to return.
        if returns(mirror, topic) and not comes_back:
            return f"its name says that it comes from {mirror.target}"
        return ""

    return {
        topic: text for topic in sorted(topics)
        if asked(mirror, topic) and not matches(mirror, topic) and not OWN.fullmatch(topic)
        and not _long(mirror, topic) and (text := why(topic))
    }


def too_long(mirror: Mirror, topics: Iterable[str]) -> tuple[str, ...]:
    """The topics that would be mirrored if their copies' names were not too long for Kafka."""
    return tuple(
        topic for topic in sorted(topics)
        if asked(mirror, topic) and _long(mirror, topic) and not internal(topic)
        and not returns(mirror, topic) and not OWN.fullmatch(topic)
    )


def _long(mirror: Mirror, topic: str) -> bool:
    return len(remote_name(mirror, topic)) > LONGEST_TOPIC


def collisions(
    mirrors: Iterable[Mirror], topics: Mapping[str, Collection[str]]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Copies that more than one topic is mirrored to: (datacenter, name) and where each comes from,
    as "orders of dc1". `topics` are those that each datacenter has now.

    The lab's own proof topics may meet: each of their records says where it comes from.
    """
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for mirror in mirrors:
        for topic in sorted(topics.get(mirror.source, ())):
            if topic not in (*PROOF_TOPICS, HEARTBEATS) and matches(mirror, topic):
                copy = mirror.target, remote_name(mirror, topic)
                found[copy].append(f"{topic} of {mirror.source}")
    return {copy: tuple(came) for copy, came in sorted(found.items()) if len(came) > 1}
