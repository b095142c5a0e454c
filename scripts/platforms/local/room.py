"""Room for hosts on this machine: the ports and the network that they need, and what has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lab.services.registry import published
from lab.standing import Obstacle
from scripts.platforms.local import checks, guests, others
from scripts.platforms.local.container import every_port
from scripts.platforms.local.finding import with_others
from scripts.platforms.local.network import Network

if TYPE_CHECKING:
    from lab.topology import Host, Topology
    from scripts.platforms.local.engine import Container, Engine
    from scripts.platforms.local.finding import Machine

LEAVE = "remove that network or route: the lab's own was lost, and its hosts keep their addresses"


def published_ports(host: Host, topology: Topology) -> dict[int, int]:
    """The workstation's port for each port that a host's services publish."""
    return {port.number: local for port, local in published(host, topology).items()}


@dataclass(frozen=True)
class Room:
    """What a lab needs of this machine. network: the name of its network; `machine` knows the
    other engines, whose labs may have it, too."""

    engine: Engine
    topology: Topology
    network: str
    machine: Machine | None = None

    def ports(self, hosts: Sequence[Host]) -> dict[int, str]:
        """The workstation's ports that `hosts` need, and what each is for."""
        wanted = {host.ssh_port: f"SSH of {host.name}" for host in hosts}
        wanted |= {
            host.external_port: f"broker {host.name}"
            for host in hosts if host.external_port is not None
        }  # fmt: skip
        return wanted | {
            local: f"port {port} of {host.name}" for host in hosts
            for port, local in published_ports(host, self.topology).items()
        }

    def taken(
        self, absent: Sequence[Host], asleep: Sequence[Host], own: Network | None
    ) -> list[Obstacle]:
        """What hosts that are to be made (`absent`) or started would meet. `own`: the lab's
        network, None while there is none."""
        hosts = [*absent, *asleep]
        if not hosts:
            return []
        found = checks.ports(self.ports(hosts))
        networks = self.engine.networks()
        lost = own is not None and self.network not in networks
        if own is None or lost:
            wanted = own.subnet if own else self.topology.network
            met = checks.subnet(wanted, self._subnets(networks), None)
            # Hosts that exist keep their addresses.
            found += [replace(one, hint=LEAVE) for one in met] if lost else met
        if found and (other := self._other(hosts)):
            return [other]
        if own and not lost:
            found += guests.in_the_way(self.engine, self.network, hosts)
        return found + checks.inotify(len(hosts))

    def taken_anew(
        self, hosts: Sequence[Host], ours: Collection[Container], left: Network | None
    ) -> list[Obstacle]:
        """The same for all `hosts` of a lab that is made anew: what is `ours` now, and the network
        that is `left`, will be gone by then."""
        gone = frozenset[int]().union(*(every_port(one) for one in ours if one.running))
        found = checks.ports({port: what for port, what in self.ports(hosts).items()
                              if port not in gone})
        found += checks.subnet(
            self.topology.network, self._subnets(self.engine.networks()),
            left.subnet if left else None,
        )
        if found and (other := self._other(hosts)):
            return [other]
        more = len(hosts) - sum(one.running for one in ours)
        return found + (checks.inotify(more) if more > 0 else [])

    def _subnets(self, networks: Sequence[str]) -> dict[str, list[str]]:
        """The subnets of all `networks` but the lab's own."""
        return self.engine.subnets([one for one in networks if one != self.network])

    def _other(self, hosts: Sequence[Host]) -> Obstacle | None:
        wanted = self.ports(hosts)
        found = (
            others.in_the_way(one, self.topology.lab, wanted, self.topology.network)
            for one in with_others(self.engine, self.machine)
        )
        return next((one for one in found if one), None)
