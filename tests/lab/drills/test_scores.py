"""Scores of drills whose answer is known: built perfect, then spoilt on purpose."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings, strategies as st

from lab.drills.failover import FailoverScore, failover
from lab.drills.figures import Score
from lab.drills.log import FAULT, HEALTHY, HOME, MOVED, REPAIR, Log
from lab.drills.measures import latency, longest_gap
from lab.drills.moving import moving
from lab.drills.outage import OutageScore, outage
from lab.drills.verdict import judge, passed, rows
from lab.options.objectives import Objectives
from tests.drill_logs import ACK, MIRROR, READ, A, B, Shape, failover_log, outage_log

NOTHING_CHOSEN = Objectives(
    max_rpo_seconds=None, max_rto_seconds=None, max_ack_gap_seconds=None,
    max_recovery_seconds=None,
)
MS = 0.001
few = settings(max_examples=30)  # each builds a log


def score(log: Log) -> FailoverScore:
    return failover(log, source=A, target=B)


def without(log: Log, kind: str) -> None:
    log.events = [event for event in log.events if event.kind != kind]


def failures(found: Score, objectives: Objectives = NOTHING_CHOSEN) -> set[str]:
    return {verdict.name for verdict in judge(objectives, found) if not verdict.met}


def test_a_perfect_failover_costs_only_time() -> None:
    found = score(failover_log(Shape()).log)
    assert (found.sent, found.acknowledged, found.consumed) == (600, 600, 600)
    assert found.acknowledged_before == 300
    assert (found.rpo_records, found.rpo_seconds) == (0, 0)
    assert (found.duplicates, found.skipped, found.order_violations, found.corrupt) == (0,) * 4
    # The last record was sent at 10 s - 1/30 s; all that came from 13 s on was read at 14 s.
    assert found.rto_seconds == pytest.approx(4 + 1 / 30 - READ, abs=MS)
    assert found.write_gap_seconds == pytest.approx(3 + 1 / 30, abs=MS)
    assert found.detect_seconds == pytest.approx(2, abs=MS)
    assert [one.error for one in found.translation] == [0, 0, 0]
    assert found.mirror_latency is not None
    assert found.mirror_latency.median == pytest.approx(MIRROR, abs=MS)
    assert found.mirror_latency.count == 299, "the last one came after the fault"
    assert found.failback is None
    assert passed(judge(Objectives(max_rpo_records=0, max_duplicates=0), found))


def test_what_the_target_lacks_is_the_recovery_point() -> None:
    found = score(failover_log(Shape(lacking=45)).log)
    assert found.rpo_records == 45
    assert found.rpo_seconds == pytest.approx(1.5 - ACK, abs=MS)
    assert found.skipped == 0, "what the target never held could not be read there"
    assert found.duplicates == 0
    assert [one.error for one in found.translation] == [0, 0, 0]
    assert failures(found, Objectives(max_rpo_records=44, max_rpo_seconds=1.6)) == {"rpo_records"}
    assert failures(found, Objectives(max_rpo_seconds=1.4)) == {"rpo_seconds"}
    assert failures(found, Objectives(max_rpo_records=45, max_rpo_seconds=1.6)) == set()


def test_over_a_cut_link_the_source_goes_on_and_the_records_come_late() -> None:
    log = failover_log(Shape(link=True, lacking=6, home=True, unread=3)).log
    found = score(log)
    assert found.acknowledged_before == 300
    assert found.rpo_records == 3 * 30 + 6
    # Up to the last acknowledgement, at 13 s - 1/30 s.
    assert found.rpo_seconds == pytest.approx(3 + 5 / 30, abs=MS)
    assert found.failback is not None
    # Of the 96 the group had read none in A: it stopped 3 records before those.
    assert (found.failback.late, found.failback.lost) == (96, 0)
    assert found.order_violations == 96, "they come after later ones of their key"


def test_records_that_the_group_had_read_before_are_not_late() -> None:
    found = score(failover_log(Shape(link=True, home=True)).log)
    assert found.rpo_records == 90
    assert found.failback is not None
    assert (found.failback.late, found.failback.lost) == (0, 0)
    assert found.order_violations == 0


def test_records_acknowledged_at_home_again_are_no_loss() -> None:
    found = score(failover_log(Shape(home=True)).log)
    assert (found.rpo_records, found.acknowledged, found.consumed) == (0, 900, 900)
    back = found.failback
    assert back is not None
    assert back.recovery_seconds == pytest.approx(1)
    assert back.catch_up_seconds == pytest.approx(2.5)
    # The last record in B was sent at 23 s - 1/30 s, the first at home at 23 s.
    assert back.home_rto_seconds == pytest.approx(1 / 30, abs=MS)
    assert back.home_write_gap_seconds == pytest.approx(1 / 30, abs=MS)
    assert passed(judge(Objectives(), found))


@few
@given(again=st.integers(0, 20), unread=st.integers(0, 30), lacking=st.integers(0, 60))
@example(again=20, unread=0, lacking=30)
def test_offsets_that_lead_back_make_records_be_read_again(
    again: int, unread: int, lacking: int
) -> None:
    log = failover_log(Shape(again=again, unread=unread, lacking=lacking)).log
    found = score(log)
    mirrored = 300 - lacking
    read = mirrored - unread if unread else 300
    committed = read - read % 3
    resume = min(committed - 3 * again, mirrored)
    assert found.rpo_records == lacking
    assert found.duplicates == max(0, min(read, mirrored) - resume)
    assert found.read_again == max(0, min(committed, mirrored) - resume)
    assert found.passed_over == found.skipped == 0
    # What follows within its partition is in order, although other partitions are further on.
    assert found.order_violations == 0
    assert failures(found) == set()


@few
@given(st.sets(st.integers(0, 599), min_size=1, max_size=40))
def test_each_record_that_the_group_never_read_is_skipped(gone: set[int]) -> None:
    log = failover_log(Shape()).log
    log.consumed = [seen for seen in log.consumed if seen.number not in gone]
    found = score(log)
    assert found.skipped == len(gone)
    assert found.consumed == 600 - len(gone)
    assert "skipped" in failures(found)
    assert not passed(judge(Objectives(), found))


@few
@given(st.sets(st.integers(0, 899), min_size=1, max_size=40), st.booleans())
def test_each_record_lost_after_a_failback_is_told(gone: set[int], read: bool) -> None:
    """Either the group never saw it, or no cluster holds it any more."""
    log = failover_log(Shape(home=True)).log
    name = "stored" if read else "consumed"
    setattr(log, name, [seen for seen in getattr(log, name) if seen.number not in gone])
    found = score(log)
    assert found.failback is not None
    assert found.failback.lost == len(gone)
    assert "lost" in failures(found)


@few
@given(st.lists(st.integers(0, 299), min_size=1, max_size=20))
def test_each_record_read_twice_is_counted(twice: list[int]) -> None:
    log = failover_log(Shape()).log
    for number in twice:
        at = next(i for i, seen in enumerate(log.consumed) if seen.number == number)
        log.consumed.insert(at + 1, log.consumed[at])
    found = score(log)
    assert found.duplicates == len(twice)
    assert found.order_violations == 0
    assert failures(found) == set()
    assert failures(found, Objectives(max_duplicates=len(twice) - 1)) == {"duplicates"}
    assert failures(found, Objectives(max_duplicates=len(twice))) == set()


@few
@given(st.sets(st.integers(0, 40), min_size=1))
def test_each_swap_within_a_key_is_one_violation(places: set[int]) -> None:
    log = failover_log(Shape()).log
    for place in places:
        # Two successive records of key 0; the pairs do not touch.
        one, two = 6 * place, 6 * place + 3
        log.consumed[one], log.consumed[two] = log.consumed[two], log.consumed[one]
    assert score(log).order_violations == len(places)


def test_other_keys_may_overtake() -> None:
    log = failover_log(Shape()).log
    log.consumed[0], log.consumed[1], log.consumed[2] = (
        log.consumed[2], log.consumed[0], log.consumed[1]
    )
    assert score(log).order_violations == 0


@few
@given(st.sets(st.integers(0, 299), min_size=1, max_size=20))
def test_each_damaged_record_is_told_and_is_none_that_was_read(places: set[int]) -> None:
    log = failover_log(Shape()).log
    for place in places:
        seen = log.consumed[place]
        log.consumed[place] = seen._replace(number=-1, key=-1, intact=False)
    found = score(log)
    assert found.corrupt == len(places)
    assert found.skipped == len(places)
    assert found.duplicates == found.order_violations == 0
    assert {"corrupt", "skipped"} <= failures(found)


def test_what_arrived_damaged_is_lacking() -> None:
    log = failover_log(Shape()).log
    log.held[7] = log.held[7]._replace(number=-1, key=-1, intact=False)
    found = score(log)
    assert (found.rpo_records, found.corrupt) == (1, 1)


@pytest.mark.parametrize("over", [1, 4])
def test_offsets_that_lead_past_records_fail_the_drill(over: int) -> None:
    """Key 1's partition goes on `over` records behind what had been committed."""
    log = failover_log(Shape(unread=60)).log
    mirrored = [s for s in log.consumed if s.cluster == B and s.origin == A and s.key == 1]
    log.consumed = [seen for seen in log.consumed if seen not in mirrored[:over]]
    found = score(log)
    assert [one.error for one in found.translation] == [0, -over, 0]
    assert (found.passed_over, found.skipped) == (over, over)
    assert failures(found) == {"passed_over", "skipped"}


