"""Steps of a migration as a run does them: each by what is there, and none twice in vain."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from lab.migration.stages import Stage
from lab.migration.steps import CannotMove, Step, backward, forward
from lab.migration.way import Way, clean
from lab.migration.world import World
from lab.services.local import local_context
from scripts.clients.quorum import Described, QuorumView
from scripts.drivers import migrating
from scripts.drivers.driver import Driver, Site
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan
from scripts.passages import metadata, passage
from scripts.passages.metadata import Mover, steps
from tests.fakes import FakeFleet
from tests.lab.test_migration import BROKERS, DATACENTER, HOSTS, topology, world

NOBODY: Any = None


@dataclass(frozen=True)
class Told(Mover):
    """Looks at what it is told, one after the other, and notes what it does."""

    worlds: Sequence[World] = ()
    did: Callable[[object], None] = print

    def look(self) -> World:
        found = list(self.worlds)
        object.__setattr__(self, "worlds", found[1:] or found)
        return found[0]

    def work(self, step: Step) -> None:
        self.did(step)

    def _set_up(self, site: Site, only: Sequence[str], role: str) -> None:
        self.did((tuple(only), role, site.datacenter.config.led))


def told(*worlds: World, did: list[object]) -> Told:
    context = local_context(topology(), {})
    site = Site(FakeFleet([]), context, context.topology.datacenters[0])
    return Told(site, NOBODY, NOBODY, (), lambda line: None, worlds=worlds, did=did.append)


def test_what_is_next_is_looked_at_after_each_step() -> None:
    did: list[object] = []
    stages = [world(stage) for stage in list(Stage)[:4]]
    end = told(*stages, did=did).go(forward)
    assert end.stage == Stage.BROKERS
    assert did == [Step.PREPARE, Step.DUAL_WRITE, Step.BROKERS, (("control",), "control", True)]


def test_a_step_that_changes_nothing_is_not_done_for_ever() -> None:
    did: list[object] = []
    with pytest.raises(LabError, match="d: start controllers beside ZooKeeper: done, and yet not"):
        told(world(Stage.ZOOKEEPER), did=did).go(forward)
    assert did == [Step.PREPARE]


def test_what_cannot_be_is_told_with_the_way_out() -> None:
    with pytest.raises(LabError, match=r"^d: there is no way back: .* \(`fab status`"):
        steps(backward, world(Stage.FINISHED))
    with pytest.raises(CannotMove):
        backward(world(Stage.FINISHED))


class Quorum:
    """Three controllers, of whom the second leads."""

    def __init__(self, committed: int) -> None:
        self.view = QuorumView(HOSTS[1], (HOSTS[0], HOSTS[2]), (),
                               Described(3002, 4, committed, {}, {}))

    def ask(self) -> QuorumView:
        return self.view


@pytest.mark.parametrize("leads", [True, False])
def test_the_leader_is_ended_last_once_zookeeper_has_what_it_has(
    monkeypatch: pytest.MonkeyPatch, leads: bool
) -> None:
    did: list[object] = []
    mover, quorum = told(world(Stage.DUAL_WRITE), did=did), Quorum(71)
    if not leads:
        quorum.view = QuorumView(silent=tuple(HOSTS))
    monkeypatch.setattr(Site, "quorum", quorum)
    copied = iter((68, 69, 70))

    class Session:
        def __enter__(self) -> Session:
            return self

        def __exit__(self, *_: object) -> None: ...

    def words(session: object) -> migrating.Words:
        did.append("looked")
        epoch = {"kraftControllerEpoch": 4}
        return migrating.Words(epoch, 2, 1, {"kraft_metadata_offset": next(copied)}, "id")

    monkeypatch.setattr(migrating, "ask", lambda site: Session())
    monkeypatch.setattr(migrating, "words", words)
    monkeypatch.setattr(metadata, "LOOK_PAUSE", 0)
    monkeypatch.setattr(Told, "_end", lambda self, names: did.append(list(names)))
    mover._stop()
    if leads:
        assert did == [[HOSTS[0], HOSTS[2]], "looked", "looked", "looked", [HOSTS[1]]]
    else:
        assert did == [HOSTS]


def test_brokers_are_rolled_to_what_a_stage_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the services' own settings, and by the driver that looks after the service."""
    did: list[object] = []
    mover = told(world(Stage.DUAL_WRITE), did=did)

    def survey(fleet: object, hosts: Sequence[Any], context: Any, only: Sequence[str],
               progress: object) -> Mapping[str, HostPlan]:
        config = context.topology.datacenters[0].config
        assert list(only) == ["kafka"] and [host.name for host in hosts] == BROKERS
        did.append({config.keeps(host.name) for host in hosts})
        return {host.name: HostPlan(host, ()) for host in hosts}

    def restart(drivers: Iterable[Driver], site: Site, *_: object) -> int:
        did.extend((driver.name, site.datacenter.config.led) for driver in drivers)
        return 0

    monkeypatch.setattr(passage, "survey", survey)
    monkeypatch.setattr(passage, "converge", lambda *_: did.append("converged"))
    monkeypatch.setattr(passage, "restart_all", restart)
    way: Way = clean(DATACENTER, Stage.BROKERS)
    Mover._set_up(mover, mover._at(way), ("kafka",), "kafka")
    assert did == [{"kraft"}, "converged", ("kafka", True)]
    did.clear()
    Mover._set_up(mover, mover._at(replace(way, taken=False)), ("kafka",), "kafka")
    assert did[-1] == ("kafka", False)
