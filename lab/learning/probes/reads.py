"""What readers of a topic get."""

from __future__ import annotations

from collections import Counter

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe


@probe
def readers_get(facts: Facts, *, topic: str, committed: bool = True) -> Finding:
    """How many records a reader gets, of what is committed or of all."""
    if facts.topic(topic) is None:
        return Finding("absent")
    return ok(answer=len(facts.records(topic, committed=committed)))


@probe
def each_once(facts: Facts, *, topic: str, prefix: str, records: int) -> Finding:
    """That a reader of what is committed gets the values PREFIX0 to PREFIX(N-1), each once."""
    if facts.topic(topic) is None:
        return Finding("absent")
    found = Counter(one.value for one in facts.records(topic))
    lost = [n for n in range(records) if not found[f"{prefix}{n}"]]
    if lost:
        return Finding("lost", {"found": len(lost), "first": f"{prefix}{lost[0]}"})
    if twice := found.total() - len(found):
        return Finding("twice", {"found": twice})
    return ok()
