"""What a lab file means: its hosts with names, ids, addresses, ports and who may reach them.

A pure function of the file. A host's name, address and ports depend only on its role and number, so
adding a host at the end changes no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING

from lab.roles import ROLES

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab

# How a datacenter uses its ports on the workstation, counted from its own base: SSH of a host at
# the host's offset; a broker's EXTERNAL listener at EXTERNAL_OFFSET plus the same offset; and from
# SERVICES_OFFSET on, ten for each port that a service publishes (lab.services.service.Port). A
# broker's listener for clients that have a certificate's word is at SECURE_OFFSET plus the offset,
# and the one where people log in at USERS_OFFSET.
PORTS_PER_DATACENTER = 1000
EXTERNAL_OFFSET = 500
SERVICES_OFFSET = 800
SECURE_OFFSET = 250
USERS_OFFSET = 370
SSH_PORT = 22
ZOOKEEPER_CLIENT_PORT = 2181
INTERNAL_PORT = 9092
CONTROLLER_PORT = 9093
EXTERNAL_PORT = 9094


@dataclass(frozen=True)
class Host:
    """One machine. `number` counts from 1 within datacenter and role: `broker.id`, `myid`.

    What runs on it follows from its role (lab.services.registry).

    `ssh_port` and `external_port` are where 127.0.0.1 of the workstation reaches the host's SSH and
    EXTERNAL listener on the local platform; `external_port` is None where no broker runs.
    """

    name: str
    fqdn: str
    datacenter: str
    zone: int
    role: str
    number: int
    address: IPv4Address
    ssh_port: int
    external_port: int | None


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
    """One network with its subnets (one a zone) and its hosts, in the order of the roles.

    port_base: the first of its ports on the workstation.
    """

    name: str
    config: DatacenterConfig
    port_base: int
    cidr: IPv4Network
    subnets: tuple[IPv4Network, ...]
    hosts: tuple[Host, ...]
    linked: tuple[IPv4Network, ...]

    def by_role(self, role: str) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if host.role == role)

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
        """The smallest network that covers every datacenter; a lab that is made now gets it."""
        return covering(tuple(datacenter.cidr for datacenter in self.datacenters))

    @property
    def gateway(self) -> IPv4Address:
        """Where the workstation's packets come from in a lab that is made now."""
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
    """The topology of a lab that `lab.file` accepted."""
    cidrs = {datacenter.name: datacenter.cidr for datacenter in lab.datacenters}
    built = []
    for index, config in enumerate(lab.datacenters):
        ports = lab.local.port_base + PORTS_PER_DATACENTER * index
        pairs = [link.between for link in lab.links if config.name in link.between]
        others = {name for pair in pairs for name in pair} - {config.name}
        built.append(
            Datacenter(
                name=config.name,
                config=config,
                port_base=ports,
                cidr=config.cidr,
                subnets=subnets(config),
                hosts=_hosts(lab, config, ports),
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


def host_names(lab: Lab, config: DatacenterConfig) -> list[tuple[str, int, str]]:
    """(role, number, name) of each host of a datacenter, before anything is known to be legal."""
    fixed = lab.names.pattern.replace("{owner}", lab.owner).replace("{datacenter}", config.name)
    return [
        (role.name, number, fixed.replace("{role}", lab.names.short(role.name))
         .replace("{number}", f"{number:02}"))
        for role in ROLES
        for number in range(1, config.count(role.name) + 1)
    ]


def _hosts(lab: Lab, config: DatacenterConfig, ports: int) -> tuple[Host, ...]:
    zones = subnets(config)
    first = {role.name: role.first_offset for role in ROLES}
    hosts = []
    for role, number, name in host_names(lab, config):
        offset = first[role] + number
        zone = (number - 1) % config.zones
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
            )
        )
    return tuple(hosts)
