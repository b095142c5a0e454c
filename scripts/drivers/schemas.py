"""The schema registry as the lab acts on it."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

from lab.counted import counted
from lab.resources import ClusterState
from lab.schemas import JOURNAL
from lab.services.schemas import API, PORT
from lab.topology import Host
from scripts.clients.schemas import Schemas
from scripts.drivers.driver import LOOK_SECONDS, Differences, Driver, Part, Report, Site, Tell
from scripts.drivers.journal import Journal
from scripts.drivers.registering import prove
from scripts.errors import LabError


class Registry(Driver):
    """It serves when it has read its journal to the end. Before that it answers, too, with what it
    has read by then."""

    # Not of the cluster, but of the registry: how compatible schemas have to be, say.
    resource_kinds = frozenset({"registry setting"})

    def silent(self, site: Site, host: Host) -> str:
        try:
            schemas(site, host, LOOK_SECONDS).ready()
        except LabError as error:
            return error.what
        return ""

    def status(self, site: Site, up: Collection[str]) -> Part:
        (host,) = site.carriers(self.name)
        data: dict[str, Any] = {"url": url(site, host), "subjects": None, "topics": []}
        if host.name not in up:
            return Part(data, (f"{self.name} on {host.name}: does not run",))
        problems = list(Journal(site).problems())
        data["topics"] = list(problems)
        try:
            registry = schemas(site, host, LOOK_SECONDS)
            registry.ready()
            data["subjects"] = len(registry.subjects())
        except LabError as error:
            problems.append(f"{self.name} on {host.name}: {error.what}")
        line = f"{site.name}: schema registry {url(site, host)}"
        return Part(data, tuple(problems), lines=(line,))

    def verify(self, site: Site, report: Report) -> bool:
        held = report.check(self.name, "answers", lambda: self._answers(site))
        return held and all([
            report.check(self.name, "journal", lambda: sound(site)),
            report.check(self.name, "schemas", lambda: proven(site)),
        ])

    def differences(self, site: Site, wanted: ClusterState, *, there: bool) -> Differences:
        level = site.lab.registry.compatibility
        begin, now = f"schema registry of {site.name}: compatibility", ""
        if there:
            with suppress(LabError):  # it does not answer yet
                now = schemas(site, site.carriers(self.name)[0], LOOK_SECONDS).compatibility()
        if now == level:  # it answers, so nobody has to wait for it
            return Differences(Journal(site).lines(), at_rest=True)
        line = f"~ {begin}: {now} -> {level}" if now else f"+ {begin} {level}"
        return Differences((*(Journal(site).lines() if there else ()), line))

    def reconcile(self, site: Site, wanted: ClusterState, tell: Tell) -> int:
        tell("schema registry")
        self.settled(site)  # one that has just begun does not know yet what was said of schemas
        count, level = Journal(site).mend(), site.lab.registry.compatibility
        registry = schemas(site, site.carriers(self.name)[0])
        if registry.compatibility() == level:
            return count
        registry.ask_for(level)
        return count + 1


def schemas(site: Site, host: Host, timeout: float = 60.0) -> Schemas:
    """The registry on a host, through SSH."""
    return Schemas(site.http(host, PORT, "registry", timeout))


def url(site: Site, host: Host) -> str:
    """Where clients on the workstation find it; where no port is published, those inside."""
    if (host.name, PORT) not in site.context.reached:
        return inside(host)
    address, port = site.context.reached[host.name, PORT]
    return f"http://{address}:{port}{API}"


def inside(host: Host) -> str:
    """Where clients on the lab's hosts find it."""
    return f"http://{host.fqdn}:{PORT}{API}"


def sound(site: Site) -> str:
    """That nothing is wrong with its topics; what the journal is. Raises LabError."""
    journal = Journal(site)
    if problems := journal.problems():
        raise LabError("; ".join(problems))
    kept = journal.look()[JOURNAL]
    return f"{JOURNAL} has {counted(kept.records, 'record')}, {counted(kept.replicas, 'replica')}"


def proven(site: Site) -> str:
    """That it takes schemas and refuses some; what was seen. Raises LabError."""
    (host,) = site.carriers("registry")
    return prove(schemas(site, host))
