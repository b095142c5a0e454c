"""The list of exercises as a terminal of 80 columns has room for it: two lines each."""

from __future__ import annotations

from collections.abc import Sequence

from lab.learning.words import spoken


def listing(rows: Sequence[tuple[str, str, int, str, str]], language: str) -> list[str]:
    """Two lines an exercise, of its id, title, minutes, needs and state; then what the numbers in
    the ids are. What it needs is told of one that this lab does not have it for."""
    lines = []
    for id, title, minutes, needs, state in rows:
        so = spoken(state.replace(" ", "_"), language)
        lacking = f": {needs}" if state == "not here" else ""
        lines += [f"{id}  {title}",
                  f"  {spoken('minutes', language, minutes=minutes)}, {so}{lacking}"]
    return [*lines, *spoken("chapters", language).splitlines()]
