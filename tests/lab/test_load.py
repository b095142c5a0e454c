"""The numbered workload: by properties, since nothing in it is left to chance."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings, strategies as st

from lab.load import (
    BURST_EVERY_S,
    BURST_TIMES,
    CALM_TIMES,
    SHAPES,
    Latencies,
    Load,
    Tally,
    closing,
    line,
    sentence,
    shown,
)

loads = st.builds(
    Load, rate=st.integers(1, 20_000), keys=st.integers(1, 500),
    skew=st.floats(0, 3, allow_nan=False), seed=st.integers(0, 2**63),
    shape=st.sampled_from(SHAPES),
)
moments = st.floats(0, 3600, allow_nan=False)


@given(loads, st.integers(0, 10**6), st.integers(1, 50))
def test_numbers_have_no_gaps_and_a_seed_gives_the_same_again(
    load: Load, first: int, count: int
) -> None:
    made = [load.record(number) for number in range(first, first + count)]
    values = [json.loads(value) for _, value in made]
    assert [value["seq"] for value in values] == list(range(first, first + count))
    assert [value["customer"] for value in values] == [key for key, _ in made]
    again = Load(load.rate, load.keys, load.skew, load.seed, load.shape)
    assert [again.record(number) for number in range(first, first + count)] == made


def test_another_seed_gives_others() -> None:
    one, other = Load(seed=1), Load(seed=2)
    assert [one.record(n) for n in range(20)] != [other.record(n) for n in range(20)]


@settings(max_examples=20)
@given(st.integers(0, 2**40), st.integers(2, 60), st.sampled_from([0, 0.5, 1, 1.5, 2]))
def test_keys_are_as_unequal_as_was_asked(seed: int, keys: int, skew: float) -> None:
    """Zipf: the key of rank k comes as often as k to the power of -skew."""
    load, count = Load(keys=keys, skew=skew, seed=seed), 4000
    seen = Counter(load.record(number)[0] for number in range(count))
    weights = [rank ** -skew for rank in range(1, keys + 1)]
    assert len({load.name(rank) for rank in range(keys)}) == keys
    assert set(seen) <= {load.name(rank) for rank in range(keys)}
    for rank, weight in enumerate(weights):
        share = weight / sum(weights)
        spread = (count * share * (1 - share)) ** 0.5
        assert abs(seen[load.name(rank)] - count * share) <= 6 * spread + 1


@given(loads, moments, moments)
def test_the_rate_holds_over_any_window(load: Load, one: float, other: float) -> None:
    begin, end = sorted((one, other))
    sent, window = load.due(end) - load.due(begin), end - begin
    assert load.due(0) == 0
    least, most = (CALM_TIMES, BURST_TIMES) if load.shape == "bursty" else (1, 1)
    assert load.rate * least * window - 1.01 <= sent <= load.rate * most * window + 1.01


@given(st.integers(1, 20_000), moments, st.integers(1, 20))
def test_bursts_make_no_more_records_in_all(rate: int, begin: float, rounds: int) -> None:
    load = Load(rate=rate, shape="bursty")
    window = rounds * BURST_EVERY_S
    assert abs(load.due(begin + window) - load.due(begin) - rate * window) <= 1.01


@given(st.lists(st.floats(1e-5, 100), min_size=1), st.floats(0, 1))
def test_quantiles_are_right_to_two_hundredths(times: list[float], share: float) -> None:
    found = Latencies()
    for seconds in times:
        found.add(seconds)
    rank = min(int(share * len(times)), len(times) - 1)
    right = sorted(times)[rank]
    told = found.quantile(share)
    assert told is not None
    assert right * 0.99 <= told <= right * 1.025


@pytest.mark.parametrize(("load", "options"), [
    (Load(), []), (Load(1, 1, 0, 0, "bursty"), []), (Load(20_000, 100_000, 10, 2**64 - 1), []),
    (Load(0, 0, -1, -1, "wild"), ["rate", "keys", "skew", "seed", "shape"]),
    (Load(20_001, 100_001, 11, 2**64, ""), ["rate", "keys", "skew", "seed", "shape"]),
    (Load(skew=float("nan")), ["skew"]),
])
def test_what_cannot_be_is_named(load: Load, options: list[str]) -> None:
    assert [option for option, _, _ in load.faults()] == options


def test_what_is_about_to_be_written() -> None:
    assert sentence(Load(2000, 50, 1.2, 7, "bursty"), "orders of dc1", 0) == (
        "orders of dc1: 2,000/s, bursty, 50 keys, skew 1.2, seed 7, until Ctrl-C"
    )
    assert sentence(Load(), "orders of dc1", 30).endswith("seed 1, for 30 s")


def test_no_latency_has_no_quantile() -> None:
    assert Latencies().quantile(0.5) is None


def test_what_is_told_of_a_second_and_of_the_whole() -> None:
    tally = Tally()
    for number in range(4):
        tally.sent += 1
        tally.acknowledged(0.002 + number / 1000)
    tally.sent += 2
    tally.failed("broker: too late")
    assert line(3.0, 2.0, tally) == (
        "   3 s       2/s          4 acknowledged  1 failed  median 4.0 ms  p99 5.0 ms"
    )
    tally.sent += 1000
    assert line(3.0, 2.0, tally).endswith("p99 5.0 ms  1,001 waiting")
    tally.sent -= 1000
    assert closing(tally, 4.0, "orders of dc1", Load(seed=9)) == (
        "6 records in 4.0 s to orders of dc1 (2/s), numbers 0 to 5, seed 9: 4 acknowledged, "
        "1 failed (broker: too late), 1 without an answer; latency median 4.0 ms, p99 5.0 ms"
    )
    tally.next_second()
    assert "median -  p99 -" in line(4.0, 0, tally)
    assert closing(Tally(), 0.1, "orders of dc1", Load()) == "no records to orders of dc1"


@pytest.mark.parametrize(("seconds", "text"), [
    (None, "-"), (0.00042, "0.42 ms"), (0.0042, "4.2 ms"), (0.042, "42 ms"), (4.2, "4.2 s"),
    (42.0, "42 s"),
])
def test_times_are_as_people_read_them(seconds: float | None, text: str) -> None:
    assert shown(seconds) == text
