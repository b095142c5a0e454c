"""The score of a drill of a sink: what its store has of what was written, and when it had it."""

from __future__ import annotations

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lab.drills.figures import Figure, Score, counted
from lab.drills.log import CAUGHT_UP, END, FAULT, HEALTHY, START, Kept, Log
from lab.drills.measures import Latency, between, first_acks, latency, longest_gap
from lab.options.sinks import DOCUMENT, ROW

# Of so many keys are the records; a multiple of the partitions, so a key is always in the same one.
NAMES = 600
EVERY, FIRST = 250, 100  # so often a record is no document; the first ones say what a number is
_REFUSED = re.compile(rb"malformed (\d+)")


def name(number: int) -> str:
    """The key of a record."""
    return f"key-{number % NAMES}"


def malformed(number: int) -> bool:
    """Whether a record is written as what is no document."""
    return number % EVERY == FIRST


def content(run: str, number: int, sent: float, *, becomes: str = DOCUMENT) -> bytes:
    """A record's value: a document or row, or what is none: text that is no JSON, and in turn with
    it a field that is no number where all others have one, or, for a row, one without a name."""
    if malformed(number):
        text = f"malformed {number}"
        if number // EVERY % 2:
            return f"{run} {text}".encode()
        if becomes == ROW:
            return json.dumps({"": f"{run} {text}"}).encode()
        return json.dumps({"run": run, "number": text}).encode()
    return json.dumps({
        "run": run, "number": number, "key": name(number), "sent": round(sent, 6),
        "check": _check(run, number),
    }).encode()


def kept(run: str, named: str, version: int, source: Mapping[str, object]) -> Kept:
    """A document as the store has it."""
    number = source.get("number")
    if not isinstance(number, int):
        return Kept(named, -1, version, intact=False)
    whole = source.get("check") == _check(run, number) and source.get("key") == name(number)
    return Kept(named, number, version, intact=whole)


def refused(run: str, value: bytes | None) -> int | None:
    """Which record of a run lies in the dead letter topic; None for those of others, and -1 for one
    that was a document."""
    if run.encode() not in (value or b""):
        return None
    found = _REFUSED.search(value or b"")
    return int(found[1]) if found else -1


def _check(run: str, number: int) -> int:
    return zlib.crc32(f"{run} {number}".encode())


@dataclass(frozen=True)
class SinkScore(Score):
    """Seconds, and numbers of records and documents; None is what never happened.

    becomes: what a document is called here: "document" or "row".

    sent, acknowledged: records. acknowledged_before: those before the fault. expected: the
    documents that there should be of what was acknowledged: of each record one, or (by_key) of each
    key. documents: those that there are.
    missing: of the expected ones, not there. extra: there, and of nothing that was written. wrong:
    with other content than what was written (last, where by_key).
    malformed: acknowledged records that are no documents. letters: those of them in the dead letter
    topic, each counted once; letters_missing: the others; letters_again: how often one came once
    more; letters_extra: records there that are documents; unexplained: letters without a reason.
    back_seconds: FAULT to HEALTHY. catch_up_seconds: FAULT to CAUGHT_UP. search_gap_seconds: the
    longest time in which nothing new could be found, from START to END.
    searchable: from sending until it was found, of what was found before the fault.
    replay_changed: documents that differ after all was read again; None where that was not tried.
    """

    becomes: str
    sent: int
    acknowledged: int
    acknowledged_before: int
    by_key: bool
    expected: int
    documents: int
    missing: int
    extra: int
    wrong: int
    malformed: int
    letters: int
    letters_missing: int
    letters_again: int
    letters_extra: int
    unexplained: int
    back_seconds: float | None
    catch_up_seconds: float | None
    search_gap_seconds: float | None
    searchable: Latency | None
    replay_changed: int | None

    def sentence(self) -> str:
        late, amiss = self.catch_up_seconds, self.missing + self.extra + self.wrong
        return (
            ("The store never caught up" if late is None
             else f"The store had everything again after {late:.1f} s")
            + f": {self.documents:,} of {counted(self.expected, self.becomes)}, "
            + ("none missing, extra or wrong" if not amiss else
               f"{self.missing:,} missing, {self.extra:,} extra, {self.wrong:,} wrong")
            + f", and {self.letters:,} of {counted(self.malformed, 'malformed record')} in the "
            "dead letter topic."
        )

    def figures(self) -> tuple[Figure, ...]:
        late = self.searchable
        return (
            Figure("catch_up_seconds", "caught up", self.catch_up_seconds, "s",
                   "from the failure until the store had all but the last 2 s", "happens",
                   "max_recovery_seconds"),
            *self._counts(),
            Figure("back_seconds", "back", self.back_seconds, "s",
                   "from the failure until all that was killed answered again", "happens"),
            Figure("search_gap_seconds", "longest search gap", self.search_gap_seconds, "s",
                   "longest time in which nothing new was found"),
            Figure("searchable_median_seconds", "searchable after, median",
                   late.median if late else None, "s",
                   "from sending until a search found it, before the failure"),
            Figure("searchable_p99_seconds", "searchable after, p99", late.p99 if late else None,
                   "s", "99 of 100 were found within this time, before the failure"),
            Figure("acknowledged_before", "acknowledged before the failure",
                   self.acknowledged_before, "records", "without them nothing was tried", "some"),
            Figure("acknowledged", "acknowledged", self.acknowledged, "records",
                   f"of {self.sent:,} sent"),
        )

    def _counts(self) -> tuple[Figure, ...]:
        each, things = "key" if self.by_key else "record", f"{self.becomes}s"
        counts = (
            Figure("missing", "missing", self.missing, "records",
                   f"of {counted(self.expected, self.becomes)}, one of each {each}", "zero"),
            Figure("extra", "extra", self.extra, "records",
                   f"{things} of nothing that was written", "zero"),
            Figure("wrong", "wrong", self.wrong, "records",
                   f"{things} with other content than was written"
                   + (" last" if self.by_key else ""), "zero"),
            Figure("letters_missing", "dead letters missing", self.letters_missing, "records",
                   f"of {counted(self.malformed, 'malformed record')}, not in their topic", "zero"),
            Figure("letters_extra", "dead letters extra", self.letters_extra, "records",
                   f"in the dead letter topic, though they are {things}", "zero"),
            Figure("unexplained", "dead letters without a reason", self.unexplained, "records",
                   "whose headers do not say why", "zero"),
            Figure("letters", "dead letters", self.letters, "records",
                   "malformed records in the dead letter topic, each counted once", "some"),
            Figure("letters_again", "dead letters again", self.letters_again, "records",
                   "told once more, after a crash or in a replay"),
            Figure("documents", things, self.documents, "records",
                   "in the store at the end", "some"),
        )
        if self.replay_changed is None:
            return counts
        return (*counts, Figure(
            "replay_changed", "changed by a replay", self.replay_changed, "records",
            f"{things} that differ after the sink has read all of it again", "zero",
        ))


