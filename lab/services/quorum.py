"""A datacenter's KRaft quorum: who its controllers are, and what their disks begin with."""

from __future__ import annotations

import re

from lab import kraft
from lab.services.context import Context
from lab.services.java import USER
from lab.state import Directory, File, HostState, Key, Resource
from lab.topology import CONTROLLER_PORT, Datacenter, Host

LISTENER = "CONTROLLER"
FIRST_ID = 3000  # of controllers that are no brokers; ids of brokers end long before
FORMAT = """\
#!/bin/sh
# Written by kafkalab. Gives a KRaft node what it needs before its first start: format FIRST DATA
# A directory that has been formatted is left alone; one with data that has not is not touched.
set -eu
first=$1 data=$2
[ ! -e "$data/meta.properties" ] || exit 0
for log in "$data"/*/*.log; do
  [ ! -e "$log" ] || {
    echo "$data has data and no meta.properties: it is not formatted over them" >&2
    exit 1
  }
done
if [ -e "$first/voters.checkpoint" ]; then
  mkdir -p "$data/@LOG@"
  cp "$first/voters.checkpoint" "$data/@LOG@/@SNAPSHOT@"
  cp "$first/bootstrap.checkpoint" "$data/@BOOTSTRAP@"
fi
cp "$first/meta.properties" "$data/.meta.properties"
sync
mv "$data/.meta.properties" "$data/meta.properties"  # the last: without it all is done again
""".replace("@LOG@", kraft.METADATA_LOG).replace("@SNAPSHOT@", kraft.SNAPSHOT).replace(
    "@BOOTSTRAP@", kraft.BOOTSTRAP)


def controllers(datacenter: Datacenter) -> tuple[Host, ...]:
    """The hosts whose processes are controllers; none where ZooKeeper alone has the metadata."""
    config = datacenter.config
    if not config.quorum:
        return ()
    if config.combined:
        return datacenter.by_role("kafka")[:config.combined]
    return (*datacenter.by_role("zookeeper"), *datacenter.by_role("controller"))


def node_id(host: Host) -> int:
    """By what number a broker or a controller is known to its cluster."""
    return host.number if host.role == "kafka" else FIRST_ID + host.number


def quorum(datacenter: Datacenter) -> str:
    """Where the controllers are reached, as "host:port,host:port"."""
    return ",".join(f"{host.fqdn}:{CONTROLLER_PORT}" for host in controllers(datacenter))


def settings(host: Host, datacenter: Datacenter) -> dict[str, object]:
    """What any node of a cluster has to know of its quorum."""
    return {
        "node.id": node_id(host),
        "controller.listener.names": LISTENER,
        "controller.quorum.bootstrap.servers": quorum(datacenter),
    }


def keepers(properties: str) -> tuple[str, ...]:
    """Who has the metadata by a broker's settings: "ZooKeeper", the controllers' host names,
    whatever their domain, or both; nobody where they do not say."""
    with_zookeeper = re.search(r"^zookeeper\.connect=", properties, re.MULTILINE)
    found = re.search(r"^controller\.quorum\.bootstrap\.servers=(.*)$", properties, re.MULTILINE)
    return (*(("ZooKeeper",) if with_zookeeper else ()),
            *(one.partition(".")[0] for one in (found[1].split(",") if found else ())))


def words(keepers: tuple[str, ...]) -> str:
    """"in ZooKeeper", "with the controllers a, b", "in ZooKeeper and with the controllers a, b"."""
    hosts = [one for one in keepers if one != "ZooKeeper"]
    quorum = f"with the controller{'s' * (len(hosts) > 1)} " + ", ".join(hosts)
    return " and ".join([*["in ZooKeeper"][:len(keepers) - len(hosts)], *[quorum][:len(hosts)]])


def first_files(service: str, host: Host, context: Context) -> HostState:
    """What `prepare` copies before the first start, on one of the service's hosts."""
    folder, datacenter = f"/etc/{service}/first", context.datacenter(host)
    cluster = context.clusters.get(datacenter.name) or kraft.cluster_id(
        context.topology.lab, datacenter.name)
    state: dict[Key, Resource] = {
        Key("directory", f"/etc/{service}"): Directory(),
        Key("directory", folder): Directory(),
        Key("file", f"/etc/{service}/format"): File(FORMAT, 0o755),
        Key("file", f"{folder}/meta.properties"): File(
            kraft.meta_properties(cluster, node_id(host)), owner=USER,
        ),
    }
    if host in controllers(datacenter):
        levels = kraft.features(datacenter.config.version)
        first = [
            kraft.Voter(node_id(one), kraft.directory_id(cluster, node_id(one)), LISTENER,
                        one.fqdn, CONTROLLER_PORT)
            for one in controllers(datacenter)
        ]
        state |= {
            Key("file", f"{folder}/bootstrap.checkpoint"): File(kraft.bootstrap(levels)),
            Key("file", f"{folder}/voters.checkpoint"): File(kraft.voters(first)),
        }
    return state


def prepare(service: str, data: str) -> tuple[str, ...]:
    """The step before each start that formats a directory once."""
    return (f"/bin/sh /etc/{service}/format /etc/{service}/first {data}",)
