"""What a mirror makes of names and offsets, and what a group that moved has read."""

from __future__ import annotations

from collections import Counter

from lab.learning.facts import Facts, Record
from lab.learning.probes.finding import Finding, ok, probe
from lab.learning.probes.groups import offsets


@probe
def copy_name(facts: Facts, *, topic: str, copy: str, target: str) -> Finding:
    """What a topic that was copied is called in the other datacenter."""
    if facts.topic(topic) is None:
        return Finding("absent")
    return Finding("uncopied") if facts.at(target).topic(copy) is None else ok(answer=copy)


@probe
def partition_there(facts: Facts, *, topic: str, key: str, copy: str, target: str) -> Finding:
    """Whether the records with a key are in the copy's partition of the same number; "same" or
    "other"."""
    if facts.topic(topic) is None:
        return Finding("absent")
    mine = {one.partition for one in facts.records(topic) if one.key == key}
    if not mine:
        return Finding("none")
    there = facts.at(target)
    copied = {one.partition for one in there.records(copy)
              if one.key == key} if there.topic(copy) is not None else set()
    if not copied:
        return Finding("uncopied")
    return ok(answer="same" if copied == mine else "other")


@probe
def offset_there(facts: Facts, *, topic: str, key: str, copy: str, target: str) -> Finding:
    """That the last record with a key has a later offset in the copy; "same", "earlier" or "later".
    """
    if facts.topic(topic) is None:
        return Finding("absent")
    mine = [one for one in facts.records(topic) if one.key == key]
    if not mine:
        return Finding("none")
    copied = _copies(facts.at(target), copy, mine[-1])
    if not copied:
        return Finding("uncopied")
    here, other = mine[-1].offset, copied[0].offset
    seen = {"number": mine[-1].partition, "here": here, "there": other}
    if other == here:
        return Finding("same", seen)
    return ok(answer="later", **seen) if other > here else Finding("earlier", seen)


@probe
def first_unread(facts: Facts, *, group: str, topic: str, copy: str, target: str) -> Finding:
    """At which offset of the copy's only partition the first record stands that a group has not
    read in the original."""
    found = facts.group(group)
    at = offsets(found, topic).get(0) if found else None
    if at is None:
        return Finding("absent")
    unread = [one for one in facts.records(topic) if one.offset >= at]
    copied = _copies(facts.at(target), copy, unread[0]) if unread else []
    return ok(answer=copied[0].offset) if copied else Finding("uncopied")


@probe
def handed_over(
    facts: Facts, *, handled: str, prefix: str, records: int, target: str
) -> Finding:
    """That the values PREFIX0 to PREFIX(N-1) were all handled, in one datacenter or the other; and
    how many of them twice."""
    there = facts.at(target)
    if facts.topic(handled) is None or there.topic(handled) is None:
        where = facts.datacenter if facts.topic(handled) is None else target
        return Finding("absent", {"where": where})
    found = Counter(one.value for one in (*facts.records(handled), *there.records(handled)))
    skipped = [n for n in range(records) if not found[f"{prefix}{n}"]]
    if skipped:
        return Finding("skipped", {"found": len(skipped), "first": f"{prefix}{skipped[0]}"})
    return ok(twice=sum(found[f"{prefix}{n}"] > 1 for n in range(records)))


def _copies(there: Facts, copy: str, record: Record) -> list[Record]:
    """Where a record stands in the copy; nowhere, while there is none."""
    return [] if there.topic(copy) is None else [
        one for one in there.records(copy)
        if (one.partition, one.key, one.value) == (record.partition, record.key, record.value)
    ]
