"""Rolling restarts: one server at a time, and only while its cluster is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lab.services.context import Context
from lab.services.registry import SERVICES
from lab.services.service import Service
from lab.topology import Datacenter, Host
from scripts.clients import zookeeper as ensemble
from scripts.clients.kafka import Cluster
from scripts.hosts.change import restart_script
from scripts.hosts.converge import START_SECONDS, HostPlan, pending
from scripts.hosts.fleet import Fleet
from scripts.session import bootstrap
from scripts.workstation.screen import Progress


def roll(
    fleet: Fleet, datacenters: Sequence[Datacenter], plans: Mapping[str, HostPlan],
    context: Context, progress: Progress,
) -> int:
    """Restart what runs with an old configuration; datacenters side by side. How many it were."""
    def one(name: str) -> int:
        datacenter = next(d for d in datacenters if d.name == name)
        mine = {k: plan for k, plan in plans.items() if plan.host.datacenter == name}
        zookeepers = pending(mine, SERVICES["zookeeper"])
        brokers = pending(mine, SERVICES["kafka"])
        roll_zookeeper(fleet, datacenter, zookeepers, progress)
        roll_kafka(fleet, datacenter, brokers, context, progress)
        workers = pending(mine, SERVICES["connect"])
        for host in workers:  # the others of the group take over its tasks meanwhile
            _restart(fleet, host, SERVICES["connect"], progress)
        return len(zookeepers) + len(brokers) + len(workers)

    return sum(fleet.each(one, [datacenter.name for datacenter in datacenters]).values())


def roll_zookeeper(
    fleet: Fleet, datacenter: Datacenter, hosts: Sequence[Host], progress: Progress
) -> None:
    """Followers first, the leader last; the ensemble is whole before and after each."""
    members = datacenter.by_role("zookeeper")
    left = {host.name: host for host in hosts}
    while left:
        modes = ensemble.wait_quorum(fleet, members, where=datacenter.name)
        name = next((name for name in left if name != modes.leader), None) or next(iter(left))
        _restart(fleet, left.pop(name), SERVICES["zookeeper"], progress)
    if hosts:
        ensemble.wait_quorum(fleet, members, where=datacenter.name)


def roll_kafka(
    fleet: Fleet, datacenter: Datacenter, hosts: Sequence[Host], context: Context,
    progress: Progress,
) -> None:
    """The controller last; no partition is under-replicated before and after each."""
    if not hosts:
        return
    brokers = datacenter.by_role("kafka")
    cluster = Cluster(
        datacenter.name, bootstrap(datacenter, context), tuple(host.number for host in brokers)
    )
    left = {host.number: host for host in hosts}
    while left:
        view = cluster.wait_healthy()
        number = next((n for n in left if n != view.controller), None) or next(iter(left))
        _restart(fleet, left.pop(number), SERVICES["kafka"], progress)
    cluster.wait_healthy()


def _restart(fleet: Fleet, host: Host, service: Service, progress: Progress) -> None:
    progress.step(host.name, f"restarting {service.name}")
    fleet[host.name].script(
        restart_script(
            str(service.unit), str(host.address), int(service.port or 0), START_SECONDS
        ),
        label=f"restart {service.name}", timeout=START_SECONDS + 90,
    )
    progress.done(host.name, f"restarted {service.name}")