def test_a_partition_that_was_never_resumed_was_passed_over() -> None:
    log = failover_log(Shape(unread=60)).log
    log.consumed = [seen for seen in log.consumed
                    if (seen.cluster, seen.origin, seen.key) != (B, A, 2)]
    found = score(log)
    assert [one.error for one in found.translation] == [0, 0, -20]
    assert found.translation[2].resumed_number is None
    assert found.translation[2].committed_number == 242
    assert found.skipped == 20


def test_what_the_target_never_held_is_not_passed_over() -> None:
    log = failover_log(Shape(lacking=60)).log
    log.committed = [one._replace(offset=80) for one in log.committed]
    found = score(log)
    assert [one.committed_number for one in found.translation] == [240, 241, 242]
    assert [one.resumed_number for one in found.translation] == [None] * 3
    assert [one.error for one in found.translation] == [0, 0, 0]
    assert found.rpo_records == 60


def test_commits_after_the_return_are_of_no_concern() -> None:
    made = failover_log(Shape(again=2, home=True))
    made.commit(600, 30)
    assert [one.committed for one in score(made.log).translation] == [100] * 3


def test_translation_names_offsets_and_records() -> None:
    log = failover_log(Shape(again=2)).log
    line = score(log).translation[1]
    assert (line.key, line.committed, line.committed_number) == (1, 100, None)
    assert (line.resumed_number, line.resumed_offset, line.error) == (295, 98, 2)
    log.committed.clear()
    assert score(log).translation[1].error is None


