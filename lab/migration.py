"""How a datacenter's metadata moves from ZooKeeper to KRaft, and back while that can be.

Where it stands is read from the hosts and from ZooKeeper each time, and what is to be done follows
from that alone. So a run that was cut off is nothing special: the next one finds a datacenter that
stands somewhere between, and each step leads on from wherever the hosts are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

from lab.model import Datacenter as DatacenterConfig
from lab.topology import Datacenter, Topology
from lab.upgrade import PROTOCOL, order, own_protocol
from lab.versions import BOTH, BRIDGE, KRAFT, ZOOKEEPER, with_both


class Stage(IntEnum):
    """How far a datacenter has come; each one contains those before."""

    ZOOKEEPER = 0
    PREPARED = 1
    DUAL_WRITE = 2
    BROKERS = 3
    FINISHED = 4

    @property
    def words(self) -> str:
        """For people, after "it is"."""
        return _WORDS[self]


_WORDS: Mapping[Stage, str] = {
    Stage.ZOOKEEPER: "in ZooKeeper",
    Stage.PREPARED: "prepared: controllers run beside ZooKeeper, which has the metadata",
    Stage.DUAL_WRITE: "dual write: the quorum controls the cluster, and writes to ZooKeeper too",
    Stage.BROKERS: "brokers with KRaft; the quorum still writes to ZooKeeper, too",
    Stage.FINISHED: "with KRaft",
}


_HOW = {ZOOKEEPER: "with ZooKeeper", BOTH: "with both", KRAFT: "with KRaft"}


@dataclass(frozen=True)
class Node:
    """What a host tells: how its broker and its controller keep metadata ("": there is none of
    them), whether it is a ZooKeeper server, the id of the cluster that its disk belongs to, and
    whether its disk has metadata of a quorum that it is in no more. version: of Kafka, that its
    broker is started from. protocol: the one that its settings hold this at, "" for none."""

    broker: str = ""
    controller: str = ""
    server: bool = False
    cluster: str = ""
    left: bool = False
    version: str = ""
    protocol: str = ""


def keeps(properties: str) -> str:
    """How the process with these settings keeps metadata; "" for none."""
    if re.search(r"^zookeeper\.metadata\.migration\.enable=true$", properties, re.MULTILINE):
        return BOTH
    if re.search(r"^process\.roles=", properties, re.MULTILINE):
        return KRAFT
    return ZOOKEEPER if re.search(r"^zookeeper\.connect=", properties, re.MULTILINE) else ""


@dataclass(frozen=True)
class Way:
    """How a datacenter's processes are set up, or are to be.

    keeps: how each broker and each controller keeps metadata, by host. controllers: the hosts that
    have one; servers: those with ZooKeeper. taken: whether the quorum controls the cluster.
    ready: whether brokers have come to the release with which they may move, for good.
    """

    keeps: Mapping[str, str] = field(default_factory=dict)
    controllers: frozenset[str] = frozenset()
    servers: frozenset[str] = frozenset()
    taken: bool = False
    ready: bool = True


class OnTheWay(DatacenterConfig):
    """A datacenter whose metadata is to be in KRaft by the lab file, and is not there yet."""

    way: Way

    @property
    def servers(self) -> bool:
        return bool(self.way.servers)

    @property
    def quorum(self) -> bool:
        return bool(self.way.controllers)

    @property
    def led(self) -> bool:
        return self.way.taken

    def keeps(self, host: str) -> str:
        return self.way.keeps.get(host, str(self.metadata))


def movable(datacenter: Datacenter) -> bool:
    """Whether it may have begun with ZooKeeper, by the lab file: it has the hosts for that, and is
    to be with KRaft."""
    config = datacenter.config
    return bool(config.kraft and config.count("zookeeper"))


def at(topology: Topology, ways: Mapping[str, Way]) -> Topology:
    """The lab with datacenters set up as `ways` have them, by their names."""
    configs = {
        one.name: OnTheWay.model_construct(
            one.config.model_fields_set, **{**dict(one.config), "way": ways[one.name]}
        ) for one in topology.datacenters if one.name in ways
    }
    if not configs:
        return topology
    datacenters = tuple(
        replace(one, config=configs.get(one.name, one.config)) for one in topology.datacenters
    )
    lab = topology.config.model_copy(
        update={"datacenters": tuple(one.config for one in datacenters)}
    )
    return Topology(lab, datacenters)


def clean(datacenter: Datacenter, stage: Stage) -> Way:
    """How all of a datacenter is set up in a stage."""
    hosts = {host.name for host in datacenter.by_role("zookeeper")}
    broker = ZOOKEEPER if stage < Stage.DUAL_WRITE else (
        BOTH if stage < Stage.BROKERS else KRAFT)
    controller = KRAFT if stage == Stage.FINISHED else BOTH
    return Way(
        {**{host.name: broker for host in datacenter.by_role("kafka")},
         **dict.fromkeys(hosts, controller)},
        frozenset(hosts if stage > Stage.ZOOKEEPER else ()),
        frozenset(hosts if stage < Stage.FINISHED else ()),
        stage >= Stage.BROKERS,
    )


@dataclass(frozen=True)
class World:
    """Where a datacenter stands.

    nodes: what each of its hosts tells, of those that tell anything. completed: all metadata has
    been copied to the quorum, by ZooKeeper's own word. claimed: it has traces of a quorum: that one
    is the controller, or how far a migration is.
    """

    datacenter: Datacenter
    nodes: Mapping[str, Node]
    completed: bool = False
    claimed: bool = False

    @property
    def brokers(self) -> dict[str, str]:
        """How brokers keep metadata, of those that are set up."""
        return {host.name: how for host in self.datacenter.by_role("kafka")
                if (how := self._node(host.name).broker)}

    @property
    def controllers(self) -> dict[str, str]:
        """The same of controllers."""
        return {host.name: how for host in self.datacenter.by_role("zookeeper")
                if (how := self._node(host.name).controller)}

    @property
    def servers(self) -> frozenset[str]:
        return frozenset(host.name for host in self.datacenter.by_role("zookeeper")
                         if self._node(host.name).server)

    @property
    def whole(self) -> bool:
        """Whether all controllers are set up."""
        return len(self.controllers) == len(self.datacenter.by_role("zookeeper"))

    @property
    def left(self) -> bool:
        """Whether some disk has metadata of a quorum that is no more."""
        return any(one.left for one in self.nodes.values())

    @property
    def clusters(self) -> tuple[str, ...]:
        """The ids of clusters that disks belong to, most of them first; there should be one."""
        found = Counter(one.cluster for one in self.nodes.values() if one.cluster)
        return tuple(id for id, _ in found.most_common())

    @property
    def fresh(self) -> bool:
        """Whether nothing is set up yet, so that it begins as the lab file has it."""
        return not (self.brokers or self.controllers or self.servers)

    @property
    def cut_back(self) -> bool:
        """Whether a way back has taken the controllers from brokers that still look for them."""
        return not self.controllers and any(one == BOTH for one in self.brokers.values())

    @property
    def final(self) -> bool:
        """Whether there is no way back: a controller has left ZooKeeper, which knows no more what
        happens."""
        return KRAFT in self.controllers.values() or (
            {*self.brokers.values()} == {KRAFT} and not self.servers)

    @property
    def stage(self) -> Stage:
        """The last stage that all of it has reached."""
        brokers = {*self.brokers.values()}
        if self.final and {*self.controllers.values()} == {KRAFT} and not self.servers:
            return Stage.FINISHED
        if not self.whole:
            return Stage.ZOOKEEPER
        if brokers == {KRAFT}:
            return Stage.BROKERS
        if self.completed and ZOOKEEPER not in brokers:
            return Stage.DUAL_WRITE
        return Stage.PREPARED

    @property
    def way(self) -> Way:
        """How it is set up now. What has to be made anew becomes as its like are."""
        known, names = self.brokers, [h.name for h in self.datacenter.by_role("kafka")]
        furthest = next((one for one in (KRAFT, BOTH) if one in known.values()), ZOOKEEPER)
        there = self.controllers
        usual = KRAFT if {*there.values()} == {KRAFT} else BOTH
        return Way(
            {**{name: known.get(name, furthest) for name in names},
             **{host.name: there.get(host.name, usual)
                for host in self.datacenter.by_role("zookeeper")}},
            frozenset(there), self.servers,
            bool(there) and ZOOKEEPER not in known.values() and bool(known), not self.unready,
        )

    @property
    def unready(self) -> str:
        """Why brokers cannot move yet, in words: they run another release than that of the lab
        file, or this is not finalised. A quorum takes none that speaks an older protocol than its
        own release's. "" for nothing."""
        wanted = self.datacenter.config.version
        nodes = [self._node(name) for name, how in self.brokers.items() if how == ZOOKEEPER]
        if others := sorted({one.version for one in nodes} - {"", wanted}, key=order):
            return f"its brokers run Kafka {' and '.join(others)}, not {wanted}"
        own = own_protocol(wanted)
        held = {one.protocol.partition("-")[0] for one in nodes} - {""}
        if older := sorted((one for one in held if order(one) < order(own)), key=order):
            return f"Kafka {wanted} is not finalised: its brokers speak {PROTOCOL} {older[0]}"
        return ""

    def _node(self, name: str) -> Node:
        return self.nodes.get(name, Node())


