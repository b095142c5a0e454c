"""Looks at an exercise on a live lab: what there is to judge, and what is done to it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lab.learning.drawn import Drawing, drawings
from lab.learning.exercise import filled
from lab.learning.facts import Facts
from lab.learning.judge import Bench, Judged
from lab.learning.released import backward
from lab.learning.snapshot import Snapshot
from lab.mirrors.topics import shortest
from lab.services.tools import exports
from lab.topology import Datacenter
from scripts.drivers.driver import Site, sites
from scripts.errors import LabError, UsageError
from scripts.learning import live, shell
from scripts.learning.course import Course
from scripts.learning.place import client_file
from scripts.platforms import Instance, Steps
from scripts.workstation.secret import write_secret

WATCH_SECONDS = 1.0


@dataclass
class Look:
    """An exercise with connections to its datacenters. asked: what they answered since the
    facts were last asked for anew."""

    course: Course
    sites: dict[str, Site]
    instances: dict[str, Instance]
    lives: dict[str, live.Live]
    asked: dict[str, Any] = field(default_factory=dict)
    last: Bench | None = None

    def facts(self) -> Facts:
        """What is so from now on: each fact is asked for anew, once."""
        self.asked.clear()
        return live.facts(self.lives, self.course.place.datacenter.name, self.asked)

    def bench(self) -> Bench:
        """What there is to judge by now."""
        course = self.course
        self.last = Bench(course.exercise, course.values, self.facts(), course.progress,
                          course.language)
        return self.last

    def drawings(self) -> tuple[tuple[str, Drawing], ...]:
        """What there is to draw of the facts that were last judged."""
        return drawings((self.last or self.bench()).survey())

    def snapshot(self) -> Snapshot:
        """All that was last judged by, and what belongs to its drawings."""
        self.drawings()
        course, last = self.course, self.last or self.bench()
        return Snapshot(course.exercise.id, course.place.datacenter.name, course.values,
                        last.progress, self.asked)

    def check(self, claim: str = "", *, patient: bool = True) -> Judged:
        """Judge now, one claim or all, and wait (if `patient`) for those that take their time;
        what came is kept. Raises UsageError for a claim that there is not."""
        course = self.course
        if claim and claim not in (one.id for one in course.exercise.claims):
            known = ", ".join(one.id for one in course.exercise.claims)
            raise UsageError(f"no claim {claim!r}", hint=f"known: {known}")
        waits = {one.id: one.wait for one in course.exercise.claims if patient}
        began = time.monotonic()

        def judged() -> Judged:
            return self.bench().judge(now=time.time(), only=claim)

        found = judged()
        while not found.solved:
            # What others of it have to wait for is not there yet, so nobody waits for them.
            first = found.helped
            left = waits.get(first.claim, 0) if first else 0
            if time.monotonic() - began >= left or _hopeless(found):
                break
            time.sleep(WATCH_SECONDS / 4)
            found = judged()
        if course.progress.started:
            course.keep(found.progress)
        return found

    def answer(self, name: str, said: str) -> None:
        """Write down what a student predicts. Raises UsageError for an answer that there is
        not, and when what is asked for has come."""
        course = self.course
        question = course.question(name)
        if question.choices and said not in question.choices:
            accepted = ", ".join(question.choices)
            raise UsageError(f"{name}: {said!r}", hint=f"accepted: {accepted}")
        if question.number and not (said.strip().isascii() and said.strip().isdecimal()):
            raise UsageError(f"{name}: {said!r}", hint="accepted: a number in digits, 0 or more")
        if self.bench().too_late(question):
            raise UsageError(
                f"{name}: it has come already, so this is no prediction any more",
                hint=f"`fab exercise.reset {course.exercise.id}`, and begin anew",
            )
        course.keep(course.begin().answer(name, said))

    def run(self, script: Path) -> str:
        """Run a script of the exercise; what it printed. Raises LabError."""
        course = self.course
        with tempfile.TemporaryDirectory(prefix="kafkalab-") as folder:
            path = shell.config(
                [one for one in self.instances.values() if one.running and one.host_key],
                course.session.platform.key_file, Path(folder),
            )
            return shell.run(
                script, folder=course.book.folder,
                values={**course.values, "exercise": course.exercise.id},
                ssh_config=path, tools=course.place.tools.name, where=course.exercise.id,
                seconds=max(shell.SECONDS, 60.0 * course.exercise.minutes),
                exports=exports(course.context.internal(course.place.datacenter)),
            )

    def prepare(self) -> None:
        """Make what the exercise lets a student find, once; again where that was cut off, and
        in a lab that does not have its topics any more. Raises LabError."""
        course = self.course
        fault = course.book.fault
        if fault is None:
            return
        topics = [str(filled(one, course.values)) for one in course.exercise.topics]
        known = self.facts()
        if course.progress.prepared and all(known.topic(one) for one in topics):
            return
        self.run(fault)
        course.keep(replace(course.progress, prepared=time.time()))

    def left(self) -> str:
        """What only a person can bring back: the release with which the exercise begins. How,
        in words; "" where there is nothing left to do."""
        course, here = self.course, self.course.place.datacenter.name
        begins = course.exercise.begins
        return f"{here}: {line}" if begins and (
            line := backward(begins, self.facts().releases().values())) else ""


@contextmanager
def looking(course: Course, *, copies: bool = False) -> Iterator[Look]:
    """Connections to the lab, for as long as one looks at an exercise. copies: to all datacenters
    that run where mirrors bring copies, too. Raises LabError."""
    session, place = course.session, course.place
    wanted = [place.datacenter.name]
    if course.exercise.mirror and place.mirror:
        wanted.append(place.mirror.target)
    chosen = [session.topology.datacenter(name) for name in wanted]
    instances = session.platform.instances()
    _there(session.platform.steps, chosen, instances)
    if copies:
        beyond = [session.topology.datacenter(name) for name in downstream(course)
                  if name not in wanted]
        chosen += [one for one in beyond if any(host.running for host in _hosts(one, instances))]
    with session.fleet(instances) as fleet:
        # The same for parameters: it asks the engine.
        course.context = session.context({}, instances, fleet)
        for one in chosen:
            _tell(course, one)
        places = sites(fleet, course.context, chosen)
        with ExitStack() as stack:
            lives = {name: stack.enter_context(closing(live.Live(one)))
                     for name, one in places.items() if name in wanted}
            yield Look(course, places, instances, lives)


def _tell(course: Course, datacenter: Datacenter) -> None:
    """Write down what the exercise's own programs have to tell closed brokers."""
    endpoint = course.context.external(datacenter)
    if endpoint.settings:
        path = client_file(course.session.state, datacenter)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_secret(path, json.dumps(endpoint.librdkafka, indent=2, sort_keys=True) + "\n")


