"""What can be drawn of the facts that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lab.learning.drawn.crowd import Crowd, crowd, topics
from lab.learning.drawn.evolution import Evolution, evolution
from lab.learning.drawn.kept import Kept, kept
from lab.learning.drawn.lanes import Lane, Lanes
from lab.learning.drawn.placement import Placements, placement
from lab.learning.drawn.segments import Log, log
from lab.learning.facts import Facts

Drawing = Log | Lanes | Crowd | Kept | Placements | Evolution


def drawings(facts: Facts) -> tuple[tuple[str, Drawing], ...]:
    """Each with its datacenter, what is special to an exercise first. Asks for what belongs to it
    and was not asked for: the brokers that are there, and the ends of partitions."""
    return tuple(
        (one.datacenter, drawing) for one in facts.everywhere() for drawing in _drawings(one)
    )


def _drawings(facts: Facts) -> Iterator[Drawing]:
    asked = facts.asked  # before anything is asked for here
    logs = [one for said in _of(asked, "files") for one in _logs(facts, **said)]
    lanes = [Lane(said["topic"], said["partition"], facts.batches(**said))
             for said in _of(asked, "batches")]
    crowds = [one for said in _of(asked, "group") for one in _crowd(facts, **said)]
    yield from logs
    if lanes := [one for one in lanes if one.batches]:
        yield Lanes(tuple(lanes))
    yield from crowds
    told = {*(one.topic for one in logs), *(one.topic for one in lanes),
            *(seat.topic for one in crowds for seat in one.seats)}
    read = {said["topic"]: said["committed"] for said in _of(asked, "records")}
    for topic in dict.fromkeys([*read, *(said["topic"] for said in _of(asked, "spans"))]):
        if (topic in read or topic not in told) and facts.spans(topic):
            yield _kept(facts, topic, read.get(topic), logs)
    topics = {said["name"]: facts.topic(said["name"]) for said in _of(asked, "topic")}
    placed = tuple(placement(name, found, facts.brokers())
                   for name, found in topics.items() if found)
    if placed:
        yield Placements(placed)
    for said in _of(asked, "subject"):
        if (subject := facts.subject(said["name"])) is not None:
            yield evolution(said["name"], subject)


def _of(asked: tuple[tuple[str, Mapping[str, Any]], ...], what: str) -> list[Mapping[str, Any]]:
    """The arguments with which a question was asked."""
    return [said for one, said in asked if one == what]


def _logs(facts: Facts, topic: str, partition: int) -> Iterator[Log]:
    span, files = facts.spans(topic).get(partition), facts.folder(topic, partition)
    if span and (found := log(topic, partition, span, files)).segments:
        yield found


def _crowd(facts: Facts, name: str) -> Iterator[Crowd]:
    if (group := facts.group(name)) is not None:
        yield crowd(name, group, {topic: facts.spans(topic) for topic in topics(group)})


def _kept(facts: Facts, topic: str, committed: bool | None, logs: list[Log]) -> Kept:
    records = None if committed is None else facts.records(topic, committed=committed)
    open_ = {one.partition: one.segments[-1].base for one in logs if one.topic == topic}
    return kept(topic, facts.spans(topic), records, open_)
