"""Kafka Connect as the lab acts on it: its workers, the topics that they keep for themselves, and
the connectors that run there."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from lab.counted import counted
from lab.resources import CONNECTOR, ClusterState, compare, lines
from lab.services.connect import client_id, group
from lab.topology import Host
from scripts.clients.http import HttpError
from scripts.clients.membership import Membership
from scripts.drivers import anew, holding
from scripts.drivers.connectors import HALTED
from scripts.drivers.driver import Differences, Driver, Part, Report, Site, Tell
from scripts.drivers.internals import Internals
from scripts.drivers.workers import Workers
from scripts.errors import LabError

TOLD_SECONDS = 3  # for which workers that are about to restart are asked to listen
# How long a worker takes to join its group where nobody is in its way, and where somebody is.
JOINED_SECONDS, JOIN_SECONDS = 1.5, 20
LOOK_SECONDS = 0.2  # between looks, and for an answer: one that joins its group gives none


class Connect(Driver):
    """Workers restart one at a time, the others take over their tasks meanwhile."""

    resource_kinds = frozenset({CONNECTOR})

    def forewarned(self, site: Site) -> None:
        """Connectors get their settings before workers restart, so that they start with these, and
        once. Tasks that start as they were may get nowhere with a worker's new settings, and then
        do not end when they are told to."""
        with suppress(LabError):  # who converges them tells it
            Workers(site, patience=TOLD_SECONDS).change()

    def serving(self, site: Site, hosts: Sequence[Host], up: Collection[str]) -> None:
        """Workers answer; and those that died with their hosts do not hold up the others, who would
        wait for them until their sessions are over."""
        super().serving(site, hosts, up)
        workers, began = Workers(site, patience=LOOK_SECONDS), time.monotonic()
        members = Membership(site.kafka, group(site.name))
        with suppress(LabError):
            while not workers.ready() and time.monotonic() < began + JOIN_SECONDS:
                for host in hosts if time.monotonic() >= began + JOINED_SECONDS else ():
                    # A worker that is taken out by mistake joins again at once.
                    if len(found := members.of(client_id(host))) > 1:
                        members.remove(found)
                time.sleep(LOOK_SECONDS)

    @contextmanager
    def around(self, site: Site, host: Host) -> Iterator[None]:
        """A worker that ends says so to the group's coordinator, but not to a new one that it has
        not found yet; and where brokers restarted just before, there is a new one. The others, and
        its successor, would wait for it until its session is over."""
        members, before = Membership(site.kafka, group(site.name)), frozenset[str]()
        with suppress(LabError):
            before = members.of(client_id(host))
        yield
        with suppress(LabError):
            members.remove(before & members.of(client_id(host)))

    def status(self, site: Site, up: Collection[str]) -> Part:
        carriers = [host.name for host in site.carriers(self.name)]
        data: dict[str, Any] = {"connectors": [], "internal_topics": []}
        if not any(name in up for name in carriers):
            return Part(data, ("no worker of Kafka Connect runs",))
        wrong = Internals(site).problems()
        data["internal_topics"] = list(wrong)
        try:
            states = Workers(site).states()
        except HttpError as error:
            return Part(data, (error.what, *wrong))
        # Whose connector it is (a mirror's, a person's) says whether its failure is a problem.
        data["connectors"] = [
            {"name": one.name, "kind": one.kind, "state": one.state, "tasks": list(one.tasks),
             "problem": one.problem} for one in states
        ]
        return Part(data, wrong)

    def verify(self, site: Site, report: Report) -> bool:
        def answers() -> str:
            self.settled(site)
            return f"{counted(len(Workers(site).states()), 'connector')} on {self._answers(site)}"

        sound = report.check(self.name, "internal topics", Internals(site).prove)
        return report.check(self.name, "workers", answers) and sound

    def unsound(self, site: Site, fresh: Collection[str] = ()) -> tuple[str, ...]:
        if any(host.name in fresh for host in site.datacenter.by_role("kafka")):
            return ()
        return Internals(site).lines()

    def foster(self, site: Site, over: Callable[[], bool]) -> None:
        Internals(site).make(over)

    def mend(self, site: Site, tell: Tell) -> int:
        return Internals(site).mend(tell)

    def differences(self, site: Site, wanted: ClusterState, *, there: bool) -> Differences:
        workers = Workers(site, wanted)
        try:
            if not there:
                raise HttpError(503, "no worker", where=site.name)
            found, states = workers.seen()
        except HttpError:  # not there yet: all of them are to be made
            found, states = {}, []
        plan = compare(found, workers.wanted)
        steps, problems = holding.foreseen(workers, {
            one.name: one for one in states if one.state not in HALTED
        })
        repairs = (
            f"~ connector {one.name}: {one.repair}" for one in states
            if one.repair and one.name in workers.names
            # What is given other settings starts anew with those.
            and not any(step.startswith(f"~ connector {one.name}: ") for step in steps)
        )
        back = anew.lines(site, workers) if states else ()
        running = workers.names <= {one.name for one in states if not one.problem}
        return Differences(
            (*lines(plan), *repairs, *steps, *back), (*map(str, plan.refusals), *problems),
            at_rest=there and running,
        )

    def reconcile(self, site: Site, wanted: ClusterState, tell: Tell) -> int:
        workers, count = Workers(site, wanted), 0
        try:
            count = workers.converge(tell)
        finally:  # what is refused of connectors is told after all else is done
            back = anew.set_back(site, workers, tell)
        # Where brokers make what is asked for, one may have been faster than a mirror that begins.
        if count:
            Internals(site).mend(tell, running=True)
        return count + back
