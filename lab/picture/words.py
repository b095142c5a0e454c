"""What people are told of a change: a line each, and one line for many of a kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lab.counted import counted
from lab.picture.events import Change, Delta
from lab.picture.snapshot import (
    DOWN,
    LEADS,
    QUORUM,
    Broker,
    Datacenter,
    Group,
    Mirror,
    Partition,
    Server,
    Snapshot,
    Topic,
)

GOOD, BAD, PLAIN = "good", "bad", "plain"
MANY = 3  # partitions of a topic that are named one by one
OWN = "Kafka's own topics"


@dataclass(frozen=True)
class Line:
    """where: the datacenter, "" for what lies between two."""

    where: str
    text: str
    tone: str = PLAIN

    def as_json(self) -> dict[str, Any]:
        return {"where": self.where, "text": self.text, "tone": self.tone}


def told(delta: Delta, before: Snapshot, after: Snapshot) -> tuple[Line, ...]:
    """The lines of what leads from one snapshot to the other: hosts first, then what follows."""
    lines = dict.fromkeys([
        *_each(delta, Datacenter, _datacenter), *_each(delta, Broker, _broker),
        *_each(delta, Broker, _controller), *_each(delta, Server, _server),
        *_topics(delta, after), *_partitions(delta, before, after),
        *_each(delta, Group, _group), *_each(delta, Mirror, _mirror),
    ])
    return tuple(lines)  # once, of a host that is broker and controller


def _each(delta: Delta, kind: type[Any], words: Any) -> Iterator[Line]:
    for one in delta.changes:
        if one.key[0] == kind.KIND:
            yield from words(one.before, one.after)


def _datacenter(before: Datacenter | None, after: Datacenter | None) -> Iterator[Line]:
    if before and after and before.answers != after.answers:
        yield (Line(after.name, "answers again", GOOD) if after.answers
               else Line(after.name, "no broker answers", BAD))


def _broker(before: Broker | None, after: Broker | None) -> Iterator[Line]:
    if after is None:
        if before:
            yield Line(before.datacenter, f"{before.label} is no broker any more")
        return
    if before is None:
        yield Line(after.datacenter, f"{after.label} is new")
    elif before.alive != after.alive:
        yield (Line(after.datacenter, f"{after.label} back", GOOD) if after.alive
               else Line(after.datacenter, f"{after.label} gone", BAD))


def _controller(before: Broker | None, after: Broker | None) -> Iterator[Line]:
    if after and after.controller and before and not before.controller:
        yield Line(after.datacenter, f"controller is {after.label}")


def _server(before: Server | None, after: Server | None) -> Iterator[Line]:
    if before is None or after is None or before.state == after.state:
        return
    if after.state == DOWN:
        yield Line(after.datacenter, f"{after.label} gone", BAD)
    elif after.state in LEADS:
        yield Line(after.datacenter, f"controller is {after.label}" if after.of == QUORUM
                   else f"{after.label} leads the ensemble")
    elif before.state == DOWN:
        yield Line(after.datacenter, f"{after.label} back", GOOD)


def _topics(delta: Delta, after: Snapshot) -> Iterator[Line]:
    for one in delta.changes:
        if isinstance(one.after, Topic) and one.before is None:
            count = sum(key[0] == Partition.KIND and key[1:3] == one.key[1:]
                        for key in after.things)
            yield Line(one.after.datacenter,
                       f"topic {one.after.name} made ({counted(count, 'partition')})")
        elif isinstance(one.before, Topic) and one.after is None:
            yield Line(one.before.datacenter, f"topic {one.before.name} gone")


def _partitions(delta: Delta, before: Snapshot, after: Snapshot) -> Iterator[Line]:
    """Of topics that were there before and are still."""
    found: dict[tuple[str, str], list[Change]] = defaultdict(list)
    more: dict[tuple[str, str], int] = defaultdict(int)
    for one in delta.changes:
        if one.key[0] != Partition.KIND:
            continue
        datacenter, topic = str(one.key[1]), str(one.key[2])
        known = (Topic.KIND, datacenter, topic)
        there, old = after.things.get(known), before.things.get(known)
        if not isinstance(there, Topic) or old is None:
            continue
        if one.before is None or one.after is None:
            more[datacenter, topic] += 1 if one.after else -1
        else:
            found[datacenter, OWN if there.internal else topic].append(one)
    for (datacenter, topic), count in more.items():
        way = "more" if count > 0 else "fewer"
        yield Line(datacenter, f"{topic}: {counted(abs(count), 'partition')} {way}")
    for (datacenter, topic), changes in sorted(found.items(), key=lambda one: one[0][1] == OWN):
        yield from _of_topic(datacenter, topic, changes)


def _of_topic(datacenter: str, topic: str, changes: Sequence[Change]) -> Iterator[Line]:
    """Of one topic, or of all of Kafka's own."""
    pairs = [(one.before, one.after) for one in changes
             if isinstance(one.before, Partition) and isinstance(one.after, Partition)]
    lost = [(a, b) for a, b in pairs if a.leader is not None and b.leader is None]
    found = [(a, b) for a, b in pairs if a.leader is None and b.leader is not None]
    moved = [(a, b) for a, b in pairs if a.leader != b.leader and None not in (a.leader, b.leader)]
    less = [(a, b) for a, b in pairs if len(b.isr) < len(a.isr)]
    more = [(a, b) for a, b in pairs if len(b.isr) > len(a.isr)]
    placed = [(a, b) for a, b in pairs if set(a.replicas) != set(b.replicas)]
    for some, many, one, tone in (
        (lost, "{} offline", _offline, BAD), (found, "{} led again", _led, GOOD),
        (moved, "leaders of {} moved", _leader, PLAIN),
        (less, "ISR of {} shrank", _isr, BAD), (more, "ISR of {} grew", _isr, GOOD),
        (placed, "replicas of {} moved", _replicas, PLAIN),
    ):
        if len(some) > MANY or (some and topic == OWN):
            yield Line(datacenter, f"{topic}: {many.format(counted(len(some), 'partition'))}", tone)
        else:
            alike: dict[tuple[str, str], list[int]] = defaultdict(list)
            for a, b in some:
                alike[a.topic, one(a, b)].append(a.number)
            for (name, text), numbers in alike.items():
                yield Line(datacenter, f"{name}-{','.join(map(str, numbers))} {text}", tone)


