"""The score of a failover: what it cost, from the records themselves."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from lab.drills.avro import AvroScore, score as avro_score
from lab.drills.figures import Figure, Score, counted
from lab.drills.log import (
    CAUGHT_UP,
    DETECTED,
    END,
    FAULT,
    HEALTHY,
    HOME,
    REPAIR,
    START,
    Acked,
    Log,
    Seen,
)
from lab.drills.measures import (
    Latency,
    Reading,
    between,
    corrupt,
    first_acks,
    latency,
    numbers,
    reading,
)
from lab.drills.translation import Translation, translation
from lab.options.fixed import OFFSET_LAG_MAX


@dataclass(frozen=True)
class Failback:
    """The way home; seconds and numbers of records, None is what never happened.

    recovery_seconds: REPAIR to HEALTHY. catch_up_seconds: REPAIR to CAUGHT_UP, which includes
    the recovery. home_rto_seconds: from the last record that the group read in the target to the
    first new one that it read in the source again; home_write_gap_seconds: the same for
    acknowledgements.
    late: records that the target lacked (see rpo_records), read for the first time after REPAIR.
    lost: acknowledged anywhere, but never read by the group or, when the clusters were read at the
    end, held by none of them.
    """

    recovery_seconds: float | None
    catch_up_seconds: float | None
    home_rto_seconds: float | None
    home_write_gap_seconds: float | None
    late: int
    lost: int


@dataclass(frozen=True)
class FailoverScore(Score):
    """Seconds and numbers of records; None is what never happened.

    sent, acknowledged, consumed: numbers, each counted once. acknowledged_before: by the source
    before the fault.
    rpo_records: acknowledged by the source before it was repaired, and missing in the target.
    rpo_seconds: from the acknowledgement of the oldest of them to the fault, or to the source's
    last acknowledgement if it went on after the fault (a cut link). In other words, how many
    seconds of acknowledged work were missing in the target; 0 when none was.
    rto_seconds: from the last record that the group read in the source to the first one in the
    target that it had not read before. write_gap_seconds: from the last acknowledgement of the
    source to the first of the target. detect_seconds: FAULT to DETECTED; FAULT is when the first
    host was about to be struck. strike_seconds: from then until the last one had been.
    skipped: acknowledged records that the target held, but the group never read.
    corrupt: reads of records with a wrong checksum. duplicates, order_violations: see
    measures.Reading; records that come late (see Failback) are out of order, too.
    without_offset: partitions for which the target had no offset of the group when it moved.
    far_behind: partitions in which more records were read again than MirrorMaker means to be off.
    in_danger: what is wrong with the offsets of other groups, in words; they do not take part.
    mirror_latency: from sending to the first sight in the target, of records sent from START on
    and seen there before the fault.
    failback: None when the clients stayed. avro: None where records name no schema.
    """

    source: str
    target: str
    sent: int
    acknowledged: int
    acknowledged_before: int
    consumed: int
    rpo_records: int
    rpo_seconds: float
    rto_seconds: float | None
    write_gap_seconds: float | None
    detect_seconds: float | None
    strike_seconds: float | None
    duplicates: int
    skipped: int
    order_violations: int
    corrupt: int
    translation: tuple[Translation, ...]
    without_offset: int
    far_behind: int
    in_danger: tuple[str, ...]
    mirror_latency: Latency | None
    failback: Failback | None
    avro: AvroScore | None = None

    @property
    def passed_over(self) -> int:
        """Records that translated offsets led past."""
        return -sum(min(0, one.error or 0) for one in self.translation)

    @property
    def read_again(self) -> int:
        """Records that translated offsets made the group read again."""
        return sum(max(0, one.error or 0) for one in self.translation)

    def sentence(self) -> str:
        paused = ("The group never went on" if self.rto_seconds is None
                  else f"The group stood still for {self.rto_seconds:.1f} s")
        lacked = f"lacked {counted(self.rpo_records, 'acknowledged record')}"
        if self.rpo_records:
            lacked += f", {self.rpo_seconds:.1f} s of work"
        if self.failback and self.failback.late:
            lacked += f" (of which {self.failback.late:,} came late)"
        told = f" {self.avro.sentence(self.target)}" if self.avro else ""
        return f"{paused}, {self.target} {lacked}, and {counted(self.duplicates)} " \
               f"{'was' if self.duplicates == 1 else 'were'} read again.{told}"

    def figures(self) -> tuple[Figure, ...]:
        return (*self._costs(), *(_schemas(self.avro, self.target) if self.avro else ()),
                *(_returns(self.failback) if self.failback else ()), *self._basis())

    def _costs(self) -> tuple[Figure, ...]:
        return (
            Figure("rto_seconds", "RTO", self.rto_seconds, "s",
                   "from the last record read before to the first new one read after",
                   "happens", "max_rto_seconds"),
            Figure("rpo_records", "RPO in records", self.rpo_records, "records",
                   f"acknowledged in {self.source}, but not in {self.target}",
                   objective="max_rpo_records"),
            Figure("rpo_seconds", "RPO", self.rpo_seconds, "s",
                   "time's worth of acknowledged records behind them",
                   objective="max_rpo_seconds"),
            Figure("duplicates", "read again", self.duplicates, "records",
                   "reads of records that the group had read", objective="max_duplicates"),
            Figure("skipped", "skipped", self.skipped, "records",
                   f"held by {self.target}, but never read by the group", "zero"),
            Figure("passed_over", "passed over by offsets", self.passed_over, "records",
                   "not committed, yet before the translated offset", "zero"),
            Figure("without_offset", "partitions without an offset", self.without_offset,
                   "records", f"{self.target} had none for the group when it moved", "zero"),
            Figure("far_behind", "partitions far behind", self.far_behind, "records",
                   f"in which more than {OFFSET_LAG_MAX} were read again"),
            Figure("in_danger", "other groups not translated", len(self.in_danger), "records",
                   f"found before the failure: their records in {self.target} would be skipped, "
                   "or far too many read again"),
            Figure("corrupt", "damaged", self.corrupt, "records",
                   "read with a wrong checksum", "zero"),
            Figure("order_violations", "out of order", self.order_violations, "records",
                   "read for the first time after a later one of the same key"),
            Figure("write_gap_seconds", "write gap", self.write_gap_seconds, "s",
                   f"last acknowledgement in {self.source} to the first in {self.target}"),
            Figure("detect_seconds", "detection", self.detect_seconds, "s",
                   "from when the failure began to be brought about until it was noticed"),
            Figure("strike_seconds", "the failure itself", self.strike_seconds, "s",
                   "what it took to bring it about, from the first host to the last"),
        )

    def _basis(self) -> tuple[Figure, ...]:
        mirror = self.mirror_latency
        return (
            Figure("mirror_median_seconds", "mirrored after, median",
                   mirror.median if mirror else None, "s",
                   f"from sending to sight in {self.target}, before the failure"),
            Figure("mirror_p99_seconds", "mirrored after, p99",
                   mirror.p99 if mirror else None, "s", "99 of 100 were there within this time"),
            Figure("mirror_longest_seconds", "mirrored after, longest",
                   mirror.longest if mirror else None, "s", "and all within this"),
            Figure("acknowledged_before", "acknowledged before the failure",
                   self.acknowledged_before, "records", "without them nothing was tried", "some"),
            Figure("consumed", "read by the group", self.consumed, "records",
                   "each counted once", "some"),
        )


def _schemas(found: AvroScore, target: str) -> tuple[Figure, ...]:
    return (
        Figure("avro_undecoded", "Avro, not decoded", found.undecoded, "records",
               f"reads in {target} of records whose schema the registry of {found.asked} could not "
               "tell", "zero"),
        Figure("avro_without", "the same without a registry", found.without, "records",
               "reads of records whose schema readers had not met before, which therefore only a "
               "registry can tell"),
        Figure("avro_read", "Avro, read", found.read, "records",
               f"reads of such records in {target}", "some"),
    )


def _returns(back: Failback) -> tuple[Figure, ...]:
    return (
        Figure("lost", "lost", back.lost, "records",
               "acknowledged anywhere, but gone or never read at the end", "zero"),
        Figure("late", "came late", back.late, "records",
               "lacked by the target, read after the return"),
        Figure("home_rto_seconds", "RTO of the return", back.home_rto_seconds, "s",
               "from the last record read away to the first new one read at home",
               "happens", "max_rto_seconds"),
        Figure("home_write_gap_seconds", "write gap of the return", back.home_write_gap_seconds,
               "s", "between the acknowledgements away and at home"),
        Figure("recovery_seconds", "recovery", back.recovery_seconds, "s",
               "from giving back what was broken until every replica was in sync",
               "happens", "max_recovery_seconds"),
        Figure("catch_up_seconds", "catch-up", back.catch_up_seconds, "s",
               "from giving back what was broken until the mirrors were up to date", "happens"),
    )


def failover(log: Log, *, source: str, target: str) -> FailoverScore:
    """The score of what was recorded when clients moved from `source` to `target`."""
    fault, repaired = log.when(FAULT), log.when(REPAIR)
    acks = first_acks(log.acked)
    read = reading(log.consumed)
    held = numbers(log.held)
    # What the source acknowledged before it returned; after a return it acknowledges again.
    before = {
        ack.number: ack for ack in acks.values()
        if ack.cluster == source and (repaired is None or ack.acked < repaired)
    }
    there = {ack.number: ack for ack in acks.values() if ack.cluster == target}
    lacking = before.keys() - held
    stopped, resumed = _switch(log.consumed, source, target)
    lines = translation(log, before, source, target)
    return FailoverScore(
        source=source, target=target,
        sent=log.sent, acknowledged=len(acks), consumed=len(read.first),
        acknowledged_before=sum(fault is not None and one.acked < fault for one in before.values()),
        rpo_records=len(lacking),
        rpo_seconds=_rpo_seconds(before, lacking, fault),
        rto_seconds=between(stopped, resumed),
        write_gap_seconds=between(
            max((one.acked for one in before.values()), default=None),
            min((one.acked for one in there.values()), default=None),
        ),
        detect_seconds=between(fault, log.when(DETECTED)),
        strike_seconds=log.strike_seconds,
        duplicates=read.duplicates,
        skipped=len(((held & acks.keys()) | there.keys()) - read.first.keys()),
        order_violations=read.order_violations,
        corrupt=corrupt(log),
        translation=lines,
        without_offset=sum(offset < 0 for offset in log.translated.values()),
        far_behind=sum((one.error or 0) > OFFSET_LAG_MAX for one in lines),
        in_danger=tuple(log.in_danger),
        mirror_latency=_mirror_latency(log, acks, source, target),
        failback=_failback(log, read, acks, lacking, source=source, target=target),
        avro=avro_score(log.avro, target) if log.avro else None,
    )


def _rpo_seconds(
    before: Mapping[int, Acked], lacking: Collection[int], fault: float | None
) -> float:
    if not lacking:
        return 0.0
    last = max(ack.acked for ack in before.values())
    oldest = min(before[number].acked for number in lacking)
    return max(last, fault or last) - oldest


def _switch(
    consumed: list[Seen], old: str, new: str, start: int | None = 0
) -> tuple[float | None, float | None]:
    """When, from an index on, a group read its last record in one cluster and the first new one in
    another. Both None when it read nothing in the old one, the second when it never got so far.
    """
    last: float | None = None
    if start is None:
        return None, None
    known = numbers(consumed[:start])
    for seen in consumed[start:]:
        if seen.cluster == old:
            last = seen.at
        elif seen.intact and seen.number not in known and seen.cluster == new and last is not None:
            return last, seen.at
        known.add(seen.number)
    return last, None


def _mirror_latency(
    log: Log, acks: Mapping[int, Acked], source: str, target: str
) -> Latency | None:
    start, fault = log.when(START) or 0.0, log.when(FAULT) or math.inf
    arrived: dict[int, float] = {}
    for seen in log.mirrored:
        if seen.intact and seen.cluster == target and seen.origin == source and seen.at < fault:
            arrived.setdefault(seen.number, seen.at)
    return latency(
        at - acks[number].sent for number, at in arrived.items()
        if number in acks and acks[number].cluster == source and acks[number].sent >= start
    )


def _failback(
    log: Log, read: Reading, acks: Mapping[int, Acked], lacking: Collection[int], *,
    source: str, target: str,
) -> Failback | None:
    """None when the source was repaired only after the drill, if at all."""
    repaired, end = log.when(REPAIR), log.when(END)
    if log.when(HOME) is None and (repaired is None or (end is not None and repaired > end)):
        return None
    away = next((i for i, seen in enumerate(log.consumed) if seen.cluster == target), None)
    gone, back = _switch(log.consumed, target, source, away)
    since = repaired or math.inf
    home_acks = [ack.acked for ack in acks.values() if ack.cluster == source and ack.acked >= since]
    away_acks = [ack.acked for ack in acks.values() if ack.cluster == target]
    lost = acks.keys() - read.first.keys()
    if log.stored:
        lost |= acks.keys() - numbers(log.stored)
    return Failback(
        recovery_seconds=between(repaired, log.when(HEALTHY)),
        catch_up_seconds=between(repaired, log.when(CAUGHT_UP)),
        home_rto_seconds=between(gone, back),
        home_write_gap_seconds=between(max(away_acks, default=None), min(home_acks, default=None)),
        late=sum(number in read.first and read.first[number].at >= since for number in lacking),
        lost=len(lost),
    )