class Step(Enum):
    """What can be done; each harms nothing where it is done already."""

    STOP = "stop the controllers"
    RELEASE = "let a broker be the controller again"
    PLAIN = "restart brokers without the quorum"
    CLEAR = "set aside what a former quorum has left on disks"
    PREPARE = "start controllers beside ZooKeeper"
    DUAL_WRITE = "restart brokers with both, and let the quorum take over"
    BROKERS = "restart brokers with KRaft"
    RETURN = "restart brokers with both"
    ALONE = "restart controllers without ZooKeeper"
    LEAVE = "stop ZooKeeper"


# With an upgrade that ends by itself the first is enough.
FIRST = "`fab up` and `fab kafka.finalize` come first"


class CannotMove(ValueError):
    """The text says why, `hint` what can be done."""

    def __init__(self, why: str, hint: str) -> None:
        super().__init__(why)
        self.hint = hint


def forward(world: World, goal: Stage = Stage.BROKERS) -> tuple[Step, ...]:
    """What leads to `goal`, which is no further than BROKERS. Raises CannotMove."""
    _fits(world.datacenter)
    if world.final:
        return ()
    if world.unready:
        raise CannotMove(world.unready, FIRST)
    if not world.whole and {BOTH, KRAFT} & {*world.brokers.values()}:
        raise _headless(world)
    steps: list[Step] = []
    if not world.whole:
        # A quorum of some that are new and some that are not could lead with what is empty.
        steps += [Step.STOP] if world.controllers else []
        steps += [Step.RELEASE] if world.claimed else []
        steps += [Step.CLEAR] if world.left or world.controllers else []
        steps.append(Step.PREPARE)
    if goal >= Stage.DUAL_WRITE and max(world.stage, Stage.PREPARED) < Stage.DUAL_WRITE:
        steps.append(Step.DUAL_WRITE)
    if goal >= Stage.BROKERS and world.stage < Stage.BROKERS:
        steps.append(Step.BROKERS)
    return tuple(steps)


