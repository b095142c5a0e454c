"""What a lab file means: its hosts with names, ids, addresses, ports and who may reach them.

All of it is a pure function of the file. A host's place depends on its role and its number alone,
so a host that is added at the end moves no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from lab.model import Datacenter as DatacenterConfig, Lab

Role = Literal["control", "zookeeper", "kafka", "connect"]
ROLES: tuple[Role, ...] = ("control", "zookeeper", "kafka", "connect")

# A host's offset in its subnet: the role's first offset plus the number within the role. The first
# four addresses and the last one of a subnet belong to AWS (VPC user guide, "Subnet sizing").
FIRST_OFFSET: dict[Role, int] = {"control": 9, "zookeeper": 20, "kafka": 30, "connect": 200}

PORTS_PER_DATACENTER = 1000
EXTERNAL_OFFSET = 500
SSH_PORT = 22
ZOOKEEPER_CLIENT_PORT = 2181
INTERNAL_PORT = 9092
EXTERNAL_PORT = 9094
CONNECT_PORT = 8083


@dataclass(frozen=True)
class Host:
    """One machine. `number` counts from 1 within datacenter and role: `broker.id`, `myid`.

    `roles` begins with `role`; a control host may carry the Connect workers, too.

    `ssh_port` and `external_port` are where 127.0.0.1 of the workstation reaches the host's SSH and
    EXTERNAL listener on the local platform; `external_port` is None where no broker runs.
    """

    name: str
    fqdn: str
    datacenter: str
    zone: int
    role: Role
    number: int
    address: IPv4Address
    ssh_port: int
    external_port: int | None
    heap_mb: int
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class Rule:
    """Who may open connections to a host: the sources, and TCP ports first to last.

    `ports` None means every protocol and port.
    """

    name: str
    sources: tuple[IPv4Network, ...]
    ports: tuple[int, int] | None


@dataclass(frozen=True)
class Datacenter:
    """One network with its subnets (one a zone) and its hosts, in the order of the roles."""

    name: str
    cidr: IPv4Network
    subnets: tuple[IPv4Network, ...]
    hosts: tuple[Host, ...]
    linked: tuple[IPv4Network, ...]

    def by_role(self, role: Role) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if role in host.roles)

    @property
    def seed(self) -> Host:
        """The host that hands the distribution to the others and tries the INTERNAL listeners."""
        return (self.by_role("control") or self.by_role("kafka"))[0]


@dataclass(frozen=True)
class Topology:
    """The whole lab."""

    config: Lab
    datacenters: tuple[Datacenter, ...]

    @property
    def lab(self) -> str:
        return self.config.name

    @cached_property
    def hosts(self) -> tuple[Host, ...]:
        return tuple(host for datacenter in self.datacenters for host in datacenter.hosts)

    @cached_property
    def network(self) -> IPv4Network:
        """The smallest network that covers every datacenter: the local platform's only subnet."""
        return covering(tuple(datacenter.cidr for datacenter in self.datacenters))

    @property
    def gateway(self) -> IPv4Address:
        """Where the workstation's packets come from on the local platform."""
        return self.network[1]

    def datacenter(self, name: str) -> Datacenter:
        return next(datacenter for datacenter in self.datacenters if datacenter.name == name)

    def rules(self, datacenter: Datacenter, admin: tuple[IPv4Network, ...]) -> tuple[Rule, ...]:
        """What may reach the hosts of a datacenter; all else is dropped.

        `admin` is where people sit: the lab's gateway locally, `admin_cidrs` on AWS.
        """
        return (
            Rule("ssh", admin, (SSH_PORT, SSH_PORT)),
            Rule("intra-vpc", (datacenter.cidr, *datacenter.linked), None),
            Rule("lab-ports", admin, self.config.network.lab_ports),
        )


def build(lab: Lab) -> Topology:
    """The topology of a lab file that `lab.model` accepted."""
    cidrs = {datacenter.name: datacenter.cidr for datacenter in lab.datacenters}
    built = []
    for index, config in enumerate(lab.datacenters):
        pairs = [link.between for link in lab.links if config.name in link.between]
        others = {name for pair in pairs for name in pair} - {config.name}
        built.append(
            Datacenter(
                name=config.name,
                cidr=config.cidr,
                subnets=subnets(config),
                hosts=_hosts(lab, config, index),
                linked=tuple(cidr for name, cidr in cidrs.items() if name in others),
            )
        )
    return Topology(lab, tuple(built))


def subnets(config: DatacenterConfig) -> tuple[IPv4Network, ...]:
    """One subnet a zone: the whole network, its halves, or three of its quarters."""
    bits = {1: 0, 2: 1, 3: 2}[config.zones]
    if config.cidr.prefixlen + bits > 32:
        return ()
    return tuple(config.cidr.subnets(prefixlen_diff=bits))[: config.zones]


def covering(networks: tuple[IPv4Network, ...]) -> IPv4Network:
    """The smallest network that contains all of `networks`."""
    cover = networks[0]
    while not all(network.subnet_of(cover) for network in networks):
        cover = cover.supernet()
    return cover


def host_names(lab: Lab, config: DatacenterConfig) -> list[tuple[Role, int, str]]:
    """(role, number, name) of each host of a datacenter, before anything is known to be legal."""
    counts: dict[Role, int] = {
        "control": config.control, "zookeeper": config.zookeeper, "kafka": config.kafka,
        "connect": config.connect,
    }
    shorts: dict[Role, str] = {
        "control": lab.names.control, "zookeeper": lab.names.zookeeper, "kafka": lab.names.kafka,
        "connect": lab.names.connect,
    }
    fixed = lab.names.pattern.replace("{owner}", lab.owner).replace("{datacenter}", config.name)
    return [
        (role, number, fixed.replace("{role}", shorts[role]).replace("{number}", f"{number:02}"))
        for role in ROLES
        for number in range(1, counts[role] + 1)
    ]


def _hosts(lab: Lab, config: DatacenterConfig, index: int) -> tuple[Host, ...]:
    heap: dict[Role, int] = {
        "zookeeper": lab.zookeeper.heap_mb, "kafka": lab.kafka.heap_mb,
        "connect": lab.connect.heap_mb,
    }
    mirrored = any(mirror.target == config.name for mirror in lab.mirrors)
    ports = lab.local.port_base + PORTS_PER_DATACENTER * index
    zones = subnets(config)
    hosts = []
    for role, number, name in host_names(lab, config):
        offset = FIRST_OFFSET[role] + number
        zone = (number - 1) % config.zones
        roles: tuple[Role, ...] = (role,)
        if role == "control" and mirrored and not config.connect:
            roles = (role, "connect")
        hosts.append(
            Host(
                name=name,
                fqdn=f"{name}.{lab.domain}",
                datacenter=config.name,
                zone=zone,
                role=role,
                number=number,
                address=zones[zone][offset],
                ssh_port=ports + offset,
                external_port=ports + EXTERNAL_OFFSET + offset if role == "kafka" else None,
                heap_mb=sum(heap.get(one, 0) for one in roles),
                roles=roles,
            )
        )
    return tuple(hosts)
