"""Rows of a drill: what is new since the last look, and what a row is worth."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.drills.log import Kept
from lab.drills.sink import NAMES, content, malformed, name, refused
from lab.options.sinks import ROW
from scripts.clients.http import HttpError
from scripts.drills.stock import INDEX, Front, Table
from scripts.drills.topics import KEYS
from scripts.drivers.rows import Rows

RUN = "0a1b2c3d"


@dataclass
class Viewer:
    """HBase's rows by key, each with its record's offset; asked as the lab's viewer is."""

    rows: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False

    def write(self, number: int, offset: int, *, by_key: bool) -> None:
        fields = json.loads(content(RUN, number, 1.0, becomes=ROW))
        called = name(number) if by_key else f"t+{number % KEYS}+{offset:012}"
        self.rows[called] = {f"d:{key}": (str(value), offset) for key, value in fields.items()}

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        if self.away:
            raise HttpError(503, "away", where="h")
        assert method == "GET", method
        self.asked.append(path)
        place, _, query = path.partition("?")
        words = dict(word.split("=") for word in query.split("&"))
        start = place.removeprefix(f"/rows/{INDEX}").lstrip("/").replace("%2B", "+")
        since, column = int(words.get("since", 0)), words.get("column", "").replace("%3A", ":")
        found = []
        for called in sorted(self.rows):
            cells = {key: {"value": value, "timestamp": offset}
                     for key, (value, offset) in self.rows[called].items()
                     if offset >= since and column in ("", key)}
            if cells and called >= start:
                found.append({"row": called, "cells": cells})
        return {"rows": found[:int(words["limit"])]}


def table(viewer: Viewer, *, by_key: bool) -> Table:
    return Table(Rows(viewer), RUN, by_key=by_key)


@pytest.mark.parametrize("by_key", [False, True])
def test_each_row_is_told_and_soon_only_what_is_new(by_key: bool) -> None:
    viewer = Viewer()
    one = table(viewer, by_key=by_key)
    assert one.fresh() == [], "without a table there is nothing"
    for number in range(60):
        viewer.write(number, 10 + number // KEYS, by_key=by_key)
    assert {kept.number for kept in one.fresh()} == {*range(60)}
    viewer.write(60, 20, by_key=by_key)
    assert {kept.number for kept in one.fresh()} == {*range(54, 61)}
    assert viewer.asked[-1].endswith("limit=10000&since=19&column=d%3Anumber")


def test_a_partition_that_stays_behind_is_not_missed() -> None:
    viewer = Viewer()
    one = table(viewer, by_key=False)
    for number in (0, 6, 12, 1):
        viewer.write(number, 100 + number, by_key=False)
    one.fresh()
    viewer.write(2, 3, by_key=False)
    assert 2 in {kept.number for kept in one.fresh()}


def test_an_hbase_that_is_away_is_said_and_asked_again() -> None:
    viewer = Viewer(away=True)
    one = table(viewer, by_key=True)
    with pytest.raises(HttpError):
        one.fresh()
    viewer.away = False
    viewer.write(3, 1, by_key=True)
    assert [kept.number for kept in one.fresh()] == [3]
    assert one.serves()


def test_a_row_of_two_records_or_of_another_is_not_believed() -> None:
    viewer = Viewer()
    for number in range(4):
        viewer.write(number, number + 1, by_key=True)
    viewer.rows[name(1)]["d:sent"] = ("1.0", 9)
    viewer.rows[name(2)]["d:check"] = ("7", 3)
    viewer.rows[name(3)].pop("d:number")
    found = {kept.name: kept for kept in table(viewer, by_key=True).every()}
    assert found[name(0)] == Kept(name(0), 0, 1, intact=True)
    assert [found[name(number)].intact for number in (1, 2, 3)] == [False] * 3


def test_what_is_no_row_is_known_again_in_the_dead_letter_topic() -> None:
    numbers = [number for number in range(2000) if malformed(number)]
    for number in numbers:
        value = content(RUN, number, 1.0, becomes=ROW)
        assert refused(RUN, value) == number
    assert {content(RUN, number, 1.0, becomes=ROW)[:1] for number in numbers} == {b"{", b"0"}


@given(st.data(), st.booleans(), st.integers(0, KEYS - 1))
def test_nothing_new_lies_before_what_is_asked_for(
    data: st.DataObject, by_key: bool, partition: int
) -> None:
    """Whatever of the records was found until now, and in whatever order: those that were not have
    a later offset than the front's."""
    numbers = [number for number in range(partition, 6 * NAMES, KEYS) if not malformed(number)]
    offsets = {number: 2 * place + 1 for place, number in enumerate(numbers)}
    front, found = Front(partition, by_key=by_key), set[int]()
    for number in data.draw(st.lists(st.sampled_from(numbers), max_size=40)):
        front.note(number, offsets[number])
        found |= {*range(number % NAMES, number + 1, NAMES)} if by_key else {number}
        missing = [offsets[one] for one in numbers if one not in found]
        assert front.offset < min(missing)
