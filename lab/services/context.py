"""What a service has to know beside the host itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from lab.artifacts import NOT_FETCHED, Artifact
from lab.endpoint import Endpoint
from lab.listeners import KINDS, Issued, Kind, Listening, wanted
from lab.packages import Family
from lab.standing import Standing
from lab.topology import Datacenter, Host, Topology

JAVA = "/usr/bin/java"
OPEN_FILES = 100000  # Kafka documentation, "OS": descriptors for a broker
UNIT_FOLDER = "/etc/systemd/system"
# In every shell and for every process, or Java makes a question mark of each letter that is not
# ASCII: two groups with names of nine such letters are then one. No package is needed for this one.
LANG = "C.UTF-8"
FOLDER = "/etc/kafkalab"  # what clients on a host need to know of a closed lab
CA, OWN = f"{FOLDER}/ca.pem", "client.pem"


@dataclass(frozen=True)
class Scraped:
    """A port of a host that tells Prometheus of a service."""

    service: str
    host: Host
    port: int
    path: str


@dataclass(frozen=True)
class Context:
    """The lab around a host, and what differs between platforms.

    digests: the SHA-256 of each artifact's archive, by the artifact's folder.
    reached: where the workstation reaches a port: (host's name, port) to (address, port).
    racks: the zones of hosts, by the host's name, where the platform has names for them.
    admin: the networks of the people who use the lab.
    own_firewall: the host itself enforces the rules (containers; on EC2 security groups do).
    machine: the host is a machine, which sets its clock, limits its logs and installs packages from
        its distribution. A container gets these from the workstation and from its image.
    strangers: hosts of the lab that exist although its file does not mean them (any more).
    ensembles: by datacenter, the ZooKeeper servers that know each other now, where one grows.
    protocols: by datacenter, the protocol that brokers go on speaking, where a release is not
        finalised yet (lab.upgrade).
    clusters: the ids of clusters that began with ZooKeeper, by datacenter, where they are known.
    unknown: datacenters of which no host says where their metadata is, though they run.
    family: the family of distributions whose packages it takes.
    scraped: what Prometheus asks, where the lab has one (lab.services.registry.scraped).
    listening: what brokers have open, by datacenter, where that is not what the lab file means.
    coming: by datacenter, the steps that lie between the two (lab.listeners.steps).
    issued: certificates, of a lab that has some.
    """

    topology: Topology
    digests: Mapping[str, str] = field(default_factory=dict)
    reached: Mapping[tuple[str, int], tuple[str, int]] = field(default_factory=dict)
    admin: tuple[IPv4Network, ...] = ()
    racks: Mapping[str, str] = field(default_factory=dict)
    own_firewall: bool = True
    machine: bool = False
    strangers: tuple[Standing, ...] = ()
    ensembles: Mapping[str, frozenset[int]] = field(default_factory=dict)
    protocols: Mapping[str, str] = field(default_factory=dict)
    clusters: Mapping[str, str] = field(default_factory=dict)
    unknown: frozenset[str] = frozenset()
    family: Family = "debian"
    scraped: tuple[Scraped, ...] = ()
    listening: Mapping[str, Listening] = field(default_factory=dict)
    coming: Mapping[str, tuple[Listening, ...]] = field(default_factory=dict)
    issued: Issued = field(default_factory=Issued)

    def datacenter(self, host: Host) -> Datacenter:
        return self.topology.datacenter(host.datacenter)

    def digest(self, artifact: Artifact) -> str:
        """The SHA-256 of an artifact's archive; NOT_FETCHED while this machine does not have it."""
        return self.digests.get(artifact.folder, NOT_FETCHED)

    def listens(self, datacenter: Datacenter) -> Listening:
        """What a datacenter's brokers have open, and what they and the lab's clients speak."""
        return self.listening.get(datacenter.name) or wanted(self.topology.config.security)

    def internal(self, datacenter: Datacenter, folder: str = FOLDER) -> Endpoint:
        """A cluster as the lab's own hosts reach it: the INTERNAL listeners. `folder`: where who
        asks has a key, if one is needed (lab.services.secured.own_key)."""
        return self._inside(datacenter, KINDS[self.listens(datacenter).clients], folder)

    def external(self, datacenter: Datacenter) -> Endpoint:
        """A cluster as the lab's own clients on the workstation reach it: the EXTERNAL listeners.

        Without the hosts that were made before they had a port for such a listener.
        """
        return self._outside(datacenter, KINDS[self.listens(datacenter).clients])

    def people(self, datacenter: Datacenter, *, inside: bool = False) -> Endpoint:
        """The same as people's own clients reach it, on the workstation or `inside` the lab."""
        kind = KINDS[self.listens(datacenter).people]
        return (self._inside(datacenter, kind, FOLDER) if inside
                else self._outside(datacenter, kind))

    def way(self, host: Host, port: int) -> tuple[str, int]:
        """Where the workstation reaches a port of a host: through what is published, or there."""
        return self.reached.get((host.name, port), (str(host.address), port))

    def _inside(self, datacenter: Datacenter, kind: Kind, folder: str) -> Endpoint:
        servers = ",".join(f"{host.fqdn}:{kind.inside}" for host in datacenter.by_role("kafka"))
        return Endpoint(servers, kind.client, CA if kind.closed else "",
                        f"{folder}/{OWN}" if kind.asks else "")

    def _outside(self, datacenter: Datacenter, kind: Kind) -> Endpoint:
        servers = ",".join(
            "{}:{}".format(*self.reached[host.name, kind.outside])
            for host in datacenter.by_role("kafka")
            if not kind.closed or (host.name, kind.outside) in self.reached
        )
        return Endpoint(servers, kind.client, self.issued.ca_path if kind.closed else "",
                        self.issued.client_path if kind.asks else "")
