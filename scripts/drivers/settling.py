"""Connectors on their way to RUNNING, and mirrors to moving."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Protocol

from lab.counted import counted
from lab.mirrors.progress import Progress
from scripts.clients.http import HttpError
from scripts.drivers import holding
from scripts.drivers.connectors import ConnectorState, Group
from scripts.drivers.flow import Flow
from scripts.drivers.holding import Verdict
from scripts.errors import LabError
from scripts.workstation.runlog import log

# A restarted task is RUNNING until it meets its old problem again: it has to stay so for a while,
# and what waits for it has to move.
STEADY_SECONDS = 10.0
# What failed and was given other settings is FAILED until Connect has started it anew.
ANEW_SECONDS = 15.0


class Mended(Group, Protocol):
    """A group of workers that does what is asked of it."""

    def restart(self, name: str) -> None: ...

    def act(self, name: str, flow: Flow, verdict: Verdict) -> bool: ...


class Settling:
    """What is wrong with the connectors of a group of workers, and what was done about it.

    allowed: how often failures are repaired; with 0 nothing is, and nobody looks whether mirrors
    move. Keeps connections: `close` it.
    """

    def __init__(self, workers: Mended, allowed: int) -> None:
        self.workers, self.allowed = workers, allowed
        self.problem = "no answer"
        self._told = ""  # what the run's log says that it waits for
        self.repaired: set[str] = set()
        self._restarts = 0
        self._running_since: float | None = None
        self._stack = ExitStack()
        self._flows: dict[str, Flow] = {}
        self._progress: dict[str, Progress] = {}
        self._pushed: set[str] = set()
        self._anew: dict[str, float] = {}  # since when, by connector

    def close(self) -> None:
        self._stack.close()

    def over(self) -> bool:
        """Look once, and repair what can be. Raises LabError when that does not help."""
        try:
            there = {state.name: state for state in self.workers.states()}
        except HttpError as error:
            self.problem = error.what
            return False
        wanted = {name: there.get(name) for name in self.workers.names}
        texts = (state.problem if state else f"{name} is not there"
                 for name, state in wanted.items())
        self.problem = next(filter(None, texts), "")
        self._mend([state for state in wanted.values() if state and state.repair])
        over = self._steady()
        if not over and self.problem != self._told:
            self._told = self.problem
            log.info("%s: waiting: %s", self.workers.site.name, self.problem)
        return over

    def _steady(self) -> bool:
        """All of it runs; what was restarted does so long enough; and mirrors move."""
        if self.problem:
            self._running_since = None
            return False
        if self._running_since is None:
            self._running_since = time.monotonic()
            self._progress.clear()
        steady = time.monotonic() - self._running_since >= STEADY_SECONDS
        if self._restarts and not steady:
            return False
        if not self.allowed:
            return True
        moving = [self._moves(name) for name in self.workers.sources]  # each is looked at
        return all(moving)

    def _moves(self, name: str) -> bool:
        """Whether a mirror moves wherever records wait. Raises LabError where nothing does for
        too long, and nothing can be done about it.

        A source that does not answer is no fault of the workers: `fab mirror.status` tells it.
        """
        flow = self._flow(name)
        if name not in self._progress:  # what was restarted has to move, however young it is
            self._progress[name] = flow.progress(trusting=not self._restarts)
        progress = self._progress[name]
        try:
            standing = flow.standing(
                progress, self.workers.care_of(name).held, patient=False
            )
        except HttpError as error:
            self.problem = error.what
            return False
        except LabError:
            return True
        if standing and not self._hold(name):
            self._push(name, flow.why(standing))
        doubtful = flow.worth_waiting(progress)
        if standing or doubtful:
            self.problem = f"{name}: nothing moves at {(standing or progress.doubtful)[0]}"
        return not (standing or doubtful)

    def _push(self, name: str, why: str) -> None:
        """Restart what runs and does not move, for no reason that is known, but only once: the
        thread that sends its records may be dead. Raises LabError."""
        if name in self._pushed:
            raise LabError(f"{name}: {why}", where=self.workers.site.name,
                           hint="see `fab mirror.status` and `fab logs HOST connect`")
        log.info("%s: %s: restart (%s)", self.workers.site.name, name, why)
        self._pushed.add(name)
        self._restarts += 1
        self._running_since = None
        self.workers.restart(name)
        self.repaired.add(name)

    def _hold(self, name: str) -> bool:
        """Hold topics back whose records cannot cross; whether there were any."""
        flow = self._flow(name)
        verdict = holding.judge(flow, self.workers.care_of(name), stuck=True)
        if self.workers.act(name, flow, verdict):
            self.repaired.add(name)
            self._running_since = None
        return verdict.acts

    def _mend(self, broken: Sequence[ConnectorState]) -> None:
        where = self.workers.site.name
        if broken and not self.allowed:
            raise LabError(self.problem, where=where, hint="run `fab mirror`")
        failed = {state.name for state in broken if state.failed}
        self._anew = {name: since for name, since in self._anew.items() if name in failed
                      and time.monotonic() - since < ANEW_SECONDS}
        left = [state for state in broken if state.name not in self._anew
                and not self._freed(state)]
        if any(state.failed for state in left):
            self._restarts += 1
        if self._restarts > self.allowed:
            raise LabError(
                f"{self.problem}, still after {counted(self.allowed, 'restart')}", where=where,
                hint="see `fab logs HOST connect`",
            )
        for state in left:
            log.info("%s: %s: %s (%s)", where, state.name, state.repair, state.problem)
            self.workers.repair(state)
            self.repaired.add(state.name)
            self._pushed.add(state.name)

    def _freed(self, state: ConnectorState) -> bool:
        """Whether a connector that failed was given other settings, with which it starts anew."""
        name = state.name
        if not state.failed or name not in self.workers.sources:
            return False
        before = self.workers.care_of(name)
        with suppress(LabError):  # a source that does not answer may be why it failed
            self._hold(name)
        if self.workers.care_of(name) == before:
            return False
        self._anew[name] = time.monotonic()
        return True

    def _flow(self, name: str) -> Flow:
        if name not in self._flows:
            self._flows[name] = self._stack.enter_context(self.workers.flow(name))
        return self._flows[name]
