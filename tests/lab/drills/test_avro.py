"""Avro records of a drill: what is on the wire, what explains it, and how much could be decoded."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given, strategies as st

from lab.drills.avro import AvroScore, Named, encode, fits, schema, schema_id, score, text
from lab.drills.failover import failover
from lab.drills.log import decode, encode as record
from lab.drills.verdict import judge
from lab.options.objectives import Objectives
from tests.drill_logs import A, B, Shape, failover_log
from tests.e2e.avro import Registry

VERSIONS = st.integers(1, 70)
IDS = st.integers(0, 2**31 - 1)


@given(st.text(), IDS, VERSIONS)
def test_a_client_that_knows_the_schema_reads_it(said: str, number: int, version: int) -> None:
    """By another reading of Avro's specification than the drill's own."""
    value = encode(said.encode(), number, version)
    known = Registry("", known={number: json.loads(schema(version))})
    expected = {"text": said, **{f"added{n}": n for n in range(2, version + 1)}}
    assert known.decode(value) == expected


@given(st.binary(max_size=300), IDS, VERSIONS)
def test_what_it_says_and_its_id_are_told_without_a_registry(
    said: bytes, number: int, version: int
) -> None:
    value = encode(said, number, version)
    assert (schema_id(value), text(value)) == (number, said)


@given(VERSIONS, VERSIONS)
def test_no_version_is_read_as_another(written: int, told: int) -> None:
    assert fits(encode(b"words", 7, written), schema(told)) is (written == told)


@pytest.mark.parametrize("told", ["", "{}", "null", '{"type": "record", "fields": 3}', "[1",
                                  '{"fields": [{"name": "a", "type": "bytes"}]}'])
def test_what_is_no_schema_of_the_drill_explains_nothing(told: str) -> None:
    assert not fits(encode(b"words", 7, 1), told)


@given(st.binary(max_size=30))
def test_nothing_that_is_read_ends_a_drill(value: bytes) -> None:
    text(value)
    fits(value, schema(2))
    Named().note(A, value)


def test_records_without_a_schema_are_what_they_were() -> None:
    value = record("run@dc1", 7, 1, 3.0)
    assert text(value) == value and schema_id(value) is None
    assert decode(text(encode(value, 9, 2)), "run@dc1") == (7, 1)
    assert text(None) is None


def seen(known: dict[int, str], why: str = "") -> Named:
    """In A 100 records of schema 1; in B 50 of 1, 30 of 2, 20 of 3."""
    found = Named(known=known, asked=B, why=why, met={1})
    for cluster, number, count in ((A, 1, 100), (B, 1, 50), (B, 2, 30), (B, 3, 20)):
        for _ in range(count):
            found.note(cluster, encode(b"words", number, number))
    return found


ALL = {number: schema(number) for number in (1, 2, 3)}


@pytest.mark.parametrize(("known", "undecoded", "unknown"), [
    (ALL, 0, ()), ({1: ALL[1], 3: ALL[3]}, 30, (2,)), ({}, 100, (1, 2, 3)),
    ({**ALL, 3: schema(2)}, 20, (3,)),  # another registry's own id
])
def test_a_share_is_decoded(
    known: dict[int, str], undecoded: int, unknown: tuple[int, ...]
) -> None:
    found = score(seen(known), B)
    assert (found.read, found.undecoded, found.without) == (100, undecoded, 50)
    assert found.unknown == unknown


def test_a_drill_whose_readers_cannot_decode_has_failed() -> None:
    log = failover_log(Shape()).log
    assert failover(log, source=A, target=B).avro is None
    nothing = Objectives(max_rpo_seconds=None, max_rto_seconds=None, max_ack_gap_seconds=None,
                         max_recovery_seconds=None)
    for known, failed in ((ALL, set()), ({1: ALL[1]}, {"avro_undecoded"})):
        log.avro = seen(known)
        found = failover(log, source=A, target=B)
        assert {one.name for one in judge(nothing, found) if not one.met} == failed
        assert found.as_json()["avro"]["read"] == 100
        assert "of the Avro records read in dc2" in found.sentence()


def test_the_sentence_names_what_was_missing() -> None:
    assert score(seen(ALL), B).sentence(B) == (
        "100 % of the Avro records read in dc2 could be decoded by the registry of dc2; without "
        "one, 50.0 % by readers that had met their schemas before, and none by others.")
    told = score(seen({1: ALL[1]}, "it does not answer"), B).sentence(B)
    assert told.startswith("50.0 % of") and (
        "(not those with the schema ids 2, 3: it does not answer)" in told)
    assert AvroScore(0, 0, 0, (), B, "").sentence(B) == "No Avro record was read in dc2."
    assert "99.9 % of" in AvroScore(100_000, 1, 1, (4,), B, "").sentence(B)


def test_the_head_is_as_clients_of_confluent_write_it() -> None:
    assert encode(b"a", 258, 1) == struct.pack(">bI", 0, 258) + b"\x02a"