def backward(world: World) -> tuple[Step, ...]:
    """What leads to ZooKeeper. Raises CannotMove where nothing does any more."""
    if world.final:
        raise CannotMove(
            f"there is no way back: it is {Stage.FINISHED.words} alone, and ZooKeeper knows no "
            "more what has happened since", "`fab status` shows the quorum",
        )
    brokers = {*world.brokers.values()}
    steps = [Step.RETURN] if KRAFT in brokers else []
    if steps and not world.controllers:
        raise _headless(world)
    steps += [Step.STOP] if world.controllers else []
    steps += [Step.RELEASE] if world.claimed or world.controllers else []
    steps += [Step.PLAIN] if brokers - {ZOOKEEPER} else []
    steps += [Step.CLEAR] if world.left or world.controllers or len(steps) > 1 else []
    return tuple(steps)


def final(world: World) -> tuple[Step, ...]:
    """What takes ZooKeeper out of it, once for all. Raises CannotMove where it is too early."""
    if not world.final and world.stage < Stage.BROKERS:
        raise CannotMove(f"it is {world.stage.words}", "`fab kraft.migrate` comes first")
    return tuple(
        step for step, due in (
            (Step.ALONE, any(one != KRAFT for one in world.controllers.values())
             or not world.whole),
            (Step.LEAVE, bool(world.servers)),
        ) if due
    )


