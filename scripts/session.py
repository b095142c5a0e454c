"""What every task begins with: the lab file, its topology, its platform and its state folder."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lab.artifacts import Artifact
from lab.file import LabFile, load, located
from lab.listeners import KERBEROS, wanted
from lab.migration.way import movable
from lab.paths import AUTHORITY, CERTIFICATES, KNOWN_HOSTS
from lab.problems import Problem
from lab.services.context import LANG, Context
from lab.services.leading import promoted
from lab.services.registry import artifacts
from lab.topology import SSH_PORT, Datacenter, Host, Topology, build
from scripts.errors import KNOWN, Closed, LabError, ReachError, UsageError, few, stranger
from scripts.hosts.fleet import CONNECT_TIMEOUT, Fleet
from scripts.platforms import UP, Instance, Platform
from scripts.workstation import leading, paths
from scripts.workstation.runlog import log
from scripts.workstation.whole import write_whole

if TYPE_CHECKING:
    from scripts.drivers.migrating import Standing
    from scripts.software.obtain import Obtained

PLATFORMS = ("local", "aws")


def say_now(line: str) -> None:
    """Print a line at once, also where somebody reads along through a pipe."""
    print(line, flush=True)


class Session:
    """One lab, as the file named by LAB (or the nearest lab.toml) describes it."""

    def __init__(self, say: Callable[[str], None] = say_now) -> None:
        self.file: LabFile = load(located(os.environ))
        self.topology: Topology = self._led()
        self.say = say
        self.makes_hosts = self.ends = False  # what the task is for, where it does more than look
        self.dry = False  # whether the run is to change nothing
        self._warned: set[Problem] = set()

    def _led(self) -> Topology:
        """The lab with the schema registry in the lead that was promoted last."""
        return build(promoted(self.file.lab, leading.leader(self.file.lab.name)))

    def lead(self, datacenter: str) -> None:
        """Remember that a datacenter's schema registry leads, and see the lab so from here on."""
        at = self.file.lab.registry.at
        leading.remember(self.file.lab.name, "" if datacenter == at else datacenter)
        self.topology = self._led()

    @cached_property
    def state(self) -> Path:
        return paths.state_dir(self.topology.lab)

    @property
    def folder(self) -> Path:
        """Where the lab file lies: paths in it are seen from there."""
        return Path(self.file.path).parent

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

            return Aws(
                self.file, self.topology, state=self.state, say=self.say, dry=self.dry
            )
        from scripts.platforms.local import Local  # noqa: PLC0415 - aws needs none of it
        from scripts.platforms.local.choice import Memory, choose  # noqa: PLC0415 - the same
        from scripts.platforms.local.finding import Machine  # noqa: PLC0415 - the same

        machine = Machine()
        engine = choose(
            self.topology.lab, Memory(self.state), machine, several=self.ends,
            installs=self.makes_hosts, say=self.say,
        )
        return Local(
            self.topology, engine=engine, state=self.state, say=self.say, machine=machine,
            prebuilt=os.environ.get("LAB_PREBUILT", "1") != "0",
        )

    @property
    def engine_name(self) -> str | None:
        """The container engine that the lab is in; None where its hosts are no containers."""
        from scripts.platforms.local import Local  # noqa: PLC0415 - aws needs none of it

        return self.platform.engine.name if isinstance(self.platform, Local) else None

    def other(self, lab: str) -> Platform:
        """The platform of another lab on this machine. Raises UsageError where there is none."""
        from scripts.platforms.local import Local  # noqa: PLC0415 - aws needs none of it
        from scripts.platforms.local.finding import Machine  # noqa: PLC0415 - the same

        if self.platform_name != "local":
            raise UsageError("--lab is for labs on this machine",
                             hint="say its name in the lab file, and `fab down`")
        return Local.named(lab, self.topology, state=self.state.parent / lab, machine=Machine(),
                           say=self.say)

    def software(self) -> dict[Artifact, Obtained]:
        """Every artifact of the lab, fetched if this machine does not have it."""
        from scripts.software.obtain import obtain  # noqa: PLC0415 - status needs none of it

        return {one: obtain(one, say=self.say, near=self.folder, compile=self._compile)
                for one in artifacts(self.topology)}

    def _compile(self, script: str, words: Sequence[str], source: Path, target: Path) -> None:
        """Compile in a container of the lab's engine, or of any where hosts are no containers.
        Raises LabError."""
        from scripts.platforms.local import Local  # noqa: PLC0415 - few labs compile
        from scripts.platforms.local.finding import find  # noqa: PLC0415 - the same
        from scripts.platforms.local.image import Images  # noqa: PLC0415 - the same

        images = (self.platform.images if isinstance(self.platform, Local)
                  else Images(find(say=self.say), self.say))
        images.compile(script, words, source, target)

    def peek_software(self) -> dict[Artifact, Obtained]:
        """The artifacts that this machine has; fetches nothing."""
        from scripts.software.obtain import obtain  # noqa: PLC0415 - tarfile

        found = {}
        for one in artifacts(self.topology):
            with contextlib.suppress(LabError):
                found[one] = obtain(
                    one, sources=["cache"], say=lambda line: None, near=self.folder,
                )
        return found

    def context(
        self, software: Mapping[Artifact, Obtained], instances: Mapping[str, Instance],
        fleet: Fleet | None = None,
    ) -> Context:
        """What the services have to know; an artifact that is not in `software` has no digest.

        Datacenters whose metadata is to move are as they stand, from here on in `topology`, too;
        hosts that exist are asked for it, and for what brokers have open. fleet: connections to
        these hosts, where there are some; else others are made for it where they are needed.
        """
        digests = {artifact.folder: one.sha256 for artifact, one in software.items()}
        # The platform knows the lab as it was when it was first asked; who leads may have changed.
        context = replace(self.platform.context(digests, instances), topology=self.topology)
        if found := self.stand(instances, fleet):
            context = replace(context, topology=self.topology, clusters=found.clusters,
                              unknown=found.unknown)
        return self._closed(context, instances, fleet)

    def _closed(
        self, context: Context, instances: Mapping[str, Instance], fleet: Fleet | None
    ) -> Context:
        """A lab that has certificates with them, and with what its running brokers have open; they
        are asked. Any other lab as it is."""
        goal = wanted(self.topology.config.security)
        if goal.plain and not (self.state / CERTIFICATES / AUTHORITY).exists():
            return context
        from scripts.drivers.listening import names, stood  # noqa: PLC0415 - few labs are closed
        from scripts.workstation.authority import Authority  # noqa: PLC0415 - cryptography, 50 ms

        met = {name for name, one in instances.items() if one.running and one.host_key}
        if met:
            with self._asked(instances, fleet) as asked:
                context = stood(context, asked, met)
        issued = Authority(self.state, self.topology.lab).issued(names(context))
        return self._with_realms(replace(context, issued=issued), make=False)

    def _with_realms(self, context: Context, *, make: bool) -> Context:
        """A lab with Kerberos with all passwords of its realms, and the keys that these make."""
        if KERBEROS not in wanted(self.topology.config.security).open:
            return context
        from scripts.workstation.realms import with_realms  # noqa: PLC0415 - few labs have any

        return with_realms(context, make=make)

    def certified(self, context: Context) -> Context:
        """A lab with all certificates that its brokers are to have, made where they are missing.
        Raises LabError."""
        security = self.topology.config.security
        if wanted(security).plain:
            return context
        from scripts.drivers.listening import names  # noqa: PLC0415 - few labs are closed
        from scripts.workstation.authority import Authority  # noqa: PLC0415 - cryptography, 50 ms

        authority, hosts = Authority(self.state, self.topology.lab), names(context)
        for name in authority.issue(hosts, days=security.certificate_days):
            log.info("a certificate for %s", name)
        return self._with_realms(replace(context, issued=authority.issued(hosts)), make=True)

    @contextlib.contextmanager
    def _asked(self, instances: Mapping[str, Instance], fleet: Fleet | None) -> Iterator[Fleet]:
        """Connections that there are, or some that end with what they are asked for."""
        if fleet is not None:
            yield fleet
            return
        with self.fleet(dict(instances)) as own:
            yield own

    def stand(
        self, instances: Mapping[str, Instance], fleet: Fleet | None = None
    ) -> Standing | None:
        """Where datacenters stand whose metadata is to move; `topology` has them so from here on.
        None where there are none."""
        if not any(movable(one) for one in self.topology.datacenters):
            return None
        from scripts.drivers.migrating import standing  # noqa: PLC0415 - few labs move

        met = {name for name, one in instances.items() if one.running and one.host_key}
        with self._asked(instances, fleet) as asked:
            found = standing(self.topology, asked, met)
        self.topology = found.topology
        return found

    def fleet(self, instances: dict[str, Instance]) -> Fleet:
        return Fleet(instances, self.platform.key_file, self.platform.steps)

    def running(self, names: Collection[str]) -> dict[str, Instance]:
        """All hosts as they are. Raises LabError when some of `names` are stopped (all of them are
        named), when one is not there, or was never met from this state directory."""
        instances = self.platform.instances()
        for name in names:
            if name not in instances:
                raise LabError("does not exist", where=name, hint=self.platform.steps.absent)
        if asleep := [name for name in names if not instances[name].running]:
            raise LabError("is stopped" if len(asleep) == 1 else "are stopped",
                           where=few(asleep, KNOWN), hint=self.platform.steps.stopped)
        if strange := [name for name in names if not instances[name].host_key]:
            raise ReachError(
                Closed.UNKNOWN, "its host key is not known from the platform", where=few(strange),
                hint=UP,
            )
        return instances

    def ssh_command(self, host: str, *, batch: bool = False) -> list[str]:
        """The OpenSSH command line to `host`, which accepts the platform's key and no other."""
        chosen = self.select(None, host)[0]
        instances = self.running([chosen.name])
        instance, known = instances[chosen.name], self.state / KNOWN_HOSTS
        # Of all hosts: in another terminal a client of another one may be reading it.
        write_whole(known, "".join(map(
            known_host, (one for one in instances.values() if one.host_key))))
        options = ssh_options(known, batch=batch)
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


