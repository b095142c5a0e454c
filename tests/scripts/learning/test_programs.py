"""The programs that exercises bring along."""

from __future__ import annotations

import runpy
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError
from hypothesis import given, strategies as st

from scripts.learning.library import FOLDER

RELAY: dict[str, Any] = runpy.run_path(str(FOLDER / "ch6-exactly-once" / "relay.py"))


class Consumer:
    """Gives each partition's records in turn, with nothing in between, and then its end."""

    def __init__(self, partitions: list[int]) -> None:
        self.partitions = partitions
        self.coming = [None, *(message for number, count in enumerate(partitions)
                               for message in self._of(number, count))]

    @staticmethod
    def _of(partition: int, count: int) -> list[Any]:
        def message(error: Any) -> Any:
            return SimpleNamespace(partition=lambda: partition, error=lambda: error)

        return [*(message(None) for _ in range(count)), None,
                message(KafkaError(KafkaError._PARTITION_EOF))]

    def poll(self, timeout: float) -> Any:
        assert timeout > 0 and self.coming, "it reads on behind the end"
        return self.coming.pop(0)

    def assignment(self) -> list[int]:
        return self.partitions


@given(st.lists(st.integers(0, 9), min_size=1, max_size=3), st.integers(1, 7))
def test_the_relay_reads_in_batches_to_the_end(partitions: list[int], size: int) -> None:
    consumer = Consumer(partitions)
    lengths = [len(one) for one in RELAY["batches"](consumer, size)]
    assert sum(lengths) == sum(partitions) and not consumer.coming
    assert all(one == size for one in lengths[:-1]) and lengths[-1:] <= [size]
    assert 0 not in lengths


def test_the_relay_ends_with_what_the_cluster_refuses() -> None:
    consumer = Consumer([1])
    refused = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)
    consumer.coming = [SimpleNamespace(partition=lambda: 0, error=lambda: refused)]
    with pytest.raises(SystemExit, match="error: "):
        list(RELAY["batches"](consumer, 5))