def _headless(world: World) -> CannotMove:
    """Of brokers that look for controllers which are not there."""
    missing = sorted({host.name for host in world.datacenter.by_role("zookeeper")}
                     - world.controllers.keys())
    if world.cut_back:
        return CannotMove("a way back was cut off: its controllers are stopped, and brokers still "
                          "look for them", "`fab kraft.back` completes it")
    return CannotMove(f"controllers are missing: {', '.join(missing)}",
                      "`fab up` sets them up again, `fab kraft.back` leads back")


def _fits(datacenter: Datacenter) -> None:
    version = datacenter.config.version
    if version not in with_both():
        raise CannotMove(
            f"Kafka {version} has no way from ZooKeeper to KRaft; {' and '.join(with_both())} have",
            f'say version = "{BRIDGE}" until `fab kraft.finish`',
        )


def epoch_to_set(zookeeper: int, quorum: int) -> int | None:
    """What ZooKeeper's controller epoch has to become before a broker is the controller again;
    None where it is enough.

    A quorum that writes to ZooKeeper writes its own epoch to each partition. A broker that becomes
    the controller takes ZooKeeper's epoch and one, and leaves alone partitions with a higher one:
    they stay without a leader (KAFKA-20488).
    """
    return quorum if quorum > zookeeper else None


def told(world: World) -> str:
    """Where it stands, in a line."""
    if settled(world):
        return world.stage.words
    if world.cut_back:
        return "on the way back to ZooKeeper, cut off: its controllers are stopped"
    how = Counter(world.brokers.values())
    brokers = ", ".join(f"{how[one]} {_HOW[one]}" for one in (ZOOKEEPER, BOTH, KRAFT) if how[one])
    controllers = f"{len(world.controllers)} of {len(world.datacenter.by_role('zookeeper'))}"
    return f"between stages: brokers: {brokers or 'none'}; controllers: {controllers}"


def settled(world: World) -> bool:
    """Whether it stands in a stage, and not on the way from one to another."""
    there = clean(world.datacenter, world.stage)
    same = all(world.brokers.get(host.name, there.keeps[host.name]) == there.keeps[host.name]
               for host in world.datacenter.by_role("kafka"))
    return (same and not world.left and world.servers == there.servers
            and world.controllers.keys() == there.controllers
            and {*world.controllers.values()} <= {there.keeps[n] for n in there.controllers})


def notes(topology: Topology) -> Iterable[str]:
    """What a person has to know of datacenters that are not yet as the lab file has them, which
    stays so whatever `fab up` does."""
    for datacenter in topology.datacenters:
        if isinstance(datacenter.config, OnTheWay):
            way = datacenter.config.way
            where, command = _next(way)
            once = "" if way.ready else f" once Kafka {datacenter.config.version} is finalised"
            yield (f"note: {datacenter.name} is to be with KRaft, and its metadata is {where}: "
                   f"{command}{once} (`fab kraft` shows where it stands)")


def _next(way: Way) -> tuple[str, str]:
    """Where it is, in few words, and what leads on."""
    if not way.controllers:
        return "in ZooKeeper", "`fab kraft.migrate` moves it"
    if not way.taken:
        return "in ZooKeeper, with controllers beside it", "`fab kraft.migrate` goes on"
    with_both = BOTH in (how for name, how in way.keeps.items() if name not in way.servers)
    return "with a quorum that writes to ZooKeeper, too", (
        "`fab kraft.migrate` goes on" if with_both else "`fab kraft.finish` leaves ZooKeeper")
