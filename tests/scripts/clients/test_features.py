"""What a controller says of the features that are finalised, as its bytes say it."""

from __future__ import annotations

import struct

from scripts.clients.features import answered, question


def compact(text: str) -> bytes:
    return bytes([len(text) + 1]) + text.encode()


def tag(number: int, data: bytes) -> bytes:
    return bytes([number, len(data)]) + data


def answer(error: int = 0, *tags: bytes) -> bytes:
    requests = b"\x03" + (struct.pack(">hhh", 18, 0, 4) + b"\0") * 2
    return (struct.pack(">ih", 1, error) + requests + struct.pack(">i", 0)
            + bytes([len(tags)]) + b"".join(tags))


FINALIZED = b"\x03" + b"".join(
    compact(name) + struct.pack(">hh", most, least) + b"\0"
    for name, most, least in (("metadata.version", 27, 7), ("group.version", 1, 0))
)
SUPPORTED = b"\x02" + compact("metadata.version") + struct.pack(">hh", 7, 30) + b"\0"


def test_levels_are_the_highest_ones_that_are_finalised() -> None:
    told = answer(0, tag(0, SUPPORTED), tag(1, struct.pack(">q", 42)), tag(2, FINALIZED))
    assert answered(told) == (42, {"metadata.version": 27, "group.version": 1})


def test_a_node_that_does_not_know_yet_has_no_epoch() -> None:
    assert answered(answer()) == (-1, {})
    assert answered(answer(35)) is None


def test_a_question_is_as_long_as_it_says() -> None:
    size = struct.unpack(">i", question()[:4])[0]
    assert len(question()) == size + 4
    assert struct.unpack(">hh", question()[4:8]) == (18, 3)
