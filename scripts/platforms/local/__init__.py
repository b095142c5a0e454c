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

from lab.counted import counted
from lab.packages import capabilities
from lab.paths import LOGIN_KEY
from lab.services.context import Context
from lab.services.local import LOOPBACK, local_context
from lab.services.registry import roles, software as software_of
from lab.standing import Obstacle, Standing, held, outside, strangers
from scripts.errors import Closed, CommandError, LabError, TimeoutExpired
from scripts.platforms import UP, Instance, Steps, Trouble, sshd
from scripts.platforms.local import cgroups, checks, guests, network, others, recipe
from scripts.platforms.local.access import DEAD, LOST, Access
from scripts.platforms.local.choice import Memory
from scripts.platforms.local.container import (
    HOST_LABEL,
    LAB_LABEL,
    instance,
    moved,
    run_words,
    standing,
)
from scripts.platforms.local.engine import AT_A_TIME, Container, Engine
from scripts.platforms.local.finding import Machine
from scripts.platforms.local.ground import Ground
from scripts.platforms.local.image import Images
from scripts.platforms.local.installing import Say
from scripts.platforms.local.keys import Keys, last
from scripts.platforms.local.network import Network
from scripts.platforms.local.removal import Removal, remove
from scripts.platforms.local.room import Room, published_ports
from scripts.software import packages

if TYPE_CHECKING:
    from lab.artifacts import Artifact
    from lab.topology import Datacenter, Host, Topology
    from scripts.software.obtain import Obtained

# Seconds that systemd and sshd of all hosts may take together, and between two looks at a port.
READY_S = 60.0
POLL_S = 0.05
STOP_S = 20  # for what still runs in a container that is stopped
# The process with which Podman begins a container ended without a word. It does now and then
# (4.3.1, several at once), and the next one does not.
NO_MONITOR = "no logs from conmon"
T = TypeVar("T")
R = TypeVar("R")


