"""The services, one line each, and what a host gets from all of them together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from lab.artifacts import PREFIX, Artifact
from lab.resources import ClusterState
from lab.services import (
    agents,
    alertmanager,
    base,
    connect,
    connectors,
    control,
    controller,
    firewall,
    hbase,
    kafka,
    kdc,
    lag_exporter,
    mirrors,
    monitored,
    node_exporter,
    prometheus,
    schemas,
    sinks,
    stores,
    users,
    zookeeper,
)
from lab.services.base import wanted_package
from lab.services.context import Context, Scraped
from lab.services.service import PORTS_EACH, Extension, Port, Service
from lab.state import Archive, HostState, Key, Link, Resource, Unit, merge
from lab.topology import SERVICES_OFFSET, Datacenter, Host, Topology

if TYPE_CHECKING:
    from lab.model import Lab

# In the order in which they are converged and restarted: what is needed comes first.
SERVICES: dict[str, Service] = {
    service.name: service
    for service in (
        base.SERVICE,
        firewall.SERVICE,
        control.SERVICE,
        zookeeper.SERVICE,
        controller.SERVICE,
        kdc.REALMS,
        kdc.SERVICE,
        kafka.SERVICE,
        users.SERVICE,
        connect.SERVICE,
        mirrors.SERVICE,
        schemas.SERVICE,
        *agents.SERVICES,
        node_exporter.SERVICE,
        lag_exporter.SERVICE,
        alertmanager.SERVICE,
        prometheus.SERVICE,
        connectors.SERVICE,
        *stores.SERVICES.values(),
        *hbase.SERVICES,
        sinks.SERVICE,
    )
}
# What every service needs; it is set up even when one service is asked for alone.
GROUND = ("hosts", "firewall")


def services_on(host: Host, topology: Topology) -> tuple[Service, ...]:
    """The services that a host has, in order."""
    datacenter = topology.datacenter(host.datacenter)
    return tuple(
        one for one in SERVICES.values() if one.on(host, datacenter, topology.config)
    )


def running_on(host: Host, topology: Topology) -> tuple[Service, ...]:
    """Those of them that have a process."""
    return tuple(one for one in services_on(host, topology) if one.unit)


def carriers(name: str, datacenter: Datacenter, lab: Lab) -> tuple[Host, ...]:
    """The hosts of a datacenter that have a service."""
    service = SERVICES[name]
    return tuple(host for host in datacenter.hosts if service.on(host, datacenter, lab))


def roles(host: Host, topology: Topology) -> tuple[str, ...]:
    """What a host is there for, in words: its role, and what else it carries."""
    more = (one.name for one in running_on(host, topology) if one.name != host.role)
    return (host.role, *more)


def desired_state(
    host: Host, context: Context, only: Iterable[str] | None = None
) -> HostState:
    """Everything a host should have, or what the services named in `only` need of it."""
    context = with_scraped(context)
    chosen = services_on(host, context.topology)
    if only is not None:
        names = {*GROUND, *only}
        chosen = tuple(one for one in chosen if one.name in names)
    return merge(*(part for one in chosen for part in _state(one, host, context)))


def _state(service: Service, host: Host, context: Context) -> Iterable[HostState]:
    """The parts of what one service wants of a host."""
    yield service.desired(host, context)
    extension = Extension()
    if service.process is not None:
        extension = extension_of(service, host, context)
        state = service.process(host, context).state(context, extension)
        yield _serving(service, state, service.port_on(host, context))
    for name in service.software(context.topology.config):
        yield wanted_package(context, name)
    config = context.datacenter(host).config
    for artifact in (*service.artifacts(context.topology.config, config), *extension.artifacts):
        yield unpacked(artifact, context)


def _serving(service: Service, wanted: HostState, port: Port | None) -> HostState:
    """What a process wants of a host, and on its unit the port that shows that it is up."""
    key = Key("unit", str(service.unit))
    unit = wanted.get(key)
    if port is None or not isinstance(unit, Unit):
        return wanted
    return {**wanted, key: replace(unit, port=port.number)}


def extension_of(service: Service, host: Host, context: Context) -> Extension:
    """What the other services of a host add to the process of one of them."""
    added = [
        one.extends(service.name, host, context)
        for one in services_on(host, context.topology) if one is not service
    ]
    return Extension(
        options=tuple(option for one in added for option in one.options),
        files={path: file for one in added for path, file in one.files.items()},
        artifacts=tuple(artifact for one in added for artifact in one.artifacts),
    )


def unpacked(artifact: Artifact, context: Context) -> HostState:
    """An artifact on a host, and the name under which it is found."""
    state: dict[Key, Resource] = {
        Key("archive", artifact.home): Archive(context.digest(artifact))
    }
    if artifact.link:
        state[Key("link", f"{PREFIX}/{artifact.link}")] = Link(artifact.home)
    return state


def retired(
    host: Host, topology: Topology, only: Iterable[str] | None = None
) -> frozenset[Key]:
    """The units that must not run on a host, though they may still do so from before.

    They are of services that hosts of this role may have but this one should not, or no longer. The
    workers of a datacenter that nothing is mirrored into any more, say: they would go on copying.
    """
    there = {one.name for one in services_on(host, topology)}
    return frozenset(
        Key("unit", str(one.unit)) for one in SERVICES.values()
        if one.unit and host.role in one.roles and one.name not in there
        and (only is None or one.name in only)
    )


def artifacts(topology: Topology) -> tuple[Artifact, ...]:
    """Every artifact that some host of the lab needs, each once."""
    found = (
        artifact for host in topology.hosts for one in services_on(host, topology)
        for artifact in artifacts_on(host, one, topology)
    )
    return tuple(dict.fromkeys(found))


def artifacts_on(host: Host, service: Service, topology: Topology) -> tuple[Artifact, ...]:
    """What a service needs on a host."""
    return service.artifacts(topology.config, topology.datacenter(host.datacenter).config)


def software(topology: Topology) -> tuple[str, ...]:
    """What the lab's services need of the operating system's packages (lab.packages), each once."""
    found = (
        name for host in topology.hosts for one in services_on(host, topology)
        for name in one.software(topology.config)
    )
    return tuple(dict.fromkeys(found))


def resources(datacenter: Datacenter, context: Context) -> ClusterState:
    """What there has to be in a datacenter's cluster, by all services together."""
    found: ClusterState = {}
    for service in SERVICES.values():
        found = {**found, **service.resources(datacenter, context)}
    return found


