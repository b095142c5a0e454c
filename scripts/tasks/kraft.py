"""Metadata that moves from ZooKeeper to KRaft: where it stands, on, back, and for good."""

from __future__ import annotations

import json as jsonlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from invoke import Collection

from scripts.errors import LabError, UsageError
from scripts.tasks.cli import DATACENTER, lab_task

if TYPE_CHECKING:
    from lab.migration.steps import Step
    from lab.migration.world import World
    from lab.topology import Datacenter
    from scripts.session import Session

COLUMNS = ("datacenter", "metadata", "next", "way back")
UNTIL = ("prepared", "dual-write")


@lab_task(locks=False, dry=True, help={
    "datacenter": DATACENTER, "json": "print one JSON object, for programs",
})
def status(session: Session, datacenter: str | None = None, json: bool = False) -> None:
    """Show where metadata is, what is next, and the way back.

    For datacenters whose metadata moves from ZooKeeper to KRaft: metadata = "kraft" beside
    zookeeper = N in the lab file.
    """
    from scripts.workstation.screen import table

    chosen = session.datacenters(session.select(datacenter, None))
    worlds = _worlds(session, [one for one in chosen if one.by_role("zookeeper")])
    rows = [_row(one, worlds.get(one.name)) for one in chosen]
    if json:
        print(jsonlib.dumps({"datacenters": [
            dict(zip(("name", "metadata", "next", "back"), row, strict=True))
            | _numbers(worlds.get(row[0])) for row in rows
        ]}, indent=2))
        return
    table("metadata", COLUMNS, rows, names=1)


def _worlds(session: Session, moving: Sequence[Datacenter]) -> dict[str, World]:
    """Where each of these stands. Raises LabError where a host of theirs does not run."""
    from scripts.drivers.driver import sites
    from scripts.drivers.migrating import world

    if not moving:
        return {}
    instances = session.running([host.name for one in moving for host in one.hosts])
    context = session.context({}, instances)
    up = {name for name, one in instances.items() if one.running}
    with session.fleet(instances) as fleet:
        places = sites(fleet, context, moving)
        return fleet.each(
            lambda name: world(places[name], places[name].datacenter, up), places)


def _row(datacenter: Datacenter, world: World | None) -> tuple[str, str, str, str]:
    from lab.migration.stages import Stage
    from lab.migration.steps import CannotMove, backward, final, forward
    from lab.migration.way import movable
    from lab.migration.world import told

    if world is None:
        return datacenter.name, "with KRaft", "-", "-"
    if world.fresh:
        return datacenter.name, "nothing is set up", "fab up", "-"
    if not movable(datacenter):  # it was moved for a drill that was killed, say
        away = told(world), "fab kraft.back: the lab file has it in ZooKeeper", "fab kraft.back"
        return datacenter.name, *(away if backward(world) else (told(world), "-", "-"))
    if world.stage == Stage.FINISHED:
        return datacenter.name, told(world), "-", "no"
    try:
        ahead = forward(world)
        step = (ahead or final(world))[0]
        on = f"fab kraft.{'migrate' if ahead else 'finish'}: {step.value}"
    except CannotMove as error:
        on = f"{error}: {error.hint}"
    try:
        steps = backward(world)
        back = "fab kraft.back" if steps else "-"
    except CannotMove:
        back = "no"
    return datacenter.name, told(world), on, back


def _numbers(world: World | None) -> dict[str, Any]:
    if world is None:
        return {"stage": None}
    return {
        "stage": world.stage.name.lower(), "brokers": world.brokers,
        "controllers": world.controllers, "servers": sorted(world.servers),
        "completed": world.completed,
    }


