"""Topics as the cluster's metadata has them."""

from __future__ import annotations

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe


@probe
def topic(
    facts: Facts, *, topic: str, partitions: int | None = None, replicas: int | None = None
) -> Finding:
    """That a topic is there, with so many partitions and replicas of each."""
    found = facts.topic(topic)
    if found is None:
        return Finding("absent")
    if partitions is not None and len(found) != partitions:
        return Finding("fewer" if len(found) < partitions else "more", {"found": len(found)})
    for one in found:
        if replicas is not None and len(one.replicas) != replicas:
            return Finding("replicas", {"number": one.number, "found": len(one.replicas)})
    return ok(found=len(found))


@probe
def no_topic(facts: Facts, *, topic: str) -> Finding:
    """That a topic is not there."""
    return ok() if facts.topic(topic) is None else Finding("there")


@probe
def setting(facts: Facts, *, topic: str, name: str, value: str | int) -> Finding:
    """That a topic has a setting with a value."""
    if facts.topic(topic) is None:
        return Finding("absent")
    found = facts.config(topic).get(name)
    return ok() if found == str(value) else Finding("other", {"found": found or "-"})


@probe
def in_sync(facts: Facts, *, topic: str, replicas: int) -> Finding:
    """That each partition has so many replicas in sync."""
    found = facts.topic(topic)
    if found is None:
        return Finding("absent")
    for one in found:
        if len(one.isr) != replicas:
            missing = sorted(set(one.replicas) - set(one.isr))
            return Finding("fewer" if len(one.isr) < replicas else "more", {
                "number": one.number, "found": len(one.isr),
                "missing": ", ".join(map(str, missing)) or "-",
            })
    return ok()


@probe
def out_of_sync(facts: Facts, *, topic: str, broker: int) -> Finding:
    """That a broker has a replica, and that it is not in sync."""
    found = facts.topic(topic)
    if found is None:
        return Finding("absent")
    return ok() if any(broker in set(one.replicas) - set(one.isr) for one in found) else Finding(
        "there")


@probe
def written_short(facts: Facts, *, topic: str, broker: int, records: int) -> Finding:
    """That so many records were written, while a broker with a replica is not in sync."""
    short = out_of_sync(facts, topic=topic, broker=broker)
    if not short.ok:
        return short
    found = sum(span.end - span.low for span in facts.spans(topic).values())
    return ok() if found >= records else Finding("fewer", {"found": found})


@probe
def writes_go_on(facts: Facts, *, topic: str, records: int) -> Finding:
    """Whether as many records were written as were tried ("yes"); what fails is not tried twice."""
    found = sum(span.end for span in facts.spans(topic).values())
    return ok(answer="yes") if found >= records else Finding("fewer", {"found": found})


@probe
def leader(facts: Facts, *, topic: str, partition: int) -> Finding:
    """Which broker leads a partition."""
    found = facts.topic(topic)
    if found is None:
        return Finding("absent")
    if partition >= len(found):
        return Finding("fewer", {"found": len(found)})
    if found[partition].leader is None:
        return Finding("leaderless")
    return ok(answer=found[partition].leader)


@probe
def preferred(facts: Facts, *, topic: str) -> Finding:
    """That each partition is led by the first of its replicas."""
    found = facts.topic(topic)
    if found is None:
        return Finding("absent")
    for one in found:
        if one.leader != one.replicas[0]:
            return Finding("other", {"number": one.number, "found": one.leader or "-",
                                     "wanted": one.replicas[0]})
    return ok()
