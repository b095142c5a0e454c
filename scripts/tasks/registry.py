"""The schema registry: `fab registry`, `.status`, `.check`."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from invoke import Collection

from lab.counted import counted
from lab.schemas import JOURNAL, KINDS, Subject
from lab.services.registry import SERVICES
from lab.services.schemas import NAME
from scripts.errors import LabError, UsageError, stranger
from scripts.tasks.cli import lab_task
from scripts.tasks.services import task_of

if TYPE_CHECKING:
    from scripts.clients.schemas import Schemas
    from scripts.drivers.driver import Site
    from scripts.session import Session


@contextmanager
def _registry(session: Session) -> Iterator[tuple[Site, Schemas]]:
    """The datacenter that has the registry, and the registry. Raises UsageError without one."""
    from scripts.drivers.driver import Site
    from scripts.drivers.schemas import schemas

    at = session.file.lab.registry.at
    if at is None:
        raise UsageError("this lab has no schema registry",
                         hint='with [registry] at = "DATACENTER" in the lab file it has one')
    datacenter = session.topology.datacenter(at)
    instances = session.running([host.name for host in datacenter.hosts])
    with session.fleet(instances) as fleet:
        site = Site(fleet, session.context({}, instances), datacenter)
        (host,) = site.carriers(NAME)
        yield site, schemas(site, host)


@lab_task(locks=False, dry=True, name="registry.status", help={
    "json": "print one JSON object, for programs",
})
def status(session: Session, json: bool = False) -> int:
    """Show subjects, versions, and what keeps them.

    Also writes a text into the journal that no client sees, and waits until it has come back. Exit
    status 1 when the registry does not answer, when that does not come back, or when something is
    wrong with its topics.
    """
    from scripts.drivers.journal import Journal
    from scripts.drivers.registering import progress
    from scripts.drivers.schemas import inside, url
    from scripts.workstation.screen import table

    with _registry(session) as (site, registry):
        (host,) = site.carriers(NAME)
        journal = Journal(site)
        problems, level = list(journal.problems()), ""
        subjects: tuple[Subject, ...] = ()
        took: float | None = None
        try:
            registry.ready()
            subjects, level = registry.all(), registry.compatibility()
            took = progress(registry)
        except LabError as error:
            problems.append(str(error))
        kept = journal.found().get(JOURNAL)
        urls = {"workstation": url(site, host), "inside": inside(host)}
    if json:
        print(jsonlib.dumps({
            "healthy": not problems, "problems": problems, "datacenter": site.name,
            "host": host.name, "urls": urls, "compatibility": level,
            "seconds": None if took is None else round(took, 3),
            "topic": {"name": JOURNAL, "records": kept.records, "replicas": kept.replicas,
                      "in_sync": kept.in_sync} if kept else None,
            "subjects": [{"name": one.name, "versions": list(one.versions), "id": one.id,
                          "type": one.kind, "compatibility": one.compatibility}
                         for one in subjects],
        }, indent=2))
        return 1 if problems else 0
    table("subjects", ("subject", "type", "versions", "newest id", "compatibility"), [
        (one.name, one.kind, ", ".join(map(str, one.versions)), str(one.id), one.compatibility)
        for one in subjects
    ])
    print(f"{site.name}: {host.name}, {urls['workstation']} from here, {urls['inside']} inside")
    if kept:
        print(f"{site.name}: kept in {JOURNAL}: {counted(kept.records, 'record')}, "
              f"{kept.in_sync} of {counted(kept.replicas, 'replica')} in sync")
    if took is not None:
        print(f"{site.name}: {level} where nothing else is said; a change is back in {took:.2f} s")
    for text in problems:
        print(f"problem: {site.name}: {text}")
    return 1 if problems else 0


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
    with _registry(session) as (_, registry):
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
