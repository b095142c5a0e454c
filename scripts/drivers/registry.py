"""The drivers by service. One that is not named here gets the default, which serves any service
that answers on a port."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from lab.services.registry import SERVICES
from scripts.drivers.asked import Connectors
from scripts.drivers.connect import Connect
from scripts.drivers.controller import Controller
from scripts.drivers.driver import Driver, Site
from scripts.drivers.kafka import Kafka
from scripts.drivers.mirrors import Mirrors
from scripts.drivers.prometheus import Prometheus
from scripts.drivers.rows import RegionServer
from scripts.drivers.schemas import Registry
from scripts.drivers.sinks import Sinks
from scripts.drivers.stores import Store
from scripts.drivers.users import UsersDriver
from scripts.drivers.zookeeper import ZooKeeper

SPECIAL: dict[str, type[Driver]] = {
    "zookeeper": ZooKeeper,
    "controller": Controller,
    "kafka": Kafka,
    "users": UsersDriver,
    "connect": Connect,
    "mirrors": Mirrors,
    "registry": Registry,
    "prometheus": Prometheus,
    "connectors": Connectors,
    "elasticsearch": Store,
    "opensearch": Store,
    "hbase-regionserver": RegionServer,
    "sinks": Sinks,
}


def drivers() -> Iterator[Driver]:
    """A driver for each service that there is something to do about beside its files, in order."""
    for service in SERVICES.values():
        if service.process or service.name in SPECIAL:
            yield SPECIAL.get(service.name, Driver)(service)


def driver(name: str) -> Driver:
    """The one of the service called `name`, which has one."""
    return next(one for one in drivers() if one.name == name)


def drivers_of(site: Site, but: Collection[str] = ()) -> Iterator[Driver]:
    """Those that concern a datacenter, without the services named in `but`."""
    for one in drivers():
        if one.name not in but and one.concerns(site):
            yield one
