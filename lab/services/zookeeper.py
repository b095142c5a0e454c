"""One ensemble a datacenter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab import artifacts
from lab.problems import Problem
from lab.services.context import Context
from lab.services.java import JVM_MB, USER, Java
from lab.services.service import Port, Service
from lab.state import Directory, File, HostState, Key
from lab.topology import ZOOKEEPER_CLIENT_PORT, Datacenter, Host

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab

DATA = "/data/zk"
CONFIG = "/etc/zookeeper/zoo.cfg"
BOOKS = "/usr/local/zookeeper"  # where books unpack ZooKeeper alone; here it comes with Kafka
PEER_PORT = 2888
ELECTION_PORT = 3888
FOUR_LETTER_WORDS = "srvr"  # what status and the rolling restart ask; nothing else answers
SNAPSHOTS_KEPT = 3
PURGE_INTERVAL_H = 24
# A broker that was killed comes back as soon as its old session has expired.
SESSION_TIMEOUT_MS = 9000
# Brokers start while their ensemble still forms.
CONNECTION_TIMEOUT_MS = 60000
MIGRATES = "zookeeper.metadata.migration.enable"


def members(datacenter: Datacenter, context: Context) -> tuple[Host, ...]:
    """The servers that know each other: all of them, but while an ensemble grows."""
    now = context.ensembles.get(datacenter.name)
    hosts = datacenter.by_role("zookeeper")
    return hosts if now is None else tuple(host for host in hosts if host.number in now)


def keeping(datacenter: Datacenter) -> dict[str, object]:
    """What a process has to know that keeps metadata in the ensemble."""
    return {
        "zookeeper.connect": ",".join(
            f"{peer.fqdn}:{ZOOKEEPER_CLIENT_PORT}" for peer in datacenter.by_role("zookeeper")
        ),
        "zookeeper.connection.timeout.ms": CONNECTION_TIMEOUT_MS,
        "zookeeper.session.timeout.ms": SESSION_TIMEOUT_MS,
    }


def listed(text: str, number: int) -> frozenset[int]:
    """The servers that a zoo.cfg names; a server without a list knows itself alone."""
    found = re.findall(r"^server\.(\d+)=", text, re.MULTILINE)
    return frozenset(map(int, found)) or frozenset({number})


def process(host: Host, context: Context) -> Java:
    config = context.topology.config.zookeeper
    artifact = artifacts.kafka(context.datacenter(host).config.version)
    peers = members(context.datacenter(host), context)
    settings: dict[str, object] = {
        "dataDir": DATA,
        "clientPort": ZOOKEEPER_CLIENT_PORT,
        "tickTime": config.tick_time_ms,
        "initLimit": config.init_limit,
        "syncLimit": config.sync_limit,
        "admin.enableServer": False,
        "4lw.commands.whitelist": FOUR_LETTER_WORDS,
        "autopurge.snapRetainCount": SNAPSHOTS_KEPT,
        "autopurge.purgeInterval": PURGE_INTERVAL_H,
        "maxClientCnxns": 0,
    }
    if len(peers) > 1:  # a single server with a server list still runs, but warns at every start
        settings |= {
            f"server.{peer.number}": f"{peer.fqdn}:{PEER_PORT}:{ELECTION_PORT}" for peer in peers
        }
    return Java(
        name="zookeeper",
        description="Apache ZooKeeper",
        documentation="https://zookeeper.apache.org",
        artifact=artifact,
        main_class="org.apache.zookeeper.server.quorum.QuorumPeerMain",
        config_path=CONFIG,
        settings=settings,
        data=DATA,
        heap_mb=config.heap_mb,
        jvm_options=config.jvm_options,
        loggers={"org.apache.zookeeper.ClientCnxn": "WARN"},
        log="zookeeper.log",
        known_as=("zookeeper-server",),
        links={
            f"{artifact.home}/config/zookeeper.properties": CONFIG,
            f"{BOOKS}/conf/zoo.cfg": CONFIG,
        },
    )


def wanted(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    return datacenter.servers


def files(host: Host, context: Context) -> HostState:
    """Beside the process's own: the number by which its peers know it, and room for a link."""
    del context
    return {
        Key("file", f"{DATA}/myid"): File(f"{host.number}\n", owner=USER),
        Key("directory", BOOKS): Directory(),
        Key("directory", f"{BOOKS}/conf"): Directory(),
    }


def advise(lab: Lab) -> Iterator[Problem]:
    for index, datacenter in enumerate(lab.datacenters, 1):
        count = datacenter.count("zookeeper")
        if not datacenter.kraft and count % 2 == 0:
            yield Problem(
                f"datacenters[{index}].zookeeper", str(count),
                f"an even ensemble bears no more failures than one of {count - 1} "
                f"(a majority of {count} is {count // 2 + 1}); {count + 1} would",
            )


SERVICE = Service(
    name="zookeeper",
    summary="Set up ZooKeeper; restart the leader last.",
    roles=("zookeeper",),
    wanted=wanted,
    desired=files,
    process=process,
    ports=(Port(ZOOKEEPER_CLIENT_PORT), Port(PEER_PORT, "peer"), Port(ELECTION_PORT, "election")),
    artifacts=lambda lab, datacenter: (artifacts.kafka(datacenter.version),),
    packages=("java",),
    memory_mb=lambda lab: lab.zookeeper.heap_mb + JVM_MB,
    advise=advise,
)