def sink(log: Log, *, by_key: bool, becomes: str = DOCUMENT) -> SinkScore:
    """The score of what was recorded; `by_key`: the last record of a key is its document, or what
    the store calls one."""
    start, end, fault = log.when(START), log.when(END), log.when(FAULT)
    acks = first_acks(log.acked)
    wanted = _last(acks, by_key=by_key)
    # What was sent and never acknowledged may be there all the same.
    possible = _last(range(log.sent), by_key=by_key)
    there = {_named(one, by_key): one for one in log.kept}
    told = Counter(one.number for one in log.letters)
    bad = {number for number in acks if malformed(number)}
    return SinkScore(
        becomes=becomes, sent=log.sent, acknowledged=len(acks), by_key=by_key,
        acknowledged_before=sum(
            fault is not None and ack.acked < fault for ack in acks.values()
        ),
        expected=len(wanted), documents=len(log.kept),
        missing=len(wanted.keys() - there.keys()),
        extra=len(log.kept) - len(there.keys() & possible.keys()),
        wrong=sum(
            not one.intact or (by_key and one.number < wanted.get(named, -1))
            for named, one in there.items() if named in possible
        ),
        malformed=len(bad), letters=len(bad & told.keys()),
        letters_missing=len(bad - told.keys()),
        letters_again=sum(told.values()) - len(told),
        letters_extra=sum(not malformed(number) for number in told),
        unexplained=sum(not one.reason for one in log.letters),
        back_seconds=between(fault, log.when(HEALTHY)),
        catch_up_seconds=between(fault, log.when(CAUGHT_UP)),
        search_gap_seconds=longest_gap(
            [one.at for one in log.indexed], start,
            # Of a key only the last record has to come.
            end if wanted.keys() - there.keys() else None,
        ),
        searchable=_searchable(log),
        replay_changed=None if log.again is None else _differ(log.kept, log.again),
    )


def _searchable(log: Log) -> Latency | None:
    """Of what was sent from START on and found before the fault."""
    start, fault = log.when(START) or 0.0, log.when(FAULT)
    acks = first_acks(log.acked)
    return latency(
        one.at - acks[one.number].sent for one in log.indexed
        if one.number in acks and acks[one.number].sent >= start
        and (fault is None or one.at < fault)
    )


def _last(found: Iterable[int], *, by_key: bool) -> dict[str, int]:
    """The record of each document, by what tells documents apart."""
    return {
        name(number) if by_key else str(number): number
        for number in sorted(found) if not malformed(number)
    }


def _named(one: Kept, by_key: bool) -> str:
    return one.name if by_key else str(one.number)


def _differ(before: Iterable[Kept], after: Iterable[Kept]) -> int:
    """How many documents came, went or changed."""
    return len({one.name for one in set(before) ^ set(after)})