def known_host(instance: Instance) -> str:
    """The line of a known_hosts file for a host (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT": only
    another port than 22 is named)."""
    name = instance.ssh_host
    if instance.ssh_port != SSH_PORT:
        name = f"[{name}]:{instance.ssh_port}"
    return f"{name} {instance.host_key}\n"


def ssh_options(known: Path, *, batch: bool) -> dict[str, str]:
    """OpenSSH's options for hosts of the lab: keys that are known, and no others."""
    return {
        "UserKnownHostsFile": f'"{known}"', "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes", "IdentitiesOnly": "yes", "LogLevel": "ERROR",
        "BatchMode": "yes" if batch else "no", "ConnectTimeout": str(CONNECT_TIMEOUT),
        # Hosts that set it themselves take no other; the rest accept this one.
        "SetEnv": f"LANG={LANG}",
    }


def _known(asked: str, names: list[str], what: str) -> set[str]:
    """The comma-separated names in `asked`. Raises UsageError naming the nearest for a stranger."""
    wanted = {name.strip() for name in asked.split(",") if name.strip()}
    if not wanted:
        raise UsageError(f"{asked!r} names no {what}", hint="known: " + ", ".join(names))
    for name in sorted(wanted):
        if name not in names:
            raise stranger(what, name, "the lab", names)
    return wanted