class Local:
    """The hosts of one topology as containers of one engine.

    `machine` has the other engines, in which something of the lab may be, too; without it, none.
    """

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
        machine: Machine | None = None,
    ) -> None:
        self.topology, self.engine, self.say, self.prebuilt = topology, engine, say, prebuilt
        self.label = f"{LAB_LABEL}={topology.lab}"
        self.network = f"kafkalab-{topology.lab}"
        self._seen: dict[str, Container] = {}  # by the last listing
        self.images = Images(engine, say)
        self.keys = Keys(state, engine)
        self.access = Access(engine, self.keys, self.network)
        self._ground = Ground(engine, self.network, self.label, say)
        self._room = Room(engine, topology, self.network, machine)
        self.key_file = state / LOGIN_KEY
        self.memory, self.machine = Memory(state), machine
        self._removal = Removal(
            engine, topology.lab, self.network, self.keys, self.memory, machine, say
        )

    def context(self, digests: Mapping[str, str], instances: Mapping[str, Instance]) -> Context:
        """The services' context: ports published on 127.0.0.1, people behind the gateway."""
        there = self._network()
        found = local_context(self.topology, digests, there.gateway if there else None)
        # A host that was made before one of its services had a port to publish lacks it for good.
        lacking = {
            (host.name, port) for host in self.topology.hosts if host.name in instances
            for port in published_ports(host, self.topology)
            if port not in instances[host.name].ports
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

    def obstacles(
        self, names: Collection[str] | None = None, *, anew: bool = False
    ) -> list[Obstacle]:
        """Hosts that would have to move, and what on this machine is in the way of new ones."""
        seen = self._seen or self._containers()
        there = {name: one for name, one in seen.items() if one.ever_ran}
        hosts = [one for one in self.topology.hosts if names is None or one.name in names]
        if anew:
            return self._room.taken_anew(hosts, there.values(), self._network())
        absent = [host for host in hosts if host.name not in there]
        asleep = [host for host in hosts if host.name in there and not there[host.name].running]
        left = strangers(self.topology, self._standings(there))
        found = [*moved(self.topology.hosts, there), *held(absent, left)]
        own = self._network()
        if own and absent:
            new = {host.datacenter for host in absent}
            found += [one for one in outside(self.topology, own.subnet) if one.where in new]
        return found or self._room.taken(
            absent, [host for host in asleep if not there[host.name].paused], own
        )

    def groundwork(self, names: Collection[str] | None = None) -> list[str]:
        """What of the lab's network `create` would put right before it starts these hosts (all)."""
        there = self._seen or self._containers()
        hosts = [one.name for one in self.topology.hosts if names is None or one.name in names]
        if all(_runs(there.get(name)) for name in hosts):
            return []
        return self._ground.lacking(self._network(), there)

    def guest_options(self, datacenter: Datacenter) -> list[str]:
        """What to give to the engine's `run`, so that a container reaches the hosts of a
        datacenter, and those linked with it, by their names. Raises LabError without a lab."""
        there = self._standings(self._containers())
        own = self._network()
        if not there or not own:
            raise LabError("the lab is not there", hint=self.steps.absent)
        if not self._ground.exists():
            raise LabError(f"network {self.network} is gone", hint=f"{UP}, which makes it again")
        taken = {own.gateway, *(one.address for one in there),
                 *guests.seats(self.engine, self.network)}
        names = {one.fqdn: one.address for one in there}
        return guests.options(self.network, guests.seat(datacenter, taken), names)

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
        self.memory.keep(self.engine.name)
        if absent or stopped:
            checks.raise_inotify(len(absent) + len(stopped))
            if absent:
                image = self.images.lab(self.topology.lab, self._parent(software))
            own = self._lay(there)
            self._wake([there[host.name] for host in stopped])
            if absent:
                self.say(f"Creating {counted(len(absent), 'host')} with {self.engine.name} ...")
                own_groups = cgroups.flags(self.engine)
                _each(lambda host: self._run(host, image, login, own, own_groups), absent)
            there = self._containers()
        made = [host.name for host in self.topology.hosts if host.name in there]
        joined = self.keys.learn([there[name] for name in made if there[name].running], login)
        if joined:
            self.say(f"login key added on {counted(joined, 'host')}, beside those that were there")
        if absent or stopped:
            self._await_sshd({one.name: one.ssh_port for one in (*absent, *stopped)}, there)
        return self._instances(there)

    def _wake(self, containers: Sequence[Container]) -> None:
        """Let containers that stand still go on, or start them."""
        for command, paused in (("unpause", True), ("start", False)):
            if those := [one for one in containers if one.paused is paused]:
                self.engine.on(those, command, timeout=300)

    def stop(self, names: Collection[str]) -> list[str]:
        """Let systemd end in each container; the memory of all that ran there is free."""
        there = self._containers()
        running = [there[name] for name in names if name in there and there[name].running]
        _each(lambda one: self.engine.on([one], "stop", "--time", str(STOP_S)), running)
        return [name for name in names if name in there and there[name] in running]

    def start(self, names: Collection[str]) -> list[str]:
        """Start the containers that stand still, also those that the lab file does not mean."""
        there = self._containers()
        asleep = [name for name in names if name in there and not there[name].running]
        meant = {host.name for host in self.topology.hosts}
        if mine := [name for name in asleep if name in meant]:
            self.create({}, mine)
        if left := [name for name in asleep if name not in meant]:
            checks.raise_inotify(len(left))
            self._lay(there)
            self.engine.on([there[name] for name in left], "start", timeout=300)
            ports = {name: instance(name, there[name], None).ssh_port for name in left}
            self._await_sshd(ports, there)
        return asleep

    def kill(self, names: Collection[str]) -> None:
        """SIGKILL for all that runs in the hosts' containers. The containers stay."""
        there = self._containers()
        running = [there[name] for name in names if name in there and there[name].running]
        if running:
            self.engine.on(running, "kill", "--signal", "KILL", timeout=300)

    def revive(self, names: Collection[str]) -> None:
        """Start the containers again."""
        self.start(names)

    def begin(self, name: str, command: Sequence[str]) -> bool:
        """Through the engine: root in a container may not see its packets, say."""
        there = self._seen or self._containers()
        self.engine("exec", "--detach", "--privileged", there[name].id, *command)
        return True

    def remove(self, names: Collection[str]) -> list[str]:
        """Remove the hosts' containers, and with them what is on their disks."""
        there = self._containers()
        if gone := [name for name in names if name in there]:
            remove(self.engine, [there[name] for name in gone])
        return gone

    @classmethod
    def named(
        cls, lab: str, topology: Topology, *, state: Path, machine: Machine, say: Say = print
    ) -> Local:
        """Another lab on this machine, of which only the name is known: for its end.

        `topology` is that of the lab beside it. Raises UsageError where there is none of that name.
        """
        engine = others.engine_of(lab, topology.lab, Memory(state), machine)
        config = topology.config.model_copy(update={"name": lab})
        return cls(
            replace(topology, config=config), engine=engine, state=state, say=say, machine=machine
        )

    def destroy(self) -> list[str]:
        """Remove everything that carries the lab's label, and at last its keys; what went.

        Shared images and caches stay, and so do the run logs in the state directory. Raises the
        engine's CommandError when something cannot be removed, after removing all that can.
        """
        return self._removal.remove()

    def leftovers(self) -> list[str]:
        """What of the lab is still in some engine; after `destroy` only what is `kept`."""
        return self._removal.names()

    def kept(self) -> list[Obstacle]:
        """Networks and images of the lab that containers of somebody else use."""
        return self._removal.kept()

    def stays(self) -> list[str]:
        """The images that hosts are made from, which are no lab's own."""
        return self._removal.stays()

    def unproven(self) -> list[str]:
        """Why nobody can tell, after `destroy`, that nothing of the lab is left."""
        return self._removal.unproven()

    def troubles(self, closed: Mapping[str, Closed]) -> dict[str, Trouble]:
        """Why hosts that run let nobody in."""
        return self.access.troubles(self._seen or self._containers(), closed)

    def mend(self, troubles: Mapping[str, Trouble]) -> None:
        """Let this state directory's login key into hosts again, over ports that lead there."""
        login = self.keys.login(f"kafkalab {self.topology.lab}")
        there = self._seen or self._containers()
        if {LOST, DEAD} & set(troubles.values()):
            self._lay(there)
        self.access.mend(there, troubles, login)

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
            remove(self.engine, [there.pop(name) for name in unborn])
            self._seen = there
        return there

    def _containers(self) -> dict[str, Container]:
        found = (self.machine.containers(self.engine, self.label) if self.machine
                 else self.engine.containers(self.label))
        self._seen = {one.labels[HOST_LABEL]: one for one in found if HOST_LABEL in one.labels}
        return dict(self._seen)

    def _network(self) -> Network | None:
        """The lab's network; None while there is none."""
        return network.found(self.network, self._seen.values(), self.engine)

    def _lay(self, there: Mapping[str, Container]) -> Network:
        """The lab's network, in order for what is `there` and for what is to be made."""
        own = self._network() or network.planned(self.topology)
        self._ground.lay(own, there)
        return own

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

    def _parent(self, software: Mapping[Artifact, Obtained]) -> str:
        """The name of the image that the lab's own is made from."""
        if not (self.prebuilt and software):
            return self.images.base()
        parent = self.images.host(tuple(software.values()))
        return self.images.packed(parent, self.packages(())) if self._beyond_base() else parent

    def _beyond_base(self) -> tuple[str, ...]:
        """What the lab's services want of the operating system that the base lacks."""
        return recipe.lacking(software_of(self.topology))

    def _run(
        self, host: Host, image: str, login: str, found: Network, own_groups: Sequence[str]
    ) -> None:
        words = run_words(
            self.engine, host, lab=self.topology.lab, network=(self.network, found), image=image,
            login=login, roles=roles(host, self.topology),
            ports=published_ports(host, self.topology),
            capabilities=capabilities(software_of(self.topology)), cgroups=own_groups,
        )
        try:
            try:
                self.engine(*words)
            except CommandError as error:
                if NO_MONITOR not in error.stderr:
                    raise
                # What is there of the container is replaced.
                self.engine(words[0], "--replace", *words[1:])
        except CommandError as error:
            what = f"{self.engine.name} run: {error.said or f'exit status {error.status}'}"
            raise LabError(what, where=host.name) from error

    def _await_sshd(self, ports: Mapping[str, int], there: Mapping[str, Container]) -> None:
        """Wait for sshd of the hosts whose `ports` these are, by name."""
        def late(name: str) -> LabError:
            container = there[name]
            console = self.engine.consoles([container])[container.name]
            return TimeoutExpired(
                f"sshd does not answer on {LOOPBACK}:{ports[name]} after {READY_S:g} s; "
                f"the console says: {last(console)}",
                where=name, hint=f"{self.engine.name} logs {container.name}",
            )  # fmt: skip

        sshd.wait_for(
            {name: (LOOPBACK, port) for name, port in ports.items()}, READY_S, late, pause=POLL_S
        )


def _runs(container: Container | None) -> bool:
    return container is not None and container.running


def _each(work: Callable[[T], R], items: Iterable[T], *, at_a_time: int = AT_A_TIME) -> list[R]:
    with ThreadPoolExecutor(at_a_time) as pool:
        return list(pool.map(work, items))
