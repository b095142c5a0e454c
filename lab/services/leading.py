"""Which of a lab's two schema registries leads, and what that means for the other and the mirror.

The follower reads a copy of the leader's journal. From the moment it is promoted it writes into
that copy. What the first one had written and the mirror had not yet copied must not come
afterwards: both would have given the same ids to different schemas. So the mirror does not copy the
journal any more, and the first one, when it is back, takes no schemas, until it leads again with a
journal that is made from the other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

from lab.mirrors.topics import remote_name
from lab.problems import Problem, no_such_datacenter
from lab.schemas import JOURNAL

if TYPE_CHECKING:
    from lab.model import Lab
    from lab.options.mirrors import Mirror

NAME = "registry"
CONCERNED = (NAME, "connect")  # the services that a change of the lead concerns


class Part(Enum):
    """What a registry is for its lab, for people."""

    LEADS = "leads"
    FOLLOWS = "follows"
    ASIDE = "stands aside"  # it led, and another one was promoted


def part(lab: Lab, datacenter: str) -> Part:
    """What the registry of a datacenter is now."""
    if lab.registry.leader == datacenter:
        return Part.LEADS
    return Part.FOLLOWS if lab.registry.follower == datacenter else Part.ASIDE


def bridge(lab: Lab) -> Mirror | None:
    """The mirror by which the follower gets the journal; None without a follower, or without it."""
    ends = (lab.registry.at, lab.registry.follower)
    return next((one for one in lab.mirrors if (one.source, one.target) == ends), None)


def journal(lab: Lab, datacenter: str) -> str:
    """The topic in which the registry of a datacenter keeps what it knows.

    The follower's is the copy, by whatever name the mirror gives it.
    """
    mirror = bridge(lab)
    return remote_name(mirror, JOURNAL) if mirror and mirror.target == datacenter else JOURNAL


def promoted(lab: Lab, leader: str) -> Lab:
    """The lab as it is once the registry of `leader` was promoted.

    One that the lab file does not have as its follower, or no more, changes nothing.
    """
    if not leader or leader != lab.registry.follower:
        return lab
    from lab.options.registry import Promoted  # noqa: PLC0415 - pydantic, 50 ms

    registry = Promoted.model_construct(
        lab.registry.model_fields_set, **dict(lab.registry))
    mirror = bridge(lab)
    mirrors = tuple(
        one.model_copy(update={"topics": tuple(
            topic for topic in one.topics if topic != JOURNAL
        )}) if one is mirror else one for one in lab.mirrors
    )
    return lab.model_copy(update={"registry": registry, "mirrors": mirrors})


def notes(lab: Lab) -> Iterator[str]:
    """What a person has to know of a lab whose follower was promoted, in lines."""
    registry = lab.registry
    if registry.leader != registry.at:
        yield (f"note: the schema registry of {registry.leader} was promoted: that of "
               f"{registry.at} takes no schemas, and its journal is not mirrored, until "
               f"`fab registry.promote {registry.at}`")


def check(lab: Lab) -> Iterator[Problem]:
    """Registries stand beside control hosts' tools, which make their topics; a follower is of use
    with the journal of the leader alone."""
    registry = lab.registry
    names = {one.name: one for one in lab.datacenters}
    for key in ("at", "follower"):
        place, field = getattr(registry, key), f"registry.{key}"
        if place is None:
            continue
        if place not in names:
            yield Problem(field, repr(place), no_such_datacenter(place, list(names)))
        elif not names[place].count("control"):
            yield Problem(field, repr(place), "has no host for it; accepted: with control = 1 "
                                              "there")
    if registry.follower and {*registry.places} <= names.keys():
        yield from _following(lab, registry.follower)


def _following(lab: Lab, follower: str) -> Iterator[Problem]:
    field, at = "registry.follower", lab.registry.at
    if at is None or at == follower:
        yield Problem(field, repr(follower), "follows none; accepted: with `at` in another "
                                             "datacenter")
        return
    mirror = bridge(lab)
    if mirror is None or JOURNAL not in mirror.topics:
        yield Problem(
            field, repr(follower), f"gets no copy of {JOURNAL}, by which it would follow; accepted:"
            f' with [[mirrors]] from = "{at}", to = "{follower}", and "{JOURNAL}" by name among '
            f'its topics: topics = [".*", "{JOURNAL}"]',
        )
