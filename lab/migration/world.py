"""Where a datacenter stands, read from what its hosts and ZooKeeper tell."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from lab.migration.stages import Stage
from lab.migration.way import Way, clean
from lab.topology import Datacenter
from lab.upgrade import PROTOCOL, order, own_protocol
from lab.versions import BOTH, KRAFT, ZOOKEEPER

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