def test_partitions_without_an_offset_and_far_behind_are_counted() -> None:
    made = failover_log(Shape(rate=90, again=101))
    made.log.translated = {0: -1, 1: 199, 2: 199}
    made.log.in_danger = ["group app: no offset in dc2 for orders-1"]
    found = score(made.log)
    assert (found.without_offset, found.far_behind, len(found.in_danger)) == (1, 3, 1)
    assert failures(found) == {"without_offset"}
    made = failover_log(Shape(rate=90, again=100))
    assert score(made.log).far_behind == 0


def test_a_group_that_never_went_on_has_failed_whatever_was_chosen() -> None:
    log = failover_log(Shape()).log
    log.consumed = [seen for seen in log.consumed if seen.cluster == A]
    found = score(log)
    assert found.rto_seconds is None
    assert "rto_seconds" in failures(found)
    # Reading the old records again is not going on.
    log = failover_log(Shape(again=20)).log
    log.consumed = [seen for seen in log.consumed if seen.origin == A]
    assert score(log).duplicates == 60
    assert score(log).rto_seconds is None


def test_a_return_that_broke_off_has_failed() -> None:
    log = failover_log(Shape(home=True)).log
    without(log, HOME)
    log.consumed = [seen for seen in log.consumed if seen.number < 600]
    log.acked = [ack for ack in log.acked if ack.number < 600]
    assert failures(score(log)) == {"home_rto_seconds"}
    without(log, HEALTHY)
    assert failures(score(log)) == {"home_rto_seconds", "recovery_seconds"}


