"""Records that were acknowledged and are not there any more: where they were, and how many."""

from __future__ import annotations

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe


@probe
def placed(facts: Facts, *, topic: str, replicas: str) -> Finding:
    """That the replicas of each partition are on these brokers, in this order ("1,2")."""
    found = facts.topic(topic)
    if found is None:
        return Finding("absent")
    for one in found:
        brokers = ",".join(map(str, one.replicas))
        if brokers != replicas:
            return Finding("other", {"number": one.number, "found": brokers})
    return ok()


@probe
def only_on(facts: Facts, *, topic: str, broker: int, records: int, partition: int = 0) -> Finding:
    """That so many records are on the disk of a broker that does not lead any more, and are not in
    the log of the one that does: the broker will cut them off when it comes back."""
    found = facts.topic(topic)
    if found is None:
        return Finding("absent")
    leader = found[partition].leader
    if leader is None:
        return Finding("leaderless")
    if leader == broker:
        return Finding("led")
    mine, theirs = (
        {offset for one in facts.disk(topic, partition, number) if not one.control
         for offset in range(one.offset, one.last + 1)}
        for number in (broker, leader)
    )
    more = len(mine - theirs)
    return ok(found=more, leader=leader) if more == records else Finding(
        "fewer" if more < records else "more", {"found": more, "leader": leader})


@probe
def leaderless(facts: Facts, *, topic: str, records: int, broker: int) -> Finding:
    """That a partition has no leader, and that so many records wait on the disk of a broker."""
    found = facts.topic(topic)
    if found is None:
        return Finding("absent")
    leaders = [one.leader for one in found if one.leader is not None]
    if leaders:
        return Finding("led", {"leader": leaders[0]})
    there = sum(one.records for part in found
                for one in facts.disk(topic, part.number, broker) if not one.control)
    return ok() if there == records else Finding("fewer", {"found": there})


@probe
def left_over(facts: Facts, *, topic: str, records: int, left: int) -> Finding:
    """That of so many records some are left in the log; the answer is how many are not.

    Looked for on the leader's disk, since a leader that is just dying answers nobody.
    """
    found = facts.topic(topic)
    if found is None:
        return Finding("absent")
    if any(one.leader is None for one in found):
        return Finding("leaderless")
    there = sum(one.records for part in found
                for one in facts.batches(topic, part.number) if not one.control)
    if there != left:
        return Finding("fewer" if there < left else "more", {"found": there})
    return ok(found=there, answer=records - there)
