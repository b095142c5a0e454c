"""Mirrors as they are: how far each is behind, and which groups it has not translated."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from lab.counted import counted
from lab.mirrors.connectors import SOURCE
from lab.mirrors.groups import Patience, Standing, settle_seconds, told
from lab.mirrors.progress import Progress
from lab.options.mirrors import Mirror
from lab.services.internals import CHECKPOINTS
from scripts.clients.http import HttpError
from scripts.drivers.anew import copies_of
from scripts.drivers.connectors import ConnectorState
from scripts.drivers.copies import Look
from scripts.drivers.crossing import Crossing
from scripts.drivers.driver import Report, Site
from scripts.drivers.groups import Groups
from scripts.drivers.health import Health, examine
from scripts.drivers.lag import PartitionLag
from scripts.drivers.lent import Lent
from scripts.drivers.workers import Workers
from scripts.errors import LabError

PASS_SECONDS, PASS_PAUSE = 15.0, 0.2  # for workers that hand connectors out anew


@dataclass(frozen=True)
class MirrorStatus:
    """One mirror: what is wrong ("" for nothing), its lag, the age of its last checkpoint in s, and
    the groups of which it has not translated the offsets, or translated them badly.

    topics: what was seen of its topics. held: the topics that it holds back. notes: what keeps it
    waiting without its own fault.
    """

    mirror: Mirror
    problem: str
    topics: Look = field(default_factory=Look)
    checkpoint_age: float | None = None
    groups: tuple[Standing, ...] = ()
    held: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.mirror.name

    @property
    def healthy(self) -> bool:
        """Whether it runs, its copies lack and mix nothing, and nobody would skip records who moved
        to the target now."""
        return not (
            self.problem or self.topics.faults or any(one.skips for one in self.groups)
        )

    @property
    def partitions(self) -> tuple[PartitionLag, ...]:
        return self.topics.partitions

    def group_lines(self) -> list[str]:
        """What is wrong with groups, for people."""
        return told(self.groups, self.mirror.target)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "healthy": self.healthy, "problem": self.problem,
            "held": list(self.held),
            "checkpoint_age_s": self.checkpoint_age,
            "lag_records": sum(one.records for one in self.partitions),
            "lag_seconds": max((one.seconds for one in self.partitions), default=0.0),
            "partitions": [
                {"topic": one.topic, "partition": one.partition, "source_end": one.source_end,
                 "mirrored": one.mirrored, "mirrored_before": one.before,
                 "lag_records": one.records, "lag_seconds": one.seconds}
                for one in self.partitions
            ],
            "faults": list(self.topics.faults), "notes": [*self.notes, *self.topics.notes],
            "groups": [one.as_json() for one in self.groups],
        }


class MirrorView:
    """Looks at one mirror from the workstation, through the EXTERNAL listeners of both ends.
    `lasting`: it looks again and again, and keeps connections: `close` it."""

    def __init__(
        self, mirror: Mirror, source: Site, target: Site, *, lasting: bool = False
    ) -> None:
        self.mirror, self.name = mirror, mirror.name
        self._mirroring = source.lab.mirroring
        self._crossing = Crossing(mirror, source, target)
        self._lent = Lent(lasting=lasting)
        self.workers = Workers(target, lent=self._lent)
        self._position = self.workers.position(mirror)
        self._copies = partial(copies_of, mirror, target, self._position)
        self._seen = Health()
        self.source, self.target = source.kafka.endpoint, target.kafka.endpoint

    def status(
        self, patience: Patience | None = None, progress: Progress | None = None
    ) -> MirrorStatus:
        """State, lag, checkpoint age and groups. A side that does not answer is the problem, no
        error. With `patience` and `progress` of looks before it does not wait for what may yet be
        translated or move.
        """
        health = self.health(progress)
        problem, topics = health.problem, Look()
        age: float | None = None
        groups: tuple[Standing, ...] = ()
        try:
            topics = self.look()
            age = self._checkpoint_age()
            # What does not run translates nothing, so there is nothing to wait for.
            groups = self.bad_groups(Patience(0) if health.stopped else patience)
        except LabError as error:
            problem = problem or error.what
        return MirrorStatus(
            self.mirror, problem, topics, age, groups, health.topics, health.notes
        )

    def look(self) -> Look:
        """How far it is behind in each topic, and what is not as it should be. Raises LabError."""
        with self._lent("copies", self._copies) as copies:
            return copies.look()

    def close(self) -> None:
        """End connections that are kept. It may look again afterwards."""
        self._lent.close()

    def health(self, progress: Progress | None = None) -> Health:
        """Whether it runs and moves; see `examine`."""
        try:
            states = self._states()
        except HttpError as error:
            return Health(error.what)
        return examine(
            self.workers, states.get(f"{self.name}.{SOURCE}"), self._problem(states), progress
        )

    def progress(self) -> Progress:
        """By which several looks at this mirror are weighed."""
        return Progress.by(self._mirroring)

    def patience(self) -> Patience:
        """How long this mirror may take to translate what groups commit."""
        return Patience(settle_seconds(self._mirroring))

    def groups(self) -> Groups:
        """The groups of this mirror; to be closed."""
        return Groups(self.mirror, self.source, self.target, self._position)

    def bad_groups(self, patience: Patience | None = None) -> tuple[Standing, ...]:
        """The findings about groups: see `Groups.findings`. Raises LabError."""
        with self._lent("groups", self.groups) as groups:
            if patience is None:
                return groups.findings(self.patience())
            return patience.weigh(time.monotonic(), groups.look(groups.names()))

    def _states(self) -> dict[str, ConnectorState]:
        """The mirror's connectors by name. Raises HttpError.

        What is being handed out to workers anew, for another mirror's new topic say, is looked at
        again when that is over.
        """
        deadline = time.monotonic() + PASS_SECONDS
        while True:
            found = {one.name: one for one in self.workers.states()
                     if one.name.startswith(f"{self.name}.")}
            if time.monotonic() > deadline or not any(one.passing for one in found.values()):
                return found
            time.sleep(PASS_PAUSE)

    def _problem(self, states: Mapping[str, ConnectorState]) -> str:
        """What is wrong with the mirror's connectors, in words; "" when all of them run."""
        mine = f"{self.name}."
        if any(name not in states for name in self.workers.names if name.startswith(mine)):
            return "not set up; run `fab mirror`"
        return next((state.problem for state in states.values() if state.problem), "")

    def _checkpoint_age(self) -> float | None:
        """Seconds since the last checkpoint was written; None when there is none yet."""
        topic = CHECKPOINTS.format(self.mirror.source)
        with self._lent("copies", self._copies) as copies:
            last = copies.newest((topic, 0))
        return round(time.time() - last.timestamp / 1000, 3) if last else None

    def running(self) -> str:
        """Wait until the mirror's connectors and tasks run; how many. Raises LabError."""
        try:
            self.workers.wait_running(repair=False)  # a proof that repairs proves nothing
        except LabError as error:
            problem = self.health().problem
            raise LabError(problem or error.what, where=error.where, hint=error.hint) from error
        mine = self._states().values()
        tasks = sum(len(state.tasks) for state in mine)
        return f"{counted(len(mine), 'connector')}, {counted(tasks, 'task')} running"

    def moving(self) -> str:
        """That what waits for the mirror moves; what was seen. Raises LabError."""
        self._seen = self.health()
        if self._seen.stopped:
            raise LabError(self._seen.problem, hint="run `fab mirror`")
        return "; ".join(self._seen.notes) or (
            f"nothing waits for {self._mirroring.stall_s} s without moving"
        )

    def complete(self) -> str:
        """That no topic is held back; what was seen. Raises LabError."""
        if self._seen.held:
            raise LabError("; ".join(self._seen.held))
        return "none is held back"

    def prove(self, report: Report) -> None:
        if not report.check("mirrors", "connectors", self.running):
            return
        if report.check("mirrors", "progress", self.moving):
            report.check("mirrors", "topics", self.complete)
            report.check("mirrors", "records and offsets", self.crossing)
            report.check("mirrors", "copies", self.whole)
            report.check("mirrors", "groups", self.translated)

    def whole(self) -> str:
        """That copies lack and mix nothing; what else there is to say. Raises LabError."""
        topics = self.look()
        if topics.faults:
            raise LabError("; ".join(topics.faults), hint="see docs/mirrors.md")
        count = len({one.topic for one in topics.partitions})
        return "; ".join((counted(count, "topic"), *topics.notes))

    def translated(self) -> str:
        """That no group would skip records in the target; what was seen. Raises LabError."""
        found = self.bad_groups()
        lines = told(found, self.mirror.target)
        if any(one.skips for one in found):
            raise LabError("; ".join(lines), hint=self.remedy)
        return "; ".join((*lines, self.remedy)) if lines else "each has its offsets in the target"

    @property
    def remedy(self) -> str:
        return f"see docs/mirrors.md, run `fab mirror.offsets --mirror {self.name}`"

    def crossing(self) -> str:
        """Records and a translated offset across; what was seen. Raises LabError."""
        return self._crossing.prove()

    def prepare(self) -> None:
        self._crossing.prepare()

    def forget(self) -> None:
        self._crossing.forget()
