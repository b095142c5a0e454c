"""Kafka Connect and the mirrors that run on it."""

from __future__ import annotations

import json as jsonlib
import sys
import time
from typing import TYPE_CHECKING, Any

from invoke import Collection

from lab.counted import counted
from lab.services.registry import carriers
from scripts.errors import UsageError
from scripts.tasks.cli import NARROW, confirm, lab_task

if TYPE_CHECKING:
    from scripts.session import Session


def _plan(session: Session, datacenter: str | None = None, host: str | None = None) -> None:
    """What a dry run of `connect` and of `mirror` does."""
    from scripts.operations.plan import show

    show(session, session.select(datacenter, host), ("connect",))


@lab_task(locks=True, help=NARROW, dry=_plan)
def connect(session: Session, datacenter: str | None = None, host: str | None = None) -> None:
    """Set up Kafka Connect and its connectors."""
    from scripts.operations.up import converge_existing

    converge_existing(session, session.select(datacenter, host), ("connect",))


@lab_task(locks=False, dry=True, help={**NARROW, "json": "print one JSON object, for programs"})
def connect_status(
    session: Session, datacenter: str | None = None, host: str | None = None, json: bool = False
) -> int:
    """Show workers' connectors and tasks.

    For each sink, how many records wait for it. Exit status 1 when one does not run.
    """
    from scripts.drivers.asked import Seen, seen
    from scripts.drivers.driver import sites
    from scripts.workstation.screen import table

    workers = {
        one.name: carriers("connect", one, session.file.lab)
        for one in session.datacenters(session.select(datacenter, host))
    }
    instances = session.running([h.name for hosts in workers.values() for h in hosts])
    with session.fleet(instances) as fleet:
        chosen = [session.topology.datacenter(name) for name, hosts in workers.items() if hosts]
        places = sites(fleet, session.context({}, instances, fleet), chosen)
        found: dict[str, list[Seen]] = fleet.each(lambda name: seen(places[name]), places)
    healthy = not any(one.state.problem for several in found.values() for one in several)
    if json:
        print(jsonlib.dumps({"healthy": healthy, "datacenters": [
            {"name": name, "connectors": [one.as_json() for one in several]}
            for name, several in found.items()
        ]}, indent=2))
        return 0 if healthy else 1
    columns = ("datacenter", "connector", "kind", "state", "tasks", "waiting", "problem")
    table("connectors", columns, [
        (name, one.state.name, one.state.kind, one.state.state.lower(),
         ", ".join(one.state.tasks).lower() or "-", one.waiting, one.state.problem)
        for name, several in found.items() for one in several
    ])
    return 0 if healthy else 1


@lab_task(locks=True, help=NARROW, dry=_plan)
def mirror(session: Session, datacenter: str | None = None, host: str | None = None) -> None:
    """Set up the mirrors that lead to a datacenter."""
    from scripts.operations.up import converge_existing

    converge_existing(session, session.select(datacenter, host), ("connect",))


@lab_task(locks=False, dry=True, help={
    "json": "print one JSON object, for programs", "watch": "print anew every second",
})
def mirror_status(session: Session, json: bool = False, watch: bool = False) -> int:
    """Show how far each mirror is behind.

    Per mirror, topic and partition: the source's end, the mirrored offset, the lag in records and
    seconds; topics that wait, are gone, were made anew or never cross, and copies that lack or mix
    records; the age of the last checkpoint; and groups that have no offset in the target or one
    that is far behind. Exit status 1 when a mirror does not run or does not move, when it holds a
    topic back, a copy lacks or mixes records, or a group would skip some.
    """
    from scripts.drivers.driver import sites
    from scripts.drivers.mirrors import MirrorView

    instances = session.platform.instances()
    with session.fleet(instances) as fleet:
        places = sites(fleet, session.context({}, instances, fleet), session.topology.datacenters)
        views = {
            one.name: MirrorView(one, places[one.source], places[one.target], lasting=watch)
            for one in session.topology.config.mirrors
        }
        # Who watches sees each look at once; what is wrong for long enough comes to be told.
        before = {name: (view.patience(), view.progress()) if watch else ()
                  for name, view in views.items()}
        while True:
            found = fleet.each(lambda name: views[name].status(*before[name]), views)
            healthy = all(status.healthy for status in found.values())
            if json:
                print(jsonlib.dumps({
                    "healthy": healthy, "mirrors": [one.as_json() for one in found.values()],
                }, indent=None if watch else 2), flush=True)
            else:
                _show(list(found.values()))
            if not watch:
                return 0 if healthy else 1
            time.sleep(1)  # what --watch asks for: one look a second


