"""What workers of a share group did with records, each of which is delivered until one accepts it.

Workers write what they did into a topic, the journal: a record a delivery, with the group as its
key (see `exercises/ch-share/worker.py`).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe

ACCEPTED, RELEASED = "accepted", "released"


@dataclass(frozen=True)
class Delivery:
    """A record that a worker was given. number: of its deliveries up to then."""

    worker: str
    offset: int
    number: int
    did: str


def deliveries(facts: Facts, journal: str, group: str) -> tuple[Delivery, ...]:
    """What a group's workers have written; records that are none are passed over."""
    found = []
    for one in facts.records(journal):
        try:
            said = json.loads(one.value or "")
            delivery = Delivery(str(said["worker"]), int(said["offset"]), int(said["delivery"]),
                                str(said["did"]))
        except (ValueError, KeyError, TypeError):
            continue
        if one.key == group:
            found.append(delivery)
    return tuple(found)


@probe
def workers(facts: Facts, *, journal: str, group: str, workers: int) -> Finding:
    """That so many workers, or more, have accepted records."""
    found = Counter(one.worker for one in deliveries(facts, journal, group) if one.did == ACCEPTED)
    if not found:
        return Finding("absent")
    if len(found) < workers:
        return Finding("fewer", {"found": len(found)})
    return ok(answer=len(found), found=", ".join(
        f"{worker} {count}" for worker, count in sorted(found.items())))


@probe
def accepted(facts: Facts, *, journal: str, group: str, records: int) -> Finding:
    """That so many records were accepted, and none of them twice."""
    found = Counter(one.offset for one in deliveries(facts, journal, group) if one.did == ACCEPTED)
    if not found:
        return Finding("absent")
    if twice := sum(count > 1 for count in found.values()):
        return Finding("twice", {"found": twice})
    if len(found) != records:
        return Finding("fewer" if len(found) < records else "more", {"found": len(found)})
    return ok()


@probe
def given_up(facts: Facts, *, journal: str, group: str, limit: int) -> Finding:
    """That a record was released until it had been delivered so often, and how often it was."""
    found = deliveries(facts, journal, group)
    if not found:
        return Finding("absent")
    numbers = [one.number for one in found if one.did == RELEASED]
    if not numbers:
        return Finding("none")
    if max(numbers) < limit:
        return Finding("fewer", {"found": max(numbers)})
    return ok(answer=max(numbers), by=", ".join(
        one.worker for one in found if one.did == RELEASED))
