"""How a cluster comes to another release of Kafka, and until when it may go back.

With ZooKeeper all brokers go on speaking the protocol of the older release until every one of them
runs the newer one; with KRaft the features of the newer release wait as long. Then the protocol, or
the levels of features, are raised: the release is finalised, and an older one can no longer read
what brokers and controllers have written since (Kafka documentation, "Upgrading").
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from lab import kraft

PROTOCOL = "inter.broker.protocol.version"
# org.apache.kafka.server.common.MetadataVersion.MINIMUM_VERSION of Kafka 4: 3.3-IV3.
LEAST_OF_KAFKA_4 = 7

Levels = Mapping[str, int]  # the levels of features that are finalised, by feature
Raised = Mapping[str, tuple[int, int]]  # what they are and become


class CannotBecome(ValueError):
    """A cluster cannot run a release; the text says why."""


@dataclass(frozen=True)
class Release:
    """What a broker with ZooKeeper is: its version of Kafka, and the protocol that it speaks to
    the others, as "3.9"."""

    version: str
    protocol: str


def own_protocol(version: str) -> str:
    """The protocol that a version speaks where nothing else is said: that of its release."""
    return ".".join(version.split(".")[:2])


def spoken(properties: str, version: str) -> str:
    """The protocol of a broker of `version` with these settings ("3.9" also of "3.9-IV0")."""
    found = re.findall(rf"^{re.escape(PROTOCOL)}=(.*)$", properties, re.MULTILINE)
    return own_protocol(found[-1].partition("-")[0].strip()) if found else own_protocol(version)


def order(dotted: str) -> tuple[int, ...]:
    """By what versions and protocols are compared."""
    return tuple(map(int, dotted.split(".")))


def rolls(
    brokers: Collection[Release], wanted: Release, *, finalize: bool = True
) -> tuple[Release, ...]:
    """What all brokers are, one roll after the other, until they are `wanted`; () where they are.

    `brokers` are those that there are. Without `finalize` their protocol stays as it is. Raises
    CannotBecome where they speak one that `wanted` does not.
    """
    if not brokers:
        return (wanted,)
    # Where a roll that raised the protocol was cut off, some speak the newer one for good.
    highest = max((one.protocol for one in brokers), key=order)
    if order(highest) > order(own_protocol(wanted.version)):
        raise CannotBecome(
            f"its brokers speak {PROTOCOL} {highest} since Kafka {highest} was finalised, and "
            f"Kafka {wanted.version} does not know it"
        )
    if order(highest) > order(wanted.protocol):
        raise CannotBecome(
            f"its brokers speak {PROTOCOL} {highest}, and go back to no older one "
            f"({wanted.protocol})"
        )
    held = Release(wanted.version, highest)
    whole = (held,) if held == wanted or not finalize else (held, wanted)
    done = {*brokers} == {whole[0]}
    return whole[1:] if done else whole


def raised(levels: Levels, version: str) -> dict[str, tuple[int, int]]:
    """The features that a release finalises at a higher level than they have."""
    return {
        name: (levels.get(name, 0), level)
        for name, level in sorted(kraft.features(version).items(), key=_metadata_first)
        if levels.get(name, 0) < level
    }


def fits(levels: Levels, version: str, *, back: bool) -> None:
    """Raises CannotBecome where a cluster with these levels cannot run a version; `back`: it runs a
    newer release."""
    own = kraft.features(version)
    beyond = {
        name: level for name, level in sorted(levels.items(), key=_metadata_first)
        if name != kraft.QUORUM_VERSION and level > own.get(name, 0)
    }
    if back and beyond:
        known = words({name: own.get(name, 0) for name in beyond})
        verb = "is" if len(beyond) == 1 else "are"
        raise CannotBecome(f"{words(beyond)} {verb} finalised, and Kafka {version} knows no more "
                           f"than {known}")
    metadata = levels.get(kraft.VERSION, LEAST_OF_KAFKA_4)
    if order(version) >= (4,) and metadata < LEAST_OF_KAFKA_4:
        raise CannotBecome(
            f"{kraft.VERSION} {metadata} is finalised, and Kafka {version} takes "
            f"{LEAST_OF_KAFKA_4} (that of 3.3) or newer"
        )


def older(version: str, others: Iterable[str]) -> bool:
    """Whether a version is of an older release than one of the others: a way back."""
    return any(order(own_protocol(version)) < order(own_protocol(one)) for one in others)


def words(levels: Levels) -> str:
    """"metadata.version 27, share.version 0"."""
    return ", ".join(f"{name} {level}" for name, level in levels.items())


def change(raised: Raised) -> str:
    """"metadata.version 27 to 30, share.version 0 to 1"."""
    return ", ".join(f"{name} {before} to {after}" for name, (before, after) in raised.items())


def _metadata_first(one: tuple[str, object]) -> tuple[bool, str]:
    return one[0] != kraft.VERSION, one[0]
