"""The drivers by service. One that is not named here gets the default, which serves any service
that answers on a port."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib import import_module

from lab.services.registry import SERVICES
from lab.services.service import Service
from scripts.drivers.driver import Driver, Site

# Where each is in this room, as MODULE.CLASS. It is loaded when somebody looks after its service:
# no lab has all of them, and many bring clients of their own.
SPECIAL = {
    "zookeeper": "zookeeper.ZooKeeper",
    "controller": "controller.Controller",
    "kafka": "kafka.Kafka",
    "users": "users.UsersDriver",
    "connect": "connect.Connect",
    "mirrors": "links.Mirrors",
    "registry": "schemas.Registry",
    "prometheus": "prometheus.Prometheus",
    "connectors": "asked.Connectors",
    "elasticsearch": "stores.Store",
    "opensearch": "stores.Store",
    "hbase-regionserver": "rows.RegionServer",
    "sinks": "sinks.Sinks",
}


def drivers(names: Collection[str] | None = None) -> Iterator[Driver]:
    """A driver for each service (of those called `names`) that there is something to do about
    beside its files, in order."""
    for service in SERVICES.values():
        acts = service.process or service.name in SPECIAL
        if acts and (names is None or service.name in names):
            yield _made(service)


def driver(name: str) -> Driver:
    """The one of the service called `name`, which has one."""
    return next(drivers((name,)))


def drivers_of(site: Site, but: Collection[str] = ()) -> Iterator[Driver]:
    """Those that concern a datacenter, without the services named in `but`."""
    return drivers([
        one.name for one in SERVICES.values()
        if one.name not in but and one.concerns(site.datacenter, site.lab)
    ])


def _made(service: Service) -> Driver:
    if service.name not in SPECIAL:
        return Driver(service)
    module, _, name = SPECIAL[service.name].partition(".")
    kind: type[Driver] = getattr(import_module(f"scripts.drivers.{module}"), name)
    return kind(service)
