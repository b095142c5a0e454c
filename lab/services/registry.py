"""What each service needs of a host: a pure function from host to HostState.

A service is one module with one function, `desired(host, context)`, and one line in `SERVICES`.
"""

from __future__ import annotations

from dataclasses import replace

from lab.services import base, connect, control, distribution, firewall, kafka, zookeeper
from lab.services.context import Context
from lab.services.service import Service
from lab.state import File, HostState, Key, Resource, Unit, merge
from lab.topology import (
    CONNECT_PORT,
    INTERNAL_PORT,
    ROLES,
    ZOOKEEPER_CLIENT_PORT,
    Host,
)

# In the order in which they are converged and restarted.
SERVICES: dict[str, Service] = {
    service.name: service
    for service in (
        Service("hosts", ROLES, base.desired),
        Service("firewall", ROLES, firewall.desired),
        Service("distribution", ROLES, distribution.desired),
        Service("control", ("control",), control.desired),
        Service(
            "zookeeper", ("zookeeper",), zookeeper.desired, "zookeeper.service",
            ZOOKEEPER_CLIENT_PORT,
        ),
        Service("kafka", ("kafka",), kafka.desired, "kafka.service", INTERNAL_PORT),
        Service("connect", ("connect",), connect.desired, "connect.service", CONNECT_PORT),
    )
}
# A service alone is of no use: what it stands on comes with it.
GROUND = ("hosts", "firewall")
NEEDS = {
    "hosts": (), "zookeeper": ("distribution",), "kafka": ("distribution",),
    "connect": ("distribution",),
}


def desired_state(
    host: Host, context: Context, only: tuple[str, ...] | None = None
) -> HostState:
    """Everything a host should have, or what the services named in `only` need of it."""
    names = tuple(SERVICES)
    if only is not None:
        wanted = set(GROUND) | set(only)
        names = tuple(
            name for name in names
            if name in wanted or any(name in NEEDS[service] for service in only)
        )
    services = [SERVICES[name] for name in names if SERVICES[name].on(host)]
    return merge(*(service.desired(host, context) for service in services))


def doubted(actual: HostState, desired: HostState, host: Host, context: Context) -> HostState:
    """`actual` without the word of each service whose files are not as they should be.

    Somebody may have changed the files and restarted the service: its process then still shows the
    digest of the configuration that it should have.
    """
    result = dict(actual)
    for service in services_of(host):
        key = Key("unit", str(service.unit))
        have = actual.get(key)
        if isinstance(have, Unit) and any(
            isinstance(want, File) and _content(actual.get(name)) != want.content
            for name, want in service.desired(host, context).items() if name in desired
        ):
            result[key] = replace(have, digest="")
    return result


def retired(host: Host, only: tuple[str, ...] | None = None) -> frozenset[Key]:
    """The units that must not run on a host, though they may still do so from before.

    The workers of a datacenter that nothing is mirrored into any more, or that has hosts of their
    own now, were on its control host, and would go on with what they were told last.
    """
    wanted = only is None or "connect" in only
    gone = wanted and host.role == "control" and not SERVICES["connect"].on(host)
    return frozenset({Key("unit", str(SERVICES["connect"].unit))} if gone else ())


def _content(resource: Resource | None) -> str | None:
    return resource.content if isinstance(resource, File) else None


def services_of(host: Host) -> tuple[Service, ...]:
    """The services that run on a host, in order."""
    return tuple(
        service for service in SERVICES.values() if service.unit and service.on(host)
    )
