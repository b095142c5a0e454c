"""A datacenter dies; its clients go on in the other one, and come home when it is back."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from lab.drills.log import (
    CAUGHT_UP,
    DETECTED,
    END,
    FAULT,
    HEALTHY,
    HOME,
    MOVED,
    REPAIR,
    START,
    Log,
)
from lab.drills.measures import numbers
from lab.mirrors.groups import told
from lab.options.mirrors import Mirror
from lab.services.leading import NAME
from lab.topology import Topology
from scripts.drills import topics
from scripts.drills.avro import Avro
from scripts.drills.clients import Reader, Watcher, Writer, read_all
from scripts.drills.faults import Fault, Hosts, Link, Services, Strike
from scripts.drills.rehearsal import Every, Rehearsal
from scripts.drivers.mirrors import MirrorView
from scripts.errors import LabError, TimeoutExpired, UsageError
from scripts.operations.promoting import leave, promote
from scripts.operations.up import converge_existing, deploy
from scripts.session import Session

MODES = ("hosts", "services", "link")
BEHIND_S = 2.0  # what is younger need not have arrived for mirrors and group to have caught up
TRANSLATED_S = 10.0
CUT_S = 300  # what a cut link may last beside the part of the drill that is measured


@dataclass(frozen=True)
class Plan:
    """What is asked for. `rate` in records/s; `duration` in s, of each part; `patience` in s:
    how long nothing may come before the source is given up. `avro`: records name schemas."""

    source: str
    target: str
    mode: str = "hosts"
    failback: bool = False
    rate: int = 1000
    duration: int = 20
    patience: int = 3
    avro: bool = False


def mirrors_of(topology: Topology, plan: Plan) -> tuple[Mirror, ...]:
    """The mirror to the target and, for a failback, the one home. Raises UsageError."""
    ways = [(plan.source, plan.target)]
    if plan.failback:
        ways.append((plan.target, plan.source))
    found = []
    for source, target in ways:
        mirror = next((m for m in topology.config.mirrors
                       if (m.source, m.target) == (source, target)), None)
        if mirror is None:
            known = ", ".join(m.name for m in topology.config.mirrors) or "none"
            raise UsageError(
                f"nothing is mirrored from {source} to {target}",
                hint=f"mirrors in the lab file: {known}; see docs/mirrors.md",
            )
        found.append(mirror)
    return tuple(found)


class Failover(Rehearsal):
    """One failover drill."""

    def __init__(self, session: Session, plan: Plan) -> None:
        super().__init__(
            session, (plan.source, plan.target), mirrors_of(session.topology, plan)
        )
        self.plan = plan
        self.leader = session.topology.config.registry.leader  # of schemas, before anything fails
        self.avro = Avro(self) if plan.avro else None
        self.fault = self._fault()
        self.strike: Strike | None = None
        self.reader: Reader
        self.writer: Writer
        self.watcher: Watcher

    def rehearse(self) -> Log:
        """The whole drill; leaves the lab healthy, also when it is interrupted."""
        self.refuse_unhealthy()
        struck = False
        try:
            self._begin()
            self._work()
            struck = True
            self._fail()
            moved = self._move()
            self._await_strike()
            if moved:
                self._work()
            if self.avro:
                self.avro.ask(self.plan.target)
            self.log.held = [
                seen for seen in read_all(self.run, self.place(self.plan.target), topics.KEYS)
                if seen.origin == self.plan.source
            ]
            if self.plan.failback and moved:
                self._repair()
                struck = False
                self._go_home()
            self._finish()
        finally:
            if struck:
                self._repair()
            self._lead_home()
            self.leave()
        self.say("the lab is healthy")
        return self.log

    def _work(self) -> None:
        """Let clients work where they are; schemas change in the middle of it."""
        if self.avro is None:
            self.go_on(self.plan.duration)
            return
        self.go_on(self.plan.duration / 2)
        self._next_schema(self.avro)
        self.go_on(self.plan.duration / 2)

    def _next_schema(self, avro: Avro) -> None:
        try:
            self.writer.wrap = avro.next()
        except LabError as error:  # records go on with the schema that there is
            self.say(f"warning: no new schema: {error}")

    def clean(self) -> None:
        """The schemas, too."""
        super().clean()
        if self.avro:
            self.avro.forget()

    def _fault(self) -> Fault:
        topology, plan = self.session.topology, self.plan
        source = topology.datacenter(plan.source)
        if plan.mode == "hosts":
            return Hosts(self.session.platform, source, self._up)
        if plan.mode == "services":
            return Services(self.fleet, topology, source, self._up)
        return self._link()

    def _link(self) -> Link:
        plan, datacenter = self.plan, self.session.topology.datacenter
        return Link(
            self.fleet, datacenter(plan.source), datacenter(plan.target),
            seconds=plan.duration + CUT_S,
        )

    def _up(self) -> None:
        deploy(self.session, self.session.select(self.plan.source, None))

    def _begin(self) -> None:
        plan = self.plan
        source, target = self.place(plan.source), self.place(plan.target)
        self._link().repair()  # of a drill that was killed
        self._look_at_others()
        self.say(f"preparing {topics.TOPIC} in {plan.source} and {plan.target}")
        topics.prepare(self.session.topology, (source, target))
        wrap = self.avro.next() if self.avro else bytes
        self.writer = self.start(Writer(self.log, self.run, source, plan.rate, wrap))
        self.reader = self.start(Reader(self.log, self.run, self.group, source))
        self.watcher = self.start(Watcher(self.log, self.run, target, plan.source))
        copies = target.topics[plan.source]
        self.wait(
            lambda: len(self.watcher.ends) == topics.KEYS
            and min(topics.committed(target, self.group, copies)) >= 0,
            f"records or offsets do not reach {plan.target} (see `fab mirror.status`)", pause=0.2,
        )
        self.event(START, f"{plan.rate} records/s into {plan.source}, mirrored to {plan.target}, "
                          "offsets translated")

    def _look_at_others(self) -> None:
        """Groups of others that would not get over well: now is the time to tell."""
        mirror, target = self.mirrors[0], self.plan.target
        view = MirrorView(mirror, self.sites[mirror.source], self.sites[target])
        self.log.in_danger = told(view.bad_groups(), target)
        for line in self.log.in_danger:
            self.say(f"warning: {line}")

    def _fail(self) -> None:
        """Strike, and wait until the clients notice, which may be while that still goes on."""
        plan = self.plan
        strike = self.strike = Strike(self.fault)
        self.event(FAULT, self.fault.text, strike.began)
        if plan.mode == "link":  # clients of the source see nothing of it; who watches B does
            what = "nothing arrived"

            def last() -> float:
                return self.watcher.last_seen
        else:
            what = "nothing was acknowledged"

            def last() -> float:
                return self.writer.last_ack

        def noticed() -> bool:
            strike.check()
            return time.time() - last() >= plan.patience

        self.wait(noticed, f"nobody noticed that {self.fault.text}", pause=0.01)
        self.event(DETECTED, f"{what} for {plan.patience} s: {plan.source} is given up")

    def _await_strike(self) -> None:
        """Until all is broken that is to be. Raises what kept it from being so."""
        if self.strike:
            self.log.strike_seconds = self.strike.wait()
            self.say(f"to bring the failure about took {self.log.strike_seconds:.1f} s")

    def _move(self) -> bool:
        """The clients go to the target; whether they work there."""
        target = self.plan.target
        place = self.place(target)
        self.log.translated = dict(enumerate(
            topics.committed(place, self.group, place.topics[self.plan.source])
        ))
        self.reader.move(self.place(target))
        self.writer.move(self.place(target))
        self._lead_away()
        return self._await_clients(target, MOVED, f"clients work in {target}")

    def _lead_away(self) -> None:
        """The schema registry of the target takes over, where it follows that of the source."""
        registry = self.session.topology.config.registry
        if (registry.leader, registry.follower) != (self.plan.source, self.plan.target):
            return
        began = time.monotonic()
        try:
            leave(self.session, self.fleet, self.plan.target, say=lambda text: None)
        except LabError as error:  # records go on all the same
            self.say(f"warning: {error}")
            return
        self.say(f"the schema registry of {self.plan.target} leads, after "
                 f"{time.monotonic() - began:.1f} s")

    @property
    def _led(self) -> bool:
        """Whether the drill has taken the lead among schema registries."""
        leader = self.session.topology.config.registry.leader
        return leader != self.leader

    def _lead_home(self) -> None:
        """The schema registry of the source leads again, where the drill has taken the lead."""
        if self._led:
            promote(self.session, self.plan.source, self.say)
            self.look_again()

    def _await_clients(self, name: str, kind: str, text: str) -> bool:
        acked, consumed = len(self.log.acked), len(self.log.consumed)

        def work() -> bool:
            return (
                any(one.cluster == name for one in self.log.acked[acked:])
                and any(one.cluster == name for one in self.log.consumed[consumed:])
            )

        try:
            self.wait(work, f"clients do not work in {name}")
        except TimeoutExpired as error:
            self.say(f"failed: {error}")
            return False
        self.event(kind, text)
        return True

    def _repair(self) -> None:
        plan = self.plan
        if self.strike:
            with contextlib.suppress(LabError):  # the drill has ended with it
                self.strike.wait()
        self.event(REPAIR, f"bringing back {plan.source}")
        self.fault.repair()
        if plan.mode == "link" and self._led:  # the source went on, and its registry with it
            converge_existing(self.session, self.session.select(plan.source, None), (NAME,))
        self.look_again()
        self.fault = self._fault()  # with the connections of now
        self.say(f"{plan.source} is back")
        well = self.await_healthy()
        self.event(HEALTHY, f"{plan.source} is healthy, the mirrors run", well)

    def _go_home(self) -> None:
        plan = self.plan
        source = self.place(plan.source)
        back = self.start(Watcher(self.log, self.run, source, plan.target))
        read, copied = self._read(BEHIND_S), self._copied(back, BEHIND_S)
        self.let(lambda: read() and copied(), "both mirrors have caught up", kind=CAUGHT_UP)
        self._lead_home()
        self.writer.pause()
        all_read, all_copied = self._read(), self._copied(back)
        self.let(lambda: not self.writer.pending and all_read() and all_copied(),
                 f"everything that was written in {plan.target} is in {plan.source}")
        copies = source.topics[plan.target]
        self.let(lambda: all(
            offset >= back.ends.get(key, 0)
            for key, offset in enumerate(topics.committed(source, self.group, copies))
        ), f"offsets are translated: moving home to {plan.source}", timeout=TRANSLATED_S)
        self.reader.move(source)
        self.writer.move(source)
        if self._await_clients(plan.source, HOME, f"clients work in {plan.source} again"):
            self.go_on(plan.duration)

    def _finish(self) -> None:
        """Let the group read to the end, and look what is stored."""
        self.writer.end()
        self.event(END, "nothing more is written")
        self.let(self._read(), "all was read")
        self.reader.end()
        if self.log.when(HOME):
            for name in self.datacenters:
                self.log.stored += read_all(self.run, self.place(name), topics.KEYS)

    def _read(self, behind: float = 0) -> Every:
        """Whether the group has read all that was acknowledged and can be had now."""
        seen, source = self.reader.seen, self.plan.source
        if self.log.when(REPAIR):
            return Every(self.log, lambda one: one.number in seen, behind)
        held = numbers(self.log.held)  # the source is out of reach: only its copies are left
        return Every(self.log, lambda one: one.number in seen or (
            one.cluster == source and one.number not in held
        ), behind)

    def _copied(self, back: Watcher, behind: float = 0) -> Every:
        """Whether all that was written in the target has come home."""
        seen, target = back.seen, self.plan.target
        return Every(self.log, lambda one: one.cluster != target or one.number in seen, behind)
