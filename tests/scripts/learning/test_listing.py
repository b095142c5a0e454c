"""The list of exercises in a terminal of 80 columns."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from lab.learning.needs import needs
from scripts.learning import library
from scripts.learning.listing import listing


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("state", ["new", "begun", "done", "not here"])
def test_each_exercise_has_two_lines_of_at_most_80_columns(language: str, state: str) -> None:
    every = [library.load(name).exercise for name in library.names()]
    lines = listing([(one.id, one.title.said(language), one.minutes, needs(one), state)
                     for one in every], language)
    assert [line for line in lines if cell_len(line) > 80] == []
    for place, one in enumerate(every):
        first, second = lines[2 * place:2 * place + 2]
        assert first == f"{one.id}  {one.title.said(language)}"
        assert str(one.minutes) in second and second.endswith(needs(one) * (state == "not here"))
    assert "fab exercise.start ch3-partitions" in " ".join(lines[2 * len(every):])
    assert len(lines) <= 2 * len(every) + 5


def test_what_is_not_here_says_what_it_needs() -> None:
    assert listing([("a", "A", 5, "a mirror", "not here")], "en")[:2] == [
        "a  A", "  5 min, not here: a mirror"]
    assert listing([("a", "A", 5, "a mirror", "new")], "ko")[1] == "  5분, 시작 전"
