"""Kafka Connect as the lab acts on it: a group of workers, and the connectors that run there.

Connectors are desired state, too: ask, compare, put what differs, wait until it runs.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.mirrors.connectors import SOURCE
from lab.resources import CONNECTOR, ClusterState, Connector, Found, compare, lines
from lab.services.connect import PORT
from lab.services.registry import resources
from lab.state import Key
from scripts.clients.http import HttpError
from scripts.drivers.driver import Differences, Driver, Part, Report, Site, Tell
from scripts.drivers.lag import lags, mirrored
from scripts.errors import LabError, TimeoutExpired
from scripts.workstation.waiting import wait_until

READY_SECONDS = 120
RUNNING_SECONDS = 120
RESTARTS = 3  # of failed tasks, before a person has to look
# A restarted task is RUNNING until it meets its old problem again: it has to stay so for a while,
# and what waited for it has to move.
STEADY_SECONDS = 10.0
HALTED = ("PAUSED", "STOPPED")  # by a person: Connect does neither by itself
RETRIED = (404, 409, 500, 503)  # starting, rebalancing, or a request that was passed on too early
# The lab's mark in a connector's own settings, which Connect keeps and no connector knows: the name
# of the lab that made it.
MARK = "kafkalab.lab"


@dataclass(frozen=True)
class ConnectorState:
    """One connector: its own state and its tasks'; `trace` is the first failure's first line."""

    name: str
    state: str
    tasks: tuple[str, ...]
    trace: str

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
    def repair(self) -> str:
        """What it takes to make it run, in words; "" for nothing but time."""
        if self.state in HALTED:
            return f"resume, it is {self.state}"
        return "restart what failed" if self.failed else ""


class Connect(Driver):
    """Workers restart one at a time, the others take over their tasks meanwhile."""

    resource_kinds = frozenset({CONNECTOR})

    def status(self, site: Site, up: Collection[str]) -> Part:
        carriers = [host.name for host in site.carriers(self.name)]
        data: dict[str, Any] = {"connectors": []}
        if not any(name in up for name in carriers):
            return Part(data, ("no worker of Kafka Connect runs",))
        try:
            states = Workers(site).states()
        except HttpError as error:
            return Part(data, (error.what,))
        # Whose connector it is (a mirror's, a person's) says whether its failure is a problem.
        data["connectors"] = [
            {"name": one.name, "state": one.state, "tasks": list(one.tasks),
             "problem": one.problem} for one in states
        ]
        return Part(data)

    def verify(self, site: Site, report: Report) -> bool:
        def answers() -> str:
            self.settled(site)
            return f"{len(Workers(site).states())} connectors on {self._answers(site)}"

        return report.check(self.name, "workers", answers)

    def differences(self, site: Site, wanted: ClusterState, *, there: bool) -> Differences:
        workers = Workers(site, wanted)
        try:
            if not there:
                raise HttpError(503, "no worker", where=site.name)
            found, states = workers.found(wait=0), workers.states()
        except HttpError:  # not there yet: all of them are to be made
            found, states = {}, []
        plan = compare(found, workers.wanted)
        repairs = (
            f"~ connector {one.name}: {one.repair}" for one in states
            if one.repair and one.name in workers.names
        )
        return Differences((*lines(plan), *repairs), tuple(map(str, plan.refusals)))

    def reconcile(self, site: Site, wanted: ClusterState, tell: Tell) -> int:
        return Workers(site, wanted).converge(tell)


class Workers:
    """The group of workers of one datacenter; `wanted` are the connectors that it should have."""

    def __init__(self, site: Site, wanted: ClusterState | None = None) -> None:
        if wanted is None:
            wanted = resources(site.datacenter, site.context)
        self.site = site
        self.wanted = {key: one for key, one in wanted.items() if key.kind == CONNECTOR}
        self.names = frozenset(key.name for key in self.wanted)
        self.rest = site.http(site.carriers("connect")[0], PORT, "connect")

    def found(self, wait: float = READY_SECONDS) -> dict[Key, Found]:
        """The connectors as they are; waits up to `wait` seconds for a worker that starts."""
        answer = self._patiently("GET", "/connectors?expand=info", wait)
        result = {}
        for name, one in answer.items():
            config = dict(one["info"]["config"])
            ours = config.pop(MARK, None) == self.site.lab.name
            result[Key(CONNECTOR, name)] = Found(Connector(config), ours)
        return result

    def states(self) -> list[ConnectorState]:
        """What each connector does. Raises HttpError when no worker answers."""
        found = self.rest("GET", "/connectors?expand=status")
        return sorted(
            (_state(name, one["status"]) for name, one in found.items()),
            key=lambda state: state.name,
        )

    def converge(self, tell: Tell) -> int:
        """Make the connectors what they should be and wait until all run.

        How many had to be set up, removed, resumed or restarted. Raises LabError, also for what is
        not the lab's to change, after all else is done.
        """
        tell("waiting for Connect")
        plan = compare(self.found(), self.wanted)
        for change in plan.changes:
            name, after = change.key.name, change.after
            if isinstance(after, Connector):
                tell(f"setting up {name}")
                config = {**after.config, MARK: self.site.lab.name}
                self._patiently("PUT", f"/connectors/{name}/config", READY_SECONDS, config)
            else:
                tell(f"removing {name}")
                self._patiently("DELETE", f"/connectors/{name}", READY_SECONDS)
        self.names -= {refusal.key.name for refusal in plan.refusals}
        tell("waiting for connectors")
        changed = {change.key.name for change in plan.changes} | set(self.wait_running())
        if plan.refusals:
            raise LabError("; ".join(map(str, plan.refusals)), where=self.site.name)
        return len(changed)

    def wait_running(
        self, timeout: float = RUNNING_SECONDS, *, repair: bool = True
    ) -> tuple[str, ...]:
        """Wait until every wanted connector and task runs; the names of those that were repaired.

        With `repair`, what somebody halted is resumed and what failed is restarted, but not for
        ever. Raises LabError naming the connector and the worker's own reason.
        """
        settling = _Settling(self, RESTARTS if repair else 0)
        try:
            wait_until(settling.over, timeout=timeout, pause=0.2)
        except TimeoutExpired:
            raise TimeoutExpired(
                f"after {timeout:g} s: {settling.problem}", where=self.site.name,
                hint="see `fab connect.status` and `fab logs HOST connect`",
            ) from None
        return tuple(sorted(settling.repaired))

    def repair(self, state: ConnectorState) -> None:
        """Resume what somebody halted, restart what failed. Raises HttpError."""
        path = f"/connectors/{state.name}"
        if state.state in HALTED:
            self._patiently("PUT", f"{path}/resume", READY_SECONDS)
        else:
            restart = f"{path}/restart?includeTasks=true&onlyFailed=true"
            self._patiently("POST", restart, READY_SECONDS)

    def waiting(self, name: str) -> dict[str, int]:
        """Where records wait for a mirror's source connector: the next offset by TOPIC-PARTITION.

        Nothing for other connectors, and where the source does not answer. Raises HttpError.
        """
        mirror = next(
            (one for one in self.site.lab.mirrors if f"{one.name}.{SOURCE}" == name), None
        )
        if mirror is None:
            return {}
        source = self.site.context.topology.datacenter(mirror.source)
        endpoint = Site(self.site.fleet, self.site.context, source).kafka.endpoint
        return {
            f"{one.topic}-{one.partition}": one.mirrored
            for one in lags(endpoint, mirrored(self._patient, mirror)) if one.waits
        }

    def _patient(self, method: str, path: str) -> Any:
        return self._patiently(method, path, READY_SECONDS)

    def _patiently(self, method: str, path: str, timeout: float, body: object = None) -> Any:
        """A request, again while workers start or rebalance."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.rest(method, path, body)
            except HttpError as error:
                gone = method == "DELETE" and error.status == 404
                if gone:
                    return None
                if error.status not in RETRIED or time.monotonic() >= deadline:
                    raise
            time.sleep(0.2)


