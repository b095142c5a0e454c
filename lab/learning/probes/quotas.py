"""Quotas: what a cluster has of them, and how fast records came into a log by its own word."""

from __future__ import annotations

from lab.learning.batches import APPEND_TIME, Batch
from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe
from lab.learning.probes.logs import every

# quota.window.num, quota.window.size.seconds: what came in the last ten full seconds and in this
# one counts, so whoever wrote nothing before may write as much at once.
WINDOW = 11
NEARLY = 0.8  # of the time that it should take: the first and the last second are not whole
QUICKER = 3  # times as quick as who is held back


@probe
def quota(facts: Facts, *, client: str, name: str, value: int) -> Finding:
    """That clients of one id have a quota."""
    found = facts.quotas(client).get(name)
    if found is None:
        return Finding("none")
    return ok() if found == value else Finding("other", {"found": f"{found:g}"})


@probe
def paced(facts: Facts, *, topic: str, rate: int, records: int) -> Finding:
    """That records came into a topic no faster than at so many bytes a second."""
    if not (found := _came(facts, topic, records)).ok:
        return found
    if len(facts.topic(topic) or ()) > 1:
        return Finding("spread")
    seconds, size = found.seen["seconds"], found.seen["bytes"]
    least = round(NEARLY * (size - WINDOW * rate) / rate, 1)
    told = {"seconds": seconds, "least": max(1.0, least)}
    return ok(**told) if seconds >= told["least"] else Finding("quick", told)


@probe
def refused(facts: Facts, *, topic: str, rate: int, records: int) -> Finding:
    """How many of the records a broker refused that were written above a quota."""
    found = paced(facts, topic=topic, rate=rate, records=records)
    if not found.ok:
        return found
    return ok(answer=max(0, records - sum(one.records for one in every(facts, topic))))


@probe
def unheld(facts: Facts, *, topic: str, records: int, beside: str) -> Finding:
    """That as many records came into a topic as into another one, in a third of the time."""
    if not (found := _came(facts, topic, records)).ok:
        return found
    other = _came(facts, beside, records)
    seconds = found.seen["seconds"]
    if not other.ok or seconds * QUICKER > other.seen["seconds"]:
        return Finding("slow", {"seconds": seconds, "theirs": other.seen.get("seconds", 0.0)})
    return ok(seconds=seconds)


def _came(facts: Facts, topic: str, records: int) -> Finding:
    """That so many records are in a topic, with the seconds in which they came and their bytes."""
    if facts.topic(topic) is None:
        return Finding("absent")
    batches: list[Batch] = list(every(facts, topic))
    found = sum(one.records for one in batches)
    if found < records:
        return Finding("fewer", {"found": found})
    if not all(one.attributes & APPEND_TIME for one in batches):
        return Finding("untold")
    times = [one.newest for one in batches]
    return ok(seconds=round((max(times) - min(times)) / 1000, 1),
              bytes=sum(one.bytes for one in batches))
