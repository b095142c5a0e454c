"""Metadata moved from ZooKeeper to KRaft, and back: `lab.migration`'s steps on real hosts.

Each step is the lab's usual work (look, compare, change, restart in turn) towards a datacenter that
is set up as a stage has it, so one that was cut off is completed by being done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from lab.migration.stages import Stage
from lab.migration.steps import CannotMove, Step
from lab.migration.way import Way, at, clean
from lab.migration.world import World
from lab.services.registry import SERVICES
from lab.topology import Datacenter
from scripts.clients.quorum import Quorum
from scripts.drivers import migrating
from scripts.drivers.driver import Site, Tell, sites
from scripts.errors import LabError
from scripts.hosts.deliver import Deliverer
from scripts.hosts.units import STOP_SECONDS
from scripts.passages.passage import set_up
from scripts.session import Session
from scripts.workstation.memory import check_added
from scripts.workstation.screen import Progress, duration
from scripts.workstation.waiting import wait_until

COPY_SECONDS = 120.0  # until all metadata is with the quorum
CATCH_UP_SECONDS = 30.0
ELECT_SECONDS = 20.0
LOOK_PAUSE = 0.25
END = """\
if systemctl cat -- {unit} >/dev/null 2>&1; then
  systemctl -q disable {unit}
  systemctl kill --signal=KILL {unit} 2>/dev/null || :  # it may have ended
  systemctl stop {unit}
  systemctl reset-failed {unit} 2>/dev/null || :
