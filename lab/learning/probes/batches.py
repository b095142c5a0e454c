"""What a producer's partitioner, linger.ms and batch.size leave on disk: batches."""

from __future__ import annotations

from collections.abc import Sequence

from lab.learning.batches import Batch
from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe
from lab.learning.probes.logs import every


@probe
def batched(facts: Facts, *, topic: str, partitions: int, records: int) -> Finding:
    """That so many records lie in a topic of so many partitions; and in what batches.

    How evenly they are spread is told, and nothing is claimed of it: the default partitioner counts
    bytes, and gives less to brokers that answer late (KIP-794).
    """
    found = facts.topic(topic)
    if found is None:
        return Finding("absent")
    if len(found) != partitions:
        return Finding("partitions", {"found": len(found)})
    parts = [[one for one in facts.batches(topic, part.number) if not one.control]
             for part in found]
    counts = [sum(one.records for one in part) for part in parts]
    seen = {"found": sum(counts), "counts": "/".join(map(str, counts))}
    if sum(counts) != records:
        return Finding("fewer" if sum(counts) < records else "more", seen)
    together = [one for part in parts for one in part]
    return ok(
        **seen, batches=len(together), each=f"{records / len(together):.1f}",
        size=round(sum(one.bytes for one in together) / len(together)),
    )


@probe
def fewest_batches(facts: Facts, *, topics: Sequence[str], names: Sequence[str]) -> Finding:
    """Which of several topics has the fewest batches; the answer is its name among `names`."""
    counts = []
    for topic in topics:
        if facts.topic(topic) is None:
            return Finding("absent", {"topic": topic})
        counts.append(sum(1 for _ in every(facts, topic)))
    return ok(answer=names[counts.index(min(counts))])


@probe
def at_once(facts: Facts, *, topic: str, least: int) -> Finding:
    """That batches of so many partitions were filled at the same time, on the average.

    A partitioner that takes turns with each record fills all of them side by side; one that sticks
    to a partition until its batch is full fills one after the other.
    """
    if facts.topic(topic) is None:
        return Finding("absent")
    found = side_by_side(list(every(facts, topic)))
    if found is None:
        return Finding("short")
    seen = {"found": f"{found:.1f}"}
    return ok(**seen) if found >= least else Finding("fewer", seen)


def side_by_side(batches: Sequence[Batch]) -> float | None:
    """How many batches were being filled at a time, from the first record until the last; None
    where all records are of one ms. The times have to be those of the producer."""
    if not batches:
        return None
    began, ended = min(one.timestamp for one in batches), max(one.newest for one in batches)
    filling = sum(one.newest - one.timestamp for one in batches)
    return filling / (ended - began) if ended > began else None


@probe
def largest(facts: Facts, *, topic: str, most: int) -> Finding:
    """That no batch of a topic has more bytes than a producer's batch.size; the answer is how many
    records the fullest one has."""
    if facts.topic(topic) is None:
        return Finding("absent")
    batches = list(every(facts, topic))
    if not batches:
        return Finding("empty")
    size = max(one.bytes for one in batches)
    if size > most:
        return Finding("more", {"found": size})
    return ok(found=size, answer=max(one.records for one in batches))
