"""What lies in a topic's partitions: records, batches and the files they are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lab.learning.batches import Batch
from lab.learning.drawn.segments import log
from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe


@probe
def written(facts: Facts, *, topic: str, least: int = 0, exactly: int | None = None) -> Finding:
    """That so many offsets were given out in a topic, whether their records are kept or not."""
    spans = facts.spans(topic)
    if not spans:
        return Finding("absent")
    found = sum(span.end for span in spans.values())
    if exactly is not None:
        least = exactly
    if found < least:
        return Finding("fewer", {"found": found, "wanted": least})
    if exactly is not None and found > exactly:
        return Finding("more", {"found": found, "wanted": exactly})
    return ok(answer=found)


@probe
def readable(facts: Facts, *, topic: str, exactly: int) -> Finding:
    """That so many records can be read from a topic."""
    if facts.topic(topic) is None:
        return Finding("absent")
    found = len(facts.records(topic))
    if found == exactly:
        return ok()
    return Finding("fewer" if found < exactly else "more", {"found": found})


@probe
def key(facts: Facts, *, topic: str, key: str) -> Finding:
    """In which one partition the records with a key are."""
    if facts.topic(topic) is None:
        return Finding("absent")
    found = sorted({one.partition for one in facts.records(topic) if one.key == key})
    if not found:
        return Finding("none")
    if len(found) > 1:
        return Finding("spread", {"found": ", ".join(map(str, found))})
    return ok(answer=found[0])


@probe
def partitions_of(facts: Facts, *, topic: str, key: str) -> Finding:
    """In how many partitions the records with a key are."""
    if facts.topic(topic) is None:
        return Finding("absent")
    found = {one.partition for one in facts.records(topic) if one.key == key}
    return ok(answer=len(found)) if found else Finding("none")


@probe
def start_moved(facts: Facts, *, topic: str) -> Finding:
    """That the oldest records of a topic were deleted."""
    spans = facts.spans(topic)
    if not spans:
        return Finding("absent")
    if not any(span.low for span in spans.values()):
        return Finding("kept", {"found": sum(span.end for span in spans.values())})
    return ok(answer=sum(span.low for span in spans.values()))


@probe
def compacted(facts: Facts, *, topic: str, keys: int) -> Finding:
    """That of each of so many keys one record is left, outside of the segments that are written to,
    which are never compacted."""
    if facts.topic(topic) is None:
        return Finding("absent")
    open_ = {number: files[-1].base for number in facts.spans(topic)
             if (files := facts.files(topic, number))}
    counted = Counter(one.key for one in facts.records(topic)
                      if one.offset < open_.get(one.partition, 0))
    if len(counted) < keys:
        return Finding("keys", {"found": len(counted)})
    twice = [(count, name) for name, count in counted.items() if count > 1]
    if twice:
        count, name = max(twice, key=lambda one: (one[0], one[1] or ""))
        return Finding("twice", {"key": name, "found": count})
    return ok(answer=sum(counted.values()))


@probe
def value(facts: Facts, *, topic: str, key: str, value: str | int) -> Finding:
    """That the last record with a key has a value; "" for none, a tombstone."""
    last = [one for one in facts.records(topic) if one.key == key][-1:]
    if not last:
        return Finding("absent")
    found = last[0].value or ""
    return ok() if found == str(value) else Finding("other", {"found": found or "-"})


@probe
def segments(facts: Facts, *, topic: str, partition: int = 0, least: int = 1) -> Finding:
    """That a partition's log has so many segments."""
    if facts.topic(topic) is None:
        return Finding("absent")
    found = len(facts.files(topic, partition))
    return ok(answer=found) if found >= least else Finding("fewer", {"found": found})


@probe
def file_of(facts: Facts, *, topic: str, offset: int, partition: int = 0) -> Finding:
    """In which file an offset lies."""
    span = facts.spans(topic).get(partition)
    if span is None:
        return Finding("absent")
    found = log(topic, partition, span, facts.folder(topic, partition)).holder(offset)
    if found is None:
        return Finding("outside", {"low": span.low, "end": span.end})
    return ok(answer=found.log.name)


@probe
def epochs(facts: Facts, *, topic: str, partition: int = 0, least: int = 2) -> Finding:
    """That records of a partition were written under so many leaders, one after the other."""
    if facts.topic(topic) is None:
        return Finding("absent")
    found = len({one.epoch for one in facts.batches(topic, partition) if not one.control})
    return ok(answer=found) if found >= least else Finding("fewer", {"found": found})


@probe
def fewer_batches(facts: Facts, *, topic: str, than: str, records: int) -> Finding:
    """That the same number of records lies in fewer batches than in another topic."""
    counts = []
    for name in (topic, than):
        if facts.topic(name) is None:
            return Finding("absent", {"topic": name})
        batches = list(every(facts, name))
        found = sum(one.records for one in batches)
        if found != records:
            return Finding("records", {"topic": name, "found": found})
        counts.append(len(batches))
    seen = {"mine": counts[0], "others": counts[1]}
    return ok(**seen) if counts[0] < counts[1] else Finding("more", seen)


@probe
def spread(facts: Facts, *, topic: str, counts: str) -> Finding:
    """That the records lie in the partitions in such numbers ("4/4/4")."""
    spans = facts.spans(topic)
    if not spans:
        return Finding("absent")
    found = "/".join(str(span.end - span.low) for _, span in sorted(spans.items()))
    return ok() if found == counts else Finding("other", {"found": found})


def every(facts: Facts, topic: str) -> Iterator[Batch]:
    """The batches of records in all partitions of a topic, without markers."""
    for number in facts.spans(topic):
        yield from (one for one in facts.batches(topic, number) if not one.control)
