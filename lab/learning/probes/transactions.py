"""What idempotent and transactional producers leave on disk, and what a retry leaves."""

from __future__ import annotations

from collections import Counter

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe
from lab.learning.probes.logs import every


@probe
def idempotent(facts: Facts, *, topic: str, ids: bool = True) -> Finding:
    """That all batches of a topic carry a producer's id, or none does."""
    if facts.topic(topic) is None:
        return Finding("absent")
    batches = list(every(facts, topic))
    if not batches:
        return Finding("empty")
    with_id = sum(one.producer >= 0 for one in batches)
    if with_id == (len(batches) if ids else 0):
        return ok()
    return Finding("without" if ids else "with", {"found": with_id, "all": len(batches)})


@probe
def duplicates(facts: Facts, *, topic: str, least: int = 0, most: int | None = None) -> Finding:
    """That so many records are there a second time, by their values."""
    if facts.topic(topic) is None:
        return Finding("absent")
    counted = Counter(one.value for one in facts.records(topic, committed=False))
    if not counted:
        return Finding("empty")
    found = sum(counted.values()) - len(counted)
    if found < least:
        return Finding("fewer", {"found": found})
    if most is not None and found > most:
        return Finding("more", {"found": found})
    return ok(answer=found)


@probe
def whole(facts: Facts, *, topic: str, prefix: str, records: int) -> Finding:
    """That the values PREFIX0 to PREFIX(N-1) are all there."""
    if facts.topic(topic) is None:
        return Finding("absent")
    there = {one.value for one in facts.records(topic)}
    lost = [n for n in range(records) if f"{prefix}{n}" not in there]
    if lost:
        return Finding("lost", {"found": len(lost), "first": f"{prefix}{lost[0]}"})
    return ok()


@probe
def lost(facts: Facts, *, topic: str, prefix: str, records: int) -> Finding:
    """How many of the values PREFIX0 to PREFIX(N-1) are not there."""
    if facts.topic(topic) is None:
        return Finding("absent")
    there = {one.value for one in facts.records(topic)}
    return ok(answer=sum(f"{prefix}{n}" not in there for n in range(records)))


@probe
def markers(facts: Facts, *, topic: str, least: int) -> Finding:
    """That so many transactions ended in a topic: a marker each, with an offset of its own."""
    if facts.topic(topic) is None:
        return Finding("absent")
    found = sum(one.control for number in facts.spans(topic)
                for one in facts.batches(topic, number))
    return ok(answer=found) if found >= least else Finding("fewer", {"found": found})


@probe
def hidden(facts: Facts, *, topic: str, records: int) -> Finding:
    """That so many records are on disk that a reader of committed ones does not get."""
    if facts.topic(topic) is None:
        return Finding("absent")
    found = len(facts.records(topic, committed=False)) - len(facts.records(topic))
    if found == records:
        return ok()
    return Finding("fewer" if found < records else "more", {"found": found})
