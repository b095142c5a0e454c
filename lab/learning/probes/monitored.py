"""What the lab's Prometheus saw: who did not answer, what was short, and what is wrong now.

Its history tells it, so nobody has to look at the right moment: what counts is what was so while
the exercise's own topic was short of replicas. Topics have another name each time.
"""

from __future__ import annotations

import json

from lab.learning.facts import Facts
from lab.learning.probes.finding import Finding, ok, probe

LOOKED = "[6h:5s]"  # how far back, and how close the looks are
ALERTS = "KafkaBrokerDown|KafkaUnderReplicated|KafkaUnderMinIsr|KafkaOfflinePartition"
IN_SYNC = "kafka_topic_partition_in_sync_replica"


def _labels(facts: Facts, **more: str) -> str:
    """Labels of a series of this datacenter, in braces."""
    every = {"datacenter": facts.datacenter, **more}
    return "{" + ", ".join(f"{name}={json.dumps(value)}" for name, value in every.items()) + "}"


def _short(facts: Facts, topic: str, least: int) -> str:
    """True of the datacenter while a partition of the topic has fewer in sync than that."""
    return f"min by (datacenter) ({IN_SYNC}{_labels(facts, topic=topic)}) < {least}"


def _while_short(facts: Facts, what: str, topic: str, least: int) -> str:
    """In how many looks something was so while the topic was short."""
    return f"count_over_time(({what} and on (datacenter) ({_short(facts, topic, least)})){LOOKED})"


@probe
def alarmed(facts: Facts, *, topic: str, alert: str, least: int) -> Finding:
    """That an alert fired while a topic had fewer replicas in sync than it needs."""
    if facts.topic(topic) is None:
        return Finding("absent")
    fired = "ALERTS" + _labels(facts, alertname=alert, alertstate="firing")
    found = facts.measured(_while_short(facts, fired, topic, least))
    return ok() if found else Finding("unseen")


@probe
def silent_broker(facts: Facts, *, topic: str, least: int) -> Finding:
    """The host whose broker did not answer Prometheus while a topic was short: it is the answer."""
    silent = f"(up{_labels(facts, job='kafka')} == 0)"
    found = facts.measured(_while_short(facts, silent, topic, least))
    if not found:
        return Finding("unseen")
    return ok(answer=max(found, key=lambda one: one.value).labels["instance"])


@probe
def short_topic(facts: Facts, *, topics: str, least: int) -> Finding:
    """Which of some topics (with commas between) was short of replicas: it is the answer."""
    found = []
    for topic in topics.split(","):
        seen = f"min_over_time({IN_SYNC}{_labels(facts, topic=topic)}[6h])"
        if facts.measured(f"min by (topic) ({seen}) < {least}"):
            found.append(topic)
    return ok(answer=found[0]) if len(found) == 1 else Finding("unseen")


@probe
def least_asked(facts: Facts, *, topics: str, least: int) -> Finding:
    """That a write needs so many replicas in each of some topics."""
    for topic in topics.split(","):
        if facts.topic(topic) is None:
            return Finding("absent")
        asked = facts.config(topic).get("min.insync.replicas", "")
        if asked != str(least):
            return Finding("other", {"topic": topic, "found": asked or "-"})
    return ok()


@probe
def all_whole(facts: Facts, *, topics: str) -> Finding:
    """That no replica of some topics is out of sync. It does not name one that is: that would be
    told to somebody who is looking for it."""
    placed = [facts.topic(topic) for topic in topics.split(",")]
    if None in placed:
        return Finding("absent")
    short = sum(any(len(one.isr) < len(one.replicas) for one in found or ()) for found in placed)
    return Finding("short", {"found": short}) if short else ok()


@probe
def calm(facts: Facts, *, topics: str) -> Finding:
    """That Prometheus hears every broker of the datacenter, and has no alert of them, while some
    topics are there: before these were made it says nothing."""
    if any(facts.topic(topic) is None for topic in topics.split(",")):
        return Finding("absent")
    heard = facts.measured(f"up{_labels(facts, job='kafka')} == 1")
    if len(heard) < len(facts.brokers()) or not heard:
        return Finding("unheard", {"found": len(heard)})
    alerts = facts.measured(f"ALERTS{_labels(facts)[:-1]}, alertname=~{json.dumps(ALERTS)}}}")
    names = sorted({one.labels["alertname"] for one in alerts})
    return Finding("alarmed", {"found": ", ".join(names)}) if names else ok()


@probe
def written_there(facts: Facts, *, topic: str, others: str, value: str) -> Finding:
    """That a record is in a topic, and in none of the others."""
    if facts.topic(topic) is None:
        return Finding("absent")
    for other in others.split(","):
        if other != topic and any(one.value == value for one in facts.records(other)):
            return Finding("elsewhere", {"found": other})
    there = any(one.value == value for one in facts.records(topic))
    return ok() if there else Finding("none")