fi
"""
StepsOf = Callable[[World], Sequence[Step]]


@dataclass(frozen=True)
class Mover:
    """One datacenter, and what it takes to change it. `local`: its hosts share this machine."""

    site: Site
    deliverer: Deliverer
    progress: Progress
    running: Collection[str]
    tell: Tell
    local: bool = True

    @property
    def datacenter(self) -> Datacenter:
        return self.site.datacenter

    def look(self) -> World:
        return migrating.world(self.site, self.datacenter, self.running)

    def go(self, steps_of: StepsOf) -> World:
        """Do what there is to do, looked at anew after each step; where it stands then."""
        last: Sequence[Step] = ()
        world = self.look()
        while due := steps(steps_of, world):
            if due == last:
                raise LabError(f"{due[0].value}: done, and yet not so", where=self.site.name,
                               hint="see `fab kraft` and `fab status`")
            began, last = time.monotonic(), due
            self.tell(f"{self.site.name}: {due[0].value}")
            self.work(due[0])
            world = self.look()
            self.tell(f"{self.site.name}: {due[0].value}: done in {duration(began)}")
        self._set_up(self._at(world.way), ("control",), "control")
        return world

    def work(self, step: Step) -> None:
        """One step. Raises LabError."""
        {
            Step.STOP: self._stop, Step.RELEASE: self._release, Step.CLEAR: self._clear,
            Step.PREPARE: self._prepare, Step.DUAL_WRITE: self._dual_write,
            Step.PLAIN: lambda: self._roll(clean(self.datacenter, Stage.ZOOKEEPER)),
            Step.BROKERS: lambda: self._roll(clean(self.datacenter, Stage.BROKERS)),
            Step.RETURN: lambda: self._roll(
                replace(clean(self.datacenter, Stage.DUAL_WRITE), taken=True)),
            Step.ALONE: self._alone, Step.LEAVE: self._leave,
        }[step]()

    def _prepare(self) -> None:
        if self.local:
            check_added(len(self.datacenter.by_role("zookeeper")), "controller",
                        self.site.context.topology)
        site = self._at(clean(self.datacenter, Stage.PREPARED))
        with migrating.ask(site) as session:
            cluster = migrating.words(session).cluster
        # By ZooKeeper's word: what a disk says might be another cluster's.
        site = replace(site, context=replace(
            site.context, clusters={**site.context.clusters, site.name: cluster}))
        self._set_up(site, ("controller",), "zookeeper")
        site.quorum.wait()

    def _dual_write(self) -> None:
        site = self._roll(clean(self.datacenter, Stage.DUAL_WRITE))
        wait_until(
            lambda: self.look().completed, timeout=COPY_SECONDS, pause=LOOK_PAUSE,
            where=self.site.name, message="the quorum has not taken over",
        )
        site.kafka.wait_healthy()

    def _roll(self, way: Way) -> Site:
        site = self._at(way)
        self._set_up(site, ("kafka",), "kafka")
        return site

    def _alone(self) -> None:
        way = clean(self.datacenter, Stage.FINISHED)
        self._set_up(self._at(replace(way, servers=clean(self.datacenter, Stage.BROKERS).servers)),
                     ("controller",), "zookeeper")

    def _leave(self) -> None:
        site = self._at(clean(self.datacenter, Stage.FINISHED))
        site.quorum.wait()
        self._set_up(site, ("zookeeper",), "zookeeper")

    def _stop(self) -> None:
        """All of them, before anything else is changed: a quorum that lost disks, and whose other
        members are started again, would lead with nothing.

        The leader goes last, when ZooKeeper has all of which it says that it stands: without the
        others it can say that of nothing more.
        """
        names = [host.name for host in self.datacenter.by_role("zookeeper")]
        quorum = self._at(clean(self.datacenter, Stage.PREPARED)).quorum
        leader = quorum.ask().leader
        self._end([name for name in names if name != leader])
        if leader:
            self._caught_up(quorum)
            self._end([leader])

    def _end(self, names: Sequence[str]) -> None:
        """Killed: to leave in peace takes them seconds, in which nobody controls the cluster, and
        what they have is with ZooKeeper."""
        self.site.fleet.each(
            lambda name: self.site.fleet[name].script(
                END.format(unit=SERVICES["controller"].unit), label="stop the controller",
                timeout=STOP_SECONDS), names,
        )

    def _caught_up(self, quorum: Quorum) -> None:
        """Wait until ZooKeeper has what the quorum has, if that controls."""
        described = quorum.ask().described

        def has_it() -> bool:
            with migrating.ask(self.site) as session:
                said = migrating.words(session)
            # An offset is of the last record, what is committed of the next one.
            return not said.completed or described is None or (
                said.copied >= described.committed - 1)

        wait_until(has_it, timeout=CATCH_UP_SECONDS, pause=LOOK_PAUSE, where=self.site.name,
                   message="ZooKeeper does not have what the quorum has")

    def _release(self) -> None:
        with migrating.ask(self.site) as session:
            migrating.release(session, -1)

    def _clear(self) -> None:
        names = [host.name for host in self.datacenter.hosts
                 if host.role in ("zookeeper", "kafka")]
        self.site.fleet.each(lambda name: migrating.set_aside(self.site.fleet, name), names)

    def _at(self, way: Way) -> Site:
        """The datacenter, set up so."""
        topology = at(self.site.context.topology, {self.site.name: way})
        return Site(self.site.fleet, replace(self.site.context, topology=topology),
                    topology.datacenter(self.site.name))

    def _set_up(self, site: Site, only: Sequence[str], role: str) -> None:
        """Bring the hosts of a role to what services want of them, and restart these in turn."""
        set_up(site, site.datacenter.by_role(role), only, self.deliverer, self.progress)


@contextmanager
def movers(session: Session, datacenters: Sequence[Datacenter]) -> Iterator[dict[str, Mover]]:
    """What moves each of these datacenters. Raises LabError where a host of theirs does not run."""
    instances = session.running([host.name for one in datacenters for host in one.hosts])
    software = session.software()
    context = session.context(software, instances)
    deliverer = Deliverer(session.topology, software, session.platform.packages)
    names = [host.name for one in datacenters for host in one.hosts]
    running = {name for name, one in instances.items() if one.running}
    with session.fleet(instances) as fleet, Progress(session.topology.lab, names) as progress:
        try:
            yield {
                name: Mover(site, deliverer, progress, running, progress.say,
                            session.platform_name == "local")
                for name, site in sites(fleet, context, datacenters).items()
            }
        finally:
            deliverer.close(fleet)


def steps(steps_of: StepsOf, world: World) -> tuple[Step, ...]:
    """What there is to do. Raises LabError where that cannot be."""
    try:
        return tuple(steps_of(world))
    except CannotMove as error:
        raise LabError(str(error), where=world.datacenter.name, hint=error.hint) from error
