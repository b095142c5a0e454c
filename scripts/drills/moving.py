"""Metadata moved from ZooKeeper to KRaft and back while records flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.drills.log import MOVED, STEP
from lab.migration.stages import Stage
from lab.migration.steps import CannotMove, Step, backward, forward
from lab.migration.world import World, settled, told
from scripts.drills.outage import Blow, Outage
from scripts.drivers.driver import sites
from scripts.errors import LabError, UsageError
from scripts.hosts.deliver import Deliverer
from scripts.passages.metadata import Mover, StepsOf
from scripts.workstation.screen import Progress

WAYS: dict[Stage, tuple[StepsOf, StepsOf]] = {
    Stage.ZOOKEEPER: (forward, backward), Stage.BROKERS: (backward, forward),
}


def kraft(drill: Outage) -> Blow:
    """To the other side and home again: from ZooKeeper to brokers with KRaft, or the other way.

    Raises LabError, before anything is done, for a datacenter that stands elsewhere.
    """
    names = [host.name for host in drill.datacenter.hosts]
    if not drill.datacenter.by_role("zookeeper"):
        raise UsageError(f"{drill.datacenter.name} has no hosts of ZooKeeper",
                         hint='a datacenter with zookeeper = N; see docs/kraft.md')
    instances = drill.session.running(names)
    software = drill.session.software()
    # What a drill knows of the lab is without its software, which services are started from.
    context = drill.session.context(software, instances, drill.fleet)
    (site,) = sites(drill.fleet, context, [drill.datacenter]).values()
    deliverer = Deliverer(drill.session.topology, software, drill.session.platform.packages)
    running = {name for name, one in instances.items() if one.running}

    def mover(progress: Progress) -> Mover:
        # Its steps are events here, which are said.
        return Mover(site, deliverer, progress, running, lambda line: None,
                     drill.session.platform_name == "local")

    with Progress(drill.datacenter.name, names) as progress:
        first = mover(progress).look()
    there, home = _ways(first)

    def strike() -> None:
        with Progress(drill.datacenter.name, names) as progress:
            one = mover(progress)
            try:
                one.go(_telling(drill, there))
                drill.event(MOVED, f"{drill.datacenter.name}: {told(one.look())}")
                one.go(_telling(drill, home))
            except BaseException:
                one.go(home)  # as it was, also where the drill is stopped
                raise
            finally:
                deliverer.close(drill.fleet)

    return Blow(f"{drill.datacenter.name}, {first.stage.words}, is moved and brought back", strike,
                lambda: True)


def _ways(world: World) -> tuple[StepsOf, StepsOf]:
    """What leads to the other side, and home. Raises LabError."""
    where = world.datacenter.name
    if world.stage not in WAYS or not settled(world):
        raise LabError(f"it is {told(world)}; a drill begins in ZooKeeper, or with KRaft as long "
                       "as there is a way back", where=where, hint="see `fab kraft`")
    try:
        forward(world)
    except CannotMove as error:
        raise LabError(str(error), where=where, hint=error.hint) from error
    return WAYS[world.stage]


def _telling(drill: Outage, steps_of: StepsOf) -> Callable[[World], Sequence[Step]]:
    """The same steps, each of them an event of the drill."""
    def steps(world: World) -> Sequence[Step]:
        found = steps_of(world)
        if found:
            drill.event(STEP, found[0].value)
        return found

    return steps