def _show(found: list) -> None:  # type: ignore[type-arg]
    from scripts.workstation.screen import table

    columns = ("mirror", "topic", "partition", "source end", "mirrored", "lag", "seconds")
    table("mirrors", columns, [
        (status.name, one.topic, str(one.partition), str(one.source_end), str(one.mirrored),
         str(one.records), f"{one.seconds:.1f}")
        for status in found for one in status.partitions
    ])
    for status in found:
        age = "none yet" if status.checkpoint_age is None else f"{status.checkpoint_age:.1f} s old"
        print(f"{status.name}: {status.problem or 'running'}, last checkpoint {age}")
        for note in (*status.notes, *status.topics.notes):
            print(f"{status.name}: note: {note}")
        for line in (*status.topics.faults, *status.group_lines()):
            print(f"{status.name}: {line}")
        if status.groups:
            print(f"{status.name}: run `fab mirror.offsets --mirror {status.name}`")
    sys.stdout.flush()


@lab_task(name="mirror.offsets", locks=True, help={
    "mirror": "the mirror (dc1-to-dc2)", "group": "only this group", "yes": "do not ask",
})
def mirror_offsets(
    session: Session, mirror: str = "", group: str = "", yes: bool = False
) -> int:
    """Find groups' offsets in the copies, and commit them.

    By the records themselves: the first copy of the first record that a group has not read. Exit
    status 1 when there is a partition of which that cannot be proven, or a group with members.
    """
    from contextlib import closing

    from scripts.drivers.driver import sites
    from scripts.drivers.mirrors import MirrorView

    chosen = next((one for one in session.topology.config.mirrors if one.name == mirror), None)
    if chosen is None:
        known = ", ".join(one.name for one in session.topology.config.mirrors) or "none"
        raise UsageError("--mirror has to name a mirror", hint=f"known: {known}")
    instances = session.platform.instances()
    with session.fleet(instances) as fleet:
        places = sites(fleet, session.context({}, instances, fleet), session.topology.datacenters)
        view = MirrorView(chosen, places[chosen.source], places[chosen.target])
        with closing(view.groups()) as groups:
            names = groups.names()
            if group and group not in names:
                raise UsageError(
                    f"no group {group} in {chosen.source} whose offsets {mirror} translates",
                    hint=f"known: {', '.join(names) or 'none'}",
                )
            found = groups.placed([group] if group else names)
            ready = [one for one in found if not one.in_order and not one.refusal(chosen.target)]
            _show_offsets(found, chosen.target)
            if ready:
                confirm(
                    f"Commit {counted(len(ready), 'offset')} in {chosen.target}?", yes=yes,
                    whether="offsets may be committed", undone="nothing was committed",
                )
                done = groups.commit(ready)
                session.say(f"{counted(len(done), 'offset')} committed in {chosen.target}")
            else:
                session.say("nothing to commit")
    return 1 if any(one.refusal(chosen.target) for one in found) else 0


def _show_offsets(found: list, target: str) -> None:  # type: ignore[type-arg]
    from scripts.workstation.screen import table

    def number(offset: int | None) -> str:
        return "-" if offset is None else str(offset)

    columns = ("group", "topic", "partition", "committed", f"in {target}", "found", "")
    table("offsets", columns, [
        (one.place.group, one.place.topic, str(one.place.partition), str(one.committed),
         number(one.offset), number(one.spot.offset if one.spot else None),
         one.refusal(target) or ("in order" if one.in_order else "to commit"))
        for one in found
    ])
    sys.stdout.flush()


def _collection(name: str, default: Any, status: Any, *more: Any) -> Collection:
    """`fab NAME` sets up, `fab NAME.status` shows."""
    collection = Collection(name)
    collection.add_task(default, name="up", default=True)
    collection.add_task(status, name="status")
    for name_of, one in more:
        collection.add_task(one, name=name_of)
    return collection


CONNECT = _collection("connect", connect, connect_status)
MIRROR = _collection("mirror", mirror, mirror_status, ("offsets", mirror_offsets))