def _offline(before: Partition, after: Partition) -> str:
    return "offline"


def _led(before: Partition, after: Partition) -> str:
    return f"led by {after.leader} again"


def _leader(before: Partition, after: Partition) -> str:
    return f"leader {before.leader}→{after.leader}"


def _isr(before: Partition, after: Partition) -> str:
    return f"ISR {len(before.isr)}→{len(after.isr)}"


def _replicas(before: Partition, after: Partition) -> str:
    was, now = (",".join(map(str, one.replicas)) for one in (before, after))
    return f"replicas {was}→{now}"


def _group(before: Group | None, after: Group | None) -> Iterator[Line]:
    if after is None:
        if before:
            yield Line(before.datacenter, f"group {before.name} gone")
        return
    where, name = after.datacenter, after.name
    if before is None:
        members = counted(len(after.members), "member") if after.members else "no member"
        yield Line(where, f"group {name} appears ({members})")
    elif after.rebalancing:
        if not before.rebalancing:
            yield Line(where, f"{name} rebalances")
    elif not after.members:
        if before.members or before.rebalancing:
            yield Line(where, f"{name}: no member left")
    elif before.rebalancing:
        yield Line(where, f"{name}: rebalance{_generations(before, after)} "
                          f"({max(after.since - before.since, 0):.1f} s)", GOOD)
    elif before.assignment != after.assignment:
        yield Line(where, f"{name}: rebalance{_generations(before, after)}, "
                          f"{counted(len(after.members), 'member')}")
    elif len(before.members) != len(after.members):
        yield Line(where, f"{name}: members {len(before.members)}→{len(after.members)}")


def _generations(before: Group, after: Group) -> str:
    if None in (before.generation, after.generation) or before.generation == after.generation:
        return ""
    return f" {before.generation}→{after.generation}"


def _mirror(before: Mirror | None, after: Mirror | None) -> Iterator[Line]:
    if after is not None and before is not None and before.problem != after.problem:
        yield (Line("", f"{after.name}: {after.problem}", BAD) if after.problem
               else Line("", f"{after.name} runs", GOOD))

