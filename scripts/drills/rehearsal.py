"""What all drills share: a healthy lab before and after, clients that come and go, a log."""

from __future__ import annotations

import contextlib
import secrets
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lab.drills.log import Acked, Event, Log
from lab.options.mirrors import Mirror
from lab.services.context import Context
from lab.services.registry import SERVICES
from lab.topology import Host
from scripts.clients.kafka import forget_group, spread_leaders
from scripts.drills import topics
from scripts.drills.clients import Client, Place
from scripts.drivers.driver import Site, sites
from scripts.drivers.mirrors import MirrorView
from scripts.errors import LabError, TimeoutExpired, told
from scripts.hosts.fleet import Fleet
from scripts.operations.status import collect
from scripts.session import Session
from scripts.workstation.waiting import wait_until

LOOK_S = 0.05
HEALTHY_S = 300.0
ASSIGNED_S = 30.0
MEND_S = 30.0  # for connectors and tasks to run again, each time
SETTLE_S = 120.0
PID = "systemctl show -p MainPID --value {unit}\n"


class Rehearsal:
    """One drill while it runs: its log, its clients, and the way to a healthy lab.

    `datacenters` are those that take part, `mirrors` those that the drill relies on.
    """

    def __init__(
        self, session: Session, datacenters: Sequence[str], mirrors: Sequence[Mirror]
    ) -> None:
        self.session, self.datacenters, self.mirrors = session, tuple(datacenters), tuple(mirrors)
        self.run = secrets.token_hex(4)
        self.group = f"{topics.TOPIC}-{self.run}"
        self.log = Log(keys=topics.KEYS)
        self.began = time.monotonic()
        self.clients: list[Client] = []
        self.fleet: Fleet
        self.context: Context
        self.sites: dict[str, Site]
        self.look_again()

    def look_again(self) -> None:
        """Read anew which hosts there are: those that come back may have new addresses."""
        instances = self.session.platform.instances()
        if hasattr(self, "fleet"):
            self.fleet.close()
        self.fleet = self.session.fleet(instances)
        self.context = self.session.context({}, instances, self.fleet)
        self.sites = sites(self.fleet, self.context, self.session.topology.datacenters)

    def place(self, name: str) -> Place:
        return topics.place(self.session.topology, self.context, name, self.mirrors)

    def say(self, text: str) -> None:
        self.session.say(f"{time.monotonic() - self.began:6.1f} s  {text}")

    def event(self, kind: str, text: str, at: float | None = None) -> None:
        """Note that something happened, now or `at` a time, and say so."""
        self.log.events.append(Event(kind, at or time.time(), text))
        self.say(text)

    def start(self, client: Any) -> Any:
        """Let a client begin; it is ended with the drill."""
        self.clients.append(client)
        client.start()
        return client

    def wait(
        self, condition: Callable[[], Any], message: str, timeout: float = SETTLE_S,
        pause: float = LOOK_S,
    ) -> None:
        """Wait while the clients work. Raises TimeoutExpired, or what a client died of."""
        def look() -> Any:
            for client in self.clients:
                client.check()
            return condition()

        wait_until(look, timeout=timeout, message=message, pause=pause)

    def let(
        self, condition: Callable[[], bool], text: str, *, kind: str = "",
        timeout: float = SETTLE_S,
    ) -> None:
        """Wait for what should happen; where it does not, the score will say what it cost."""
        try:
            self.wait(condition, f"not so: {text}", timeout=timeout, pause=0.2)
        except TimeoutExpired as error:
            self.say(f"warning: {error}")
        else:
            (self.event(kind, text) if kind else self.say(text))

    def go_on(self, seconds: float) -> None:
        """Let the clients work for so long: the part of the drill that is to be measured."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end, "", timeout=seconds + SETTLE_S)

    def pid(self, host: Host, service: str) -> str:
        """The service's process, as systemd knows it; "0" when there is none."""
        script = PID.format(unit=SERVICES[service].unit)
        return self.fleet[host.name].script(script, label="pid").stdout.strip()

    def broken(self) -> list[str]:
        """What is wrong with hosts, services and clusters that take part, in words."""
        session = self.session
        instances = session.platform.instances()
        hosts = [h for h in session.topology.hosts if h.datacenter in self.datacenters]
        found = collect(
            self.fleet, session.topology, hosts, instances, self.context, but=("mirrors",)
        )
        return [text for one in found["datacenters"] for text in one["problems"]]

    def idle(self) -> list[str]:
        """What is wrong with the mirrors, in words."""
        return [problem for view in self._views() if (problem := view.health().problem)]

    def refuse_unhealthy(self) -> None:
        """Raises LabError when the lab is not in order: a drill would measure something else.

        Connectors that were just set up get a moment to be handed out.
        """
        problems = self.broken()

        def assigned() -> bool:
            problems[:] = self.idle()
            return not problems

        if not problems:
            with contextlib.suppress(TimeoutExpired):
                wait_until(assigned, timeout=ASSIGNED_S)
        if problems:
            raise LabError(
                "no drill on a lab that is not healthy: " + "; ".join(problems[:3]),
                hint="see `fab status`, run `fab up`",
            )

    def await_healthy(self) -> float:
        """Wait until the lab's part in the drill is in order, and spread the leaders over the
        brokers again. Returns when it was in order, before that. Raises LabError.

        Connectors and tasks that failed with their cluster are restarted.
        """
        problems: list[str] = []

        def healthy() -> bool:
            problems[:] = self.broken()
            if not problems and (idle := self.idle()):
                problems[:] = idle
                for view in self._views():
                    with contextlib.suppress(LabError):
                        view.workers.wait_running(MEND_S)
            return not problems

        try:
            # A look at all hosts costs them more than it costs to see it a second later.
            wait_until(healthy, timeout=HEALTHY_S, pause=1.0)
        except TimeoutExpired:
            raise TimeoutExpired(
                f"the lab is not healthy {HEALTHY_S:g} s after the drill: " + "; ".join(problems),
                hint="run `fab up`, see `fab logs HOST SERVICE`",
            ) from None
        well = time.time()
        for name in self.datacenters:
            spread_leaders(self.place(name).endpoint, where=name)
        return well

    def _views(self) -> list[MirrorView]:
        return [
            MirrorView(mirror, self.sites[mirror.source], self.sites[mirror.target])
            for mirror in self.mirrors
        ]

    def leave(self) -> None:
        """End the drill, also one that was broken off, and wait until its lab is in order.

        Raises LabError where it does not get so; what broke the drill off is in its notes.
        """
        broke_off = sys.exception()
        try:
            self.clean()
            self.await_healthy()
        except LabError as error:
            if isinstance(broke_off, LabError):
                error.add_note(str(broke_off))
            raise
        finally:
            self.fleet.close()

    def clean(self) -> None:
        """End the clients, remove the drill's records and groups. What fails is only said."""
        for client in self.clients:
            with contextlib.suppress(LabError):
                client.end(5)
        self.clients.clear()
        for name in self.datacenters:
            place = self.place(name)
            try:
                forget_group(place.endpoint, self.group)
                topics.empty(place)
            except Exception as error:
                if not (found := told(error)):
                    raise
                self.say(f"warning: {found}")


class Every:
    """Whether something holds of every record that was acknowledged more than `behind` s ago.

    While records go on being written, the newest are always still on their way. A record of which
    it held is not looked at again.
    """

    def __init__(self, log: Log, holds: Callable[[Acked], bool], behind: float = 0) -> None:
        self.log, self.holds, self.behind = log, holds, behind
        self._next = 0

    def __call__(self) -> bool:
        horizon, acked = time.time() - self.behind, self.log.acked
        while self._next < len(acked) and acked[self._next].acked <= horizon:
            if not self.holds(acked[self._next]):
                return False
            self._next += 1
        return True


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """A drill that is told to end (SIGTERM, SIGHUP) repairs what it broke, as after Ctrl-C."""
    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    kinds = (signal.SIGTERM, signal.SIGHUP)
    before = {kind: signal.signal(kind, interrupt) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
