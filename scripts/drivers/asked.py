"""The lab file's own connectors as they are: whether they run, and how far sinks have come."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from lab.counted import counted
from lab.data.sinks import Reach, still
from lab.resources import Connector
from scripts.clients.http import HttpError
from scripts.clients.partitions import Partitions
from scripts.drivers.connectors import ConnectorState
from scripts.drivers.driver import Driver, Part, Report, Site
from scripts.drivers.workers import RUNNING_SECONDS, Workers
from scripts.errors import LabError, TimeoutExpired
from scripts.workstation.waiting import wait_until

SINK = "sink"


class Asked:
    """Some connectors of a datacenter, by their names."""

    def __init__(self, site: Site, names: Collection[str]) -> None:
        self.site, self.names = site, tuple(names)
        self.workers = Workers(site)

    def states(self) -> dict[str, ConnectorState | None]:
        """What Connect says of each; None for one that is not there. Raises HttpError."""
        there = {one.name: one for one in self.workers.states()}
        return {name: there.get(name) for name in self.names}

    def running(self) -> str:
        """Wait until all of them run; how many. What failed is not repaired. Raises LabError."""
        last: list[str] = []

        def all_run() -> bool:
            try:
                found = self.states()
            except HttpError as error:
                last[:] = [error.what]
                return False
            last[:] = problems(found)
            if any(one and one.repair for one in found.values()):
                raise LabError(last[0], where=self.site.name, hint="run `fab connect`")
            return not last

        try:
            wait_until(all_run, timeout=RUNNING_SECONDS, pause=0.2)
        except TimeoutExpired:
            raise TimeoutExpired(
                f"after {RUNNING_SECONDS} s: {last[0]}", where=self.site.name,
                hint="see `fab connect.status` and `fab logs HOST connect`",
            ) from None
        tasks = sum(len(one.tasks) for one in self.states().values() if one)
        return f"{counted(len(self.names), 'connector')}, {counted(tasks, 'task')} running"

    def reach(self) -> dict[str, tuple[Reach, ...]]:
        """How far each sink among them has come. Raises LabError."""
        sinks = [name for name, one in self.states().items() if one and one.kind == SINK]
        return reaches(self.site, self.workers, sinks)

    def moving(self) -> str:
        """That no sink stands still while records wait for it; what was seen. Raises LabError."""
        patience = self.site.lab.mirroring.stall_s
        first = {one.place: one for one in _all(self.reach())}
        standing: tuple[Reach, ...] = ()

        def moved() -> bool:
            nonlocal standing
            standing = still(first, _all(self.reach()))
            return not standing

        try:
            wait_until(moved, timeout=patience, pause=0.5)
        except TimeoutExpired:
            one = standing[0]
            raise LabError(
                f"nothing moves at {one.topic}-{one.partition}, for {patience} s now: "
                f"{counted(one.lag, 'record')} wait from offset {one.read or one.low} on",
                where=self.site.name, hint="see `fab connect.status` and `fab logs HOST connect`",
            ) from None
        return f"nothing waits for {patience} s without moving"


@dataclass(frozen=True)
class Seen:
    """A connector, and how far it has come if it is a sink; None where that is not known."""

    state: ConnectorState
    reach: tuple[Reach, ...] | None = None

    @property
    def lag(self) -> int | None:
        """The records that wait for it."""
        return None if self.reach is None else sum(one.lag for one in self.reach)

    @property
    def waiting(self) -> str:
        return "-" if self.lag is None else f"{self.lag:,}"

    def as_json(self) -> dict[str, Any]:
        state = self.state
        return {
            "name": state.name, "kind": state.kind, "state": state.state,
            "tasks": list(state.tasks), "problem": state.problem, "lag_records": self.lag,
        }


def seen(site: Site) -> list[Seen]:
    """All connectors of a datacenter, in order of name. Raises HttpError where no worker answers;
    brokers that do not answer leave unknown how far sinks are."""
    workers = Workers(site)
    states = workers.states()
    found: dict[str, tuple[Reach, ...]] = {}
    with suppress(LabError):
        found = reaches(site, workers, [one.name for one in states if one.kind == SINK])
    return [Seen(one, found.get(one.name)) for one in states]


def reaches(
    site: Site, workers: Workers, sinks: Collection[str]
) -> dict[str, tuple[Reach, ...]]:
    """How far each of these sinks has come, also in partitions of which it has read nothing yet, as
    far as it names its topics. Raises LabError."""
    if not sinks:
        return {}
    read = {name: _read_by(workers, name) for name in sinks}
    topics = _topics(workers)
    with closing(Partitions(site.kafka.endpoint, site.name, committed=True)) as partitions:
        sizes = partitions.sizes()
        places = {
            name: read[name].keys() | {
                (topic, number) for topic in topics[name] for number in range(sizes.get(topic, 0))
            } for name in sinks
        }
        extents = partitions.extents({one for several in places.values() for one in several})
        found = {
            name: [Reach(*place, *extents[place], read[name].get(place))
                   for place in sorted(several) if place in extents]
            for name, several in places.items()
        }
        return {name: _without_markers(several, partitions) for name, several in found.items()}


def _without_markers(found: Iterable[Reach], partitions: Partitions) -> tuple[Reach, ...]:
    """The same, where what only markers of transactions follow is read to its end: Connect commits
    what is behind the last record. (What workers and mirrors write, they write in transactions.)
    """
    found = tuple(found)
    starts = {one.place: max(one.low, one.read or 0) for one in found if one.lag}
    records = partitions.firsts(starts)
    return tuple(
        replace(one, read=one.end) if one.lag and one.place not in records else one
        for one in found
    )


def _read_by(workers: Workers, name: str) -> dict[tuple[str, int], int]:
    """The next offset of each partition that a sink has read. Raises HttpError."""
    answer = workers.patiently("GET", f"/connectors/{name}/offsets")
    found: list[Mapping[str, Any]] = answer["offsets"]
    return {
        (one["partition"]["kafka_topic"], one["partition"]["kafka_partition"]):
            one["offset"]["kafka_offset"] for one in found
    }


def _topics(workers: Workers) -> dict[str, list[str]]:
    """The topics that connectors name in their settings. Raises HttpError."""
    return {
        key.name: [word.strip() for word in one.resource.config.get("topics", "").split(",")]
        for key, one in workers.found().items() if isinstance(one.resource, Connector)
    }


def problems(states: Mapping[str, ConnectorState | None]) -> list[str]:
    """What is wrong with connectors, in sentences."""
    return [
        text for name, one in states.items()
        if (text := one.problem if one else f"{name} is not there")
    ]


def _all(found: Mapping[str, Iterable[Reach]]) -> list[Reach]:
    return [one for reaches in found.values() for one in reaches]


class Connectors(Driver):
    """They have no process of their own: the workers of Connect run them."""

    def names(self, site: Site) -> tuple[str, ...]:
        return tuple(one.name for one in site.lab.connectors if one.at == site.name)

    def status(self, site: Site, up: Collection[str]) -> Part:
        names = self.names(site)
        if not any(host.name in up for host in site.carriers("connect")):
            wrong = [f"{name}: no worker runs" for name in names]
            return Part([{"name": name, "problem": "no worker runs"} for name in names],
                        tuple(wrong))
        try:
            states = Asked(site, names).states()
        except HttpError as error:
            return Part([{"name": name, "problem": error.what} for name in names], (error.what,))
        return Part(
            [{"name": name, "problem": "".join(problems({name: one}))}
             for name, one in states.items()],
            tuple(problems(states)),
        )

    def verify(self, site: Site, report: Report) -> bool:
        check, asked = partial(report.check, self.name), Asked(site, self.names(site))
        return check("connectors", asked.running) and check("progress", asked.moving)
