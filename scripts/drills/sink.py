"""A sink under load while its store is killed, and the worker that carries it, if that is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from lab.drills.log import CAUGHT_UP, END, FAULT, HEALTHY, START, STEP, Log
from lab.drills.sink import malformed
from lab.model import Lab
from lab.options.mirrors import Mirror
from lab.options.sinks import Sink
from lab.services.sinks import server
from scripts.drills import topics
from scripts.drills.carried import Carrier, DocumentWriter, Finder
from scripts.drills.clients import Place
from scripts.drills.outage import Blow, Load, killed
from scripts.drills.rehearsal import SETTLE_S, Every, Rehearsal
from scripts.errors import LabError, UsageError
from scripts.session import Session

BEHIND_S = 2.0  # what is younger may be on its way, and the store has caught up all the same
FIRST_S = 90.0


@dataclass(frozen=True)
class Plan:
    """What a drill does. source: the datacenter in which records are written. worker: whether the
    worker is killed as well; times: how often. replay: whether the sink reads all again at last."""

    sink: Sink
    source: str
    load: Load
    worker: bool = False
    times: int = 1
    replay: bool = False

    @property
    def failure(self) -> str:
        """What is killed how often, in words."""
        _, what = server(self.sink.kind)
        if self.worker:
            what = f"{what} and the Connect worker in turn"
        return f"{what} killed (SIGKILL)" + (f", {self.times} times" if self.times > 1 else "")

    @property
    def datacenters(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.source, self.sink.at)))


def chosen(lab: Lab, name: str, source: str) -> tuple[Sink, str]:
    """A sink by its name (the first, where it is ""), and where its records are to be written: in
    the first datacenter that is mirrored to it, or else in its own. Raises UsageError."""
    found = [one for one in lab.sinks if name in ("", one.called)]
    if not found:
        known = ", ".join(one.called for one in lab.sinks) or "none"
        raise UsageError(
            f"no sink {name!r}" if name else "the lab file has no sink",
            hint=f"known: {known}; see docs/sinks.md",
        )
    sink = found[0]
    ways = [one.source for one in lab.mirrors if one.target == sink.at]
    if not source:
        return sink, (ways or [sink.at])[0]
    if source not in (*ways, sink.at):
        raise UsageError(
            f"nothing is mirrored from {source} to {sink.at}, where sink {sink.called} is",
            hint="accepted: " + ", ".join((*ways, sink.at)),
        )
    return sink, source


class SinkDrill(Rehearsal):
    """One drill of one sink."""

    def __init__(self, session: Session, plan: Plan) -> None:
        mirrors = session.topology.config.mirrors
        at, self.plan = plan.sink.at, plan
        # The worker has all mirrors to there; the records come by one of them.
        self._way: tuple[Mirror, ...] = tuple(
            one for one in mirrors if (one.source, one.target) == (plan.source, at)
        )
        super().__init__(session, plan.datacenters, [one for one in mirrors if one.target == at])
        place = self.place(at)
        self.carrier = Carrier(
            plan.sink, self.sites[at], place, place.topics[plan.source], self.run
        )

    def place(self, name: str) -> Place:
        return topics.place(self.session.topology, self.context, name, self._way)

    def rehearse(self) -> Log:
        """The whole drill; leaves the lab healthy, also when it is interrupted."""
        self.refuse_unhealthy()
        load, log = self.plan.load, self.log
        try:
            topics.prepare(self.session.topology, [self.place(one) for one in self.datacenters])
            self.carrier.prepare()
            writer = self.start(
                DocumentWriter(log, self.run, self.place(self.plan.source), load.rate,
                               becomes=self.plan.sink.becomes)
            )
            finder = self.start(Finder(log, self.carrier, self.plan.source))
            self.wait(lambda: {one.key for one in log.indexed} == set(range(topics.KEYS)),
                      f"records do not come to be {self.plan.sink.becomes}s", timeout=FIRST_S)
            self.event(START, f"{load.rate} records/s into {self.plan.source}")
            self.go_on(load.duration)
            self._strike()
            self.let(Every(log, lambda one: finder.holds(one.number), BEHIND_S),
                     f"the store has all but the last {BEHIND_S:g} s", kind=CAUGHT_UP)
            self.go_on(load.duration)
            writer.end()
            self.event(END, "nothing more is written")
            self.let(Every(log, lambda one: finder.holds(one.number)), "the store has all")
            finder.end()
            self._count()
        finally:
            self.leave()
        self.say("the lab is healthy")
        return log

    def clean(self) -> None:
        super().clean()
        try:
            self.carrier.remove()
        except LabError as error:
            self.say(f"warning: {error}; `fab up` removes the connector")

    def _strike(self) -> None:
        """One blow after the other, each when what was hit before answers again."""
        for number, blow in enumerate(self._blows()):
            self.event(STEP if number else FAULT, blow.text)
            blow.strike()
            self.wait(blow.over, f"not over: {blow.text}", timeout=SETTLE_S, pause=0.2)
        self.event(HEALTHY, "all that was killed answers again")

    def _blows(self) -> Iterator[Blow]:
        site, (service, title) = self.carrier.site, server(self.plan.sink.kind)
        for _ in range(self.plan.times):
            store = self.carrier.host
            hit = killed(self, site, store, service, f"{title} on {store.name} killed (SIGKILL)")
            yield replace(hit, over=partial(self._serves, hit.over))
            if self.plan.worker:
                worker = self.carrier.worker()
                yield killed(self, site, worker, "connect",
                             f"worker {worker.name} killed (SIGKILL)")

    def _serves(self, over: Callable[[], bool]) -> bool:
        """Whether the store is there again, and what it has can be read."""
        try:
            return over() and self.carrier.stock().serves()
        except LabError:
            return False

    def _count(self) -> None:
        """What the store and the dead letter topic have at the end, and after a replay."""
        log = self.log
        bad = {one.number for one in log.acked if malformed(one.number)}

        def told() -> bool:
            log.letters = self.carrier.letters()
            return bad <= {one.number for one in log.letters}

        self.let(told, "every malformed record is a dead letter")
        log.kept = self.carrier.kept()
        if self.plan.replay:
            self.carrier.replay()
            log.again = self.carrier.kept()
            log.letters = self.carrier.letters()
            self.say("the sink has read all of it again")
