"""Records of Avro on their way from a topic into a store: by which schema each was written, and
what its document has."""

from __future__ import annotations

import struct
from collections import Counter

from lab.learning.facts import Facts, Record
from lab.learning.probes.finding import Finding, ok, probe

HEAD = 5  # bytes: a zero, and the schema's id


@probe
def by_version(
    facts: Facts, *, topic: str, subject: str, registry: str, first: int, more: int
) -> Finding:
    """That so many records name version 1 of a subject, and so many version 2, in Avro."""
    if facts.topic(topic) is None:
        return Finding("absent")
    found = facts.at(registry).subject(subject)
    ids = {one.number: one.id for one in found.versions} if found else {}
    counts = Counter(named(one) for one in facts.records(topic))
    seen = {"found": counts[ids.get(1)] if 1 in ids else 0,
            "young": counts[ids.get(2)] if 2 in ids else 0}
    others = counts.total() - seen["found"] - seen["young"]
    if others:
        return Finding("strange", {**seen, "found": others})
    if seen["found"] < first:
        return Finding("fewer", seen)
    if seen["young"] < more:
        return Finding("old", seen)
    if (seen["found"], seen["young"]) != (first, more):
        return Finding("more", seen)
    return ok()


@probe
def documents(facts: Facts, *, index: str, field: str, records: int, having: int) -> Finding:
    """That an index has a document for each of so many records, of which so many have a field."""
    found, have = facts.documents(index, field)
    seen = {"found": found, "have": have}
    if not found:
        return Finding("absent")
    if found != records:
        return Finding("fewer" if found < records else "more", seen)
    return ok(**seen) if have == having else Finding("other", seen)


@probe
def given_to_old(facts: Facts, *, index: str, field: str, first: int) -> Finding:
    """Whether documents of records that were written before there was a field have it: the answer
    is with or without."""
    found, have = facts.documents(index, field)
    if found <= first:
        return Finding("fewer", {"found": found})
    return ok(answer="without" if have <= found - first else "with")


@probe
def id_across(facts: Facts, *, topic: str, copy: str, target: str) -> Finding:
    """Whether records name the same schema in a topic and in its mirrored copy: the answer is same
    or another."""
    here = {named(one) for one in facts.records(topic)}
    there = {named(one) for one in facts.at(target).records(copy)}
    if not here or not there:
        return Finding("absent")
    return ok(answer="same" if there <= here else "another")


def named(record: Record) -> int | None:
    """The id of the schema that a record names; None for none. Bytes that are no text come as hex,
    which does not begin with a zero byte."""
    value = record.value or ""
    try:
        data = value.encode() if value.startswith("\0") else bytes.fromhex(value)
    except ValueError:
        return None
    if len(data) < HEAD or data[0]:
        return None
    return int(struct.unpack(">I", data[1:HEAD])[0])
