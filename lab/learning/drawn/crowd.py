"""A group on the partitions that it reads: who has which, and how far behind it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.learning.facts import Group, Span


@dataclass(frozen=True)
class Chip:
    """One member, numbered from 1 by its partitions; several may have the same client id."""

    number: int
    client: str
    instance: str
    partitions: int


@dataclass(frozen=True)
class Seat:
    """One partition. chip: the number of the member that has it, None for nobody. committed, end:
    None where there is none, or it is not known."""

    topic: str
    partition: int
    chip: int | None
    committed: int | None
    end: int | None
    low: int = 0

    @property
    def lag(self) -> int | None:
        """Records before the group; of one that has committed nothing, all that are kept."""
        if self.end is None:
            return None
        return self.end - (self.low if self.committed is None else max(self.committed, self.low))


@dataclass(frozen=True)
class Crowd:
    """A group. idle: members that have no partition."""

    group: str
    state: str
    assignor: str
    chips: tuple[Chip, ...]
    seats: tuple[Seat, ...]

    @property
    def idle(self) -> tuple[Chip, ...]:
        return tuple(one for one in self.chips if not one.partitions)

    @property
    def lag(self) -> int:
        return sum(one.lag or 0 for one in self.seats)


def topics(group: Group) -> tuple[str, ...]:
    """The topics that a group reads, or has read."""
    places = {*group.offsets, *(one for member in group.members for one in member.partitions)}
    return tuple(sorted({_place(one)[0] for one in places}))


def crowd(name: str, group: Group, spans: Mapping[str, Mapping[int, Span]]) -> Crowd:
    """spans: by topic and partition; partitions that nobody reads are among them."""
    members = sorted(group.members, key=lambda one: (
        not one.partitions, sorted(map(_place, one.partitions)), one.client, one.instance))
    owner = {_place(one): number for number, member in enumerate(members, 1)
             for one in member.partitions}
    committed = {_place(one): offset for one, offset in group.offsets.items()}
    known = {(topic, number): span for topic, parts in spans.items()
             for number, span in parts.items()}
    seats = []
    for place in sorted({*owner, *committed, *known}):
        span = known.get(place)
        seats.append(Seat(
            *place, owner.get(place), committed.get(place), span.end if span else None,
            span.low if span else 0,
        ))
    chips = tuple(Chip(number, one.client, one.instance, len(one.partitions))
                  for number, one in enumerate(members, 1))
    return Crowd(name, group.state, group.assignor, chips, tuple(seats))


def _place(text: str) -> tuple[str, int]:
    topic, _, number = text.rpartition("-")
    return topic, int(number)
