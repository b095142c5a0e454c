"""Which topics a mirror copies, what they are called in the target, and where rings form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lab.schemas import JOURNAL, OTHERS

if TYPE_CHECKING:
    from lab.options.mirrors import Mirror


# What is the clusters' own business: offsets, transactions, MirrorMaker's and Connect's own state,
# and what `fab verify` makes and removes on one side only.
INTERNAL = ("__.*", r".*[\-\.]internal", r".*\.replica", "connect-.*", "kafkalab-verify-.*")
# A schema registry's own. They count only for the registry of that cluster, so they cross
# only where a mirror names them.
REGISTRY = (JOURNAL, *OTHERS)
HEARTBEATS = "heartbeats"
# What the lab itself writes to show that a mirror works: it crosses whatever a mirror is to take.
CANARY, DRILL = "kafkalab-canary", "kafkalab-drill"
PROOF_TOPICS = (CANARY, DRILL)
LONGEST_TOPIC = 249  # org.apache.kafka.common.internals.Topic


def included(mirror: Mirror) -> tuple[str, ...]:
    return (*mirror.topics, *PROOF_TOPICS)


def excluded(mirror: Mirror) -> tuple[str, ...]:
    but_proofs = f"(?!(?:{'|'.join(PROOF_TOPICS)})$)"
    return (
        *INTERNAL, *(name for name in REGISTRY if name not in mirror.topics), *_too_long(mirror),
        *(f"{but_proofs}(?:{regex})" for regex in mirror.exclude),
    )


def _too_long(mirror: Mirror) -> tuple[str, ...]:
    """An expression for topics that no copy can be named after. Their records would let the whole
    task fail, not only stay where they are."""
    if mirror.policy == "identity":
        return ()
    return (f".{{{LONGEST_TOPIC + 1 - len(mirror.source) - 1}}}.*",)  # no comma, it separates


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
    return _wanted(mirror, topic) and not internal(topic) and not returns(mirror, topic)


def asked(mirror: Mirror, topic: str) -> bool:
    """Whether the lab file's own expressions name a topic."""
    return any(re.fullmatch(regex, topic) for regex in mirror.topics) and not any(
        re.fullmatch(regex, topic) for regex in mirror.exclude
    )


def _wanted(mirror: Mirror, topic: str) -> bool:
    if topic == HEARTBEATS or topic.endswith(f".{HEARTBEATS}"):
        return True
    return any(re.fullmatch(regex, topic) for regex in included(mirror)) and not any(
        re.fullmatch(regex, topic) for regex in excluded(mirror)
    )


def internal(topic: str) -> bool:
    """What MirrorMaker never takes (ReplicationPolicy.isInternalTopic)."""
    return topic.startswith(("__", ".")) or topic.endswith(("-internal", ".internal"))


def returns(mirror: Mirror, topic: str) -> bool:
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
        if policy == "identity" and (way := shortest(edges, target, source)):
            return (source, *way[:-1])
    return ()


def shortest(edges: Iterable[tuple[str, str]], start: str, goal: str) -> tuple[str, ...]:
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