@lab_task(name="kraft.migrate", locks=True, lab_file_error=1, help={
    "datacenter": DATACENTER,
    "until": "stop there: prepared (controllers run) or dual-write (the quorum controls)",
})
def migrate(session: Session, datacenter: str | None = None, until: str = "") -> None:
    """Move metadata from ZooKeeper to KRaft, brokers in turn.

    ZooKeeper goes on and gets all that is written, so that there is a way back. Goes on with what a
    run that was killed has begun.
    """
    from lab.migration.stages import Stage
    from lab.migration.steps import forward

    if until and until not in UNTIL:
        raise UsageError(f"--until {until}", hint="accepted: " + ", ".join(UNTIL))
    goal = {"": Stage.BROKERS, "prepared": Stage.PREPARED, "dual-write": Stage.DUAL_WRITE}[until]
    _each(session, datacenter, lambda world: forward(world, goal))


@lab_task(name="kraft.back", locks=True, lab_file_error=1, help={"datacenter": DATACENTER})
def back(session: Session, datacenter: str | None = None) -> None:
    """Lead metadata back to ZooKeeper, as long as it is not finished."""
    from lab.migration.steps import backward

    _each(session, datacenter, backward, anyway=True)


@lab_task(name="kraft.finish", locks=True, lab_file_error=1, help={
    "datacenter": DATACENTER, "yes": "the lab's name, instead of typing it",
})
def finish(session: Session, datacenter: str | None = None, yes: str = "") -> None:
    """Take ZooKeeper out of it, once for all.

    Controllers restart without it, and its servers are stopped; their data stays. There is no way
    back from here.
    """
    from lab.migration.steps import final

    _each(session, datacenter, final, lambda names: _agreed(session, names, yes))


def _agreed(session: Session, names: Sequence[str], yes: str) -> None:
    """Raises UsageError unless the lab's name is given or typed."""
    lab = session.topology.lab
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("nobody here to type the lab's name", hint="give it with --yes NAME")
        yes = input(f"{', '.join(names)}: there is no way back from here. "
                    f"Type the lab's name, {lab}: ").strip()
    if yes != lab:
        raise UsageError("not the lab's name; nothing was changed", hint=f"it is {lab}")


def _each(
    session: Session, datacenter: str | None, steps_of: Callable[[World], Sequence[Step]],
    agreed: Callable[[Sequence[str]], None] | None = None, *, anyway: bool = False,
) -> None:
    """Do in one datacenter after the other what there is to do. Raises LabError before anything is
    changed where one of them cannot. `anyway`: also where the lab file has it in ZooKeeper."""
    from lab.migration.world import told
    from scripts.passages.metadata import movers, steps
    from scripts.workstation.screen import duration

    began = time.monotonic()
    moving = _moving(session, datacenter, anyway=anyway)
    found = _worlds(session, moving)
    due = [name for name, world in found.items() if steps(steps_of, world)]
    if due and agreed:
        agreed(due)
    if due:
        with movers(session, [one for one in moving if one.name in due]) as chosen:
            for name, mover in chosen.items():
                found[name] = mover.go(steps_of)
    for name, world in found.items():
        session.say(f"{name}: {told(world)}" + ("" if name in due else ", nothing to do"))
    if due:
        session.say(f"done in {duration(began)}")


def _moving(
    session: Session, datacenter: str | None, *, anyway: bool = False
) -> list[Datacenter]:
    """The datacenters that are to move. Raises LabError where none is."""
    from lab.migration.way import movable

    chosen = session.datacenters(session.select(datacenter, None))
    found = [one for one in chosen if movable(one) or (anyway and one.by_role("zookeeper"))]
    if not found or (datacenter and len(found) < len(chosen)):
        stays = next(one for one in chosen if one not in found)
        raise LabError(
            "the lab file does not move its metadata", where=stays.name,
            hint='say metadata = "kraft" beside zookeeper = N; see docs/kraft.md',
        )
    return found


KRAFT = Collection("kraft")
KRAFT.add_task(status, name="status", default=True)
for _name, _task in (("migrate", migrate), ("back", back), ("finish", finish)):
    KRAFT.add_task(_task, name=_name)
