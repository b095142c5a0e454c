"""The schema registry as the lab acts on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

from lab.counted import counted
from lab.resources import ClusterState
from lab.services import leading
from lab.services.schemas import API, PORT
from lab.topology import Host
from scripts.clients.schemas import Schemas
from scripts.drivers.driver import (
    LOOK_SECONDS,
    Differences,
    Driver,
    Part,
    Report,
    Site,
    Span,
    Tell,
)
from scripts.drivers.journal import Journal
from scripts.drivers.registering import followed, prove, refused_all
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan


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
        role = ""
        if site.lab.registry.follower:
            data["part"] = part(site).value
            role = f", {part(site).value}"
        if host.name not in up:
            return Part(data, (f"{self.name} on {host.name}: does not run",))
        problems = list(Journal(site).problems())
        data["topics"] = list(problems)
        try:
            registry = schemas(site, host, LOOK_SECONDS)
            registry.ready()
            data["subjects"] = len(registry.subjects())
            problems += misplaced(site, registry)
        except LabError as error:
            problems.append(f"{self.name} on {host.name}: {error.what}")
        line = f"{site.name}: schema registry {url(site, host)}{role}"
        return Part(data, tuple(problems), lines=(line,))

    def verify(self, site: Site, report: Report) -> bool:
        held = report.check(self.name, "answers", lambda: self._answers(site))
        return held and all([
            report.check(self.name, "journal", lambda: sound(site)),
            report.check(self.name, "schemas", lambda: proven(site)),
        ])

    def spans(self, sites: Mapping[str, Site]) -> Iterator[Span]:
        lab = next(iter(sites.values())).lab
        mirror, places = leading.bridge(lab), lab.registry.places
        if mirror and {*places} <= sites.keys() and lab.registry.leader == lab.registry.at:
            yield Following(f"registry {mirror.name}", *(sites[name] for name in places))

    def obstacles(self, site: Site, plans: Mapping[str, HostPlan]) -> Iterator[LabError]:
        """A follower that was promoted from elsewhere: what the hosts are to become would let both
        registries take schemas, and give the same ids to different ones."""
        at, follower = site.lab.registry.at, site.lab.registry.follower
        told = site.name == follower and any(one.host.datacenter == at for one in plans.values())
        if follower is None or site.lab.registry.leader == follower or told:
            return
        there = site.other(follower)
        with suppress(LabError, KeyError):  # it does not run, or does not answer
            if not schemas(there, there.carriers(self.name)[0], LOOK_SECONDS).closed():
                yield LabError(
                    f"the schema registry of {follower} was promoted, which is not remembered here",
                    where=follower, hint=f"`fab registry.promote {follower}` notes it, "
                                         f"`fab registry.promote {at}` follows",
                )

    def differences(self, site: Site, wanted: ClusterState, *, there: bool) -> Differences:
        mended = Journal(site).lines() if there else ()
        if part(site) is not leading.Part.LEADS:
            answers = there and not self.silent(site, site.carriers(self.name)[0])
            return Differences(mended, at_rest=answers)
        level, now, shut = site.lab.registry.compatibility, "", False
        begin = f"schema registry of {site.name}"
        if there:
            with suppress(LabError):  # it does not answer yet
                registry = schemas(site, site.carriers(self.name)[0], LOOK_SECONDS)
                now, shut = registry.compatibility(), promoted(site) and registry.closed()
        opened = (f"~ {begin}: takes no schemas -> takes them",) if shut else ()
        if now == level:
            # It answers, so nobody has to wait for it.
            return Differences((*mended, *opened), at_rest=True)
        line = f"{begin}: compatibility"
        said = f"~ {line}: {now} -> {level}" if now else f"+ {line} {level}"
        return Differences((*mended, *opened, said))

    def reconcile(self, site: Site, wanted: ClusterState, tell: Tell) -> int:
        tell("schema registry")
        self.settled(site)  # one that has just begun does not know yet what was said of schemas
        count, level = Journal(site).mend(), site.lab.registry.compatibility
        if part(site) is not leading.Part.LEADS:
            return count
        registry = schemas(site, site.carriers(self.name)[0])
        if promoted(site) and registry.closed():
            registry.open()
            count += 1
        if registry.compatibility() == level:
            return count
        registry.ask_for(level)
        return count + 1


class Following:
    """The proof that one registry follows another, across their link."""

    def __init__(self, name: str, leader: Site, follower: Site) -> None:
        self.name, self.leader, self.follower = name, leader, follower

    def prepare(self) -> None:
        """Nothing takes time to be noticed."""

    def prove(self, report: Report) -> None:
        ends = [schemas(one, one.carriers("registry")[0]) for one in (self.leader, self.follower)]
        report.check("registry", "follows", lambda: followed(*ends))

    def forget(self) -> None:
        """It leaves nothing but a text that no client sees."""


def part(site: Site) -> leading.Part:
    """What the registry of a datacenter is for the lab."""
    return leading.part(site.lab, site.name)


def promoted(site: Site) -> bool:
    """Whether it leads in the place of the one that the lab file has for that."""
    return bool(site.lab.registry.leader == site.name != site.lab.registry.at)


def misplaced(site: Site, registry: Schemas) -> list[str]:
    """In what way a registry does not do its part, in words. Raises HttpError."""
    if not site.lab.registry.follower:
        return []
    leads, closed = part(site) is leading.Part.LEADS, registry.closed()
    if leads and closed:
        return [f"the schema registry of {site.name} is to lead, and takes no schemas; run "
                "`fab up`"]
    if not leads and not closed:
        return [f"the schema registry of {site.name} takes schemas, and that of "
                f"{site.lab.registry.leader} leads; run `fab up`"]
    return []


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
    kept = journal.look()[journal.name]
    return (f"{journal.name} has {counted(kept.records, 'record')}, "
            f"{counted(kept.replicas, 'replica')}")


def proven(site: Site) -> str:
    """That it takes schemas and refuses some, or all; what was seen. Raises LabError."""
    (host,) = site.carriers("registry")
    registry = schemas(site, host)
    return prove(registry) if part(site) is leading.Part.LEADS else refused_all(registry)