def downstream(course: Course) -> list[str]:
    """The datacenters that copies of the exercise's topics may come to, over others, too; the
    nearest first."""
    topology, here = course.session.topology, course.place.datacenter.name
    edges = [(one.source, one.target) for one in topology.config.mirrors]
    ways = {one.name: shortest(edges, here, one.name) for one in topology.datacenters}
    return sorted((name for name, way in ways.items() if len(way) > 1),
                  key=lambda name: len(ways[name]))


def _hosts(datacenter: Datacenter, instances: Mapping[str, Instance]) -> list[Instance]:
    """A datacenter's brokers that are there."""
    return [instances[host.name] for host in datacenter.by_role("kafka")
            if host.name in instances]


def _there(
    steps: Steps, datacenters: Sequence[Datacenter], instances: Mapping[str, Instance]
) -> None:
    """Raises LabError where a datacenter has no broker's host that runs."""
    for one in datacenters:
        hosts = _hosts(one, instances)
        if not hosts:
            raise LabError("the lab is not there", where=one.name, hint=steps.absent)
        if not any(host.running for host in hosts):
            raise LabError("the lab is stopped", where=one.name, hint=steps.stopped)


def _hopeless(found: Judged) -> bool:
    """Whether waiting cannot help: a question is not answered, or nothing was done yet."""
    return any(one.state in ("unanswered", "absent") for one in found.verdicts if not one.held)