class _Settling:
    """Connectors on their way to RUNNING: what is wrong, and what was done about it."""

    def __init__(self, workers: Workers, allowed: int) -> None:
        """`allowed`: how often failures are repaired; with 0, nothing is."""
        self.workers, self.allowed = workers, allowed
        self.problem = "no answer"
        self.repaired: set[str] = set()
        self._restarts = 0
        self._running_since: float | None = None
        # By connector that was restarted: where records waited for it at that time.
        self._stood: dict[str, dict[str, int]] = {}

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
        return self._steady()

    def _steady(self) -> bool:
        """All of it runs; what was restarted does so long enough, and goes on where it stood."""
        if self.problem:
            self._running_since = None
            return False
        if self._running_since is None:
            self._running_since = time.monotonic()
        if not self._restarts:
            return True
        if time.monotonic() - self._running_since < STEADY_SECONDS:
            return False
        self.problem = next(filter(None, map(self._still, self._stood)), "")
        return not self.problem

    def _still(self, name: str) -> str:
        """Where a connector has not moved since it was restarted, in words; "" when it has."""
        stood = self._stood[name]
        now = self.workers.waiting(name) if stood else {}
        return next((
            f"{name}: nothing moves at {place}, offset {offset}"
            for place, offset in stood.items() if now.get(place) == offset
        ), "")

    def _mend(self, broken: Sequence[ConnectorState]) -> None:
        where = self.workers.site.name
        if broken and not self.allowed:
            raise LabError(self.problem, where=where, hint="run `fab mirror`")
        if any(state.failed for state in broken):
            self._restarts += 1
        if self._restarts > self.allowed:
            raise LabError(
                f"{self.problem}, still after {self.allowed} restarts", where=where,
                hint="see `fab logs HOST connect`",
            )
        for state in broken:
            if state.failed:
                self._stood.setdefault(state.name, self.workers.waiting(state.name))
            self.workers.repair(state)
            self.repaired.add(state.name)


def _state(name: str, status: Mapping[str, Any]) -> ConnectorState:
    parts = [status["connector"], *status["tasks"]]
    trace = next((str(part["trace"]) for part in parts if part.get("trace")), "")
    return ConnectorState(
        name, status["connector"]["state"],
        tuple(task["state"] for task in sorted(status["tasks"], key=lambda task: task["id"])),
        trace.strip().splitlines()[0][:200] if trace.strip() else "",
    )
