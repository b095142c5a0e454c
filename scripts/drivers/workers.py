"""The workers of Kafka Connect of one datacenter, and the connectors that run there.

Connectors are desired state, too: ask, compare, put what differs, wait until it runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from lab.mirrors.connectors import SOURCE
from lab.mirrors.held import Care, plain, taken
from lab.options.mirrors import Mirror
from lab.resources import CONNECTOR, Change, ClusterState, Connector, Found, compare
from lab.services.connect import PORT, transactional_id
from lab.services.registry import resources
from lab.state import Key
from scripts.clients.http import TIMEOUT, HttpError
from scripts.clients.kafka import end_transaction
from scripts.drivers import holding
from scripts.drivers.connectors import HALTED, ConnectorState, state_of
from scripts.drivers.driver import Site, Tell
from scripts.drivers.flow import Flow
from scripts.drivers.holding import Verdict
from scripts.drivers.lent import Lent
from scripts.drivers.limits import Limits
from scripts.drivers.position import Position
from scripts.drivers.settling import Settling
from scripts.errors import LabError, TimeoutExpired, few
from scripts.workstation.waiting import wait_until

READY_SECONDS = 120
RUNNING_SECONDS = 120
RESTARTS = 3  # of failed tasks, before a person has to look
RETRIED = (404, 409, 500, 503)  # starting, rebalancing, or a request that was passed on too early
# The lab's mark in a connector's own settings, which Connect keeps and no connector knows: the name
# of the lab that made it.
MARK = "kafkalab.lab"
NOBODY = "kafkalab-nobody"  # a name that no connector has
INFO, STATUS = "expand=info", "expand=status"  # what is asked of all connectors


class Workers:
    """The group of workers of one datacenter; `wanted` are the connectors that it should have.
    `patience`: for how many s it is asked again while workers start or rebalance, and how long an
    answer may take."""

    def __init__(
        self, site: Site, wanted: ClusterState | None = None, *, lent: Lent | None = None,
        patience: float = READY_SECONDS,
    ) -> None:
        if wanted is None:
            wanted = resources(site.datacenter, site.context)
        self.site, self._patience = site, patience
        self.wanted = {key: one for key, one in wanted.items() if key.kind == CONNECTOR}
        self.names = frozenset(key.name for key in self.wanted)
        self._lent = lent or Lent()
        self._care: dict[str, Care] | None = None
        self._positions: dict[str, Position] = {}
        self.rest = site.http(
            site.carriers("connect")[0], PORT, "connect", min(TIMEOUT, patience))

    def found(self, wait: float | None = None) -> dict[Key, Found]:
        """The connectors as they are, but for what is changed in them (`care_of`). Waits up to
        `wait` seconds for a worker that starts."""
        return self._found(self.patiently("GET", f"/connectors?{INFO}", wait=wait))

    def seen(self) -> tuple[dict[Key, Found], list[ConnectorState]]:
        """`found` and `states`, by one request. Raises HttpError when no worker answers."""
        answer = self.rest("GET", f"/connectors?{INFO}&{STATUS}")
        return self._found(answer), _states(answer)

    def _found(self, answer: Mapping[str, Any]) -> dict[Key, Found]:
        result: dict[Key, Found] = {}
        self._care = {}
        for name, one in answer.items():
            config, self._care[name] = plain(one["info"]["config"])
            ours = config.pop(MARK, None) == self.site.lab.name
            result[Key(CONNECTOR, name)] = Found(Connector(config), ours)
        return result

    def states(self) -> list[ConnectorState]:
        """What each connector does. Raises HttpError when no worker answers."""
        return _states(self.rest("GET", f"/connectors?{STATUS}"))

    def converge(self, tell: Tell) -> int:
        """Make the connectors what they should be and wait until all run.

        How many had to be set up, removed, resumed or restarted. Raises LabError, also for what is
        not the lab's to change, after all else is done.
        """
        tell("waiting for Connect")
        self._ready()
        plan = compare(self.found(), self.wanted)
        if plan.changes:
            tell(f"setting up or removing {few([one.key.name for one in plan.changes])}")
        self._tell(plan.changes)
        self.names -= {refusal.key.name for refusal in plan.refusals}
        changed = {change.key.name for change in plan.changes} | set(self._review())
        tell("waiting for connectors")
        changed |= set(self.wait_running())
        problems = [*map(str, plan.refusals), *self._problems()]
        if problems:
            raise LabError("; ".join(problems), where=self.site.name)
        return len(changed)

    def change(self) -> None:
        """Give connectors that there are the settings that they should have, and wait for nothing.
        What else differs is for `converge`. Raises LabError."""
        found = self.found()
        self._tell([change for change in compare(found, self.wanted).changes
                    if change.before and change.after])

    def _tell(self, changes: Sequence[Change]) -> None:
        """Set up, change and remove connectors, all at once: a group of workers that is told one
        after the other hands out its work anew for each."""
        become = {change.key.name: change.after for change in changes}

        def one(name: str) -> None:
            after = become[name]
            if isinstance(after, Connector):
                self._put(name, after.config, self.care_of(name))
            else:
                self.patiently("DELETE", f"/connectors/{name}")

        self.site.fleet.each(one, become)

    def ready(self) -> bool:
        """Whether a worker that has just started knows what there is. Before it has read its topic
        and is in its group it lists no connector, and so none to be removed; of a single one it
        tells only after that, and be it that there is none. Raises HttpError."""
        try:
            self.rest("GET", f"/connectors/{NOBODY}")
        except HttpError as error:
            if f"404 Connector {NOBODY}" in error.what:
                return True
            if error.status not in RETRIED:
                raise
            return False
        return True

    def _ready(self) -> None:
        """Wait for that. Raises LabError."""
        try:
            wait_until(self.ready, timeout=self._patience, pause=0.2)
        except TimeoutExpired:
            raise TimeoutExpired(
                f"Kafka Connect does not say what connectors there are, {self._patience:g} s after "
                "it was asked", where=self.site.name,
                hint="see `fab connect.status` and `fab logs HOST connect`",
            ) from None

    def care_of(self, name: str) -> Care:
        """What is changed in a connector beside what the lab file means. Raises HttpError."""
        if self._care is None:
            self.found(wait=0)
        return (self._care or {}).get(name, Care())

    def _put(self, name: str, config: Mapping[str, str], care: Care) -> None:
        """Give a connector its settings, with what is changed in them."""
        body = {**taken(config, care), MARK: self.site.lab.name}
        self.patiently("PUT", f"/connectors/{name}/config", body)

    def ask(self, name: str) -> None:
        """Give a connector the settings that it should have now, and wait for nothing: its source
        may be gone. Raises HttpError."""
        wanted = self.wanted[Key(CONNECTOR, name)]
        if isinstance(wanted, Connector):
            self._put(name, wanted.config, self.care_of(name))

    def _review(self) -> Iterator[str]:
        """Look again at the topics that are held back; the connectors for which that changed."""
        for name in (one for one in self.sources if self.care_of(one).held):
            with self.flow(name) as flow:
                try:
                    verdict = holding.judge(flow, self.care_of(name))
                except LabError:  # the source does not answer: all stays as it is
                    continue
                if self.act(name, flow, verdict):
                    yield name

    def act(self, name: str, flow: Flow, verdict: Verdict) -> bool:
        """Do what a verdict on a connector asks for; whether there was anything to do."""
        for one in verdict.coming:
            Limits(flow).bring(one)
        wanted = self.wanted[Key(CONNECTOR, name)]
        if verdict.stuck and verdict.care != verdict.before:
            self._fence(name)
        if verdict.care != verdict.before and isinstance(wanted, Connector):
            self._put(name, wanted.config, verdict.care)
            self._care = {**(self._care or {}), name: verdict.care}
        return verdict.acts

    def _problems(self) -> Iterator[str]:
        """The topics that are held back, and why."""
        for name in (one for one in self.sources if self.care_of(one).held):
            with self.flow(name) as flow:
                try:
                    yield from holding.judge(flow, self.care_of(name)).problems(flow.mirror.name)
                except LabError as error:
                    topics = ", ".join(sorted(self.care_of(name).held))
                    yield f"{flow.mirror.name} holds back {topics}, and {error}"

    @property
    def sources(self) -> tuple[str, ...]:
        """The mirrors' connectors here that copy records."""
        copying = {f"{one.name}.{SOURCE}" for one in self.site.lab.mirrors
                   if one.target == self.site.name}
        return tuple(sorted(copying & self.names))

    def position(self, mirror: Mirror) -> Position:
        """How far a mirror to here has come."""
        return self._positions.setdefault(mirror.name, Position(mirror, self.site))

    @contextmanager
    def flow(self, name: str) -> Iterator[Flow]:
        """What a source connector has to copy."""
        (mirror,) = [one for one in self.site.lab.mirrors if f"{one.name}.{SOURCE}" == name]
        there = self.site.other(mirror.source)

        def made() -> Flow:
            # Who looks for long takes a client of its own, and a new one where it fails.
            admin = None if self._lent.lasting else there.kafka.admin
            return Flow(mirror, there, self.site, self.position(mirror), admin)

        with self._lent(f"flow of {name}", made) as flow:
            yield flow

    def wait_running(
        self, timeout: float = RUNNING_SECONDS, *, repair: bool = True
    ) -> tuple[str, ...]:
        """Wait until every wanted connector and task runs; the names of those that were repaired.

        With `repair`, what somebody halted is resumed and what failed is restarted, but not for
        ever; topics whose records cannot cross are held back, and mirrors have to move. Raises
        LabError naming the connector and the worker's own reason.
        """
        timeout += 3 * self.site.lab.mirroring.stall_s if repair else 0
        with closing(Settling(self, RESTARTS if repair else 0)) as settling:
            try:
                wait_until(settling.over, timeout=timeout, pause=0.2)
            except TimeoutExpired:
                raise TimeoutExpired(
                    f"after {timeout:g} s: {settling.problem}", where=self.site.name,
                    hint="see `fab connect.status` and `fab logs HOST connect`",
                ) from None
        return tuple(sorted(settling.repaired))

    def restart(self, name: str) -> None:
        """Restart a connector with its tasks, whatever they do. Raises HttpError."""
        self._fence(name)
        path = f"/connectors/{name}/restart?includeTasks=true&onlyFailed=false"
        self.patiently("POST", path)

    def _fence(self, name: str) -> None:
        """End what a source connector's tasks have begun to write and do not end. Without that
        a new task waits until Kafka does it, a minute after it was begun."""
        for task in range(self.site.lab.mirroring.tasks_max):
            end_transaction(
                self.site.kafka.endpoint, transactional_id(self.site.name, name, task)
            )

    def repair(self, state: ConnectorState) -> None:
        """Resume what somebody halted, restart what failed. Raises HttpError."""
        path = f"/connectors/{state.name}"
        if state.state in HALTED:
            self.patiently("PUT", f"{path}/resume")
        else:
            restart = f"{path}/restart?includeTasks=true&onlyFailed=true"
            self.patiently("POST", restart)

    def patiently(
        self, method: str, path: str, body: object = None, *, wait: float | None = None
    ) -> Any:
        """A request, again while workers start or rebalance. Raises HttpError."""
        deadline = time.monotonic() + (self._patience if wait is None else wait)
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


def _states(answer: Mapping[str, Any]) -> list[ConnectorState]:
    return sorted(
        (state_of(name, one["status"]) for name, one in answer.items()),
        key=lambda state: state.name,
    )
