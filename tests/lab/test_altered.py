"""Long values as what changed of them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, strategies as st

from lab.altered import AROUND, SHORT, altered

SERVERS = [f"ann-dc1-kafka0{number}.lab.internal:9092" for number in (1, 2, 3)]
NAMES = st.lists(st.text("abc", min_size=1, max_size=6), max_size=60)


@pytest.mark.parametrize("old, new, text", [
    ("x", "y,z", "x -> y,z"),
    (",".join(SERVERS), ",".join([*SERVERS, "new:9092"]), "+new:9092"),
    (",".join(SERVERS), ",".join(["new:9092", *SERVERS[1:]]), f"-{SERVERS[0]}, +new:9092"),
    ("a" * 200 + "b" + "c" * 200, "a" * 200 + "dd" + "c" * 200,
     f"…{'a' * AROUND}b{'c' * AROUND}… -> …{'a' * AROUND}dd{'c' * AROUND}…"),
    ("a" * 200, "a" * 201, f"…{'a' * AROUND} -> …{'a' * AROUND}a"),
    ("x" * 80, "y" * 80, f"{'x' * 80} -> {'y' * 80}"),
])
def test_what_changed_is_shown(old: str, new: str, text: str) -> None:
    assert altered(old, new) == text


def test_another_order_is_a_change_too() -> None:
    assert altered(",".join(SERVERS), ",".join(reversed(SERVERS))).count("->") == 1


@given(old=NAMES, new=NAMES)
def test_nothing_that_came_or_went_is_left_out(old: list[str], new: list[str]) -> None:
    before, after = ",".join(old), ",".join(new)
    text = altered(before, after)
    if len(before) + len(after) <= SHORT:
        assert text == f"{before} -> {after}"
    elif "->" not in text:
        parts = text.split(", ")
        gone = Counter(part[1:] for part in parts if part.startswith("-"))
        come = Counter(part[1:] for part in parts if part.startswith("+"))
        assert Counter(old) - gone + come == Counter(new)
        assert Counter(new) - come + gone == Counter(old)
