"""How a group divides its partitions, and which of them stop while it does so anew.

Members write what happens to them into a topic, the journal: a record an event, with the group as
its key (see `exercises/ch6-assign/member.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe

STARTED, ASSIGNED, REVOKED, ENDED = "started", "assigned", "revoked", "ended"
BUSY, FREE = "busy", "free"  # while it is busy with a record, a member does not poll


@dataclass(frozen=True)
class Event:
    """Something that happened to a member. at: ms. partitions: as TOPIC-N."""

    at: int
    member: str
    what: str
    partitions: tuple[str, ...] = ()
    strategy: str = ""
    static: bool = False


@dataclass(frozen=True)
class Stop:
    """A partition that was taken from a member. since, until: ms; until None while nobody has it.
    cause: the number of the event that led to it, a member's coming or going."""

    partition: str
    member: str
    since: int
    until: int | None
    cause: int


def events(facts: Facts, journal: str, group: str) -> tuple[Event, ...]:
    """What a group's members have written, in order; records that are none are passed over."""
    found = []
    for one in facts.records(journal):
        if one.key != group:
            continue
        try:
            said = json.loads(one.value or "")
            event = Event(one.timestamp, str(said["member"]), str(said["event"]),
                          tuple(map(str, said["partitions"])), str(said["strategy"]),
                          bool(said["static"]))
        except (ValueError, KeyError, TypeError):
            continue
        found.append((one.timestamp, one.offset, event))
    return tuple(event for _, _, event in sorted(found, key=lambda one: one[:2]))


def holders(happened: Sequence[Event]) -> dict[str, str]:
    """Who has each partition after these events."""
    found: dict[str, str] = {}
    for one in happened:
        for partition in one.partitions:
            if one.what == ASSIGNED:
                found[partition] = one.member
            elif one.what == REVOKED and found.get(partition) == one.member:
                del found[partition]
    return found


def stops(happened: Sequence[Event]) -> Iterator[Stop]:
    """Every time that a partition was taken from a member, in the order of these times."""
    cause = 0
    for number, one in enumerate(happened):
        if one.what in (STARTED, ENDED):
            cause = number
        if one.what != REVOKED:
            continue
        for partition in one.partitions:
            until = next((later.at for later in happened[number + 1:]
                          if later.what == ASSIGNED and partition in later.partitions), None)
            yield Stop(partition, one.member, one.at, until, cause)


@probe
def most(
    facts: Facts, *, journal: str, group: str, members: int, partitions: int, strategy: str
) -> Finding:
    """That so many members divided all partitions by a strategy; and the largest share."""
    happened = events(facts, journal, group)
    if not happened:
        return Finding("absent")
    if other := _other(happened, strategy):
        return Finding("strategy", {"found": other})
    at_once = 0
    for number in range(len(happened)):
        held = list(holders(happened[:number + 1]).values())
        at_once = max(at_once, len(set(held)))
        if len(set(held)) == members and len(held) == partitions:
            return ok(answer=max(map(held.count, set(held))),
                      found="/".join(str(held.count(one)) for one in sorted(set(held))))
    return Finding("fewer", {"found": at_once})


@probe
def stopped(facts: Facts, *, journal: str, group: str, member: str, strategy: str) -> Finding:
    """That a member joined at least two others that had partitions; and how many of these stopped
    for it."""
    happened = events(facts, journal, group)
    came = _joined(happened, member, strategy)
    if isinstance(came, Finding):
        return came
    before = holders(happened[:came])
    given = any(one.member == member and one.what == ASSIGNED for one in happened[came:])
    found = [one for one in stops(happened) if one.cause == came]
    if not given or any(one.until is None for one in found):
        return Finding("moving")
    number = len({one.partition for one in found})
    return ok(answer=number, all=len(before), longest=_longest(found))


@probe
def waited_for(
    facts: Facts, *, journal: str, group: str, member: str, busy: str, strategy: str
) -> Finding:
    """That a member joined others of which one was busy; and whether it waited for this one until
    it had its first partition ("yes", "no")."""
    happened = events(facts, journal, group)
    came = _joined(happened, member, strategy)
    if isinstance(came, Finding):
        return came
    began, through = _first(happened, busy, BUSY), _first(happened, busy, FREE)
    if began is None or began > came or (through is not None and through < came):
        return Finding("idle")
    given = _first(happened, member, ASSIGNED)
    if given is None or through is None:
        return Finding("moving")
    since = happened[came].at
    return ok(answer="yes" if through < given else "no",
              waited=f"{(happened[given].at - since) / 1000:.1f}",
              through=f"{(happened[through].at - since) / 1000:.1f}")


@probe
def returned(facts: Facts, *, journal: str, group: str, member: str) -> Finding:
    """That a member with an instance id left others and came back, for which nothing of theirs
    stopped. The last time that it did so counts."""
    happened = events(facts, journal, group)
    if not happened:
        return Finding("absent")
    went = [n for n, one in enumerate(happened) if one.member == member and one.what == ENDED
            and len(set(holders(happened[:n]).values())) > 1]
    back = [n for n, one in enumerate(happened) if one.member == member and one.what == STARTED
            and went and n > went[0]]
    if not went or not back:
        alone = len({one.member for one in happened if one.what == ASSIGNED}) < 2
        return Finding("alone" if alone else "once")
    if not all(one.static for one in happened):
        return Finding("dynamic")
    left = max(n for n in went if n < back[-1])
    found = [one for one in stops(happened) if one.cause in (left, back[-1])]
    own = [one for one in found if one.member == member and one.since >= happened[left].at]
    if not own or any(one.until is None for one in own):
        return Finding("moving")
    others = {one.partition for one in found if one.member != member and one.until is not None}
    if others:
        return Finding("others", {"found": len(others)})
    return ok(answer=0, own=len(own), longest=_longest(own))


@probe
def share(facts: Facts, *, group: str, members: int, assignor: str, most: int) -> Finding:
    """That a group has so many members now, by a strategy, and each at most so many partitions."""
    found = facts.group(group)
    if found is None or not found.members:
        return Finding("absent")
    if len(found.members) != members:
        kind = "fewer" if len(found.members) < members else "more"
        return Finding(kind, {"found": len(found.members)})
    if found.state != "stable":
        return Finding("moving", {"found": found.state})
    if found.assignor != assignor:
        return Finding("assignor", {"found": found.assignor or "-"})
    shares = "/".join(str(len(one.partitions)) for one in found.members)
    if any(len(one.partitions) != most for one in found.members):
        return Finding("uneven", {"found": shares})
    return ok(found=shares)


def _joined(happened: Sequence[Event], member: str, strategy: str) -> Finding | int:
    """The number of the event with which a member joined at least two others that had partitions,
    all of them with a strategy; or what is missing."""
    if not happened:
        return Finding("absent")
    came = _first(happened, member, STARTED)
    if came is None:
        return Finding("alone")
    if other := _other(happened, strategy):
        return Finding("strategy", {"found": other})
    held = len(set(holders(happened[:came]).values()))
    return came if held >= 2 else Finding("early", {"found": held})


def _first(happened: Sequence[Event], member: str, what: str) -> int | None:
    return next((number for number, one in enumerate(happened)
                 if one.member == member and one.what == what), None)


def _other(happened: Sequence[Event], strategy: str) -> str:
    """A strategy that a member has and that is not the one; "" for none."""
    return next((one.strategy for one in happened if one.strategy != strategy), "")


def _longest(found: Sequence[Stop]) -> str:
    """In s."""
    return f"{max((one.until - one.since for one in found if one.until), default=0) / 1000:.2f}"