def test_repairs_after_the_end_are_no_failback() -> None:
    made = failover_log(Shape())
    made.event(REPAIR, 30)
    assert score(made.log).failback is None


def test_an_empty_log_fails() -> None:
    found = score(Log(keys=3))
    assert failures(found) == {"rto_seconds", "acknowledged_before", "consumed"}
    assert not passed(judge(Objectives(), found))
    assert not passed(())
    empty = outage(Log(keys=3))
    assert {"acknowledged_before", "consumed", "recovery_seconds",
            "max_ack_gap_seconds"} == failures(empty)


def test_a_drill_without_a_failure_fails() -> None:
    log = failover_log(Shape()).log
    without(log, FAULT)
    found = score(log)
    assert found.acknowledged_before == 0
    assert "acknowledged_before" in failures(found)
    assert found.detect_seconds is None


def test_a_drill_whose_move_is_not_recorded_is_scored_all_the_same() -> None:
    log = failover_log(Shape(lacking=3)).log
    expected = score(log)
    without(log, MOVED)
    assert score(log) == expected


def test_a_quiet_cluster_loses_no_time() -> None:
    found = outage(outage_log().log)
    assert found.max_ack_gap_seconds == pytest.approx(1 / 30, abs=MS)
    assert found.worst_key_gap_seconds == pytest.approx(0.1, abs=MS)
    assert found.read_gap_seconds == pytest.approx(1 / 30, abs=MS)
    assert found.recovery_seconds == pytest.approx(5)
    assert found.resync_seconds == pytest.approx(3)
    assert (found.lost, found.skipped, found.duplicates, found.corrupt) == (0,) * 4
    assert found.ack_latency is not None
    assert found.ack_latency.p99 == pytest.approx(ACK, abs=MS)
    assert passed(judge(Objectives(), found))


def test_a_gap_is_measured_and_judged() -> None:
    found = outage(outage_log(gap=6).log)
    assert found.max_ack_gap_seconds == pytest.approx(6 + 1 / 30, abs=MS)
    assert found.read_gap_seconds == pytest.approx(6 + 1 / 30, abs=MS)
    assert failures(found, Objectives(max_ack_gap_seconds=6)) == {"max_ack_gap_seconds"}
    assert failures(found, Objectives(max_ack_gap_seconds=6.1)) == set()
    assert failures(found, Objectives(max_recovery_seconds=4.9)) == {"recovery_seconds"}


def test_a_partition_that_stands_still_among_others_is_found() -> None:
    log = outage_log().log
    log.acked = [ack for ack in log.acked if ack.key != 2 or not 300 <= ack.number < 390]
    found = outage(log)
    assert found.max_ack_gap_seconds == pytest.approx(2 / 30, abs=MS)
    assert (found.worst_key, found.worst_key_gap_seconds) == (2, pytest.approx(3.1, abs=MS))


