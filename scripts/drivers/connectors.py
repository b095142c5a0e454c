"""Connectors as Connect tells of them, and the group of workers that has them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from lab.mirrors.held import Care
from scripts.drivers.driver import Site
from scripts.drivers.flow import Flow
from scripts.errors import one_line

HALTED = ("PAUSED", "STOPPED")  # by a person: Connect does neither by itself
PASSING = ("UNASSIGNED", "RESTARTING")  # while workers hand out connectors, which ends by itself
CAUSED = "Caused by: "


@dataclass(frozen=True)
class ConnectorState:
    """One connector: its own state and its tasks'; `trace` is the innermost cause of the first
    failure. kind: "source", "sink", or "" where Connect does not say."""

    name: str
    state: str
    tasks: tuple[str, ...]
    trace: str
    kind: str = ""

    @property
    def problem(self) -> str:
        """What is wrong, in words; "" when all of it runs."""
        if self.state != "RUNNING":
            return f"{self.name} is {self.state}" + (f": {self.trace}" if self.trace else "")
        bad = [task for task in self.tasks if task != "RUNNING"]
        if bad:
            return f"{self.name}: a task is {bad[0]}" + (f": {self.trace}" if self.trace else "")
        return ""

    @property
    def failed(self) -> bool:
        """Whether something of it has to be restarted; Connect does not do it by itself."""
        return "FAILED" in (self.state, *self.tasks)

    @property
    def passing(self) -> bool:
        """Whether it is on its way to another state."""
        return any(state in PASSING for state in (self.state, *self.tasks))

    @property
    def repair(self) -> str:
        """What it takes to make it run, in words; "" for nothing but time."""
        if self.state in HALTED:
            return f"resume, it is {self.state}"
        return "restart what failed" if self.failed else ""


class Group(Protocol):
    """A group of workers, as far as its mirrors are looked after; see `workers.Workers`."""

    site: Site
    names: frozenset[str]

    @property
    def sources(self) -> tuple[str, ...]: ...

    def states(self) -> list[ConnectorState]: ...

    def care_of(self, name: str) -> Care: ...

    def flow(self, name: str) -> AbstractContextManager[Flow]: ...

    def repair(self, state: ConnectorState) -> None: ...


def state_of(name: str, status: Mapping[str, Any]) -> ConnectorState:
    """What Connect says of a connector and its tasks."""
    parts = [status["connector"], *status["tasks"]]
    trace = next((str(part["trace"]) for part in parts if part.get("trace")), "").strip()
    causes = [line.removeprefix(CAUSED) for line in trace.splitlines() if line.startswith(CAUSED)]
    return ConnectorState(
        name, status["connector"]["state"],
        tuple(task["state"] for task in sorted(status["tasks"], key=lambda task: task["id"])),
        one_line((causes or trace.splitlines() or [""])[-1 if causes else 0]),
        str(status.get("type", "")),
    )
