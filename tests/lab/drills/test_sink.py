"""The score of a sink's drill: built perfect, then spoilt on purpose."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from lab.drills.log import (
    CAUGHT_UP,
    END,
    FAULT,
    HEALTHY,
    START,
    Acked,
    Event,
    Kept,
    Log,
    Refused,
    Seen,
)
from lab.drills.sink import NAMES, SinkScore, content, kept, malformed, name, refused, sink
from lab.drills.timeline import timeline
from lab.drills.verdict import judge, passed
from lab.file import parse
from lab.options.objectives import Objectives
from lab.services.local import local_context
from lab.services.sinks import config, rehearsed
from lab.topology import build

COUNT, PARTITIONS, RATE = 1500, 6, 100
RUN = "0a1b2c3d"
EVENTS = {START: 0, FAULT: 5, HEALTHY: 7, CAUGHT_UP: 9, END: 15}


def perfect(*, by_key: bool) -> Log:
    """15 s at 100 records/s, acknowledged after 10 ms and found after 1 s, but for what was written
    from 4 s to 8 s, which was found at 9 s."""
    log = Log(keys=PARTITIONS, sent=COUNT)
    documents = {}
    for number in range(COUNT):
        sent = number / RATE
        log.acked.append(Acked(number, number % PARTITIONS, sent, sent + 0.01, "dc1", number))
        if malformed(number):
            log.letters.append(Refused(number, "no number"))
            continue
        at = 9.0 if 4 <= sent < 8 else sent + 1
        log.indexed.append(Seen(number, number % PARTITIONS, at, "store", "dc1", -1))
        called = name(number) if by_key else f"dc1.t+0+{number}"
        documents[called] = Kept(called, number, number)
    log.kept = sorted(documents.values())
    log.events = [Event(kind, at, kind) for kind, at in EVENTS.items()]
    return log


def failures(found: SinkScore) -> set[str]:
    return {verdict.name for verdict in judge(Objectives(), found) if not verdict.met}


@pytest.mark.parametrize("by_key", [False, True])
def test_a_perfect_sink_lacks_nothing(by_key: bool) -> None:
    found = sink(perfect(by_key=by_key), by_key=by_key)
    assert (found.sent, found.acknowledged, found.acknowledged_before) == (1500, 1500, 499)
    assert found.malformed == found.letters == 6
    assert found.documents == found.expected == (NAMES if by_key else 1494)
    assert (found.missing, found.extra, found.wrong) == (0, 0, 0)
    assert (found.back_seconds, found.catch_up_seconds) == (2, 4)
    assert found.search_gap_seconds == pytest.approx(9 - 4.99, abs=0.011)
    assert found.searchable is not None
    assert found.searchable.median == pytest.approx(1)
    assert found.replay_changed is None
    verdicts = judge(Objectives(), found)
    assert passed(verdicts)
    assert "had everything again after 4.0 s" in found.sentence()
    assert "none missing, extra or wrong" in found.sentence()


@pytest.mark.parametrize("by_key", [False, True])
def test_each_fault_of_the_store_is_counted(by_key: bool) -> None:
    log = perfect(by_key=by_key)
    lost, old, foreign = log.kept[0], log.kept[1], Kept("theirs", COUNT + 7, 1)
    log.kept = [old._replace(intact=False), *log.kept[2:], foreign]
    found = sink(log, by_key=by_key)
    assert lost not in log.kept
    assert (found.missing, found.extra, found.wrong) == (1, 1, 1)
    assert failures(found) == {"missing", "extra", "wrong"}


def test_a_document_twice_is_one_too_many() -> None:
    log = perfect(by_key=False)
    log.kept.append(log.kept[0]._replace(name="dc1.t+0+99999"))
    found = sink(log, by_key=False)
    assert (found.missing, found.extra, found.wrong) == (0, 1, 0)


def test_of_a_key_only_the_last_record_is_right() -> None:
    log = perfect(by_key=True)
    log.kept = [one._replace(number=one.number - NAMES) if one.name == name(7) else one
                for one in log.kept]
    found = sink(log, by_key=True)
    assert (found.missing, found.extra, found.wrong) == (0, 0, 1)


def test_what_was_never_acknowledged_may_be_there_or_not() -> None:
    log = perfect(by_key=False)
    log.acked = [one for one in log.acked if one.number != 33]
    assert failures(sink(log, by_key=False)) == set()
    log.kept = [one for one in log.kept if one.number != 33]
    assert failures(sink(log, by_key=False)) == set()


def test_dead_letters_are_counted_by_record() -> None:
    log = perfect(by_key=False)
    log.letters = [*log.letters[1:], log.letters[1], Refused(-1, ""), Refused(5, "why")]
    found = sink(log, by_key=False)
    assert (found.letters, found.letters_missing, found.letters_again) == (5, 1, 1)
    assert (found.letters_extra, found.unexplained) == (2, 1)
    assert failures(found) == {"letters_missing", "letters_extra", "unexplained"}


def test_a_replay_has_to_change_nothing() -> None:
    log = perfect(by_key=True)
    log.again = list(log.kept)
    assert failures(sink(log, by_key=True)) == set()
    log.again[3] = log.again[3]._replace(version=log.again[3].version + 1)
    log.again.append(Kept("new", 4, 4))
    found = sink(log, by_key=True)
    assert found.replay_changed == 2
    assert failures(found) == {"replay_changed"}


def test_a_store_that_never_caught_up_fails() -> None:
    log = perfect(by_key=False)
    log.events = [one for one in log.events if one.kind != CAUGHT_UP]
    found = sink(log, by_key=False)
    assert found.catch_up_seconds is None
    assert failures(found) == {"catch_up_seconds"}
    assert "never caught up" in found.sentence()


def test_an_empty_log_passes_nothing() -> None:
    found = sink(Log(keys=PARTITIONS), by_key=False)
    assert {"acknowledged_before", "documents", "letters"} <= failures(found)


def test_the_time_line_has_what_was_found_and_what_was_not_yet() -> None:
    line = timeline(perfect(by_key=False))
    assert [(one.kind, one.cluster) for one in line.series] == [
        ("produced", "dc1"), ("indexed", "store"),
    ]
    (behind,) = line.behind
    assert behind.counts[-1] == 0, "dead letters wait for nothing"
    assert max(behind.counts) > 300


@given(st.integers(0, 10**7), st.floats(0, 2e9, allow_nan=False))
def test_a_record_is_a_document_or_a_dead_letter(number: int, sent: float) -> None:
    """And a store that keeps it otherwise is found out."""
    value = content(RUN, number, sent)
    assert refused(RUN, value) == (number if malformed(number) else -1)
    assert refused("another", value) is None
    if malformed(number):
        return
    source = json.loads(value)
    assert kept(RUN, "n", 3, source) == Kept("n", number, 3)
    assert not kept(RUN, "n", 3, {**source, "number": number + 1}).intact
    assert not kept(RUN, "n", 3, {**source, "key": "another"}).intact
    assert not kept(RUN, "n", 3, {}).intact


def test_every_partition_begins_with_documents_and_some_records_are_none() -> None:
    """So a store knows what a number is before it meets what is none; of both kinds there are."""
    assert NAMES % PARTITIONS == 0, "a key is always in the same partition"
    assert not any(malformed(number) for number in range(PARTITIONS * 4))
    bad = [content(RUN, number, 0) for number in range(1000) if malformed(number)]
    assert {value.startswith(b"{") for value in bad} == {True, False}


def test_a_rehearsed_sink_names_documents_as_the_sink_does() -> None:
    """Whatever the lab file leaves out."""
    for id_, ignored in ((None, "true"), ("place", "true"), ("key", "false")):
        said = {"kind": "elasticsearch", "at": "d", "topics": ["t"], **({"id": id_} if id_ else {})}
        topology = build(parse({
            "owner": "a", "datacenters": [{"name": "d", "cidr": "10.1.0.0/24"}], "sinks": [said],
        }).lab)
        (one,) = topology.config.sinks
        settings = rehearsed(one, local_context(topology, {}), name="n", topic="t", index="i",
                             letters="l")
        assert settings["key.ignore"] == config(one, local_context(topology, {}))["key.ignore"]
        assert settings["key.ignore"] == ignored
