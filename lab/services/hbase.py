"""HBase: a master and a region server in a datacenter that a sink writes into it.

They find each other in ZooKeeper: the datacenter's own, below /hbase, or a small one for HBase
alone where the cluster has none. Their files are on the host's disk, without HDFS, so both are on
one host; what is lost is written again from the topics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import artifacts
from lab.services.context import JAVA, Context
from lab.services.daemon import Daemon
from lab.services.service import Port, Service
from lab.state import Directory, File, HostState, Key, Link
from lab.templates import properties, render
from lab.topology import ZOOKEEPER_CLIENT_PORT, Datacenter, Host

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab

KIND = "hbase"  # of its sinks
TITLE = "HBase"
ZOOKEEPER, MASTER, REGION_SERVER = "hbase-zookeeper", "hbase-master", "hbase-regionserver"
USER = "hbase"
FOLDER = "/etc/hbase"
SITE, LOG4J = f"{FOLDER}/hbase-site.xml", f"{FOLDER}/log4j.properties"
ZOO = f"{FOLDER}/zoo.cfg"
DATA, ZOOKEEPER_DATA = "/data/hbase", "/data/hbase-zookeeper"
PARENT = "/hbase"  # below which it keeps all that it has in ZooKeeper
FAMILY = "d"  # the column family of the tables that sinks make
DOCUMENTATION = "https://hbase.apache.org/2.6/book.html"
MASTER_PORT, MASTER_PAGES, REGION_PORT, REGION_PAGES = 16000, 16010, 16020, 16030
ZOOKEEPER_HEAP_MB = 32
# Beside the heap, measured while 100,000 records came in.
BESIDE_MB, ZOOKEEPER_BESIDE_MB = 120, 60
# What HBase and its Hadoop reach into, as HBase's own bin/hbase opens it for Java 11 and newer.
OPENED = (
    "java.lang", "java.lang.reflect", "java.nio", "java.io", "java.util", "java.util.concurrent",
    "java.util.zip", "sun.nio.ch", "sun.net.dns", "sun.net.util", "jdk.internal.ref",
    "jdk.internal.util.random",
)
EXPORTED = ("java.base/jdk.internal.misc", "java.security.jgss/sun.security.krb5")
OPENING = (
    *(word for one in OPENED for word in ("--add-opens", f"java.base/{one}=ALL-UNNAMED")),
    *(word for one in EXPORTED for word in ("--add-exports", f"{one}=ALL-UNNAMED")),
)


def asked(lab: Lab, datacenter: str) -> bool:
    """Whether a sink of a datacenter writes into HBase."""
    return any(one.at == datacenter and one.kind == KIND for one in lab.sinks)


def wanted(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    """On a host of its own where the datacenter has one, else on the control host; where a sink
    writes into it."""
    return asked(lab, datacenter.name) and (role == "store") == bool(datacenter.count("store"))


def wanted_zookeeper(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    """Where it has to have one of its own."""
    return wanted(lab, datacenter, role) and not datacenter.servers


def host_of(datacenter: Datacenter) -> Host:
    """The host that has it."""
    return (datacenter.by_role("store") or datacenter.by_role("control"))[0]


def finding(datacenter: Datacenter) -> dict[str, str]:
    """How clients and the servers themselves find it."""
    members = datacenter.by_role("zookeeper") if datacenter.config.servers else ()
    return {
        "hbase.zookeeper.quorum": ",".join(
            one.fqdn for one in members or (host_of(datacenter),)
        ),
        "hbase.zookeeper.property.clientPort": str(ZOOKEEPER_CLIENT_PORT),
        "zookeeper.znode.parent": PARENT,
    }


def settings(host: Host, context: Context) -> dict[str, str]:
    """hbase-site.xml, of both servers."""
    address = str(host.address)
    return {
        "hbase.rootdir": f"file://{DATA}/root",
        "hbase.tmp.dir": f"{DATA}/scratch",
        "hbase.cluster.distributed": "true",
        # It asks its file system for promises that only HDFS gives. A process that is killed loses
        # nothing on this one either; a machine that loses power may.
        "hbase.unsafe.stream.capability.enforce": "false",
        "hbase.wal.provider": "filesystem",
        **finding(context.datacenter(host)),
        "hbase.master.hostname": host.fqdn,
        "hbase.master.ipc.address": address,
        "hbase.master.port": str(MASTER_PORT),
        "hbase.master.info.bindAddress": address,
        "hbase.master.info.port": str(MASTER_PAGES),
        "hbase.unsafe.regionserver.hostname": host.fqdn,
        "hbase.regionserver.ipc.address": address,
        "hbase.regionserver.port": str(REGION_PORT),
        "hbase.regionserver.info.bindAddress": address,
        "hbase.regionserver.info.port": str(REGION_PAGES),
        # There is one region server, so nobody need wait whether more will come.
        "hbase.master.wait.on.regionservers.mintostart": "1",
        "hbase.master.wait.on.regionservers.maxtostart": "1",
        "hbase.regionserver.handler.count": "8",
    }


def _files(host: Host, context: Context) -> dict[str, File]:
    return {
        SITE: File(render("hbase-site.xml.j2", settings=settings(host, context))),
        LOG4J: File(render("hbase.log4j.j2")),
    }


def desired(host: Host, context: Context) -> HostState:
    """Its settings also where people look for them."""
    del host, context
    return {
        Key("directory", FOLDER): Directory(),
        Key("link", f"{artifacts.hbase().home}/conf"): Link(FOLDER),
    }


@dataclass(frozen=True)
class Server:
    """One of its two servers."""

    name: str
    description: str
    main_class: str

    def heap_mb(self, lab: Lab) -> int:
        return lab.hbase.master_heap_mb if self.name == MASTER else lab.hbase.heap_mb

    def process(self, host: Host, context: Context) -> Daemon:
        options, artifact = context.topology.config.hbase, artifacts.hbase()
        heap = self.heap_mb(context.topology.config)
        return Daemon(
            name=self.name,
            description=self.description,
            documentation=DOCUMENTATION,
            command=(
                JAVA, f"-Xms{heap}m", f"-Xmx{heap}m", *options.jvm_options, *OPENING,
                "-cp", f"{FOLDER}:{artifact.home}/libs/*", self.main_class, "start",
            ),
            data=DATA,
            user=USER,
            files=_files(host, context),
            software=(context.digest(artifact),),
        )

    def memory_mb(self, lab: Lab) -> int:
        return self.heap_mb(lab) + BESIDE_MB


def zookeeper(host: Host, context: Context) -> Daemon:
    """HBase's own ZooKeeper, of one server. It comes with HBase: not every Kafka has one."""
    artifact = artifacts.hbase()
    return Daemon(
        name=ZOOKEEPER,
        description="ZooKeeper of HBase",
        documentation="https://zookeeper.apache.org",
        command=(
            JAVA, f"-Xms{ZOOKEEPER_HEAP_MB}m", f"-Xmx{ZOOKEEPER_HEAP_MB}m",
            *context.topology.config.hbase.jvm_options,
            "-cp", f"{FOLDER}:{artifact.home}/libs/*",
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", ZOO,
        ),
        data=ZOOKEEPER_DATA,
        user="hbase-zookeeper",
        files={
            ZOO: File(properties({
                "dataDir": ZOOKEEPER_DATA, "clientPort": ZOOKEEPER_CLIENT_PORT,
                "clientPortAddress": str(host.address), "admin.enableServer": False,
                "maxClientCnxns": 0, "autopurge.purgeInterval": 24,
            })),
            LOG4J: File(render("hbase.log4j.j2")),
        },
        software=(context.digest(artifact),),
    )


