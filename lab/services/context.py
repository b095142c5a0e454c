"""What a service has to know beside the host itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from lab.packages import Family
from lab.topology import Datacenter, Host, Topology

PREFIX = "/usr/local"
JAVA = "/usr/bin/java"
KAFKA_USER = "kafka"
OPEN_FILES = 100000  # Kafka documentation, "OS": descriptors for a broker
UNIT_FOLDER = "/etc/systemd/system"


@dataclass(frozen=True)
class Context:
    """The lab around a host, and what differs between platforms.

    `distribution` is the folder in the Kafka archive (kafka_2.13-3.9.2), `sha256` the archive's.
    `external` gives, for each broker, the address and port under which the workstation reaches it.
    `racks` names the zone of a host where the platform has a name for it. `admin` is where people
    sit. `own_firewall`: the host itself enforces the rules (containers; on EC2 the security groups
    do). `machine`: a machine of its own, which keeps its clock and bounds its logs; the containers'
    image does the latter for them. `family`: whose packages it takes.
    """

    topology: Topology
    distribution: str
    sha256: str
    external: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    admin: tuple[IPv4Network, ...] = ()
    racks: Mapping[str, str] = field(default_factory=dict)
    own_firewall: bool = True
    machine: bool = False
    family: Family = "debian"

    def datacenter(self, host: Host) -> Datacenter:
        return self.topology.datacenter(host.datacenter)

    @property
    def home(self) -> str:
        """Where the distribution lies on a host."""
        return f"{PREFIX}/{self.distribution}"


def local_context(topology: Topology, distribution: str, sha256: str) -> Context:
    """The context on this machine: ports published on localhost, people behind the gateway."""
    return Context(
        topology=topology,
        distribution=distribution,
        sha256=sha256,
        external={
            host.name: ("localhost", host.external_port)
            for host in topology.hosts if host.external_port is not None
        },
        admin=(IPv4Network(f"{topology.gateway}/32"),),
    )
