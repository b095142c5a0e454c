"""Kafka Connect and the mirrors that run on it."""

from __future__ import annotations

import json as jsonlib
import sys
import time
from typing import Any

from invoke import Collection

from lab.services.registry import carriers
from scripts.session import Session
from scripts.tasks.cli import NARROW, lab_task


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

    Exit status 1 when one does not run.
    """
    from scripts.drivers.connect import Workers
    from scripts.drivers.driver import sites
    from scripts.workstation.screen import table

    workers = {
        one.name: carriers("connect", one, session.file.lab)
        for one in session.datacenters(session.select(datacenter, host))
    }
    instances = session.running([h.name for hosts in workers.values() for h in hosts])
    with session.fleet(instances) as fleet:
        chosen = [session.topology.datacenter(name) for name, hosts in workers.items() if hosts]
        places = sites(fleet, session.context({}, instances), chosen)
        found = fleet.each(lambda name: Workers(places[name]).states(), places)
    healthy = not any(state.problem for states in found.values() for state in states)
    if json:
        print(jsonlib.dumps({"healthy": healthy, "datacenters": [
            {"name": name, "connectors": [
                {"name": s.name, "state": s.state, "tasks": list(s.tasks), "problem": s.problem}
                for s in states
            ]} for name, states in found.items()
        ]}, indent=2))
        return 0 if healthy else 1
    table("connectors", ("datacenter", "connector", "state", "tasks", "problem"), [
        (name, s.name, s.state.lower(), ", ".join(s.tasks).lower() or "-", s.problem)
        for name, states in found.items() for s in states
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
    seconds; and the age of the last checkpoint. Exit status 1 when a mirror does not run.
    """
    from scripts.drivers.driver import sites
    from scripts.drivers.mirrors import MirrorView

    instances = session.platform.instances()
    with session.fleet(instances) as fleet:
        places = sites(fleet, session.context({}, instances), session.topology.datacenters)
        views = {
            one.name: MirrorView(one, places[one.source], places[one.target])
            for one in session.topology.config.mirrors
        }
        while True:
            found = fleet.each(lambda name: views[name].status(), views)
            healthy = not any(status.problem for status in found.values())
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
    sys.stdout.flush()


def _collection(name: str, default: Any, status: Any) -> Collection:
    """`fab NAME` sets up, `fab NAME.status` shows."""
    collection = Collection(name)
    collection.add_task(default, name="up", default=True)
    collection.add_task(status, name="status")
    return collection


CONNECT = _collection("connect", connect, connect_status)
MIRROR = _collection("mirror", mirror, mirror_status)
