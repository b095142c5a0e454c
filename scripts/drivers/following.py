"""Schema registries as one looks at them: what each knows, what keeps it, who leads and who follows
how far behind."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from lab.counted import counted
from lab.schemas import JOURNAL, Subject
from lab.services import leading
from lab.services.leading import NAME, Part, bridge
from lab.topology import Host
from scripts.clients.partitions import Partitions
from scripts.drivers.driver import Site
from scripts.drivers.journal import Journal, Kept
from scripts.drivers.registering import crossed, progress
from scripts.drivers.schemas import inside, misplaced, schemas, url
from scripts.drivers.workers import Workers
from scripts.errors import LabError


@dataclass(frozen=True)
class Seen:
    """One registry. took: seconds that a change took to its journal and back, or from the leader to
    the follower; None where it did not come. behind: records of the leader's journal that the
    follower's lacks; None where nobody can tell, or nothing follows."""

    datacenter: str
    host: Host
    part: Part
    workstation: str
    inside: str
    name: str
    kept: Kept | None = None
    subjects: tuple[Subject, ...] = ()
    level: str = ""
    took: float | None = None
    behind: int | None = None
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What there is to say of it, in plain types."""
        return {
            "datacenter": self.datacenter, "host": self.host.name, "part": self.part.value,
            "urls": {"workstation": self.workstation, "inside": self.inside},
            "compatibility": self.level,
            "seconds": None if self.took is None else round(self.took, 3), "behind": self.behind,
            "topic": {"name": self.name, "records": self.kept.records,
                      "replicas": self.kept.replicas, "in_sync": self.kept.in_sync}
            if self.kept else None,
            "subjects": [{"name": one.name, "versions": list(one.versions), "id": one.id,
                          "type": one.kind, "compatibility": one.compatibility}
                         for one in self.subjects],
            "problems": list(self.problems),
        }

    def line(self, leader: str) -> str:
        """How it does its part, in words."""
        if self.part is Part.LEADS:
            if self.took is None:
                return f"leads: {self.level} where nothing else is said" if self.level else "leads"
            return (f"leads: {self.level} where nothing else is said; a change is back in "
                    f"{self.took:.2f} s")
        if self.part is Part.ASIDE:
            return f"stands aside, with what it knew when {leader} was promoted"
        behind = "" if self.behind is None else f", {counted(self.behind, 'record')} behind"
        took = "" if self.took is None else f"; a change is across in {self.took:.2f} s"
        return f"follows {leader}{behind}{took}"


def look(sites: Mapping[str, Site], down: Mapping[str, str]) -> tuple[Seen, ...]:
    """All registries of a lab, the leader first; also writes a text into the leader's journal that
    no client sees. down: why hosts cannot be asked, by name."""
    lab = next(iter(sites.values())).lab
    leader = str(lab.registry.leader)
    names = sorted(lab.registry.places, key=lambda name: name != leader)
    return tuple(_seen(sites, name, down) for name in names)


def _seen(sites: Mapping[str, Site], name: str, down: Mapping[str, str]) -> Seen:
    site = sites[name]
    (host,) = site.carriers(NAME)
    journal, part = Journal(site), leading.part(site.lab, name)
    known: dict[str, Any] = {
        "datacenter": name, "host": host, "part": part, "name": journal.name,
        "workstation": url(site, host), "inside": inside(host),
    }
    if host.name in down:
        return Seen(**known, problems=(f"{NAME} on {host.name}: {down[host.name]}",))
    problems = list(journal.problems())
    found: dict[str, Any] = {"kept": journal.found().get(journal.name)}
    try:
        registry = schemas(site, host)
        registry.ready()
        found |= {"subjects": registry.all(), "level": registry.compatibility()}
        problems += misplaced(site, registry)
        found |= _moves(sites, site, part)
    except LabError as error:
        problems.append(str(error))
    return Seen(**known, **found, problems=tuple(problems))


def _moves(sites: Mapping[str, Site], site: Site, part: Part) -> dict[str, Any]:
    """What comes back, or across. Raises LabError."""
    registry = schemas(site, site.carriers(NAME)[0])
    if part is Part.LEADS:
        return {"took": progress(registry)} if not _closed(site) else {}
    if part is Part.ASIDE:
        return {}
    leader = sites[str(site.lab.registry.leader)]
    first = schemas(leader, leader.carriers(NAME)[0])
    return {"behind": _behind(leader, site), "took": crossed(first, registry)}


def _closed(site: Site) -> bool:
    """Whether a leader takes nothing, which is told as a problem. Raises LabError."""
    return bool(site.lab.registry.follower) and schemas(site, site.carriers(NAME)[0]).closed()


def _behind(leader: Site, follower: Site) -> int:
    """Records of the leader's journal that were not copied yet. Raises LabError."""
    mirror, at = bridge(leader.lab), (JOURNAL, 0)
    if mirror is None:
        raise LabError(f"nothing is mirrored from {leader.name} to {follower.name}")
    with closing(Partitions(leader.kafka.endpoint, leader.name, committed=True)) as there:
        end = there.ends([at]).get(at, 0)
    return max(0, end - Workers(follower).position(mirror)().get(at, 0))