def _service(server: Server, ports: tuple[Port, ...], summary: str) -> Service:
    return Service(
        name=server.name,
        summary=summary,
        roles=("control", "store"),
        wanted=wanted,
        desired=desired,
        process=server.process,
        ports=ports,
        needs=("zookeeper", ZOOKEEPER) if server.name == MASTER else (MASTER,),
        artifacts=lambda lab, datacenter: (artifacts.hbase(),),
        packages=("java",),
        memory_mb=server.memory_mb,
    )


SERVICES = (
    Service(
        name=ZOOKEEPER,
        summary="Set up a ZooKeeper for HBase, where the cluster has none.",
        roles=("control", "store"),
        wanted=wanted_zookeeper,
        process=zookeeper,
        ports=(Port(ZOOKEEPER_CLIENT_PORT),),
        artifacts=lambda lab, datacenter: (artifacts.hbase(),),
        packages=("java",),
        memory_mb=lambda lab: ZOOKEEPER_HEAP_MB + ZOOKEEPER_BESIDE_MB,
    ),
    _service(
        Server(MASTER, "HBase master", "org.apache.hadoop.hbase.master.HMaster"),
        (Port(MASTER_PAGES, scheme="http", published=13), Port(MASTER_PORT, "master")),
        "Set up HBase's master, where sinks write into HBase.",
    ),
    _service(
        Server(REGION_SERVER, "HBase region server",
               "org.apache.hadoop.hbase.regionserver.HRegionServer"),
        (Port(REGION_PAGES, scheme="http", published=12), Port(REGION_PORT, "region server")),
        "Set up HBase's region server, where sinks write into HBase.",
    ),
)
