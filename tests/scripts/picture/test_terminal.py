"""The picture in a terminal."""

from __future__ import annotations

import io

from rich.console import Console

from bench.scene import Scene
from scripts.picture.terminal import frame


def drawn(second: int, rows: int = 60, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(frame(Scene(seconds=second).history(), lab="kafkalab", rows=rows))
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def line(text: str, begins: str) -> list[str]:
    return next(one for one in text.splitlines() if one.strip().startswith(begins)).split()


def test_leaders_followers_and_what_is_gone_are_told_apart_without_colour() -> None:
    text = drawn(207)
    assert line(text, "orders-0")[1:6] == ["42,500", "■", "\N{MINUS SIGN}3", "□", "✗"]
    assert line(text, "dc1 ")[:3] == ["dc1", "→", "dc2"]
    assert "kafka01 ♛" in text
    assert "kafka03 ✗" in text
    assert "ensemble  ● zk01  ○ zk02" in text
    assert "quorum  ○ kraft01  ● kraft02 ♛  ○ kraft03" in text
    assert "billing a " in text
    assert "✗ dc1 payments-0,1,2 ISR 3→2" in text
    assert "billing: rebalance 13→14 (0.8 s)" in text


def test_a_replica_that_has_to_catch_up_is_out() -> None:
    orders = line(drawn(262), "orders-1")
    assert orders[1:9] == ["\N{MINUS SIGN}2", "□", "61,090", "■", "\N{MINUS SIGN}7,500", "▨",
                           "billing", "a"]


def test_topics_are_folded_where_there_is_no_room() -> None:
    text = drawn(100, rows=8)
    assert line(text, "orders (6)")[:2] == ["orders", "(6)"]
    assert "payments-0" in text
    assert "orders-0" not in text
    assert "__consumer_offsets (50)" in text


def test_a_checkpoints_age_is_told_where_somebody_makes_some() -> None:
    busy, idle = (one for one in drawn(207).splitlines() if one.startswith(("dc1 →", "dc2 →")))
    assert "checkpoint" in busy
    assert "checkpoint" not in idle
