"""The local platform: one container a host, with systemd and sshd, on one private network.

What exists is read from the engine by label, never from a file. Names, addresses and ports are
labels of a container, too, so one listing tells everything but the host keys (see keys.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lab.paths import LOGIN_KEY
from lab.services.context import Context
from lab.services.local import local_context
from lab.services.registry import published, roles, software as software_of
from lab.standing import Obstacle, Standing, held, outside, strangers
from scripts.errors import CommandError, LabError, TimeoutExpired
from scripts.platforms import Instance, Steps, sshd
from scripts.platforms.local import checks, network, recipe
from scripts.platforms.local.container import (
    HOST_LABEL,
    LAB_LABEL,
    LOOPBACK,
    instance,
    moved,
    run_words,
    standing,
)
from scripts.platforms.local.engine import Container, Engine, Say
from scripts.platforms.local.image import Images
from scripts.platforms.local.keys import Keys, last
from scripts.platforms.local.network import Network
from scripts.software import packages

if TYPE_CHECKING:
    from lab.artifacts import Artifact
    from lab.topology import Host, Topology
    from scripts.software.obtain import Obtained

# The engine takes its own locks: more at a time than this gains nothing.
AT_A_TIME = 4
# Seconds that systemd and sshd of all hosts may take together, and between two looks at a port.
READY_S = 60.0
POLL_S = 0.05
STOP_S = 20  # for what still runs in a container that is stopped
T = TypeVar("T")
R = TypeVar("R")


class Local:
    """The hosts of one topology as containers of one engine."""

    place = "on this machine"
    again = "run `fab down` again"
    steps = Steps()

    def __init__(
        self,
        topology: Topology,
        *,
        engine: Engine,
        state: Path,
        say: Say = print,
        prebuilt: bool = True,
    ) -> None:
        self.topology, self.engine, self.say, self.prebuilt = topology, engine, say, prebuilt
        self.label = f"{LAB_LABEL}={topology.lab}"
        self.network = f"kafkalab-{topology.lab}"
        self._seen: dict[str, Container] = {}  # by the last listing
        self.images = Images(engine, say)
        self.keys = Keys(state, engine)
        self.key_file = state / LOGIN_KEY

    def context(self, digests: Mapping[str, str], instances: Mapping[str, Instance]) -> Context:
        """The services' context: ports published on localhost, people behind the gateway."""
        there = self._network()
        found = local_context(self.topology, digests, there.gateway if there else None)
        # A host that was made before one of its services had a port to publish lacks it for good.
        lacking = {
            (host.name, port) for host in self.topology.hosts if host.name in instances
            for port in self._published(host) if port not in instances[host.name].ports
        }
        return replace(
            found, strangers=strangers(self.topology, self._standings(self._seen)),
            reached={key: value for key, value in found.reached.items() if key not in lacking},
        )

    def instances(self) -> dict[str, Instance]:
        """Every host of the lab that exists, by name; one call of the engine."""
        return self._instances(self._containers())

    def prepare(
        self, software: Mapping[Artifact, Obtained], names: Collection[str] | None = None
    ) -> None:
        """Make or load the image of the hosts that `create` would make, if it would make any.

        Without `software` only what does not depend on it. Raises LabError as `create` does.
        """
        if self._wanting(names)[1]:
            self._parent(software)

    def obstacles(self, names: Collection[str] | None = None) -> list[Obstacle]:
        """Hosts that would have to move, and what on this machine is in the way of new ones."""
        seen = self._seen or self._containers()
        there = {name: one for name, one in seen.items() if one.ever_ran}
        hosts = [one for one in self.topology.hosts if names is None or one.name in names]
        absent = [host for host in hosts if host.name not in there]
        asleep = [host for host in hosts if host.name in there and not there[host.name].running]
        others = strangers(self.topology, self._standings(there))
        found = [*moved(self.topology.hosts, there), *held(absent, others)]
        own = self._network()
        if own and absent:
            new = {host.datacenter for host in absent}
            found += [one for one in outside(self.topology, own.subnet) if one.where in new]
        return found or self._in_the_way(absent, asleep, own)

    def _in_the_way(
        self, absent: Sequence[Host], asleep: Sequence[Host], own: Network | None
    ) -> list[Obstacle]:
        """What of this machine hosts that are to be made or started would meet."""
        hosts = [*absent, *asleep]
        found = checks.ports(self._wanted_ports(hosts)) if hosts else []
        if absent and not own:
            others = self.engine.subnets(self.engine.networks())
            found += checks.subnet(self.topology.network, others)
        return found + (checks.inotify(len(hosts)) if hosts else [])

    def _refuse(self, names: Collection[str] | None) -> None:
        """Raises LabError for the first of `obstacles`, before anything is made."""
        if found := self.obstacles(names):
            one = found[0]
            raise LabError(one.what, where=one.where, hint=one.hint)

    def packages(self, software: Collection[str]) -> packages.Packages:
        """All packages of the lab that the base lacks, and those of `software`.

        All of them, so that they fit together whichever a host has already.
        """
        return packages.obtain(
            {*self._beyond_base(), *software}, base=f"{recipe.SUITE} {recipe.digest()}",
            fetch=self.images.fetch, say=self.say,
        )  # fmt: skip

    def create(
        self, software: Mapping[Artifact, Obtained], names: Collection[str] | None = None
    ) -> dict[str, Instance]:
        """Make what is missing, start what is stopped, and wait until every sshd answers.

        `names` leaves it at these hosts. Hosts that run are left as they are. Raises LabError when
        something on the workstation is in the way (before anything is made), TimeoutExpired when a
        host does not come up.
        """
        login = self.keys.login(f"kafkalab {self.topology.lab}")
        there, absent, stopped = self._wanting(names)
        self._refuse(names)
        if absent or stopped:
            checks.raise_inotify(len(absent) + len(stopped))
            if stopped:
                self.engine("start", *(there[host.name].id for host in stopped), timeout=300)
            if absent:
                self._make(absent, login, software)
            there = self._containers()
        made = [host.name for host in self.topology.hosts if host.name in there]
        self.keys.learn([there[name] for name in made if there[name].running], login)
        if absent or stopped:
            self._await_sshd([*absent, *stopped], there)
        return self._instances(there)

    def stop(self, names: Collection[str]) -> list[str]:
        """Let systemd end in each container; the memory of all that ran there is free."""
        there = self._containers()
        running = [there[name] for name in names if name in there and there[name].running]
        _each(lambda one: self.engine("stop", "--time", str(STOP_S), one.id), running)
        return [name for name in names if name in there and there[name] in running]

    def start(self, names: Collection[str]) -> list[str]:
        """Start the containers that stand still."""
        there = self._containers()
        asleep = [name for name in names if name in there and not there[name].running]
        if asleep:
            self.create({}, asleep)
        return asleep

    def kill(self, names: Collection[str]) -> None:
        """SIGKILL for all that runs in the hosts' containers. The containers stay."""
        there = self._containers()
        running = [there[name].id for name in names if name in there and there[name].running]
        if running:
            self.engine("kill", "--signal", "KILL", *running, timeout=300)

    def revive(self, names: Collection[str]) -> None:
        """Start the containers again."""
        self.start(names)

    def destroy(self) -> list[str]:
        """Remove everything that carries the lab's label, and the lab's keys; returns what went.

        Shared images and caches stay, and so do the run logs in the state directory. Raises the
        engine's CommandError when something cannot be removed, after removing all that can.
        """
        checks.settled(self.label)
        containers = self.engine.containers(self.label)
        networks = self.engine.networks(self.label)
        images = self.engine.images(self.label)
        failed: list[CommandError] = []

        def attempt(remove: Callable[[], object]) -> None:
            try:
                remove()
            except CommandError as error:
                failed.append(error)

        if containers:
            attempt(lambda: self._remove(containers))
        if networks:
            attempt(lambda: self.engine("network", "rm", *networks))
        if images:
            attempt(lambda: self.engine("rmi", "--force", *images))
        removed = _named(containers, networks, images) + self.images.sweep()
        if failed and self.leftovers():
            raise failed[0]
        return removed + self.keys.forget()

    def leftovers(self) -> list[str]:
        """What `destroy` would still remove from the engine; empty after it."""
        return _named(
            self.engine.containers(self.label),
            self.engine.networks(self.label),
            self.engine.images(self.label),
        )

    def _wanting(
        self, names: Collection[str] | None
    ) -> tuple[dict[str, Container], list[Host], list[Host]]:
        """The containers; of the hosts called `names` (all) the absent and the stopped ones."""
        there = self._containers()
        hosts = [host for host in self.topology.hosts if names is None or host.name in names]
        if not all(_runs(there.get(host.name)) for host in hosts):
            there = self._sound()
        absent = [host for host in hosts if host.name not in there]
        stopped = [
            host for host in hosts if host.name in there and not there[host.name].running
        ]  # fmt: skip
        return there, absent, stopped

    def _sound(self) -> dict[str, Container]:
        """The containers without those that a create that was cut off left half made.

        Such a one holds nothing yet, so it is removed and made anew.
        """
        checks.settled(self.label)
        there = self._containers()
        if unborn := [name for name, one in there.items() if not one.ever_ran]:
            self._remove([there.pop(name) for name in unborn])
            self._seen = there
        return there

    def _remove(self, containers: Sequence[Container]) -> None:
        # The lab is thrown away: nothing is gained by waiting for its processes to end.
        now = ("--time", "0") if self.engine.name == "podman" else ()
        ids = [container.id for container in containers]
        self.engine("rm", "--force", "--volumes", *now, *ids, timeout=300)

    def _containers(self) -> dict[str, Container]:
        found = self.engine.containers(self.label)
        self._seen = {one.labels[HOST_LABEL]: one for one in found if HOST_LABEL in one.labels}
        return dict(self._seen)

    def _network(self) -> Network | None:
        """The lab's network; None while there is none."""
        return network.found(self.network, self._seen.values(), self.engine)

    def _standings(self, containers: Mapping[str, Container]) -> list[Standing]:
        domain = self.topology.config.domain
        return [standing(name, one, domain) for name, one in sorted(containers.items())]

    def _instances(self, containers: dict[str, Container]) -> dict[str, Instance]:
        keys = self.keys.known()
        domain = self.topology.config.domain
        return {
            name: replace(
                instance(name, one, keys.get(one.id)), standing=standing(name, one, domain)
            )
            for name, one in sorted(containers.items())
        }

    def _wanted_ports(self, hosts: Sequence[Host]) -> dict[int, str]:
        """The workstation's ports that `hosts` need, and what each is for."""
        wanted = {host.ssh_port: f"SSH of {host.name}" for host in hosts}
        wanted |= {
            host.external_port: f"broker {host.name}"
            for host in hosts if host.external_port is not None
        }  # fmt: skip
        return wanted | {
            local: f"port {port} of {host.name}"
            for host in hosts for port, local in self._published(host).items()
        }

    def _published(self, host: Host) -> dict[int, int]:
        """The workstation's port for each port that a host's services publish."""
        return {
            port.number: local for port, local in published(host, self.topology).items()
        }

    def _make(
        self,
        absent: Sequence[Host],
        login: str,
        software: Mapping[Artifact, Obtained],
    ) -> None:
        image = self.images.lab(self.topology.lab, self._parent(software))
        there = self._network()
        if there is None:
            there = network.planned(self.topology)
            self.engine(
                "network", "create", *self.engine.network_flags(), "--label", self.label,
                "--subnet", str(there.subnet), "--gateway", str(there.gateway), self.network,
            )  # fmt: skip
        self.say(f"Creating {len(absent)} hosts with {self.engine.name} ...")
        _each(lambda host: self._run(host, image, login, there), absent)

    def _parent(self, software: Mapping[Artifact, Obtained]) -> str:
        """The name of the image that the lab's own is made from."""
        if not (self.prebuilt and software):
            return self.images.base()
        parent = self.images.host(tuple(software.values()))
        return self.images.packed(parent, self.packages(())) if self._beyond_base() else parent

    def _beyond_base(self) -> tuple[str, ...]:
        """What the lab's services want of the operating system that the base lacks."""
        return recipe.lacking(software_of(self.topology))

    def _run(self, host: Host, image: str, login: str, found: Network) -> None:
        words = run_words(
            self.engine, host, lab=self.topology.lab, network=(self.network, found), image=image,
            login=login, roles=roles(host, self.topology), ports=self._published(host),
        )
        try:
            self.engine(*words)
        except CommandError as error:
            said = error.stderr.strip().splitlines() or [f"exit status {error.status}"]
            raise LabError(f"{self.engine.name} run: {said[-1]}", where=host.name) from error

    def _await_sshd(self, hosts: Sequence[Host], there: Mapping[str, Container]) -> None:
        def late(name: str) -> LabError:
            container = there[name]
            console = self.engine.consoles([container])[container.name]
            return TimeoutExpired(
                f"sshd does not answer on {LOOPBACK}:{ports[name]} after {READY_S:g} s; "
                f"the console says: {last(console)}",
                where=name, hint=f"{self.engine.name} logs {container.name}",
            )  # fmt: skip

        ports = {host.name: host.ssh_port for host in hosts}
        sshd.wait_for(
            {name: (LOOPBACK, port) for name, port in ports.items()}, READY_S, late, pause=POLL_S
        )


def _runs(container: Container | None) -> bool:
    return container is not None and container.running


def _named(
    containers: Iterable[Container], networks: Iterable[str], images: Iterable[str]
) -> list[str]:
    return [
        *(f"container {one.name}" for one in containers),
        *(f"network {name}" for name in networks),
        *(f"image {image}" for image in images),
    ]


def _each(work: Callable[[T], R], items: Iterable[T], *, at_a_time: int = AT_A_TIME) -> list[R]:
    with ThreadPoolExecutor(at_a_time) as pool:
        return list(pool.map(work, items))
