"""What exercises find of Avro on its way into a store."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from lab.learning.facts import Facts, Record
from lab.learning.probes.finding import look
from lab.learning.probes.pipeline import named


def stored(number: int, body: bytes = b"\x02a") -> str:
    """A value as a cluster's answer has it: text where its bytes are some, else hex."""
    data = struct.pack(">bI", 0, number) + body
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.hex()


def facts(
    written: list[str | None] | None, copied: Sequence[str] = (),
    documents: tuple[int, int] = (0, 0), ids: tuple[int, ...] = (6, 300),
) -> Facts:
    """A topic `t` of dc1 with these values, what came of it in dc2, and a registry there."""
    def of(name: str) -> Facts:
        def ask(what: str, said: Mapping[str, Any]) -> Any:
            values = {("dc1", "t"): written, ("dc2", "dc1.t"): list(copied)}
            if what == "topic":
                return None if values[name, said["name"]] is None else []
            if what == "records":
                some = values[name, said["topic"]] or []
                return [[0, at, 1, None, value] for at, value in enumerate(some)]
            assert name == "dc2", "there are registry and store"
            if what == "subject":
                return {"level": "BACKWARD", "versions": [
                    [number, id, "{}"] for number, id in enumerate(ids, 1)]} if ids else None
            assert what == "documents"
            return documents

        return Facts(ask, of, name)

    return of("dc1")


@pytest.mark.parametrize("body", [b"\x02a", b"\xff\xfe", b"\x80\x01"])
@pytest.mark.parametrize("number", [1, 6, 300, 2**31])
def test_an_id_is_found_whether_its_bytes_are_text_or_not(number: int, body: bytes) -> None:
    assert named(Record(0, 0, 0, None, stored(number, body))) == number


@pytest.mark.parametrize("value", [None, "", "\0\0", '{"a": 1}', "0001", "00ff", "kim", "01" * 9])
def test_what_names_no_schema_has_no_id(value: str | None) -> None:
    assert named(Record(0, 0, 0, None, value)) is None


@pytest.mark.parametrize(("written", "ids", "expected"), [
    (None, (6, 300), "absent"), ([stored(6)] * 2 + [stored(300)], (6, 300), "ok"),
    ([stored(6)] * 2, (6, 300), "old"), ([stored(6)] * 3, (6,), "old"), ([], (), "fewer"),
    ([stored(300)], (6, 300), "fewer"), ([stored(6)] * 3 + [stored(300)], (6, 300), "more"),
    ([stored(6)] * 2 + [stored(300), stored(7)], (6, 300), "strange"),
    ([stored(6)] * 2 + [stored(300), "kim"], (6, 300), "strange"),
    ([stored(6)] * 2 + [stored(300)], (), "strange"),
])
def test_records_are_counted_by_version(
    written: list[str | None] | None, ids: tuple[int, ...], expected: str
) -> None:
    asked = {"topic": "t", "subject": "t-value", "registry": "dc2", "first": 2, "more": 1}
    assert look("by-version", facts(written, ids=ids), asked).state == expected


@pytest.mark.parametrize(("found", "expected"), [
    ((0, 0), "absent"), ((2, 0), "fewer"), ((3, 1), "ok"), ((3, 0), "other"), ((3, 3), "other"),
    ((4, 1), "more"),
])
def test_documents_are_counted_and_those_with_the_field(
    found: tuple[int, int], expected: str
) -> None:
    asked = {"at": "dc2", "index": "dc1.t", "field": "f", "records": 3, "having": 1}
    assert look("documents", facts([], documents=found), asked).state == expected


@pytest.mark.parametrize(("found", "answer"), [
    ((2, 0), None), ((3, 1), "without"), ((3, 3), "with"),
])
def test_old_documents_have_the_new_field_or_not(
    found: tuple[int, int], answer: str | None
) -> None:
    asked = {"at": "dc2", "index": "dc1.t", "field": "f", "first": 2}
    assert look("given-to-old", facts([], documents=found), asked).answer == answer


@pytest.mark.parametrize(("copied", "answer"), [
    ([], None), ([stored(6)], "same"), ([stored(6), stored(9)], "another"),
])
def test_an_id_crosses_a_mirror_or_not(copied: list[str], answer: str | None) -> None:
    asked = {"topic": "t", "copy": "dc1.t", "target": "dc2"}
    assert look("id-across", facts([stored(6)], copied), asked).answer == answer