def test_writes_that_never_come_back_are_a_gap_to_the_end() -> None:
    log = outage_log().log
    log.acked = log.acked[:300]
    log.consumed = log.consumed[:300]
    found = outage(log)
    assert found.max_ack_gap_seconds == pytest.approx(20 + 1 / 30 - ACK, abs=MS)
    assert found.read_gap_seconds == pytest.approx(20 + 1 / 30 - READ, abs=MS)
    # And one key of which nothing was ever acknowledged waited all the time.
    log.acked = [ack for ack in log.acked if ack.key != 1]
    assert outage(log).worst_key_gap_seconds == pytest.approx(30)


def test_an_end_that_comes_late_is_no_gap() -> None:
    """The producer got all that it wanted, and the group read it; then nothing was left to do."""
    made = outage_log()
    made.log.events[-1] = made.log.events[-1]._replace(at=made.log.events[-1].at + 60)
    found = outage(made.log)
    assert found.max_ack_gap_seconds == pytest.approx(1 / 30, abs=MS)
    assert found.worst_key_gap_seconds == pytest.approx(0.1, abs=MS)
    assert found.read_gap_seconds == pytest.approx(1 / 30, abs=MS)
    # One record was never acknowledged: someone waited for it.
    made.log.acked.pop()
    found = outage(made.log)
    assert found.max_ack_gap_seconds == pytest.approx(60 + 2 / 30 - ACK, abs=MS)
    assert found.worst_key == 2
    assert found.worst_key_gap_seconds == pytest.approx(60 + 4 / 30 - ACK, abs=MS)


@few
@given(st.sets(st.integers(0, 899), min_size=1, max_size=40))
def test_each_acknowledged_record_that_is_not_in_the_log_is_lost(gone: set[int]) -> None:
    log = outage_log().log
    log.stored = [seen for seen in log.stored if seen.number not in gone]
    found = outage(log)
    assert (found.lost, found.skipped) == (len(gone), 0)
    assert failures(found) == {"lost"}
    log.consumed = [seen for seen in log.consumed if seen.number not in gone]
    assert outage(log).skipped == 0, "what is not there cannot be skipped"


@few
@given(st.sets(st.integers(0, 899), min_size=1, max_size=40))
def test_each_stored_record_that_the_group_did_not_read_is_skipped(gone: set[int]) -> None:
    log = outage_log().log
    log.consumed = [seen for seen in log.consumed if seen.number not in gone]
    found = outage(log)
    assert (found.lost, found.skipped) == (0, len(gone))
    assert failures(found) == {"skipped"}


def test_what_was_not_acknowledged_is_not_lost() -> None:
    log = outage_log().log
    log.acked = [ack for ack in log.acked if ack.number != 500]
    log.stored = [seen for seen in log.stored if seen.number != 500]
    log.consumed = [seen for seen in log.consumed if seen.number != 500]
    found = outage(log)
    assert (found.sent, found.acknowledged, found.lost) == (900, 899, 0)


@given(st.lists(st.floats(0, 100), min_size=1))
def test_percentiles_are_times_that_were_measured(times: list[float]) -> None:
    found = latency(times)
    assert found is not None
    assert {found.median, found.p99, found.longest} <= set(times)
    assert found.median <= found.p99 <= found.longest == max(times)
    assert sum(time <= found.p99 for time in times) >= 0.99 * len(times)


@given(st.lists(st.floats(0, 100)), st.floats(0, 100), st.floats(0, 100))
def test_gaps_cover_the_time_from_start_to_end(times: list[float], one: float, two: float) -> None:
    start, end = sorted((one, two))
    gap = longest_gap(times, start, end)
    kept = [time for time in times if time >= start]
    if start < end or kept:
        assert gap is not None
        assert gap >= (max([end, *kept]) - start) / (len(kept) + 1) - 1e-9


