"""An upgrade by what brokers have run and what was written meanwhile; and the way to begin anew."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.learning.facts import Facts, Lived, Start, recorded
from lab.learning.probes import Finding, look
from lab.learning.released import backward

OLD, NEW = "3.8.1", "3.9.2"
ARGUMENTS = {"topic": "t", "older": OLD, "newer": NEW}
FIRST, LAST = 1_000, 60_000  # ms: when the load begins and ends


def records(*, step: int = 1000, last: int = LAST, without: tuple[int, ...] = ()) -> list[Any]:
    times = enumerate(range(FIRST, last + 1, step))
    return [[0, number, at, "k", json.dumps({"seq": number})] for number, at in times
            if number not in without]


def facts(
    *versions: list[str], protocol: str = "3.8", written: list[Any] | None = None,
    brokers: int = 0,
) -> Facts:
    """versions: of each broker's starts after the load has begun, 5 s after each other; all have
    begun with the old one before."""
    topic = [{"number": 0, "leader": 1, "replicas": [1], "isr": [1]}]
    lives = {str(number): {"protocol": protocol, "starts": [
        [0, OLD], *([10_000 + 5_000 * turn, one] for turn, one in enumerate(some))]}
        for number, some in enumerate(versions, 1)}
    return recorded({"dc1": {
        "topic name=t": topic if written != [] else None, "releases": lives,
        "records committed=True topic=t": records() if written is None else written,
        "brokers": list(range(1, (brokers or len(versions)) + 1)),
    }}, "dc1")


def found(probe: str, one: Facts) -> Finding:
    arguments = dict(ARGUMENTS)
    if probe in ("finalised", "flowed"):
        del arguments["older"]
    return look(probe, one, arguments)


THERE_AND_BACK = [NEW, OLD, NEW, NEW]


@pytest.mark.parametrize(("versions", "protocol", "state"), [
    ([[], []], "3.8", "never"), ([[NEW], []], "3.8", "never"), ([[NEW], [NEW]], "3.8", "forward"),
    ([[NEW, OLD], [NEW]], "3.8", "forward"), ([[NEW, OLD], [NEW, OLD]], "3.8", "ok"),
    ([THERE_AND_BACK, THERE_AND_BACK], "3.9", "ok"), ([[NEW, NEW], [NEW, NEW]], "3.9", "final"),
    ([[OLD, NEW], [OLD, NEW]], "3.8", "forward"),
])
def test_the_way_back_was_gone_by_every_broker(
    versions: list[list[str]], protocol: str, state: str
) -> None:
    assert found("went-back", facts(*versions, protocol=protocol)).state == state


@pytest.mark.parametrize(("versions", "protocol", "state", "answer"), [
    ([[], []], "3.8", "other", None), ([[NEW], [NEW, OLD]], "3.8", "other", None),
    ([[NEW], [NEW]], "3.8", "waits", None), ([[NEW, NEW], [NEW, NEW]], "3.9", "ok", "2"),
    ([THERE_AND_BACK, THERE_AND_BACK], "3.9", "ok", "2"),
    ([[NEW], [NEW]], "3.9", "ok", "1"),
    ([[NEW, NEW, NEW], [NEW, NEW], [NEW, NEW]], "3.9", "ok", "2"),
])
def test_it_is_finalised_and_each_broker_restarted_so_often(
    versions: list[list[str]], protocol: str, state: str, answer: str | None
) -> None:
    one = facts(*versions, protocol=protocol)
    assert (found("finalised", one).state, found("finalised", one).answer) == (state, answer)
    back = found("way-back", one)
    assert (back.state, back.answer) == (state, "no" if answer else None)


def test_within_a_line_there_is_always_a_way_back() -> None:
    one = facts([NEW], [NEW], protocol="3.9")
    assert look("way-back", one, {**ARGUMENTS, "older": "3.9.1"}).answer == "yes"


@pytest.mark.parametrize("probe", ["went-back", "finalised", "way-back"])
def test_a_broker_that_tells_nothing_is_named(probe: str) -> None:
    one = found(probe, facts(THERE_AND_BACK, protocol="3.9", brokers=2))
    assert (one.state, one.seen["broker"]) == ("silent", 2)


@pytest.mark.parametrize(("written", "versions", "state"), [
    ([], [NEW], "absent"), (records(), [], "early"), (records(), [OLD], "early"),
    (records(), THERE_AND_BACK, "ok"), (records(last=24_000), THERE_AND_BACK, "short"),
    (records(without=(7,)), THERE_AND_BACK, "lost"),
    (records(without=tuple(range(5, 20))), THERE_AND_BACK, "paused"),
])
def test_records_flow_all_the_while_and_none_is_missing(
    written: list[Any], versions: list[str], state: str
) -> None:
    one = found("flowed", facts(versions, versions, written=written, protocol="3.9"))
    assert one.state == state
    if state == "lost":
        assert (one.seen["found"], one.seen["first"]) == (1, 7)
    if state == "ok":
        assert (one.seen["found"], one.seen["seconds"]) == (60, 59)


def test_what_is_no_record_of_the_load_counts_as_none() -> None:
    strange = [[0, 99 + number, FIRST + 500, None, value]
               for number, value in enumerate([None, "x", "{}", "[]", '{"seq": "y"}'])]
    assert found("flowed", facts(THERE_AND_BACK, written=[*records(), *strange])).state == "ok"


@given(st.lists(st.sampled_from(range(60)), min_size=1, unique=True).map(sorted))
def test_each_missing_record_is_seen_but_for_the_last_ones(missing: list[int]) -> None:
    last = next(number for number in range(59, -2, -1) if number not in missing)
    if last < 0:
        return
    one = facts([NEW], written=records(step=1, last=FIRST + 59, without=tuple(missing)))
    lost = [number for number in missing if number < last]
    state = found("flowed", one)
    assert state.state == "short"  # of what ends before the restart nothing else is said
    written = records(step=1000, without=tuple(missing))
    state = found("flowed", facts([NEW, NEW], written=written))
    if state.state in ("lost", "ok"):
        assert state.seen["found"] == (len(lost) or 60 - len(missing))


@pytest.mark.parametrize(("lives", "said"), [
    ([(OLD, "3.8"), (OLD, "3.8")], ""), ([], ""),
    ([(NEW, "3.8"), (OLD, "3.8")], 'brokers run Kafka 3.9.2: say version = "3.8.1" in the lab '
                                   'file, `fab up`'),
    ([(NEW, "3.9"), (NEW, "3.8")], "Kafka 3.9 is finalised, and no older one reads what it has "
                                   'written: `fab down`, say version = "3.8.1" in the lab file, '
                                   '`fab up`'),
])
def test_how_one_comes_back_to_the_beginning(lives: list[tuple[str, str]], said: str) -> None:
    assert backward(OLD, [Lived((Start(1, OLD), Start(2, version)), protocol)
                          for version, protocol in lives]) == said
