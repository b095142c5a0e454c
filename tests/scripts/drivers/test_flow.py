"""What waits for a mirror, and when no record has to be read to know that it moves."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.mirrors.offsets import Record
from lab.mirrors.progress import CLOCK_S, At, Progress
from lab.options.mirrors import Mirror
from scripts.clients.partitions import Stamp
from scripts.drivers import flow as module
from scripts.drivers.flow import Flow
from tests.lab.test_offsets import Log

NOW = 1_000_000.0
STALL_S = 30.0
MIRROR = Mirror.model_validate({"from": "a", "to": "b"})


class Source:
    """One topic's partitions in memory; `read` are those of which a record was read."""

    def __init__(self, *logs: Log) -> None:
        self.logs = {("t", number): one for number, one in enumerate(logs)}
        self.read: list[int] = []

    def sizes(self, timeout: float) -> dict[str, int]:
        return {"t": len(self.logs)}

    def outlines(
        self, places: Iterable[At], timestamp: int | None
    ) -> tuple[dict[At, tuple[int, int]], dict[At, Stamp]]:
        logs = {at: self.logs[at] for at in places}
        found = {} if timestamp is None else {
            at: next(one.since(timestamp), None) for at, one in logs.items()}
        return {at: (one.low, one.end) for at, one in logs.items()}, {
            at: Stamp(one.offset, one.timestamp) for at, one in found.items() if one}


def log(*ages: float) -> Log:
    """Records of these ages in s, the first at offset 0."""
    return Log([Record(offset, round((NOW - age) * 1000), None, b"")
                for offset, age in enumerate(ages)], len(ages), 0)


@pytest.fixture
def flow(monkeypatch: pytest.MonkeyPatch) -> Any:
    def made(source: Source, *done: int) -> Flow:
        def part(of: Source, at: At, low: int, end: int) -> Log:
            of.read.append(at.partition)
            return of.logs[at]

        monkeypatch.setattr(module, "Partitions", lambda *_, **__: source)
        monkeypatch.setattr(module, "Part", part)
        monkeypatch.setattr(module, "time", SimpleNamespace(
            time=lambda: NOW, monotonic=time.monotonic, sleep=lambda seconds: None))
        site = SimpleNamespace(
            lab=SimpleNamespace(mirroring=None), kafka=SimpleNamespace(endpoint=None))
        return Flow(MIRROR, cast(Any, site), cast(Any, site),
                    lambda: {("t", number): one for number, one in enumerate(done)})

    return made


@pytest.mark.parametrize(("ages", "done", "reads"), [
    ((900, 5, 3), 2, False),  # what it has copied is young
    ((900, 5), 1, False),  # what waits is
    ((900, 800, 5), 1, True),  # only what comes behind that
    ((900, 800), 1, True),  # nothing
    ((-CLOCK_S - 1, 900), 1, True),  # whoever wrote it has no clock
    ((900, 5), 2, False),  # nothing waits
])
def test_a_record_is_read_where_none_tells_that_something_moved(
    flow: Any, ages: tuple[float, ...], done: int, reads: bool
) -> None:
    source = Source(log(*ages))
    one = flow(source, done)
    assert one.standing(Progress(STALL_S), patient=False) == ()
    assert source.read == ([0] if reads else [])


def test_where_all_records_are_young_nobody_is_asked_how_far_it_has_come(
    flow: Any
) -> None:
    def nobody() -> Any:
        raise AssertionError("asked")

    one = flow(Source(log(20, 5), log()))
    one._position = nobody
    assert one.standing(Progress(STALL_S), patient=False) == ()
    with pytest.raises(AssertionError, match="asked"):
        one.standing(Progress(STALL_S, trusting=False), patient=False)


def test_who_trusts_no_record_reads_each_that_waits(flow: Any) -> None:
    source = Source(log(900, 5), log(900, 800))
    flow(source, 1, 1).standing(Progress(STALL_S, trusting=False), patient=False)
    assert source.read == [0, 1]
    assert [one.at.partition for one in flow(source, 1, 1).look()] == [0, 1]


def test_where_nothing_moves_it_is_told_although_others_do(
    flow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(log(900, 5), log(900, 800))
    one, progress = flow(source, 1, 1), Progress(STALL_S)
    began = time.monotonic()
    assert one.standing(progress, patient=False) == ()
    assert [wait.at.partition for wait in progress.doubtful] == [1]
    monkeypatch.setattr(module.time, "monotonic", lambda: began + STALL_S + 1)
    assert [wait.at.partition for wait in one.standing(progress, patient=False)] == [1]
