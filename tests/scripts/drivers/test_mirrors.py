"""Mirrors whose connectors are being handed out to workers anew: neither well nor ill."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lab.options.mirrors import Mirror
from scripts.drivers import mirrors
from scripts.drivers.connectors import ConnectorState
from scripts.drivers.mirrors import MirrorView

NAMES = ("a-to-b.checkpoint", "a-to-b.heartbeat", "a-to-b.source")


class FakeWorkers:
    """Workers whose first connector is in `states`, one look after the other."""

    names = frozenset(NAMES)

    def __init__(self, *states: str) -> None:
        self.left = list(states)

    def states(self) -> list[ConnectorState]:
        state = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return [ConnectorState(name, "RUNNING", (state if name == NAMES[0] else "RUNNING",), "")
                for name in NAMES]


def view(workers: FakeWorkers) -> MirrorView:
    made = MirrorView.__new__(MirrorView)  # without the ends of the mirror
    made.mirror = Mirror.model_validate({"from": "a", "to": "b"})
    made.name, made.workers = "a-to-b", cast(Any, workers)
    return made


@pytest.mark.parametrize("state", ["UNASSIGNED", "RESTARTING"])
def test_a_task_that_is_handed_out_is_looked_at_again(
    monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Another mirror's new topic is enough for it; verify and status failed for that moment."""
    monkeypatch.setattr(mirrors, "PASS_PAUSE", 0)
    made = view(FakeWorkers(state, state, "RUNNING"))
    assert made._problem(made._states()) == ""


def test_one_that_nobody_takes_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirrors, "PASS_PAUSE", 0)
    monkeypatch.setattr(mirrors, "PASS_SECONDS", 0.01)
    made = view(FakeWorkers("UNASSIGNED"))
    assert made._problem(made._states()) == f"{NAMES[0]}: a task is UNASSIGNED"


def test_one_that_failed_is_told_at_once() -> None:
    made = view(FakeWorkers("FAILED", "RUNNING"))
    assert made._problem(made._states()) == f"{NAMES[0]}: a task is FAILED"
