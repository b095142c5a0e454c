"""Mirrors as they are: how far each is behind, and which groups it has not translated."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from lab.mirrors.groups import Patience, Standing, settle_seconds, told
from lab.options.mirrors import Mirror
from scripts.clients.http import HttpError
from scripts.clients.records import time_at
from scripts.drivers.connect import Workers
from scripts.drivers.crossing import Crossing
from scripts.drivers.driver import Driver, Part, Report, Site, Span
from scripts.drivers.groups import Groups
from scripts.drivers.lag import PartitionLag, lags, mirrored
from scripts.errors import LabError

CHECKPOINTS = "{}.checkpoints.internal"


@dataclass(frozen=True)
class MirrorStatus:
    """One mirror: what is wrong ("" for nothing), its lag, the age of its last checkpoint in s, and
    the groups of which it has not translated the offsets, or translated them badly."""

    mirror: Mirror
    problem: str
    partitions: tuple[PartitionLag, ...] = ()
    checkpoint_age: float | None = None
    groups: tuple[Standing, ...] = ()

    @property
    def name(self) -> str:
        return self.mirror.name

    @property
    def healthy(self) -> bool:
        """Whether it runs, and nobody would skip records who moved to the target now."""
        return not self.problem and not any(one.skips for one in self.groups)

    def group_lines(self) -> list[str]:
        """What is wrong with groups, for people."""
        return told(self.groups, self.mirror.target)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name, "healthy": self.healthy, "problem": self.problem,
            "checkpoint_age_s": self.checkpoint_age,
            "lag_records": sum(one.records for one in self.partitions),
            "lag_seconds": max((one.seconds for one in self.partitions), default=0.0),
            "partitions": [
                {"topic": one.topic, "partition": one.partition, "source_end": one.source_end,
                 "mirrored": one.mirrored, "lag_records": one.records, "lag_seconds": one.seconds}
                for one in self.partitions
            ],
            "groups": [one.as_json() for one in self.groups],
        }


class MirrorView:
    """Looks at one mirror from the workstation, through the EXTERNAL listeners of both ends."""

    def __init__(self, mirror: Mirror, source: Site, target: Site) -> None:
        self.mirror, self.name = mirror, mirror.name
        self._mirroring = source.lab.mirroring
        self._crossing = Crossing(mirror, source, target)
        self.workers = Workers(target)
        self.source, self.target = source.kafka.endpoint, target.kafka.endpoint

    def status(self, patience: Patience | None = None) -> MirrorStatus:
        """State, lag, checkpoint age and groups. A side that does not answer is the problem, no
        error. With the `patience` of looks before it does not wait for what may yet be translated.
        """
        problem = self.problem()
        behind: tuple[PartitionLag, ...] = ()
        age: float | None = None
        groups: tuple[Standing, ...] = ()
        try:
            behind = tuple(lags(self.source, mirrored(self.workers.rest, self.mirror)))
            age = self._checkpoint_age()
            # What does not run translates nothing, so there is nothing to wait for.
            groups = self.bad_groups(Patience(0) if problem else patience)
        except LabError as error:
            problem = problem or error.what
        return MirrorStatus(self.mirror, problem, behind, age, groups)

    def patience(self) -> Patience:
        """How long this mirror may take to translate what groups commit."""
        return Patience(settle_seconds(self._mirroring))

    def groups(self) -> Groups:
        """The groups of this mirror; to be closed."""
        offsets = partial(mirrored, self.workers.rest, self.mirror)
        return Groups(self.mirror, self.source, self.target, offsets)

    def bad_groups(self, patience: Patience | None = None) -> tuple[Standing, ...]:
        """The findings about groups: see `Groups.findings`. Raises LabError."""
        with closing(self.groups()) as groups:
            if patience is None:
                return groups.findings(self.patience())
            return patience.weigh(time.monotonic(), groups.look(groups.names()))

    def problem(self) -> str:
        """What is wrong with the mirror's connectors, in words; "" when all of them run."""
        mine = self.mirror.name + "."
        try:
            states = {s.name: s for s in self.workers.states() if s.name.startswith(mine)}
        except HttpError as error:
            return error.what
        if any(name not in states for name in self.workers.names if name.startswith(mine)):
            return "not set up; run `fab mirror`"
        return next((state.problem for state in states.values() if state.problem), "")

    def _checkpoint_age(self) -> float | None:
        """Seconds since the last checkpoint was written; None when there is none yet."""
        topic = CHECKPOINTS.format(self.mirror.source)
        stamp = time_at(self.target, topic, 0, -1)
        return round(time.time() - stamp / 1000, 3) if stamp else None

    def running(self) -> str:
        """Wait until the mirror's connectors and tasks run; how many. Raises LabError."""
        self.workers.wait_running(repair=False)  # a proof that repairs proves nothing
        mine = [s for s in self.workers.states() if s.name.startswith(self.mirror.name + ".")]
        return f"{len(mine)} connectors, {sum(len(state.tasks) for state in mine)} tasks running"

    def prove(self, report: Report) -> None:
        if report.check("mirrors", "connectors", self.running):
            report.check("mirrors", "records and offsets", self.crossing)
            report.check("mirrors", "groups", self.translated)

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


class Mirrors(Driver):
    """Mirrors have no process of their own: they are connectors, and a proof across a link."""

    def concerns(self, site: Site) -> bool:
        return any(site.name == one.target for one in site.lab.mirrors)

    def status(self, site: Site, up: Collection[str]) -> Part:
        """The mirrors that lead to a datacenter, by what their connectors do."""
        mirrors = [one for one in site.lab.mirrors if one.target == site.name]
        reachable = any(host.name in up for host in site.carriers("connect"))
        topology = site.context.topology
        found = {}
        for one in mirrors:
            source = Site(site.fleet, site.context, topology.datacenter(one.source))
            found[one.name] = (
                MirrorView(one, source, site).problem() if reachable else "no worker runs"
            )
        return Part(
            data=[{"name": name, "problem": text} for name, text in found.items()],
            problems=tuple(f"{name}: {text}" for name, text in found.items() if text),
        )

    def verify(self, site: Site, report: Report) -> bool:
        return True  # what there is to prove lies between two datacenters

    def spans(self, sites: Mapping[str, Site]) -> Iterator[Span]:
        lab = next(iter(sites.values())).lab
        for mirror in lab.mirrors:
            if {mirror.source, mirror.target} <= sites.keys():
                yield MirrorView(mirror, sites[mirror.source], sites[mirror.target])
