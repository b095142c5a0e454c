"""Containers on a lab's network that are not the lab's: what they need there, and where they sit.

No name server is asked on that network, so a guest brings the hosts' names with it. Its address
decides what it reaches, as with hosts: the datacenter that it lies in, and those linked with it. No
rule lets in more for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from lab.standing import Obstacle
from scripts.errors import LabError
from scripts.platforms.local.container import is_host

if TYPE_CHECKING:
    from lab.topology import Datacenter, Host
    from scripts.platforms.local.engine import Container, Engine


def guests(engine: Engine, network: str) -> list[Container]:
    """The containers on a network, running or not, that are no hosts."""
    return [one for one in engine.listed(f"network={network}") if not is_host(one)]


def seats(engine: Engine, network: str) -> dict[IPv4Address, str]:
    """The addresses of guests that run, and whose each is."""
    found = guests(engine, network)
    addresses = engine.addresses(network, [one.id for one in found])
    return {IPv4Address(addresses[one.id]): one.name for one in found if one.id in addresses}


def in_the_way(
    engine: Engine, network: str, hosts: Collection[Host]
) -> Iterator[Obstacle]:
    """Guests that have got the address of a host that is to be made or started."""
    held = seats(engine, network)
    for host in hosts:
        if name := held.get(host.address):
            yield Obstacle(
                host.name, f"its address {host.address} is held by container {name}, which is not "
                "the lab's", f"{engine.name} network disconnect {network} {name}",
            )


def seat(datacenter: Datacenter, taken: Collection[IPv4Address]) -> IPv4Address:
    """An address for one more guest: from the end, where hosts come last. Raises LabError."""
    own = {host.address for host in datacenter.hosts}
    for number in range(int(datacenter.cidr.broadcast_address) - 1,
                        int(datacenter.cidr.network_address), -1):
        if (address := IPv4Address(number)) not in own and address not in taken:
            return address
    raise LabError(f"no address is free in {datacenter.cidr}", where=datacenter.name)


def options(network: str, address: IPv4Address, names: Mapping[str, IPv4Address]) -> list[str]:
    """What to give to `run` of either engine, so that a container knows hosts by these names."""
    return [
        "--network", network, "--ip", str(address),
        *(word for name, where in names.items() for word in ("--add-host", f"{name}:{where}")),
    ]
