"""What every task begins with: the lab file, its topology, its platform and its state folder."""

from __future__ import annotations

import contextlib
import difflib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lab.artifacts import Artifact
from lab.file import LabFile, load
from lab.problems import Problem
from lab.services.context import Context
from lab.services.registry import artifacts
from lab.topology import SSH_PORT, Datacenter, Host, Topology, build
from scripts.errors import HostKeyError, LabError, UsageError
from scripts.hosts.fleet import Fleet
from scripts.platforms import UP, Instance, Platform
from scripts.workstation import paths

if TYPE_CHECKING:
    from scripts.software.obtain import Obtained

PLATFORMS = ("local", "aws")


def say_now(line: str) -> None:
    """Print a line at once, also where somebody reads along through a pipe."""
    print(line, flush=True)


class Session:
    """One lab, as the file named by LAB (or ./lab.toml) describes it."""

    def __init__(self, say: Callable[[str], None] = say_now) -> None:
        path = Path(os.environ.get("LAB") or "lab.toml")
        self.file: LabFile = load(path)
        self.topology: Topology = build(self.file.lab)
        self.say = say
        self._warned: set[Problem] = set()

    @cached_property
    def state(self) -> Path:
        return paths.state_dir(self.topology.lab)

    @cached_property
    def platform_name(self) -> str:
        """`local`, or what LAB_PLATFORM names."""
        name = os.environ.get("LAB_PLATFORM") or "local"
        if name not in PLATFORMS:
            raise UsageError(f"LAB_PLATFORM={name}", hint="accepted: " + ", ".join(PLATFORMS))
        return name

    @cached_property
    def platform(self) -> Platform:
        """The platform; only its own modules are loaded."""
        if self.platform_name == "aws":
            from scripts.platforms.aws import Aws  # noqa: PLC0415 - boto3

            return Aws(self.file, self.topology, state=self.state, say=self.say)
        from scripts.platforms import local  # noqa: PLC0415 - boto3
        from scripts.platforms.local import engine  # noqa: PLC0415 - boto3

        return local.Local(
            self.topology, engine=engine.find(say=self.say), state=self.state, say=self.say,
            prebuilt=os.environ.get("LAB_PREBUILT", "1") != "0",
        )

    def software(self) -> dict[Artifact, Obtained]:
        """Every artifact of the lab, fetched if this machine does not have it."""
        from scripts.software.obtain import obtain  # noqa: PLC0415 - status needs none of it

        return {one: obtain(one, say=self.say) for one in artifacts(self.topology)}

    def peek_software(self) -> dict[Artifact, Obtained]:
        """The artifacts that this machine has; fetches nothing."""
        from scripts.software.obtain import obtain  # noqa: PLC0415 - tarfile

        found = {}
        for one in artifacts(self.topology):
            with contextlib.suppress(LabError):
                found[one] = obtain(one, sources=["cache"], say=lambda line: None)
        return found

    def context(
        self, software: Mapping[Artifact, Obtained], instances: Mapping[str, Instance]
    ) -> Context:
        """What the services have to know; an artifact that is not in `software` has no digest."""
        digests = {artifact.folder: one.sha256 for artifact, one in software.items()}
        return self.platform.context(digests, instances)

    def fleet(self, instances: dict[str, Instance]) -> Fleet:
        return Fleet(instances, self.platform.key_file, self.platform.steps.silent)

    def running(self, names: Iterable[str]) -> dict[str, Instance]:
        """All hosts as they are. Raises LabError when one of `names` is not there and running."""
        instances = self.platform.instances()
        for name in names:
            if name not in instances:
                raise LabError("does not exist", where=name, hint=self.platform.steps.absent)
            if not instances[name].running:
                raise LabError("is stopped", where=name, hint=self.platform.steps.stopped)
        return instances

    def ssh_command(self, host: str, *, batch: bool = False) -> list[str]:
        """The OpenSSH command line to `host`, which accepts the platform's key and no other."""
        chosen = self.select(None, host)[0]
        instance = self.running([chosen.name])[chosen.name]
        if not instance.host_key:
            raise HostKeyError("its host key is not known", where=host, hint=UP)
        known = self.state / "known_hosts"
        # sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT": only another port than 22 is named.
        name = instance.ssh_host
        if instance.ssh_port != SSH_PORT:
            name = f"[{name}]:{instance.ssh_port}"
        known.write_text(f"{name} {instance.host_key}\n", encoding="ascii")
        options = {
            "UserKnownHostsFile": f'"{known}"', "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes", "IdentitiesOnly": "yes", "LogLevel": "ERROR",
            "BatchMode": "yes" if batch else "no",
        }
        return [
            "ssh", "-F", "/dev/null", *(f"-o{key}={value}" for key, value in options.items()),
            "-i", str(self.platform.key_file), "-p", str(instance.ssh_port),
            f"{instance.user}@{instance.ssh_host}",
        ]

    def warn(self) -> None:
        """Say what the lab file allows but should not, and was not said before."""
        for problem in self.file.warnings:
            self._warn(problem, self.say)

    def warn_open(self) -> None:
        """Say, where only results are to be printed, that the lab is open to the world."""
        for problem in self.file.warnings:
            if problem.field == "aws.world_open":
                self._warn(problem, lambda line: print(line, file=sys.stderr))

    def _warn(self, problem: Problem, say: Callable[[str], None]) -> None:
        if problem not in self._warned:
            self._warned.add(problem)
            say(f"warning: {self.file.path}: {problem}")

    def select(self, datacenter: str | None, host: str | None) -> tuple[Host, ...]:
        """The hosts that --datacenter and --host leave, in the topology's order."""
        chosen = self.topology.hosts
        if datacenter:
            names = [d.name for d in self.topology.datacenters]
            wanted = _known(datacenter, names, "datacenter")
            chosen = tuple(h for h in chosen if h.datacenter in wanted)
        if host:
            wanted = _known(host, [h.name for h in chosen], "host")
            chosen = tuple(h for h in chosen if h.name in wanted)
        return chosen

    def datacenters(self, hosts: tuple[Host, ...]) -> tuple[Datacenter, ...]:
        """The datacenters that have at least one of `hosts`."""
        names = {host.datacenter for host in hosts}
        return tuple(d for d in self.topology.datacenters if d.name in names)


def _known(asked: str, names: list[str], what: str) -> set[str]:
    """The comma-separated names in `asked`. Raises UsageError naming the nearest for a stranger."""
    wanted = {name.strip() for name in asked.split(",") if name.strip()}
    for name in sorted(wanted):
        if name not in names:
            near = difflib.get_close_matches(name, names, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else "known: " + ", ".join(names)
            raise UsageError(f"no {what} {name!r} in the lab", hint=hint)
    return wanted
