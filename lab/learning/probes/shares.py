"""How evenly the brokers share what there is."""

from __future__ import annotations

from collections.abc import Iterable

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe


@probe
def apart(facts: Facts, *, topic: str, broker: int) -> Finding:
    """That a broker has no replica of a topic."""
    found = arrived(facts, topic=topic, broker=broker)
    if found.state == "none":
        return ok()
    return Finding("there", {"found": found.answer}) if found.ok else found


@probe
def arrived(facts: Facts, *, topic: str, broker: int) -> Finding:
    """How many replicas of a topic a broker has."""
    partitions = facts.topic(topic)
    if partitions is None:
        return Finding("absent")
    found = sum(broker in one.replicas for one in partitions)
    return ok(answer=found) if found else Finding("none")


@probe
def even(facts: Facts, *, topic: str, broker: int) -> Finding:
    """That a broker has something of a topic, and that all brokers differ by at most one replica
    and by at most one partition that they lead, whatever the topic."""
    if not (found := arrived(facts, topic=topic, broker=broker)).ok:
        return found
    shares = [one for _, one in sorted(facts.shares().items())]
    replicas, leads = [one.replicas for one in shares], [one.leads for one in shares]
    for state, counts in (("replicas", replicas), ("leaders", leads)):
        if max(counts) - min(counts) > 1:
            return Finding(state, {"found": _row(counts)})
    return ok(found=_row(replicas), leads=_row(leads))


def _row(counts: Iterable[int]) -> str:
    return "/".join(map(str, counts))
