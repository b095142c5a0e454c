"""The score of a drill within one cluster: a broker, ZooKeeper, a disk, a rolling restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.drills.figures import Figure, Score, counted
from lab.drills.log import END, FAULT, HEALTHY, REPAIR, START, Log
from lab.drills.measures import (
    Latency,
    between,
    corrupt,
    first_acks,
    latency,
    longest_gap,
    numbers,
    reading,
)


@dataclass(frozen=True)
class OutageScore(Score):
    """Seconds and numbers of records; None is what never happened.

    sent, acknowledged, consumed: numbers, each counted once. acknowledged_before: those before the
    fault.
    max_ack_gap_seconds: the longest time between two successive acknowledgements from START on;
    the time from START to the first counts as well and, where something sent was never
    acknowledged, that from the last to END. worst_key and worst_key_gap_seconds: the same for each
    key by itself, and the key that waited longest.
    read_gap_seconds: the same for what the group consumed; to END also where it did not consume
    all that was acknowledged.
    lost: acknowledged, but not in the log at the end. skipped: acknowledged and in the log, but
    never consumed. corrupt: reads of records with a wrong checksum.
    duplicates, order_violations: see measures.Reading.
    recovery_seconds: FAULT to HEALTHY, with the time for which the drill kept the failure up.
    resync_seconds: REPAIR to HEALTHY; None also when nothing had to be repaired.
    ack_latency: from sending to acknowledgement, of what was sent from START on.
    """

    sent: int
    acknowledged: int
    acknowledged_before: int
    consumed: int
    max_ack_gap_seconds: float | None
    worst_key: int | None
    worst_key_gap_seconds: float | None
    read_gap_seconds: float | None
    recovery_seconds: float | None
    resync_seconds: float | None
    lost: int
    skipped: int
    duplicates: int
    order_violations: int
    corrupt: int
    ack_latency: Latency | None

    def sentence(self) -> str:
        gap, well = self.max_ack_gap_seconds, self.recovery_seconds
        return (
            ("Nothing was acknowledged" if gap is None or not self.acknowledged
             else f"Writes stood still for {gap:.1f} s at most")
            + (", the cluster never got whole again" if well is None
               else f", every replica was in sync again after {well:.1f} s")
            + f", and {counted(self.lost, 'acknowledged record')} "
            + f"{'was' if self.lost == 1 else 'were'} lost."
        )

    def figures(self) -> tuple[Figure, ...]:
        late = self.ack_latency
        key = "" if self.worst_key is None else f", of key {self.worst_key}"
        return (
            Figure("max_ack_gap_seconds", "longest write gap", self.max_ack_gap_seconds, "s",
                   "longest time without an acknowledgement", "happens", "max_ack_gap_seconds"),
            Figure("recovery_seconds", "recovery", self.recovery_seconds, "s",
                   "from the failure until every replica was in sync again", "happens",
                   "max_recovery_seconds"),
            Figure("lost", "lost", self.lost, "records",
                   "acknowledged, but not in the log at the end", "zero"),
            Figure("worst_key_gap_seconds", "longest write gap of one key",
                   self.worst_key_gap_seconds, "s",
                   f"longest time without an acknowledgement in one partition{key}"),
            Figure("read_gap_seconds", "longest read gap", self.read_gap_seconds, "s",
                   "longest time in which the group read nothing"),
            Figure("resync_seconds", "resync", self.resync_seconds, "s",
                   "from the repair until every replica was in sync again"),
            Figure("skipped", "skipped", self.skipped, "records",
                   "acknowledged and in the log, but never read by the group", "zero"),
            Figure("corrupt", "damaged", self.corrupt, "records",
                   "read with a wrong checksum", "zero"),
            Figure("duplicates", "read again", self.duplicates, "records",
                   "reads of records that the group had read"),
            Figure("order_violations", "out of order", self.order_violations, "records",
                   "read for the first time after a later one of the same key"),
            Figure("ack_median_seconds", "acknowledged after, median",
                   late.median if late else None, "s", "from sending to acknowledgement"),
            Figure("ack_p99_seconds", "acknowledged after, p99",
                   late.p99 if late else None, "s", "99 of 100 were acknowledged within this time"),
            Figure("acknowledged_before", "acknowledged before the failure",
                   self.acknowledged_before, "records", "without them nothing was tried", "some"),
            Figure("consumed", "read by the group", self.consumed, "records",
                   "each counted once", "some"),
        )


def outage(log: Log) -> OutageScore:
    """The score of what was recorded."""
    start, end, fault = log.when(START), log.when(END), log.when(FAULT)
    acks = first_acks(log.acked)
    stored = numbers(log.stored)
    read = reading(log.consumed)
    # A producer that got all that it wanted just stopped: what follows is no gap.
    waiting = {n % log.keys for n in range(log.sent) if n not in acks}
    key, key_gap = _worst_key(log, start, dict.fromkeys(waiting, end))
    return OutageScore(
        sent=log.sent,
        acknowledged=len(acks),
        acknowledged_before=sum(
            fault is not None and ack.acked < fault for ack in acks.values()
        ),
        consumed=len(read.first),
        max_ack_gap_seconds=longest_gap(
            [ack.acked for ack in log.acked], start, end if waiting else None
        ),
        worst_key=key,
        worst_key_gap_seconds=key_gap,
        read_gap_seconds=longest_gap(
            [seen.at for seen in log.consumed], start,
            end if waiting or acks.keys() - read.first.keys() else None,
        ),
        recovery_seconds=between(fault, log.when(HEALTHY)),
        resync_seconds=between(log.when(REPAIR), log.when(HEALTHY)),
        lost=len(acks.keys() - stored),
        skipped=len((acks.keys() & stored) - read.first.keys()),
        duplicates=read.duplicates,
        order_violations=read.order_violations,
        corrupt=corrupt(log),
        ack_latency=latency(
            ack.acked - ack.sent for ack in acks.values() if start is None or ack.sent >= start
        ),
    )


def _worst_key(
    log: Log, start: float | None, ends: Mapping[int, float | None]
) -> tuple[int | None, float | None]:
    """The key that waited longest between two acknowledgements, and how many seconds.

    `ends`: until when those keys waited of which something was never acknowledged.
    """
    times: dict[int, list[float]] = {key: [] for key in range(log.keys)}
    for ack in log.acked:
        times.setdefault(ack.key, []).append(ack.acked)
    gaps = ((gap, key) for key, own in times.items()
            for gap in [longest_gap(own, start, ends.get(key))] if gap is not None)
    gap, key = max(gaps, key=lambda found: found[0], default=(None, None))
    return key, gap
