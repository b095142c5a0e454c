"""One ensemble a datacenter."""

from __future__ import annotations

from lab.services.context import KAFKA_USER, Context
from lab.services.java import JavaService, service_state
from lab.state import File, HostState, Key
from lab.topology import ZOOKEEPER_CLIENT_PORT, Host

DATA = "/data/zk"
PEER_PORT = 2888
ELECTION_PORT = 3888
FOUR_LETTER_WORDS = "srvr"  # what status and the rolling restart ask; nothing else answers
SNAPSHOTS_KEPT = 3
PURGE_INTERVAL_H = 24


def desired(host: Host, context: Context) -> HostState:
    config = context.topology.config.zookeeper
    peers = context.datacenter(host).by_role("zookeeper")
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
    service = JavaService(
        name="zookeeper",
        description="Apache ZooKeeper",
        documentation="https://zookeeper.apache.org",
        main_class="org.apache.zookeeper.server.quorum.QuorumPeerMain",
        config_path="/etc/zookeeper/zoo.cfg",
        settings=settings,
        data=DATA,
        heap_mb=host.heap_mb,
        jvm_options=config.jvm_options,
        loggers={"org.apache.zookeeper.ClientCnxn": "WARN"},
    )
    return {
        **service_state(service, context),
        Key("file", f"{DATA}/myid"): File(f"{host.number}\n", owner=KAFKA_USER),
    }
