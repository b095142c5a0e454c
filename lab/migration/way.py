"""How the processes of a datacenter are set up while its metadata moves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from lab.migration.stages import Stage
from lab.model import Datacenter as DatacenterConfig
from lab.topology import Datacenter, Topology
from lab.versions import BOTH, KRAFT, ZOOKEEPER


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
