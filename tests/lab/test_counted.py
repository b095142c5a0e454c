"""How many of something there are, as one says it."""

from __future__ import annotations

import pytest

from lab.counted import counted


@pytest.mark.parametrize(("count", "words", "said"), [
    (0, ("host",), "0 hosts"), (1, ("host",), "1 host"), (1234, ("host",), "1,234 hosts"),
    (1, ("process", "processes"), "1 process"), (2, ("process", "processes"), "2 processes"),
    (1, ("partition is", "partitions are"), "1 partition is"),
])
def test_one_is_one_and_others_are_many(count: int, words: tuple[str, ...], said: str) -> None:
    assert counted(count, *words) == said
