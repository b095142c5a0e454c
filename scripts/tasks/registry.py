"""The schema registry: `fab registry`, `.status`, `.check`, `.promote`."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from invoke import Collection

from lab.counted import counted
from lab.schemas import KINDS
from lab.services.leading import NAME
from lab.services.registry import SERVICES, carriers
from scripts.errors import UsageError, stranger
from scripts.tasks.cli import confirm, lab_task
from scripts.tasks.services import task_of

if TYPE_CHECKING:
    from scripts.clients.schemas import Schemas
    from scripts.session import Session


@contextmanager
def _registry(session: Session) -> Iterator[Schemas]:
    """The registry that leads. Raises UsageError without one."""
    from scripts.drivers.driver import Site
    from scripts.drivers.schemas import schemas

    leader = _leader(session)
    datacenter = session.topology.datacenter(leader)
    instances = session.running([host.name for host in datacenter.hosts])
    with session.fleet(instances) as fleet:
        site = Site(fleet, session.context({}, instances, fleet), datacenter)
        (host,) = site.carriers(NAME)
        yield schemas(site, host)


def _leader(session: Session) -> str:
    """The datacenter whose registry leads. Raises UsageError where there is no registry."""
    leader = session.topology.config.registry.leader
    if leader is None:
        raise UsageError("this lab has no schema registry",
                         hint='with [registry] at = "DATACENTER" in the lab file it has one')
    return leader


@lab_task(locks=False, dry=True, name="registry.status", help={
    "json": "print one JSON object, for programs",
})
def status(session: Session, json: bool = False) -> int:
    """Show subjects, what keeps them, who leads and who follows.

    Also writes a text into the journal that no client sees, and waits until it has come back, and
    to the follower. Exit status 1 when a registry does not answer or does not do its part, when
    that does not come back, or when something is wrong with its topics.
    """
    from scripts.drivers.driver import sites
    from scripts.drivers.following import look
    from scripts.workstation.screen import table

    leader = _leader(session)
    lab = session.topology.config
    hosts = [host for name in lab.registry.places
             for host in carriers(NAME, session.topology.datacenter(name), lab)]
    if lab.registry.follower:  # one of them may be gone, and the other one tells of it
        instances = session.platform.instances()
    else:
        instances = session.running([host.name for host in hosts])
    with session.fleet(instances) as fleet:
        places = sites(fleet, session.context({}, instances, fleet), session.topology.datacenters)
        running = [host.name for host in hosts
                   if host.name in instances and instances[host.name].running]
        down = {host.name: "does not run" for host in hosts if host.name not in running}
        down |= {name: error.what for name, error in fleet.closed(running).items()}
        found = look(places, down)
    problems = [f"{one.datacenter}: {text}" for one in found for text in one.problems]
    first = found[0]
    if json:
        # What leads stands for the whole: clients ask it, and there may be no other.
        print(jsonlib.dumps({
            **first.as_json(), "healthy": not problems, "problems": problems, "leader": leader,
            "registries": [one.as_json() for one in found],
        }, indent=2))
        return 1 if problems else 0
    told = next((one for one in found if one.subjects or one.level), first)
    table("subjects", ("subject", "type", "versions", "newest id", "compatibility"), [
        (one.name, one.kind, ", ".join(map(str, one.versions)), str(one.id), one.compatibility)
        for one in told.subjects
    ])
    for one in found:
        print(f"{one.datacenter}: {one.host.name}, {one.workstation} from here, {one.inside} "
              "inside")
        if one.kept:
            print(f"{one.datacenter}: kept in {one.name}: {counted(one.kept.records, 'record')}, "
                  f"{one.kept.in_sync} of {counted(one.kept.replicas, 'replica')} in sync")
        if one.level:
            print(f"{one.datacenter}: {one.line(leader)}")
    for text in problems:
        print(f"problem: {text}")
    return 1 if problems else 0


@lab_task(locks=True, name="registry.promote", help={
    "datacenter": "the datacenter whose registry is to lead", "yes": "do not ask",
})
def promote(session: Session, datacenter: str, yes: bool = False) -> None:
    """Let the schema registry of DATACENTER lead.

    The follower takes schemas from then on, also where the other one is gone; `fab
    registry.promote` of the lab file's own leader brings the lead home, with what was registered
    meanwhile.
    """
    from scripts.operations import promoting

    promoting.promote(session, datacenter, lambda question: confirm(
        question, yes=yes, whether="changes may be left behind", undone="nothing was done",
    ))


@lab_task(locks=False, dry=True, name="registry.check", help={
    "subject": "the subject, TOPIC-value for the values of a topic",
    "file": "the schema: .avsc is Avro, .json JSON Schema, .proto Protobuf",
})
def check(session: Session, subject: str, file: str) -> int:
    """Tell whether a schema may be SUBJECT's next version.

    Nothing is registered. Exit status 0 when it may, 1 when it may not.
    """
    from scripts.clients.http import HttpError
    from scripts.clients.schemas import ODD

    path = Path(file)
    kind = KINDS.get(path.suffix)
    if kind is None:
        raise UsageError(f"{file}: what kind of schema is it?",
                         hint=f"accepted: a name that ends in {', '.join(KINDS)}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise UsageError(f"{file}: {reason}") from error
    with _registry(session) as registry:
        registry.ready()
        known = registry.subjects()
        if subject not in known:
            raise stranger("subject", subject, "the registry", known)
        level = registry.compatibility(subject)
        try:
            found = registry.judge(subject, text, kind)
        except HttpError as error:
            if error.status == ODD:
                raise UsageError(f"{file}: {error.what}", hint=f"it is read as {kind}") from error
            raise
    if found.compatible:
        print(f"{subject}: compatible ({level})")
        return 0
    for reason in found.reasons or ("no reason given",):
        print(f"{subject}: not compatible ({level}): {reason}")
    return 1


REGISTRY = Collection(NAME)
REGISTRY.add_task(task_of(SERVICES[NAME]), name="up", default=True)
REGISTRY.add_task(status, name="status")
REGISTRY.add_task(check, name="check")
REGISTRY.add_task(promote, name="promote")