@pytest.mark.parametrize("found", [
    score(failover_log(Shape(link=True, lacking=6, home=True, again=2)).log),
    score(Log(keys=2)),
    outage(outage_log(gap=2).log),
], ids=["failover", "empty", "outage"])
def test_scores_become_json_and_tables(found: FailoverScore | OutageScore) -> None:
    text = json.dumps(found.as_json(), allow_nan=False)
    assert json.loads(text) == found.as_json()
    verdicts = judge(Objectives(max_rpo_records=10, max_duplicates=3), found)
    json.dumps([verdict.as_json() for verdict in verdicts], allow_nan=False)
    table = rows(found, verdicts)
    assert len(table) == len(found.figures())
    assert len({figure.name for figure in found.figures()}) == len(table)
    assert sum(bool(row.met) for row in table) == len(verdicts)
    for row in table:
        assert row.name and row.value
        assert bool(row.limit) is bool(row.met)


def test_rows_tell_limits_in_words() -> None:
    found = score(failover_log(Shape(lacking=45)).log)
    table = {
        row.name: row[1:]
        for row in rows(found, judge(Objectives(max_rpo_records=10), found))
    }
    assert table["RPO in records"] == ("45", "at most 10", "NOT met")
    assert table["RPO"] == ("1.496 s", "at most 5 s", "met")
    assert table["skipped"] == ("0", "none", "met")
    assert table["acknowledged before the failure"] == ("300", "at least 1", "met")
    assert table["write gap"][1:] == ("", "")


def test_the_sentence_has_the_numbers_that_matter() -> None:
    assert score(failover_log(Shape(lacking=45, again=1)).log).sentence() == (
        "The group stood still for 4.0 s, dc2 lacked 45 acknowledged records, 1.5 s of work, "
        "and no records were read again."
    )
    late = score(failover_log(Shape(link=True, unread=3, home=True)).log).sentence()
    assert "lacked 90 acknowledged records, 3.0 s of work (of which 90 came late)" in late
    assert score(Log(keys=1)).sentence().startswith("The group never went on, dc2 lacked no ack")
    assert outage(outage_log(gap=6).log).sentence() == (
        "Writes stood still for 6.0 s at most, every replica was in sync again after 5.0 s, "
        "and no acknowledged records were lost."
    )
    assert outage(Log(keys=1)).sentence().startswith("Nothing was acknowledged, the cluster never")


@given(st.floats(0, 5), st.integers(1, 60))
@settings(max_examples=30)
def test_how_long_it_took_to_break_things_is_no_part_of_what_they_cost(
    early: float, lacking: int
) -> None:
    """It is stamped when its command begins; the source acknowledges until it is struck."""
    log = failover_log(Shape(lacking=lacking)).log
    expected = score(log)
    log.events = [one._replace(at=one.at - early) if one.kind == FAULT else one
                  for one in log.events]
    log.strike_seconds = early
    found = score(log)
    assert found.rpo_records == expected.rpo_records
    assert found.rpo_seconds <= expected.rpo_seconds
    assert found.rpo_seconds == pytest.approx(expected.rpo_seconds, abs=2 / 30 + ACK)
    assert found.rto_seconds == expected.rto_seconds
    assert found.detect_seconds == pytest.approx(2 + early, abs=MS)
    assert found.strike_seconds == early


def test_a_move_is_judged_by_its_records_and_told_by_its_time() -> None:
    made = outage_log()
    made.event(MOVED, 13)
    found = moving(made.log)
    assert (found.away_seconds, found.home_seconds) == (pytest.approx(3), pytest.approx(2))
    assert found.unacknowledged == 0 and passed(judge(Objectives(max_recovery_seconds=0), found))
    assert "in 3 s, and back in 2 s" in found.sentence() and "no writes failed" in found.sentence()
    made.log.sent += 2
    assert failures(moving(made.log)) == {"unacknowledged"}
    without(made.log, MOVED)
    assert failures(moving(made.log)) >= {"away_seconds", "home_seconds"}
