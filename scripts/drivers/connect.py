"""Connectors are desired state, too: ask, compare, put what differs, wait until it runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.mirrors.connectors import Cluster, Config, connectors
from lab.services.connect import internal_bootstrap
from lab.services.kafka import replication
from lab.topology import Datacenter, Topology
from scripts.clients.http import Rest, RestError
from scripts.errors import LabError, TimeoutExpired
from scripts.hosts.fleet import Fleet
from scripts.workstation.screen import Progress
from scripts.workstation.waiting import wait_until

READY_SECONDS = 120
RUNNING_SECONDS = 120
RESTARTS = 3  # of failed tasks, before a person has to look
# A task that was restarted is RUNNING until it meets again what it failed of: it has to stay so.
STEADY_SECONDS = 10.0
HALTED = ("PAUSED", "STOPPED")  # by a person: Connect does neither by itself
RETRIED = (404, 409, 500, 503)  # starting, rebalancing, or a request that was passed on too early


@dataclass(frozen=True)
class ConnectorPlan:
    """What a datacenter's workers need: configs to put, names to delete."""

    put: Mapping[str, Config]
    delete: tuple[str, ...]

    @property
    def changes(self) -> int:
        return len(self.put) + len(self.delete)


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


def end(topology: Topology, name: str) -> Cluster:
    """One end of a mirror as its workers see it."""
    datacenter = topology.datacenter(name)
    factor, _ = replication(topology.config, datacenter)
    return Cluster(name, internal_bootstrap(datacenter), factor)


def desired(topology: Topology, datacenter: Datacenter) -> dict[str, Config]:
    """The connectors that run in a datacenter: those of the mirrors that lead to it."""
    result: dict[str, Config] = {}
    for mirror in topology.config.mirrors:
        if mirror.target == datacenter.name:
            result |= connectors(
                mirror, end(topology, mirror.source), end(topology, mirror.target),
                topology.config.mirroring,
            )
    return result


def diff(actual: Mapping[str, Config], wanted: Mapping[str, Config]) -> ConnectorPlan:
    """What to put and what to delete; connectors with equal configurations are left alone."""
    put = {name: config for name, config in wanted.items() if actual.get(name) != config}
    return ConnectorPlan(put, tuple(sorted(actual.keys() - wanted.keys())))


class Workers:
    """The group of workers of one datacenter."""

    def __init__(self, fleet: Fleet, topology: Topology, datacenter: Datacenter) -> None:
        self.datacenter = datacenter
        self.wanted = desired(topology, datacenter)
        self.rest = Rest(fleet, datacenter.by_role("connect")[0])

    def configs(self, wait: float = READY_SECONDS) -> dict[str, Config]:
        """The connectors as they are; waits up to `wait` seconds for a worker that starts."""
        found = self._patiently("GET", "/connectors?expand=info", wait)
        return {name: one["info"]["config"] for name, one in found.items()}

    def states(self) -> list[ConnectorState]:
        """What each connector does. Raises RestError when no worker answers."""
        found = self.rest("GET", "/connectors?expand=status")
        return sorted(
            (_state(name, one["status"]) for name, one in found.items()),
            key=lambda state: state.name,
        )

    def converge(self, tell: Callable[[str], None]) -> int:
        """Make the connectors what they should be and wait until all run.

        How many had to be set up, removed, resumed or restarted.
        """
        tell("waiting for Connect")
        plan = diff(self.configs(), self.wanted)
        for name in plan.delete:
            tell(f"removing {name}")
            self._patiently("DELETE", f"/connectors/{name}", READY_SECONDS)
        for name, config in plan.put.items():
            tell(f"setting up {name}")
            self._patiently("PUT", f"/connectors/{name}/config", READY_SECONDS, dict(config))
        tell("waiting for connectors")
        return len({*plan.put, *plan.delete, *self.wait_running()})

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
                f"after {timeout:g} s: {settling.problem}", where=self.datacenter.name,
                hint="see `fab connect.status` and `fab logs HOST connect`",
            ) from None
        return tuple(sorted(settling.repaired))

    def repair(self, state: ConnectorState) -> None:
        """Resume what somebody halted, restart what failed. Raises RestError."""
        path = f"/connectors/{state.name}"
        if state.state in HALTED:
            self._patiently("PUT", f"{path}/resume", READY_SECONDS)
        else:
            restart = f"{path}/restart?includeTasks=true&onlyFailed=true"
            self._patiently("POST", restart, READY_SECONDS)

    def _patiently(self, method: str, path: str, timeout: float, body: object = None) -> Any:
        """A request, again while workers start or rebalance."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.rest(method, path, body)
            except RestError as error:
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

    def over(self) -> bool:
        """Look once, and repair what can be. Raises LabError when that does not help."""
        try:
            there = {state.name: state for state in self.workers.states()}
        except RestError as error:
            self.problem = error.what
            return False
        wanted = {name: there.get(name) for name in self.workers.wanted}
        texts = (state.problem if state else f"{name} is not there"
                 for name, state in wanted.items())
        self.problem = next(filter(None, texts), "")
        self._mend([state for state in wanted.values() if state and state.repair])
        return self._steady()

    def _steady(self) -> bool:
        """All of it runs; after a restart, for long enough. Starting a task takes its own time."""
        if self.problem:
            self._running_since = None
            return False
        if self._running_since is None:
            self._running_since = time.monotonic()
        wanted = STEADY_SECONDS if self._restarts else 0.0
        return time.monotonic() - self._running_since >= wanted

    def _mend(self, broken: Sequence[ConnectorState]) -> None:
        where = self.workers.datacenter.name
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
            self.workers.repair(state)
            self.repaired.add(state.name)


def converge_connectors(
    fleet: Fleet, topology: Topology, datacenters: Iterable[Datacenter], progress: Progress
) -> int:
    """Converge the connectors of every datacenter that has workers, side by side."""
    chosen = {one.name: one for one in datacenters if one.by_role("connect")}

    def one_datacenter(name: str) -> int:
        changes = Workers(fleet, topology, chosen[name]).converge(
            lambda text: progress.step(name, text)
        )
        progress.done(name, f"{changes} connectors" if changes else "")
        return changes

    return sum(fleet.each(one_datacenter, chosen).values())


def _state(name: str, status: Mapping[str, Any]) -> ConnectorState:
    parts = [status["connector"], *status["tasks"]]
    trace = next((str(part["trace"]) for part in parts if part.get("trace")), "")
    return ConnectorState(
        name, status["connector"]["state"],
        tuple(task["state"] for task in sorted(status["tasks"], key=lambda task: task["id"])),
        trace.strip().splitlines()[0][:200] if trace.strip() else "",
    )
