"""The contract of a service: everything that the rest of the lab may ask about it.

A service is one module here and one line in `registry.SERVICES`; where "restart it and wait for its
port" is not enough, it also has a driver (scripts/drivers). See docs/extending.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from lab.artifacts import Artifact
from lab.problems import Problem
from lab.resources import ClusterState
from lab.services.context import Context
from lab.state import File, HostState
from lab.topology import Datacenter, Host

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab

Task = Literal["own", "among", "none"]
PORTS_EACH = 10  # of the workstation's, for a published port: one a host, by its number


@dataclass(frozen=True)
class Port:
    """A port that a service listens on.

    scheme: what is spoken there ("tcp", "http"). metrics: the path that Prometheus scrapes, "" for
    none. published: where the workstation reaches it locally, as a group of ten ports (0 is the
    first group from a datacenter's base + 800); None for a port that only hosts of the lab reach.
    beside_ssh: published as so many ports after the host's SSH, for roles of more than ten hosts.
    """

    number: int
    name: str = "main"
    scheme: str = "tcp"
    published: int | None = None
    beside_ssh: int | None = None
    metrics: str = ""


@dataclass(frozen=True)
class Extension:
    """What one service adds to the JVM of another: options, and the files that these need.

    `artifacts`: the software that the options name.
    """

    options: tuple[str, ...] = ()
    files: Mapping[str, File] = field(default_factory=dict)
    artifacts: tuple[Artifact, ...] = ()


class Process(Protocol):
    """A process that systemd keeps running: `lab.services.java.Java`, `lab.services.daemon.Daemon`.
    """

    @property
    def name(self) -> str:
        """Its unit is NAME.service."""

    def state(self, context: Context, extension: Extension) -> HostState:
        """The unit, its configuration, the directory that it alone writes, its user."""


def always(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    return True


def no_files(host: Host, context: Context) -> HostState:
    return {}


def no_artifacts(lab: Lab, datacenter: DatacenterConfig) -> tuple[Artifact, ...]:
    return ()


def no_packages(lab: Lab) -> tuple[str, ...]:
    return ()


def no_memory(lab: Lab) -> int:
    return 0


def nothing_added(service: str, host: Host, context: Context) -> Extension:
    return Extension()


def no_resources(datacenter: Datacenter, context: Context) -> ClusterState:
    return {}


def no_findings(lab: Lab) -> Iterable[Problem]:
    return ()


@dataclass(frozen=True)
class Service:
    """One service.

    name: what `fab NAME` sets up, the name of its unit and of its driver.
    summary: one line for `fab --list`.
    roles: the kinds of host that may have it.
    wanted: whether hosts of a role have it in a datacenter; where they do not, a process that still
        runs from earlier is stopped.
    within: whether a datacenter has it, where that is not whether a host there has it.
    desired: its files and settings besides those of its process.
    process: what runs; None for a service that is only files.
    ports: what the process listens on; the first one shows that it is up. shows: which one does,
        where it is not always that one.
    needs: services that it cannot work without. They are converged with it, and before it.
    artifacts, packages: software that it needs (lab.artifacts, lab.packages); of artifacts a
        datacenter may have its own versions. asked: packages that
        the lab file asks it for.
    memory_mb: resident size of the process at work, including what a JVM needs besides its heap.
    extends: what it adds to the JVM of another service on the same host.
    resources: what it needs in a datacenter's cluster: connectors, topics.
    check: what is wrong with its settings. advise: what is allowed, but unwise.
    task: whether `fab NAME` is a task that sets it up, or one of several tasks on it, "among"
        which it is the first; "none" where `fab up` or tasks of other names do.
    """

    name: str
    summary: str
    roles: tuple[str, ...]
    wanted: Callable[[Lab, DatacenterConfig, str], bool] = always
    within: Callable[[Lab, Datacenter], bool] | None = None
    desired: Callable[[Host, Context], HostState] = no_files
    process: Callable[[Host, Context], Process] | None = None
    ports: tuple[Port, ...] = ()
    shows: Callable[[Host, Context], Port] | None = None
    needs: tuple[str, ...] = ()
    artifacts: Callable[[Lab, DatacenterConfig], tuple[Artifact, ...]] = no_artifacts
    packages: tuple[str, ...] = ()
    asked: Callable[[Lab], tuple[str, ...]] = no_packages
    memory_mb: Callable[[Lab], int] = no_memory
    extends: Callable[[str, Host, Context], Extension] = nothing_added
    resources: Callable[[Datacenter, Context], ClusterState] = no_resources
    check: Callable[[Lab], Iterable[Problem]] = no_findings
    advise: Callable[[Lab], Iterable[Problem]] = no_findings
    task: Task = "own"

    @property
    def unit(self) -> str | None:
        """What systemd calls its process; None where there is none."""
        return f"{self.name}.service" if self.process else None

    @property
    def port(self) -> Port | None:
        """The port that shows it to be up; None for a service of files alone."""
        return self.ports[0] if self.ports else None

    def port_on(self, host: Host, context: Context) -> Port | None:
        """The port that shows it to be up on a host, as the lab is now."""
        return self.shows(host, context) if self.shows else self.port

    def software(self, lab: Lab) -> tuple[str, ...]:
        """All packages that a host needs for it, by the lab's own names."""
        return (*self.packages, *self.asked(lab))

    def on(self, host: Host, datacenter: Datacenter, lab: Lab) -> bool:
        """Whether a host has it."""
        return host.role in self.roles and self.wanted(lab, datacenter.config, host.role)

    def concerns(self, datacenter: Datacenter, lab: Lab) -> bool:
        """Whether a datacenter has it."""
        if self.within:
            return self.within(lab, datacenter)
        return any(self.on(host, datacenter, lab) for host in datacenter.hosts)
