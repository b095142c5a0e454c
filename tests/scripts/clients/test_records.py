"""Ends of partitions while their leaders move, against a client that is told what to answer."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from scripts.clients import records
from scripts.clients.records import ends

PLACE = TopicPartition("t", 0)


class Moving:
    """Answers with these codes in turn, and then with the ends."""

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)

    def get_watermark_offsets(self, place: Any, timeout: float) -> tuple[int, int]:
        assert (place, timeout) == (PLACE, 10)
        if self.codes:
            raise KafkaException(KafkaError(self.codes.pop(0)))
        return 2, 5


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "time", SimpleNamespace(
        monotonic=time.monotonic, sleep=lambda seconds: None
    ))


def test_a_leader_that_has_moved_is_asked_for_again() -> None:
    client = Moving(KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
    assert ends(client, PLACE) == (2, 5)


def test_what_no_time_mends_is_an_error_at_once() -> None:
    client = Moving(KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.UNKNOWN_TOPIC_OR_PART)
    with pytest.raises(KafkaException):
        ends(client, PLACE)
    assert len(client.codes) == 1


def test_a_leader_that_never_comes_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "READ_SECONDS", 0)
    with pytest.raises(KafkaException):
        ends(Moving(*[KafkaError.NOT_LEADER_FOR_PARTITION] * 3), PLACE)
