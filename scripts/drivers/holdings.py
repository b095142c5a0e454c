"""What hosts still carry of clusters, by how they were made: the lab file may have them no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab import paths
from lab.endpoint import Endpoint
from lab.services.context import OWN
from lab.services.local import LOOPBACK
from lab.standing import Standing
from lab.topology import SECURE_OFFSET
from scripts.clients.kafka import Cluster, View
from scripts.errors import LabError

LOOK_SECONDS = 3.0
ROLE = "kafka"


@dataclass(frozen=True)
class Holding:
    """A broker that its cluster has: its id, and the partitions with a replica on it."""

    broker: int
    partitions: tuple[str, ...]


def views(running: Iterable[Standing], lab: str) -> dict[str, View]:
    """What the clusters of a lab say that have brokers among `running`, by datacenter; of those
    that answer, be it at an open listener or at a closed one."""
    brokers: dict[str, list[Standing]] = {}
    for one in running:
        if one.role == ROLE:
            brokers.setdefault(one.datacenter, []).append(one)
    ways = [(name, endpoint) for name, some in brokers.items()
            for endpoint in _endpoints(some, lab)]

    def view(way: tuple[str, Endpoint]) -> View | None:
        try:
            return Cluster(*way, ()).view(LOOK_SECONDS)
        except LabError:
            return None

    if not ways:
        return {}
    with ThreadPoolExecutor(len(ways)) as pool:
        seen = list(zip(ways, pool.map(view, ways), strict=True))
    return {name: one for (name, _), one in seen if one is not None}


def _endpoints(brokers: Iterable[Standing], lab: str) -> Iterator[Endpoint]:
    """The ways to some brokers that there may be. The lab file may say another than they have."""
    brokers = list(brokers)
    yield Endpoint(",".join(f"{LOOPBACK}:{port}" for one in brokers for port in one.ports[1:]))
    folder = paths.state(lab) / paths.CERTIFICATES
    if (ca := folder / paths.AUTHORITY).exists():
        yield Endpoint(",".join(f"{LOOPBACK}:{_closed_port(one)}" for one in brokers if one.ports),
                       {"security.protocol": "SSL"}, str(ca), str(folder / OWN))


def _closed_port(one: Standing) -> int:
    return one.ports[0] + SECURE_OFFSET  # the first one is that of SSH


def holding(one: Standing, seen: Mapping[str, View]) -> Holding | None:
    """What a host is in the clusters that were `seen`, where it is something."""
    view = seen.get(one.datacenter)
    if view is None or one.role != ROLE:
        return None
    mine = (*one.ports, *(_closed_port(one) for _ in one.ports[:1]))
    broker = next((id for id, port in view.ports.items() if port in mine), None)
    return None if broker is None else Holding(broker, view.on(broker))
