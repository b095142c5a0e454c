"""What release of Kafka a cluster runs, by its processes, and whether it is finalised."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from lab import upgrade
from lab.artifacts import started
from lab.kraft import VERSION as METADATA
from lab.services.kafka import CONFIG, release
from lab.services.quorum import controllers
from lab.services.registry import SERVICES
from lab.upgrade import PROTOCOL
from scripts.clients.features import levels
from scripts.drivers.driver import Site
from scripts.errors import LabError

NAME, KEEPER = "kafka", "controller"
FINALIZE = "`fab kafka.finalize`"
# A process has its class path on its command line, and its settings since its start in its file: a
# file changes with the restart that it is for.
LOOK = """\
pid=$(systemctl show -p MainPID --value {unit})
[ "${{pid:-0}}" = 0 ] || tr '\\0' '\\n' <"/proc/$pid/cmdline" | grep '^@' || :
grep '^{protocol}=' {config} || :
"""


@dataclass(frozen=True)
class Running:
    """A cluster's brokers and controllers as they run.

    versions: of Kafka, by host. protocol: with ZooKeeper, the oldest that brokers speak; "" for
    none. levels: with KRaft, the features that are finalised; None where no controller answers.
    """

    site: Site
    versions: dict[str, str] = field(default_factory=dict)
    protocol: str = ""
    levels: upgrade.Levels | None = None

    @property
    def several(self) -> tuple[str, ...]:
        """The versions, each once, the oldest first."""
        return tuple(sorted({*self.versions.values()}, key=upgrade.order))

    @property
    def wanted(self) -> str:
        return str(self.site.datacenter.config.version)

    @property
    def left(self) -> str:
        """What is not finalised of the version that is wanted, in words; "" for nothing."""
        site = self.site
        if site.datacenter.config.led:
            return upgrade.change(upgrade.raised(self.levels, self.wanted)) \
                if self.levels is not None else ""
        own = release(site.datacenter, site.lab).protocol
        if not self.protocol or upgrade.order(self.protocol) >= upgrade.order(own):
            return ""
        return f"{PROTOCOL} {self.protocol} to {own}"

    @property
    def state(self) -> str:
        """What keeps the lab from being what its file says, and the next step; "" for nothing."""
        if self.several and self.several != (self.wanted,):
            return f"the lab file has {self.wanted}: `fab up`"
        if not self.left:
            return ""
        step = FINALIZE if self.site.lab.kafka.finalize == "by hand" else "`fab up`"
        return f"waits to be finalised ({self.left}): {step}"

    @property
    def line(self) -> str:
        """For people: "dc1: Kafka 4.3.1, metadata.version 30"."""
        parts = [f"{self.site.name}: Kafka {' and '.join(self.several)}"]
        if self.protocol:
            parts.append(f"{PROTOCOL} {self.protocol}")
        if self.levels is not None and METADATA in self.levels:
            parts.append(f"{METADATA} {self.levels[METADATA]}")
        if self.state:
            parts.append(self.state)
        return ", ".join(parts)

    def as_json(self) -> dict[str, Any]:
        return {
            "running": list(self.several), "protocol": self.protocol or None,
            "features": dict(self.levels) if self.levels is not None else None,
            "not_finalised": self.left,
        }


def running(site: Site, up: Collection[str]) -> Running:
    """What runs on those hosts of a cluster that are `up`."""
    places = {host.name: NAME for host in site.datacenter.by_role(NAME) if host.name in up}
    places |= {host.name: KEEPER for host in controllers(site.datacenter)
               if host.role != NAME and host.name in up}

    def one(name: str) -> str:
        script = LOOK.format(unit=SERVICES[places[name]].unit, protocol=PROTOCOL, config=CONFIG)
        try:
            return site.fleet[name].script(script, label="release", timeout=30).stdout
        except LabError:
            return ""

    said = site.fleet.each(one, places)
    versions = {name: version for name, text in said.items() if (version := started(text))}
    if site.datacenter.config.led:
        return Running(site, versions, levels=levels(site.quorum))
    spoken = [upgrade.spoken(said[name], version) for name, version in versions.items()]
    return Running(site, versions, min(spoken, key=upgrade.order, default=""))


def proven(site: Site) -> str:
    """That all of a cluster runs the lab file's version, and that it is finalised, unless the lab
    file leaves that to a person. Raises LabError."""
    hosts = {host.name for host in (*site.datacenter.by_role(NAME), *controllers(site.datacenter))}
    found = running(site, hosts)
    silent = sorted(hosts - found.versions.keys())
    if silent:
        raise LabError(f"{', '.join(silent)} does not tell what it runs", where=site.name)
    if site.datacenter.config.led and found.levels is None:
        raise LabError("no controller tells what is finalised", where=site.name)
    by_hand = found.several == (found.wanted,) and site.lab.kafka.finalize == "by hand"
    if found.state and not by_hand:
        raise LabError(found.state, where=site.name)
    return found.line.partition(": ")[2]