def memory_mb(host: Host, topology: Topology) -> int:
    """What the services of a host take when they work, in MB."""
    return sum(one.memory_mb(topology.config) for one in services_on(host, topology))


def published(host: Host, topology: Topology) -> dict[Port, int]:
    """The workstation's port for each port that the host's services publish locally."""
    first = topology.datacenter(host.datacenter).port_base + SERVICES_OFFSET
    found = {}
    for port in (port for one in services_on(host, topology) for port in one.ports):
        if port.published is not None:
            found[port] = first + PORTS_EACH * port.published + host.number - 1
        elif port.beside_ssh is not None:
            found[port] = host.ssh_port + port.beside_ssh
    return found


def scraped(topology: Topology) -> tuple[Scraped, ...]:
    """All that the lab's Prometheus asks of hosts, by service; nothing where there is none."""
    names = monitored.seen(topology.config)
    return tuple(sorted((
        Scraped(name, host, port.number, port.metrics)
        for host in topology.hosts if host.datacenter in names
        for name, port in metrics(host, topology).items()
    ), key=lambda one: one.service))


def with_scraped(context: Context) -> Context:
    """A context that knows what Prometheus asks: of all services, which none of them can know."""
    return replace(context, scraped=scraped(context.topology))


def metrics(host: Host, topology: Topology) -> dict[str, Port]:
    """The ports of a host that Prometheus can scrape, by service."""
    return {
        one.name: port for one in services_on(host, topology) for port in one.ports if port.metrics
    }
