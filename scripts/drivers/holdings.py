"""What hosts still carry of clusters, by how they were made: the lab file may have them no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab.endpoint import Endpoint
from lab.services.local import LOOPBACK
from lab.standing import Standing
from scripts.clients.kafka import Cluster, View
from scripts.errors import LabError

LOOK_SECONDS = 3.0
ROLE = "kafka"


@dataclass(frozen=True)
class Holding:
    """A broker that its cluster has: its id, and the partitions with a replica on it."""

    broker: int
    partitions: tuple[str, ...]


def views(running: Iterable[Standing]) -> dict[str, View]:
    """What the clusters say that have brokers among `running`, by datacenter; of those that
    answer."""
    servers: dict[str, list[str]] = {}
    for one in running:
        if one.role == ROLE:
            servers.setdefault(one.datacenter, []).extend(f"{LOOPBACK}:{p}" for p in one.ports[1:])

    def view(name: str) -> View | None:
        try:
            return Cluster(name, Endpoint(",".join(servers[name])), ()).view(LOOK_SECONDS)
        except LabError:
            return None

    if not servers:
        return {}
    with ThreadPoolExecutor(len(servers)) as pool:
        seen = dict(zip(servers, pool.map(view, servers), strict=True))
    return {name: one for name, one in seen.items() if one is not None}


def holding(one: Standing, seen: Mapping[str, View]) -> Holding | None:
    """What a host is in the clusters that were `seen`, where it is something."""
    view = seen.get(one.datacenter)
    if view is None or one.role != ROLE:
        return None
    broker = next((id for id, port in view.ports.items() if port in one.ports), None)
    return None if broker is None else Holding(broker, view.on(broker))
