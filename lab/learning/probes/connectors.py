"""Connectors of Kafka Connect: whether they run, and where a source went on."""

from __future__ import annotations

from collections import Counter

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe
from lab.learning.probes.groups import offsets


@probe
def connector(facts: Facts, *, name: str, kind: str) -> Finding:
    """That a connector is a source or a sink and runs, and how many tasks it has."""
    found = facts.connector(name)
    if found is None:
        return Finding("absent")
    if found.kind != kind:
        return Finding("other", {"found": found.kind})
    if found.problem:
        return Finding("ill", {"found": found.problem})
    if not found.tasks:
        return Finding("idle")
    return ok(answer=len(found.tasks), found=len(found.tasks))


@probe
def goes_on(facts: Facts, *, topic: str, first: int) -> Finding:
    """What a source that was made again read next, after so many records: "first", what it had read
    once before, or "next"."""
    found = Counter(one.value for one in facts.records(topic))
    if found.total() <= first:
        return Finding("absent")
    return ok(answer="next" if found.total() == len(found) else "first")


@probe
def carried(facts: Facts, *, name: str, topic: str) -> Finding:
    """That a sink has read every record of a topic, by what its group has committed. Its lag would
    count markers of transactions, too: workers write in some."""
    group = facts.group(f"connect-{name}")
    committed = offsets(group, topic) if group else {}
    if not committed:
        return Finding("absent")
    left = sum(one.offset >= committed.get(one.partition, 0) for one in facts.records(topic))
    return Finding("left", {"found": left}) if left else ok()
