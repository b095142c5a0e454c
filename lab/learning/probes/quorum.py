"""A KRaft quorum and its log, and what a student notes of both.

Notes are records in a topic: the key says of what, the value what was read.
"""

from __future__ import annotations

from collections import Counter

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe


@probe
def noted(facts: Facts, *, notes: str, name: str, topic: str) -> Finding:
    """That the last note of that name says what is so: "leader", "epoch" or "voters" of the quorum,
    or the "offset" of the record in its log that made a topic."""
    if facts.topic(notes) is None:
        return Finding("absent")
    found = [(one.timestamp, one.offset, one.value or "") for one in facts.records(notes)
             if one.key == name]
    if not found:
        return Finding("unnoted")
    so = _so(facts, name, topic)
    if so is None:
        return Finding("unknown")
    said = max(found)[2]
    return ok() if "".join(said.split()) == so else Finding("other", {"found": said})


def _so(facts: Facts, name: str, topic: str) -> str | None:
    if name == "offset":
        made = facts.metadata(topic)
        return str(made[0].offset) if made else None
    quorum = facts.quorum()
    if quorum is None:
        return None
    return {"leader": str(quorum.leader), "epoch": str(quorum.epoch),
            "voters": ",".join(map(str, sorted(quorum.voters)))}[name]


@probe
def created(facts: Facts, *, topic: str) -> Finding:
    """How many records a topic's creation left in the log; they are written together."""
    found = facts.metadata(topic)
    if not found:
        return Finding("absent")
    first = [one for one in found if one.batch == found[0].batch]
    kinds = Counter(one.kind for one in first)
    return ok(answer=len(first), first=first[0].offset, last=first[-1].offset,
              found=", ".join(f"{count} {kind}" for kind, count in kinds.items()))


@probe
def altered(facts: Facts, *, topic: str, settings: int) -> Finding:
    """That so many settings of a topic, or more, were changed together after it was made; and how
    many records this left."""
    found = facts.metadata(topic)
    if not found:
        return Finding("absent")
    batches = Counter(one.batch for one in found
                      if one.kind == "ConfigRecord" and one.batch != found[0].batch)
    most = max(batches.values(), default=0)
    return ok(answer=most) if most >= settings else Finding("fewer", {"found": most})
