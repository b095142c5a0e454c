"""Consumer groups: members, what they were given, and what they have committed."""

from __future__ import annotations

from lab.learning.facts import Facts, Group
from lab.learning.probes.finding import Finding, ok, probe


@probe
def members(
    facts: Facts, *, group: str, members: int, idle: int | None = None, assignor: str = ""
) -> Finding:
    """That a group is stable with so many members, of which so many have no partition."""
    found = facts.group(group)
    if found is None or not found.members:
        return Finding("absent")
    if found.state != "stable":
        return Finding("moving", {"found": found.state})
    if len(found.members) != members:
        kind = "fewer" if len(found.members) < members else "more"
        return Finding(kind, {"found": len(found.members)})
    without = sum(not one.partitions for one in found.members)
    if idle is not None and without != idle:
        return Finding("idle", {"found": without})
    if assignor and found.assignor != assignor:
        return Finding("assignor", {"found": found.assignor or "-"})
    return ok(answer=without)


@probe
def idle_members(facts: Facts, *, partitions: int, members: int) -> Finding:
    """How many of a group's members get nothing to read."""
    return ok(answer=max(0, members - partitions))


@probe
def static(facts: Facts, *, group: str, members: int) -> Finding:
    """That a group has so many members with an instance id of their own (KIP-345)."""
    found = facts.group(group)
    if found is None or not found.members:
        return Finding("absent")
    named = sum(bool(one.instance) for one in found.members)
    return ok() if named == members else Finding("fewer", {"found": named})


@probe
def left(facts: Facts, *, group: str) -> Finding:
    """That a group committed, and has no members."""
    found = facts.group(group)
    if found is None:
        return Finding("absent")
    return Finding("there", {"found": len(found.members)}) if found.members else ok()


@probe
def lag(facts: Facts, *, group: str, topic: str, records: int) -> Finding:
    """That a group has so many records of a topic before it, in every partition together."""
    found = facts.group(group)
    committed = offsets(found, topic) if found else {}
    if not committed:
        return Finding("absent")
    waits = sum(
        span.end - committed.get(number, span.low) for number, span in facts.spans(topic).items()
    )
    return ok() if waits == records else Finding(
        "fewer" if waits < records else "more", {"found": waits})


@probe
def committed(facts: Facts, *, group: str, topic: str, partition: int, offset: int) -> Finding:
    """That a group will go on at an offset."""
    found = facts.group(group)
    place = offsets(found, topic).get(partition) if found else None
    if place is None:
        return Finding("absent")
    return ok() if place == offset else Finding("other", {"found": place})


@probe
def next_offset(facts: Facts, *, group: str, topic: str, partition: int) -> Finding:
    """Where a group will go on in a partition."""
    found = facts.group(group)
    place = offsets(found, topic).get(partition) if found else None
    return Finding("absent") if place is None else ok(answer=place)


def offsets(group: Group, topic: str) -> dict[int, int]:
    """What a group has committed in a topic, by partition."""
    return {
        int(number): offset for place, offset in group.offsets.items()
        for name, _, number in [place.rpartition("-")] if name == topic
    }
