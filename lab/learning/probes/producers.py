"""What a producer that had to try again leaves on disk, and one that worked in transactions."""

from __future__ import annotations

from collections import Counter

from lab.learning.batches import ends
from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe
from lab.learning.probes.logs import every


@probe
def copies(facts: Facts, *, topic: str, records: int) -> Finding:
    """How many times a record is in a topic at most, by its value; once so many differ."""
    if facts.topic(topic) is None:
        return Finding("absent")
    counted = Counter(one.value for one in facts.records(topic, committed=False))
    if len(counted) < records:
        return Finding("fewer", {"found": len(counted)})
    return ok(answer=max(counted.values()))


@probe
def waited(facts: Facts, *, topic: str, least: int) -> Finding:
    """That a batch came into the log so many ms after its producer had made it: where that is more
    than its linger and its time for a request together, it was sent a second time."""
    if facts.topic(topic) is None:
        return Finding("absent")
    batches = list(every(facts, topic))
    if not batches:
        return Finding("empty")
    times = [one.waited for one in batches if one.waited is not None]
    if not times:
        return Finding("untold")
    found = max(times)
    return ok(found=found) if found >= least else Finding("short", {"found": found})


@probe
def ended(facts: Facts, *, topic: str, how: str, records: int) -> Finding:
    """That so many records of a topic are of transactions that ended in one way: "commit" or
    "abort"."""
    if facts.topic(topic) is None:
        return Finding("absent")
    by_end = endings(facts, topic)
    found = by_end[how]
    if found == records:
        return ok()
    seen = {"found": found, "plain": by_end["plain"], "open": by_end["open"]}
    if found:
        return Finding("fewer" if found < records else "more", seen)
    return Finding("open" if by_end["open"] else "plain" if by_end["plain"] else "none", seen)


@probe
def after_both(
    facts: Facts, *, topic: str, committed: int, aborted: int, what: str
) -> Finding:
    """What there is once so many records are committed and aborted. what: "offsets", those that
    were given out, or "records", those that readers of committed ones get."""
    by_end = endings(facts, topic)
    if (by_end["commit"], by_end["abort"]) != (committed, aborted):
        return Finding("fewer")
    if what == "records":
        return ok(answer=len(facts.records(topic)))
    return ok(answer=sum(span.end for span in facts.spans(topic).values()))


@probe
def settled(facts: Facts, *, id: str, topic: str) -> Finding:
    """That a transactional id wrote into a topic, and that the coordinator has no transaction of it
    open. A coordinator knows an id for days, so it knows those of topics that are gone, too."""
    found = facts.transaction(id)
    if found is None or facts.topic(topic) is None or found.producer not in (
            one.producer for one in every(facts, topic)):
        return Finding("absent")
    seen = {"found": found.state, "producer": found.producer, "epoch": found.epoch}
    return ok(**seen) if found.settled else Finding("open", seen)


def endings(facts: Facts, topic: str) -> Counter[str]:
    """The records of a topic by how their transaction ended: "commit", "abort", or "open" for one
    that has not; "plain" for those of none."""
    found: Counter[str] = Counter()
    for number in facts.spans(topic):
        batches = facts.batches(topic, number)
        for one, end in zip(batches, ends(batches), strict=True):
            if not one.control:
                found[end or "plain"] += one.records
    return found
