"""How large records are, and how large a mirror's may be."""

from __future__ import annotations

from hypothesis import given, strategies as st

from lab.mirrors import sizes


def test_a_record_is_as_large_as_kafka_says() -> None:
    """By Kafka 3.9's DefaultRecordBatch.sizeInBytes and estimateBatchSizeUpperBound."""
    assert sizes.batch_bytes(None, b"x" * 50_000) == 50_072
    assert sizes.batch_bytes(None, None) == 61 + 1 + 6
    headers = [("h", None), ("i", b"12")]
    assert sizes.batch_bytes(b"k", b"", headers) == 61 + 1 + 3 + 2 + 1 + 1 + 3 + 5
    assert sizes.request_bytes(None, b"x" * 50_000) == 61 + 21 + 1 + 3 + 50_000 + 1


@given(st.none() | st.binary(max_size=300), st.none() | st.binary(max_size=300))
def test_a_producer_takes_a_record_for_no_smaller_than_it_is(
    key: bytes | None, value: bytes | None
) -> None:
    assert 0 <= sizes.request_bytes(key, value) - sizes.batch_bytes(key, value) <= 21


@given(st.integers(32, 32768))
def test_a_worker_holds_what_it_carries_several_times_over(heap_mb: int) -> None:
    heap = heap_mb * sizes.MIB
    assert 4 * sizes.carried(heap_mb) + sizes.fetched(heap_mb) < heap
    assert sizes.carried(heap_mb) < 100 * sizes.MIB, "what brokers take in a request"
