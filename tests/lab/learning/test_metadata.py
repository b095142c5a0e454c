"""What a KRaft quorum's log says about a topic, and what probes make of it."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab import kraft
from lab.learning import metadata
from lab.learning.facts import Facts, recorded
from lab.learning.metadata import CHANGE, CONFIG, PARTITION, REMOVE, TOPIC, Entry, entries
from lab.learning.probes import look

NO_OP = 20
NAMES = st.text("abéc.-_", min_size=1, max_size=200)


def id_of(topic: str, generation: int = 0) -> bytes:
    return kraft.uuid(topic, str(generation))


def text(value: str) -> bytes:
    data = value.encode()
    return kraft._unsigned(len(data) + 1) + data


def value(kind: int, fields: bytes) -> bytes:
    return kraft._unsigned(1) + kraft._unsigned(kind) + kraft._unsigned(0) + fields + b"\0"


def made(topic: str, generation: int = 0) -> bytes:
    return value(TOPIC, text(topic) + id_of(topic, generation))


def partition(topic: str, number: int, kind: int = PARTITION, generation: int = 0) -> bytes:
    return value(kind, struct.pack(">i", number) + id_of(topic, generation) + b"\x02")


def setting(topic: str, name: str = "retention.ms", of: int = metadata.OF_TOPICS) -> bytes:
    return value(CONFIG, bytes([of]) + text(topic) + text(name) + text("1"))


def removed(topic: str, generation: int = 0) -> bytes:
    return value(REMOVE, id_of(topic, generation))


def log(*batches: list[bytes], control: int = 0) -> bytes:
    """A log's bytes; the first so many batches are the quorum's own."""
    data, offset = b"", 0
    for number, values in enumerate(batches):
        attributes = kraft.CONTROL_BATCH if number < control else 0
        data += kraft._batch(offset, attributes, [(b"", one) for one in values])
        offset += len(values)
    return data


@given(NAMES, st.integers(1, 300), st.integers(0, 3))
def test_a_topics_creation_is_told_with_offsets_and_its_batch(
    topic: str, partitions: int, before: int
) -> None:
    """Whatever its name's length, and however many partitions: lengths are of one byte or two."""
    idle = [[value(NO_OP, b"")] for _ in range(before)]
    data = log(*idle, [made(topic), *(partition(topic, one) for one in range(partitions))],
               [setting(topic), setting(topic, "segment.bytes")])
    assert entries(data, topic) == [
        Entry(before, "TopicRecord", before),
        *(Entry(before + 1 + one, "PartitionRecord", before) for one in range(partitions)),
        *(Entry(before + 1 + partitions + one, "ConfigRecord", before + 1 + partitions)
          for one in (0, 1)),
    ]
    assert entries(data, topic + "x") is None


def test_only_what_is_about_the_topic_is_told() -> None:
    data = log(
        [b"\0\0\0\0"], [made("t"), partition("t", 0), made("u"), partition("u", 0)],
        [setting("u"), setting("t", of=4), partition("u", 0, CHANGE)],
        [partition("t", 0, CHANGE), setting("t")], control=1,
    )
    assert entries(data, "t") == [
        (1, "TopicRecord", 1), (2, "PartitionRecord", 1), (8, "PartitionChangeRecord", 8),
        (9, "ConfigRecord", 8),
    ]


def test_one_that_is_made_again_is_another_topic() -> None:
    first, again = [made("t"), partition("t", 0)], [made("t", 1), partition("t", 0, generation=1)]
    assert entries(log(first, [removed("t")]), "t") is None
    found = entries(log(first, [setting("t")], [removed("t")], again), "t")
    assert found == [(4, "TopicRecord", 4), (5, "PartitionRecord", 4)]


@given(st.integers(1, 60))
def test_a_log_that_is_just_being_written_ends_early(less: int) -> None:
    data = log([made("t"), partition("t", 0)], [setting("t")])
    assert entries(data[:-less], "t") == [(0, "TopicRecord", 0), (1, "PartitionRecord", 0)]
    assert entries(b"", "t") is None


# -- probes

MADE = [[7, "TopicRecord", 7], [8, "PartitionRecord", 7], [9, "PartitionRecord", 7]]
ONE = [{"number": 0, "leader": 1, "replicas": [1], "isr": [1]}]
NOTE = {"notes": "n", "topic": "t"}


def facts(metadata: list[list[Any]] | None, **notes: str) -> Facts:
    return recorded({"dc1": {
        "metadata topic=t": metadata, "topic name=n": ONE,
        "records committed=True topic=n": [
            [0, offset, offset, key, value] for offset, (key, value) in enumerate(notes.items())],
        "quorum": {"leader": 3002, "epoch": 5, "voters": [3003, 3001, 3002]},
    }}, "dc1")


@pytest.mark.parametrize(("more", "state", "answer"), [
    ([], "fewer", None), ([[10, "ConfigRecord", 10], [11, "ConfigRecord", 11]], "fewer", None),
    ([[10, "ConfigRecord", 10], [11, "ConfigRecord", 10]], "ok", "2"),
    ([[10, "PartitionChangeRecord", 10], [11, "PartitionChangeRecord", 10]], "fewer", None),
])
def test_settings_count_that_were_changed_together(
    more: list[list[Any]], state: str, answer: str | None
) -> None:
    found = look("altered", facts([*MADE, *more]), {"topic": "t", "settings": 2})
    assert (found.state, found.answer) == (state, answer)


def test_settings_that_a_topic_was_made_with_are_of_its_creation() -> None:
    one = facts([*MADE, [10, "ConfigRecord", 7], [11, "ConfigRecord", 7]])
    assert look("created", one, {"topic": "t"}).answer == "5"
    assert look("altered", one, {"topic": "t", "settings": 2}).state == "fewer"


def test_a_topic_that_is_not_there_left_nothing() -> None:
    for probe, more in (("created", {}), ("altered", {"settings": 2})):
        assert look(probe, facts(None), {"topic": "t", **more}).state == "absent"


@pytest.mark.parametrize(("name", "said", "state"), [
    ("leader", "3002", "ok"), ("leader", "3001", "other"), ("epoch", " 5 ", "ok"),
    ("epoch", "0", "other"), ("voters", "3001, 3002,3003", "ok"), ("voters", "3002", "other"),
    ("voters", "3003,3002,3001", "other"), ("offset", "7", "ok"), ("offset", "8", "other"),
    ("offset", "", "other"),
])
def test_a_note_is_held_against_what_is_so(name: str, said: str, state: str) -> None:
    assert look("noted", facts(MADE, **{name: said}), {**NOTE, "name": name}).state == state


def test_what_cannot_be_compared_is_told() -> None:
    absent = recorded({"dc1": {"topic name=n": None}}, "dc1")
    assert look("noted", absent, {**NOTE, "name": "epoch"}).state == "absent"
    assert look("noted", facts(MADE), {**NOTE, "name": "epoch"}).state == "unnoted"
    assert look("noted", facts(None, offset="1"), {**NOTE, "name": "offset"}).state == "unknown"


def test_the_last_of_several_notes_counts() -> None:
    one = recorded({"dc1": {
        "topic name=n": ONE, "quorum": {"leader": 1, "epoch": 5, "voters": [1]},
        "records committed=True topic=n": [
            [0, 0, 9, "epoch", "5"], [1, 0, 8, "epoch", "4"], [1, 1, 8, "leader", "4"]],
    }}, "dc1")
    assert look("noted", one, {**NOTE, "name": "epoch"}).ok
