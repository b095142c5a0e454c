"""What mirrors made of a topic and a group in another datacenter."""

from __future__ import annotations

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe


@probe
def copied(facts: Facts, *, topic: str, copy: str, target: str) -> Finding:
    """That a copy has every record of its original that is kept."""
    mine = facts.records(topic)
    if facts.topic(topic) is None:
        return Finding("absent")
    there = facts.at(target)
    if there.topic(copy) is None:
        return Finding("uncopied")
    lacking = {(one.key, one.value) for one in mine} - {
        (one.key, one.value) for one in there.records(copy)}
    return Finding("behind", {"found": len(lacking)}) if lacking else ok()


@probe
def moved(facts: Facts, *, group: str, topic: str, copy: str, target: str) -> Finding:
    """That a group stands in a copy where nothing that it has not read is before it.

    The record at its offset in the copy must be the one at its offset in the original, or an
    earlier one.
    """
    own, there = facts.group(group), facts.at(target)
    moved_to = there.group(group)
    mine = {k: v for k, v in (own.offsets if own else {}).items() if _is(k, topic)}
    if not mine:
        return Finding("absent")
    copies = {k: v for k, v in (moved_to.offsets if moved_to else {}).items() if _is(k, copy)}
    for place, offset in mine.items():
        number = int(place.rpartition("-")[2])
        at = copies.get(f"{copy}-{number}")
        if at is None:
            return Finding("unmoved", {"number": number})
        unread = {(one.key, one.value) for one in facts.records(topic)
                  if one.partition == number and one.offset >= offset}
        skipped = sum(
            (one.key, one.value) in unread for one in there.records(copy)
            if one.partition == number and one.offset < at
        )
        if skipped:
            return Finding("skips", {"number": number, "found": skipped})
    return ok()


def _is(place: str, topic: str) -> bool:
    return place.rpartition("-")[0] == topic
