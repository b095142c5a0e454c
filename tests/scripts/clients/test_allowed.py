"""What brokers tell somebody that he may do, in the bytes of Kafka's protocol."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.rights import OPERATIONS
from scripts.clients import allowed
from tests.scripts.clients.test_scram import serving

CODES = {name: code for code, name in allowed.BITS.items()}


def text(value: str | None) -> bytes:
    return b"\xff\xff" if value is None else struct.pack(">h", len(value)) + value.encode()


def array(parts: Iterable[bytes]) -> bytes:
    parts = list(parts)
    return struct.pack(">i", len(parts)) + b"".join(parts)


def bits(names: Iterable[str]) -> int:
    return sum(1 << CODES[name] for name in names)


def answering(key: tuple[int, int], body: bytes, reply: bytes) -> Callable[[bytes], bytes]:
    """Who answers one request, and fails the test at any other one."""
    def answer(request: bytes) -> bytes:
        assert struct.unpack(">hh", request[:4]) == key and request[10:] == body
        return reply

    return answer


def metadata(topics: Iterable[tuple[int, str, int]], cluster: int) -> bytes:
    """As MetadataResponse.json has it in version 8, of topics with two partitions each."""
    numbers = array([struct.pack(">i", one) for one in (1, 2)])
    partition = struct.pack(">hiii", 0, 0, 1, 7) + numbers + numbers + array([])
    brokers = array([struct.pack(">i", 1) + text("b1") + struct.pack(">i", 9294) + text(None)])
    return (struct.pack(">i", 0) + brokers + text("id") + struct.pack(">i", 1) + array(
        struct.pack(">h", error) + text(name) + b"\0" + array([partition, partition])
        + struct.pack(">i", told) for error, name, told in topics
    ) + struct.pack(">i", cluster))


sets = st.sets(st.sampled_from(OPERATIONS["topic"]))


@given(sets, sets, st.sets(st.sampled_from(OPERATIONS["cluster"])))
def test_each_topic_and_the_cluster_are_told(
    one: set[str], two: set[str], cluster: set[str]
) -> None:
    body = array([text("one"), text("two"), text("no")]) + b"\0\1\1"
    said = metadata([(0, "one", bits(one)), (3, "two", bits(two)), (29, "no", allowed.UNSAID)],
                    bits(cluster))
    with serving(answering((3, 8), body, said)) as there:
        topics, whole = allowed.of_topics(there, ["one", "two", "no"])
    assert topics == {"one": one, "two": two, "no": set()} and whole == cluster


def test_what_is_not_told_of_the_cluster_is_nothing() -> None:
    with serving(answering((3, 8), array([]) + b"\0\1\1", metadata([], allowed.UNSAID))) as there:
        assert allowed.of_topics(there, []) == ({}, frozenset())


def group(error: int, told: int) -> bytes:
    member = text("m") + text("c") + text("/h") + struct.pack(">i", 2) + b"xy" + struct.pack(
        ">i", -1)
    return struct.pack(">i", 0) + array([
        struct.pack(">h", error) + text("g") + text("Dead") + text("") + text("")
        + array([member]) + struct.pack(">i", told)])


@pytest.mark.parametrize(("error", "told", "may"), [
    (0, bits(["read", "describe"]), {"read", "describe"}), (30, allowed.UNSAID, set()),
    (16, allowed.UNSAID, None), (0, allowed.UNSAID, None),
])
def test_a_group_is_told_by_its_coordinator(error: int, told: int, may: set[str] | None) -> None:
    body = array([text("g")]) + b"\1"
    with serving(answering((15, 3), body, group(error, told))) as there:
        assert allowed.of_group(there, "g") == may


def found(error: int) -> bytes:
    return struct.pack(">ih", 0, error) + text(None) + struct.pack(">i", 4) + text("h") + bytes(4)


def test_who_looks_after_a_group_is_found() -> None:
    with serving(answering((10, 1), text("g") + b"\0", found(0))) as there:
        assert allowed.coordinator(there, "g") == (4, 0)


@pytest.mark.parametrize(("ended", "described", "may"), [
    (49, 0, {"write", "describe"}), (53, 0, {"describe"}), (53, 53, set()), (16, 15, {
        "write", "describe"}),
])
def test_a_transactional_id_is_tried(ended: int, described: int, may: set[str]) -> None:
    def answer(request: bytes) -> bytes:
        if request[1] == 26:
            assert request[3] == 1
            assert request[10:] == text("t") + struct.pack(">qh", 1 << 62, 0) + b"\0"
            return struct.pack(">ih", 0, ended)
        assert request[:4] == b"\0\x0a\0\1" and request[10:] == text("t") + b"\1"
        return found(described)

    with serving(answer) as there:
        assert allowed.of_transactions(there, "t") == may


def test_what_the_lab_calls_operations_brokers_do_too() -> None:
    known: Any = set(allowed.BITS.values())
    assert {one for each in OPERATIONS.values() for one in each} <= known
