"""Where hosts come from: containers on this machine (local) or instances in EC2 (aws)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lab.standing import Obstacle, Standing
from scripts.errors import Closed

if TYPE_CHECKING:
    from lab.artifacts import Artifact
    from lab.services.context import Context
    from scripts.software.obtain import Obtained
    from scripts.software.packages import Packages


UP = "run `fab up`"


@dataclass(frozen=True)
class Steps:
    """What a person does next about a host that does not exist, is stopped, or does not answer.

    `started`: what is left to do after hosts were started again; "" where they are as before.
    """

    absent: str = UP
    stopped: str = UP
    silent: str = "see `fab status`; `fab up` starts or reconnects it"
    refused: str = "`fab up` adds the key through the container engine"
    started: str = ""


@dataclass(frozen=True)
class Trouble:
    """Why hosts that run cannot be logged in to, in words that fit one or many.

    `step`: what `mend` does about it, "" where it does nothing.
    """

    what: str
    step: str = ""


@dataclass(frozen=True)
class Instance:
    """A host as its platform knows it right now.

    `host_key` is "ssh-ed25519 AAAA...", or None while the platform has not told it yet; no
    connection is made to a host without it. `address` is the private one, in the lab's network.
    `standing`: what it was made as, where the platform remembers that (locally).
    `ports`: where the workstation has the ports that services publish, as far as it does (locally).
    """

    name: str
    id: str
    running: bool
    ssh_host: str
    ssh_port: int
    user: str
    host_key: str | None
    address: str
    ports: Mapping[int, int] = field(default_factory=dict)
    standing: Standing | None = None


class Platform(Protocol):
    """Where a lab's hosts come from."""

    key_file: Path  # the private key that logs in
    place: str  # where the hosts are, as a person says it: "on this machine"
    again: str  # what to do when something is left after `destroy`
    steps: Steps

    def instances(self) -> dict[str, Instance]:
        """Every host of the lab that exists, by name, read from reality."""

    def obstacles(self, names: Collection[str], *, anew: bool = False) -> list[Obstacle]:
        """What keeps the hosts called `names` from being as the lab file says; changes nothing.

        `anew`: what would do so if the lab as it is now were removed first.
        """

    def groundwork(self, names: Collection[str]) -> list[str]:
        """What beside hosts was lost, and `create` of the hosts called `names` would make again
        first: a line each. Changes nothing."""

    def troubles(self, closed: Mapping[str, Closed]) -> dict[str, Trouble]:
        """Why hosts that run cannot be logged in to, those of which more is known than SSH tells.

        Changes nothing.
        """

    def mend(self, troubles: Mapping[str, Trouble]) -> None:
        """Do what `troubles` with a step say. Raises LabError where that does not help."""

    def prepare(
        self, software: Mapping[Artifact, Obtained], names: Collection[str] | None = None
    ) -> None:
        """Whatever `create` of these hosts (all) needs and that takes long; more of it with
        `software` than without."""

    def packages(self, software: Collection[str]) -> Packages | None:
        """What hosts need to install `software` (lab.packages) without asking anybody, fetched if
        this machine does not have it; None where hosts ask their distribution. Raises LabError."""

    def create(
        self, software: Mapping[Artifact, Obtained], names: Collection[str] | None = None
    ) -> dict[str, Instance]:
        """Every host of the topology running, with its host key; makes or starts what it may.

        `software` is what may lie in the hosts' image; `names` leaves it at these hosts. Raises
        LabError with the next step where that is not the platform's to do.
        """

    def stop(self, names: Collection[str]) -> list[str]:
        """Let hosts end in order; disks and private addresses stay. The names of those that ran."""

    def start(self, names: Collection[str]) -> list[str]:
        """Start hosts that were stopped, and wait until they can be logged in to; their names."""

    def kill(self, names: Collection[str]) -> None:
        """Take the power from hosts, without a warning to what runs on them. Disks stay."""

    def revive(self, names: Collection[str]) -> None:
        """Give it back to those of `names` that stand still, and wait until they can be logged in
        to."""

    def begin(self, name: str, command: Sequence[str]) -> bool:
        """Start a command on a host with all rights and leave it to itself; False where root there
        has them all, so that it can be started over SSH. Raises LabError where nobody has them."""

    def remove(self, names: Collection[str]) -> list[str]:
        """Remove hosts for good, with all that is on them; the names of those that were there.

        Raises LabError where that is not the platform's to do.
        """

    def destroy(self) -> list[str]:
        """Remove all of the lab and nothing else; what was removed."""

    def leftovers(self) -> list[str]:
        """What of the lab is still there."""

    def kept(self) -> list[Obstacle]:
        """What of the lab `destroy` cannot remove, since what is not the lab's uses it."""

    def stays(self) -> list[str]:
        """What of the lab's making is no lab's own and stays for the next one, in lines."""

    def unproven(self) -> list[str]:
        """Why nobody can tell whether something of the lab is left, in lines."""

    def context(self, digests: Mapping[str, str], instances: Mapping[str, Instance]) -> Context:
        """What the services have to know of the platform; see lab.services.registry.context."""
