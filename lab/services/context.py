"""What a service has to know beside the host itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from lab.artifacts import NOT_FETCHED, Artifact
from lab.endpoint import Endpoint
from lab.packages import Family
from lab.topology import EXTERNAL_PORT, INTERNAL_PORT, Datacenter, Host, Topology

JAVA = "/usr/bin/java"
OPEN_FILES = 100000  # Kafka documentation, "OS": descriptors for a broker
UNIT_FOLDER = "/etc/systemd/system"


@dataclass(frozen=True)
class Context:
    """The lab around a host, and what differs between platforms.

    `digests` has the SHA-256 of each artifact's archive, by its folder. `reached` gives, by a
    host's name and port, the address and port under which the workstation reaches it. `racks` names
    the zone of a host where the platform has a name for it. `admin` is where people sit.
    `own_firewall`: the host itself enforces the rules (containers; on EC2 the security groups do).
    `machine`: a machine of its own, which keeps its clock, bounds its logs and gets packages from
    its distribution; for a container its image and the workstation do. `family`: whose packages it
    takes.
    """

    topology: Topology
    digests: Mapping[str, str] = field(default_factory=dict)
    reached: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    admin: tuple[IPv4Network, ...] = ()
    racks: Mapping[str, str] = field(default_factory=dict)
    own_firewall: bool = True
    machine: bool = False
    family: Family = "debian"

    def datacenter(self, host: Host) -> Datacenter:
        return self.topology.datacenter(host.datacenter)

    def digest(self, artifact: Artifact) -> str:
        """The SHA-256 of an artifact's archive; NOT_FETCHED while this machine does not have it."""
        return self.digests.get(artifact.folder, NOT_FETCHED)

    def internal(self, datacenter: Datacenter) -> Endpoint:
        """A cluster as the lab's own hosts reach it: the INTERNAL listeners."""
        return Endpoint(",".join(
            f"{host.fqdn}:{INTERNAL_PORT}" for host in datacenter.by_role("kafka")
        ))

    def external(self, datacenter: Datacenter) -> Endpoint:
        """A cluster as clients on the workstation reach it: the EXTERNAL listeners."""
        return Endpoint(",".join(
            "{}:{}".format(*self.reached[host.name, EXTERNAL_PORT])
            for host in datacenter.by_role("kafka")
        ))
