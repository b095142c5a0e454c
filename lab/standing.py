"""Hosts that exist, as their platform remembers them, against those that the lab file means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from lab.counted import counted
from lab.roles import ROLES
from lab.topology import Datacenter, Host, Topology, host_names


@dataclass(frozen=True)
class Standing:
    """A host as it was made. `ports` are those of the workstation that lead to it; `carries` what
    else than its role it was there for ("connect")."""

    name: str
    fqdn: str
    datacenter: str
    role: str
    address: IPv4Address
    ports: tuple[int, ...] = ()
    carries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Obstacle:
    """Something that keeps the lab from becoming what its file says, and the ways out.

    ends: whether the end of the lab as it is now is one of them.
    """

    where: str
    what: str
    hint: str
    ends: bool = False


REPLACE = "end the lab with its data first: `fab down` (`fab up --replace` asks, and does both)"


def strangers(topology: Topology, there: Iterable[Standing]) -> tuple[Standing, ...]:
    """The hosts that exist although the lab file does not, or no longer, mean them, by address."""
    known = {host.name for host in topology.hosts}
    return tuple(sorted(
        (one for one in there if one.name not in known), key=lambda one: one.address
    ))


@dataclass(frozen=True)
class Leaver:
    """A host that the lab file has no more because it has fewer brokers, or its datacenter no more.

    `broker`: its id in a cluster of the lab file, which it leaves; None where the datacenter goes.
    """

    standing: Standing
    broker: int | None

    @property
    def name(self) -> str:
        return self.standing.name

    @property
    def datacenter(self) -> str:
        return self.standing.datacenter


def leaving(topology: Topology, others: Iterable[Standing]) -> tuple[Leaver, ...]:
    """Those of `others`, hosts that the lab file does not mean, that are to leave, by address.

    What has another name than the lab file would give it is none of them: it may be of a time
    before another owner, say.
    """
    known = {datacenter.name: datacenter for datacenter in topology.datacenters}
    ids = {name: _brokers(topology, datacenter) for name, datacenter in known.items()}
    found = []
    for one in strangers(topology, others):
        if one.datacenter in known:
            if one.role == "kafka" and (broker := ids[one.datacenter].get(one.name)):
                found.append(Leaver(one, broker))
        elif one.datacenter and one.role:
            found.append(Leaver(one, None))
    return tuple(found)


def _brokers(topology: Topology, datacenter: Datacenter) -> dict[str, int]:
    """The names of all brokers that a datacenter may ever have, with their ids."""
    most = next(role.most for role in ROLES if role.name == "kafka")
    whole = datacenter.config.model_copy(update={"kafka": most})
    return {name: number for role, number, name in host_names(topology.config, whole)
            if role == "kafka"}


def held(hosts: Iterable[Host], others: Iterable[Standing]) -> Iterator[Obstacle]:
    """What `hosts`, which do not exist yet, want of `others`, which do and are not meant.

    One line for all: a changed nickname, say, concerns every host.
    """
    by_address = {one.address: one for one in others}
    by_port = {port: one for one in others for port in one.ports}
    pairs = {
        host.name: one for host in hosts
        if (one := by_address.get(host.address) or by_port.get(host.ssh_port))
    }
    if pairs:
        name, one = next(iter(pairs.items()))
        more = f", and so for {len(pairs) - 1} more" if len(pairs) > 1 else ""
        yield Obstacle(
            name, f"would need the address or port of {one.name}, a host of this lab that the lab "
            f"file does not mean{more}",
            f"undo what renamed or moved it in the lab file, or {REPLACE}", ends=True,
        )


def smaller(topology: Topology, others: Iterable[Standing]) -> Iterator[Obstacle]:
    """Servers of an ensemble that the lab file has no more, though it has their datacenter."""
    left = [one for one in others if one.role == "zookeeper"]
    known = {datacenter.name: datacenter for datacenter in topology.datacenters}
    for name, count in Counter(one.datacenter for one in left).items():
        if name not in known:
            continue
        if known[name].config.kraft:
            yield Obstacle(
                name, "its metadata is in ZooKeeper, and does not move to other hosts",
                f"say zookeeper = {count + len(known[name].by_role('zookeeper'))} beside metadata "
                f"= \"kraft\": its servers' hosts get controllers (docs/kraft.md), or {REPLACE}",
                ends=True,
            )
            continue
        wanted = len(known[name].by_role("zookeeper"))
        yield Obstacle(
            name, f"its ZooKeeper ensemble of {wanted + count} servers would become one of "
            f"{wanted}: an ensemble is not made smaller, since what it knows may be lost",
            f"say zookeeper = {wanted + count} again, or {REPLACE}", ends=True,
        )


def fewer_controllers(topology: Topology, others: Iterable[Standing]) -> Iterator[Obstacle]:
    """Controllers that the lab file has no more, though it has their datacenter."""
    left = Counter(one.datacenter for one in others if one.role == "controller")
    for datacenter in topology.datacenters:
        if not left[datacenter.name]:
            continue
        there = left[datacenter.name] + len(datacenter.by_role("controller"))
        yield Obstacle(
            datacenter.name, f"its metadata is with {counted(there, 'controller')}, and the lab "
            "takes none out of a quorum",
            f'say metadata = "kraft" and controller = {there} again, or {REPLACE}', ends=True,
        )


def outside(topology: Topology, network: IPv4Network) -> Iterator[Obstacle]:
    """Datacenters that do not lie in the network that the lab was made with, which stays so."""
    for datacenter in topology.datacenters:
        if datacenter.cidr.subnet_of(network):
            continue
        room = free(network, [one.cidr for one in topology.datacenters], datacenter.cidr.prefixlen)
        way = f'say cidr = "{room}", which is free there, or' if room else "nothing is free there:"
        yield Obstacle(
            datacenter.name, f"{datacenter.cidr} is not in the lab's network {network}, which is "
            "as large as its first datacenters needed",
            f"{way} {REPLACE}", ends=True,
        )


def free(
    network: IPv4Network, taken: Collection[IPv4Network], prefix: int
) -> IPv4Network | None:
    """The first network of that size in `network` which overlaps none of `taken`.

    Not the first one of all: the first addresses are the engine's own.
    """
    if prefix <= network.prefixlen:
        return None
    own = IPv4Network((network.network_address, min(prefix + 1, 32)))
    return next((
        one for one in network.subnets(new_prefix=prefix)
        if not any(one.overlaps(other) for other in (*taken, own))
    ), None)
