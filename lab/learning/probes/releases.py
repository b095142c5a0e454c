"""An upgrade of Kafka as it was: what brokers ran one after the other, and the records meanwhile.

What counts is what came after the first record of a topic: the upgrade goes on under load. Of the
load's records the value is JSON with its number as "seq", from 0 on (lab.load).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise

from lab import upgrade
from lab.learning.facts import Facts, Record, Start
from lab.learning.probes.finding import Finding, ok, probe
from lab.upgrade import CannotBecome, Release

GAP_MS = 10_000  # between two records of a load that goes on


@probe
def went_back(facts: Facts, *, topic: str, older: str, newer: str) -> Finding:
    """That every broker ran the newer version, and after it the older one again."""
    if not (loaded := _loaded(facts, topic)):
        return Finding("absent")
    lives = facts.releases()
    if silent := [number for number in facts.brokers() if number not in lives]:
        return Finding("silent", {"broker": silent[0]})
    ran = [[one.version for one in starts] for starts in _since(facts, loaded[0]).values()]
    came = [versions[versions.index(newer):] for versions in ran if newer in versions]
    if len(came) == len(ran) and all(older in versions for versions in came):
        return ok()
    protocol = max((one.protocol for one in lives.values()), key=upgrade.order)
    if upgrade.order(protocol) > upgrade.order(upgrade.own_protocol(older)):
        return Finding("final", {"protocol": protocol})
    if len(came) < len(ran):
        return Finding("never", {"found": len(ran) - len(came)})
    return Finding("forward", {"found": sum(older not in versions for versions in came)})


@probe
def finalised(facts: Facts, *, topic: str, newer: str) -> Finding:
    """That every broker runs the newer version and speaks the protocol of its release; the answer
    is how often they were restarted for that, since they ran another one."""
    if not (loaded := _loaded(facts, topic)):
        return Finding("absent")
    lives = facts.releases()
    if silent := [number for number in facts.brokers() if number not in lives]:
        return Finding("silent", {"broker": silent[0]})
    others = {number: one.starts[-1].version for number, one in sorted(lives.items())
              if one.starts[-1].version != newer}
    if others:
        number, found = next(iter(others.items()))
        return Finding("other", {"broker": number, "found": found})
    wanted = upgrade.own_protocol(newer)
    if held := [one.protocol for one in lives.values() if one.protocol != wanted]:
        return Finding("waits", {"found": held[0]})
    restarts = Counter(_last_run(starts) for starts in _since(facts, loaded[0]).values())
    return ok(answer=restarts.most_common(1)[0][0], found=wanted)


@probe
def way_back(facts: Facts, *, topic: str, older: str, newer: str) -> Finding:
    """Whether there is still a way back to the older version, once the newer one is finalised:
    "yes" or "no"."""
    if not (found := finalised(facts, topic=topic, newer=newer)).ok:
        return found
    now = [Release(newer, one.protocol) for one in facts.releases().values()]
    with suppress(CannotBecome):
        upgrade.rolls(now, Release(older, upgrade.own_protocol(older)))
        return ok(answer="yes")
    return ok(answer="no")


@probe
def flowed(facts: Facts, *, topic: str, newer: str) -> Finding:
    """That records were written before the first restart with the newer version, all the while,
    and after the last restart of all; and that none of them is missing."""
    loaded = _loaded(facts, topic)
    if not loaded:
        return Finding("absent")
    starts = [one for some in facts.releases().values() for one in some.starts]
    coming = [one.at for one in starts if one.version == newer and one.at > loaded[0].timestamp]
    if not coming:
        return Finding("early", {"found": len(loaded)})
    gaps = [(after.timestamp - before.timestamp, before.timestamp - loaded[0].timestamp)
            for before, after in pairwise(loaded)]
    long, at = max(gaps, default=(0, 0))
    if long > GAP_MS:
        return Finding("paused", {"found": long // 1000, "at": at // 1000})
    last = max(one.at for one in starts)
    if loaded[-1].timestamp < last:
        return Finding("short", {"found": (last - loaded[-1].timestamp) // 1000 + 1})
    numbers = Counter(_numbers(loaded))
    lost = [number for number in range(max(numbers, default=0) + 1) if number not in numbers]
    if lost:
        return Finding("lost", {"found": len(lost), "first": lost[0]})
    return ok(found=len(numbers), seconds=(loaded[-1].timestamp - loaded[0].timestamp) // 1000)


def _loaded(facts: Facts, topic: str) -> Sequence[Record]:
    """The records of a topic by time; () where there is none."""
    if facts.topic(topic) is None:
        return ()
    return sorted(facts.records(topic), key=lambda one: one.timestamp)


def _since(facts: Facts, first: Record) -> Mapping[int, list[Start]]:
    """The starts of each broker that came after a record."""
    return {number: [one for one in life.starts if one.at > first.timestamp]
            for number, life in facts.releases().items()}


def _last_run(starts: Sequence[Start]) -> int:
    """How many of the last starts are of the same version."""
    count = 0
    for one in reversed(starts):
        if one.version != starts[-1].version:
            break
        count += 1
    return count


def _numbers(records: Sequence[Record]) -> Iterator[int]:
    for one in records:
        with suppress(ValueError, TypeError, KeyError):
            yield int(json.loads(one.value or "")["seq"])
