"""The AWS platform: the lab's hosts as EC2 instances, which Terraform makes and ends.

This reads what is there, by tag, and waits until it can be logged in to; stopping, starting,
prices, audit and the rest stand in the modules beside this one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lab.aws import sizes
from lab.aws.checks import for_aws
from lab.counted import counted
from lab.file import LabFile, LabFileError
from lab.options.aws import PUBLIC_KEY
from lab.options.fixed import USER
from lab.packages import FAMILY
from lab.paths import LOGIN_KEY
from lab.services.context import Context
from lab.services.registry import published
from lab.standing import Obstacle, Standing, strangers
from lab.topology import EXTERNAL_PORT, SSH_PORT, Topology
from scripts.errors import Closed, LabError, TimeoutExpired
from scripts.platforms import Instance, Steps, Trouble, sshd
from scripts.platforms.aws.clients import Clients
from scripts.platforms.aws.console import HostKeys
from scripts.platforms.aws.inventory import (
    Addresses,
    Machine,
    Reached,
    machines,
    standings,
    tunnels,
)
from scripts.platforms.aws.kept import kept_keys
from scripts.workstation import paths

if TYPE_CHECKING:
    from lab.artifacts import Artifact
    from scripts.software.obtain import Obtained

PRIVATE_KEY = "KAFKALAB_KEY"
NAMED_KEY = "KAFKALAB_PUBLIC_KEY"  # what the stacks take where the lab file names no key
# Seconds that starting instances may take, and sshd of all of them after that.
STARTED_S = 300.0
READY_S = 180.0
POLL_S = 2.0
TUNNEL = "does `fab tunnel` run?"


class Aws:
    """The hosts of one topology in one account. Nothing is asked before it is needed.

    Raises LabFileError where the lab file lacks what AWS needs.
    """

    place = "in AWS"
    again = "`fab audit` shows what it costs, `fab audit --delete` removes it"
    steps = Steps(
        absent="`cdktf deploy '*'`, or `fab tf.plan` and `fab tf.apply`, makes hosts",
        stopped="`fab lab.start` starts hosts",
        started="their public addresses are new: run `fab up`",
        silent="see `fab status`; is your own address in aws.admin_cidrs?",
        refused=f"{PRIVATE_KEY} names the private key of the pair that the hosts were made with",
    )

    def __init__(
        self, file: LabFile, topology: Topology, *, state: Path,
        say: Callable[[str], None] = print, dry: bool = False,
    ) -> None:
        if problems := for_aws(file.lab):
            raise LabFileError(file.path, problems)
        self.file, self.topology, self.state, self.say = file, topology, state, say
        self.regions = sizes.regions(topology)
        config = topology.config.aws
        if config.tunnelled:
            self.steps = replace(self.steps, silent=TUNNEL)
        self.addresses = Addresses(
            public=config.public_addresses,
            tunnels=tunnels(topology) if config.tunnelled else None,
        )
        self.key_file = private_key(file, state)
        self._reached: dict[str, Reached] = {}
        self._zones: dict[str, str] = {}
        self._others: tuple[Standing, ...] = ()
        self._swept = dry

    @cached_property
    def clients(self) -> Clients:
        return Clients(self.topology.config.aws.endpoint_url)

    @cached_property
    def host_keys(self) -> HostKeys:
        config = self.topology.config
        kept = kept_keys(
            self.clients, config.aws.backend, config.aws.region, config.owner, config.name
        )
        return HostKeys(self.state, self.clients, kept=kept, say=self.say)

    def machines(self) -> dict[str, Machine]:
        """Every instance of the lab by name, as EC2 has it now."""
        self.sweep()
        config = self.topology.config
        found = machines(self.clients, self.regions, config.name, config.owner)
        reached = {name: self.addresses.of(machine) for name, machine in found.items()}
        self._reached = {name: one for name, one in reached.items() if one is not None}
        self._zones = {name: machine.zone for name, machine in found.items() if machine.zone}
        self._others = strangers(self.topology, standings(found.values(), config.domain))
        return found

    def sweep(self) -> None:
        """Shut out, once a run, who was let in until now; in a dry run nobody."""
        if not self._swept:
            from scripts.platforms.aws import allow  # noqa: PLC0415 - few tasks ask AWS

            self._swept = True
            allow.sweep(self)

    def instances(self) -> dict[str, Instance]:
        """Every host of the lab that exists, by name; those that are stopped, too."""
        there = self.machines()
        return self._instances(there, self.host_keys.known(one.id for one in there.values()))

    def prepare(
        self, software: Mapping[Artifact, Obtained], names: Collection[str] | None = None
    ) -> None:
        """Nothing: EC2 has its images."""

    def packages(self, software: Collection[str]) -> None:
        """None: instances ask their distribution."""

    def create(
        self, software: Mapping[Artifact, Obtained], names: Collection[str] | None = None
    ) -> dict[str, Instance]:
        """Wait until every host of the topology can be logged in to; makes and starts none.

        Raises LabError with the next step where hosts are missing or stopped, TimeoutExpired for
        one that shows no host key or whose sshd stays silent.
        """
        del software  # comes over SSH
        there = self.machines()
        wanted = [h.name for h in self.topology.hosts if names is None or h.name in names]
        if absent := [name for name in wanted if name not in there]:
            raise LabError(f"not in AWS: {_some(absent)}", hint=self.steps.absent)
        asleep = [name for name in wanted if there[name].state in ("stopping", "stopped")]
        if asleep:
            raise LabError(f"stopped: {_some(asleep)}", hint=self.steps.stopped)
        there = self.await_running(wanted)
        keys = self.host_keys.learn(there[name] for name in wanted)
        self.await_sshd(wanted)
        return self._instances(there, keys)

    def await_running(self, names: Sequence[str]) -> dict[str, Machine]:
        """The machines, as soon as all of `names` run and are reached. Raises TimeoutExpired."""
        deadline = time.monotonic() + STARTED_S
        while True:
            there = self.machines()
            late = [
                name for name in names
                if name not in there or not there[name].running or name not in self._reached
            ]
            if not late:
                return there
            if time.monotonic() > deadline:
                raise TimeoutExpired(
                    f"does not run with a public address after {STARTED_S:g} s", where=late[0],
                    hint="see it in the EC2 console",
                )
            running = [name for name in late if name in there and there[name].running]
            if running and self.addresses.mapped:  # an emulator's map does not change by itself
                raise LabError("is not in the address map", where=running[0])
            time.sleep(POLL_S)

    def await_sshd(self, names: Sequence[str]) -> None:
        """Wait until sshd of all of `names` sends its banner; they share one deadline."""
        def late(name: str) -> LabError:
            host, port = self._reached[name].ssh
            return TimeoutExpired(
                f"sshd does not answer on {host}:{port} after {READY_S:g} s", where=name,
                hint=self.steps.silent,
            )

        sshd.wait_for(
            {name: self._reached[name].ssh for name in names}, READY_S, late, pause=POLL_S
        )

    def stop(self, names: Collection[str]) -> list[str]:
        """Stop the instances, brokers before the ensembles that they need."""
        from scripts.platforms.aws import power  # noqa: PLC0415 - boto3

        return power.stop(self, names)

    def start(self, names: Collection[str]) -> list[str]:
        """Start the instances again; their public addresses are new."""
        from scripts.platforms.aws import power  # noqa: PLC0415 - boto3

        return power.start(self, names)

    def kill(self, names: Collection[str]) -> None:
        """Stop the instances without letting their systems end."""
        from scripts.platforms.aws import power  # noqa: PLC0415 - power needs this class

        power.kill(self, names)

    def revive(self, names: Collection[str]) -> None:
        """Start the instances again."""
        self.start(names)

    def begin(self, name: str, command: Sequence[str]) -> bool:
        """Root of a machine may do everything."""
        return False

    def remove(self, names: Collection[str]) -> list[str]:
        """Terraform's to do, by a plan that somebody has read."""
        raise LabError(f"not removed: {_some(sorted(names))}", hint="run `fab tf.plan`")

    def destroy(self) -> list[str]:
        """Let Terraform destroy the lab; what was removed."""
        from scripts.platforms.aws.terraform import teardown  # noqa: PLC0415 - boto3
        from scripts.platforms.aws.terraform.binary import Terraform  # noqa: PLC0415 - boto3
        from scripts.platforms.aws.terraform.stacks import Project, synthesize  # noqa: PLC0415 - boto3

        lab = self.topology.lab
        project = Project(paths.PROJECT, lab, Path(self.file.path), self.say, synthesize)
        count = teardown.destroy(project, Terraform(), yes=lab, ask=lambda question: "")
        return [f"{counted(count, 'resource')} of {lab}", *self.host_keys.forget()]

    def leftovers(self) -> list[str]:
        """What an audit of the lab's regions finds."""
        from scripts.platforms.aws.audit import find  # noqa: PLC0415 - boto3

        config = self.topology.config
        found = find(self.clients, self.regions, config.name, config.owner)
        return [f"{one} in {one.region}" for one in found]

    def obstacles(self, names: Collection[str], *, anew: bool = False) -> list[Obstacle]:
        """None: what may not become so is Terraform's to say, in `fab tf.plan`."""
        del names, anew
        return []

    def groundwork(self, names: Collection[str]) -> list[str]:
        """Nothing: networks are Terraform's."""
        del names
        return []

    def troubles(self, closed: Mapping[str, Closed]) -> dict[str, Trouble]:
        """None: EC2 knows no more than SSH tells."""
        del closed
        return {}

    def mend(self, troubles: Mapping[str, Trouble]) -> None:
        """Nothing: there are none."""

    def kept(self) -> list[Obstacle]:
        """None: what is in the way, Terraform tells."""
        return []

    def stays(self) -> list[str]:
        """Nothing."""
        return []

    def unproven(self) -> list[str]:
        """Nothing: EC2 tells, or the audit fails."""
        return []

    def context(self, digests: Mapping[str, str], instances: Mapping[str, Instance]) -> Context:
        """The services' context: brokers advertise where they are reached now.

        A broker that has no address now is given under its name, where nobody reaches it.
        """
        del instances  # those that were read last
        config = self.topology.config
        return Context(
            topology=self.topology, digests=digests, reached=self._ports(),
            racks=self._zones, strangers=self._others, admin=config.aws.admin_cidrs,
            own_firewall=False, machine=True, family=FAMILY[config.aws.image],
        )

    def _ports(self) -> dict[tuple[str, int], tuple[str, int]]:
        """Where EXTERNAL listeners and the ports that services publish are reached."""
        found = {}
        for host in self.topology.hosts:
            reached = self._reached.get(host.name)
            if host.role == "kafka":
                found[host.name, EXTERNAL_PORT] = (
                    reached.external if reached else (host.fqdn, EXTERNAL_PORT)
                )
            for port, local in published(host, self.topology).items():
                address = reached.ssh[0] if reached else host.fqdn
                tunnelled = self.topology.config.aws.tunnelled
                found[host.name, port.number] = (address, local if tunnelled else port.number)
        return found

    def _instances(
        self, there: Mapping[str, Machine], keys: Mapping[str, str]
    ) -> dict[str, Instance]:
        result = {}
        for name, machine in there.items():
            reached = self._reached.get(name)
            host, port = reached.ssh if reached else (machine.private, SSH_PORT)
            result[name] = Instance(
                name=name, id=machine.id, running=machine.running, ssh_host=host, ssh_port=port,
                user=USER, host_key=keys.get(machine.id), address=machine.private,
            )
        return result


def private_key(file: LabFile, state: Path) -> Path:
    """The private key that logs in: KAFKALAB_KEY, the one beside the public key, or the lab's own.

    A path in the lab file is relative to the lab file.
    """
    if given := os.environ.get(PRIVATE_KEY):
        return Path(given).expanduser()
    for public, base in (
        (file.lab.aws.public_key, Path(file.path).parent), (os.environ.get(NAMED_KEY), Path()),
    ):
        if public and not PUBLIC_KEY.fullmatch(public):
            return base / Path(public).expanduser().with_suffix("")
        if public:
            break
    return state / LOGIN_KEY


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
