"""One cluster a datacenter, with a listener for the hosts and one for the workstation."""

from __future__ import annotations

from lab.model import Lab
from lab.services.context import Context
from lab.services.java import JavaService, service_state
from lab.state import HostState
from lab.topology import (
    EXTERNAL_PORT,
    INTERNAL_PORT,
    ZOOKEEPER_CLIENT_PORT,
    Datacenter,
    Host,
)

DATA = "/data/kafka-logs"
# A broker that was killed comes back as soon as its old session has expired.
SESSION_TIMEOUT_MS = 9000
# Brokers start while their ensemble still forms.
CONNECTION_TIMEOUT_MS = 60000


def desired(host: Host, context: Context) -> HostState:
    config = context.topology.config.kafka
    service = JavaService(
        name="kafka",
        description="Apache Kafka",
        documentation="https://kafka.apache.org/documentation/",
        main_class="kafka.Kafka",
        config_path="/etc/kafka/server.properties",
        settings=settings(host, context),
        data=DATA,
        heap_mb=host.heap_mb,
        jvm_options=config.jvm_options,
        loggers={
            "org.apache.zookeeper": "WARN",
            "state.change.logger": "INFO",
            "kafka.request.logger": "WARN",
            # 300 lines of defaults at every start; what was set stands in server.properties.
            "kafka.server.KafkaConfig": "WARN",
        },
    )
    return service_state(service, context)


def replication(lab: Lab, datacenter: Datacenter) -> tuple[int, int]:
    """(replication factor, least in-sync replicas) of a datacenter's topics."""
    brokers = len(datacenter.by_role("kafka"))
    factor = lab.kafka.replication_factor or min(3, brokers)
    return factor, lab.kafka.min_insync_replicas or max(1, factor - 1)


def internal_factor(datacenter: Datacenter) -> int:
    """The replicas of what clusters and workers keep for themselves."""
    return min(3, len(datacenter.by_role("kafka")))


def settings(host: Host, context: Context) -> dict[str, object]:
    """server.properties of one broker; what [kafka.config] names wins over the lab's own choice."""
    lab, datacenter = context.topology.config, context.datacenter(host)
    factor, insync = replication(lab, datacenter)
    address, port = context.external[host.name]
    internal = internal_factor(datacenter)
    ensemble = ",".join(
        f"{peer.fqdn}:{ZOOKEEPER_CLIENT_PORT}" for peer in datacenter.by_role("zookeeper")
    )
    return {
        "broker.id": host.number,
        "broker.rack": context.racks.get(host.name, f"{datacenter.name}-{'abc'[host.zone]}"),
        "listeners": f"INTERNAL://{host.fqdn}:{INTERNAL_PORT},EXTERNAL://0.0.0.0:{EXTERNAL_PORT}",
        "advertised.listeners":
            f"INTERNAL://{host.fqdn}:{INTERNAL_PORT},EXTERNAL://{address}:{port}",
        "listener.security.protocol.map": "INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT",
        "inter.broker.listener.name": "INTERNAL",
        "log.dirs": DATA,
        "zookeeper.connect": ensemble,
        "zookeeper.connection.timeout.ms": CONNECTION_TIMEOUT_MS,
        "zookeeper.session.timeout.ms": SESSION_TIMEOUT_MS,
        "num.partitions": lab.kafka.partitions,
        "default.replication.factor": factor,
        "min.insync.replicas": insync,
        "offsets.topic.num.partitions": lab.kafka.offsets_partitions,
        "offsets.topic.replication.factor": internal,
        "transaction.state.log.num.partitions": lab.kafka.offsets_partitions,
        "transaction.state.log.replication.factor": internal,
        "transaction.state.log.min.isr": max(1, internal - 1),
        # A laptop's measure: fewer threads, and 16 MB instead of 128 for the log cleaner.
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        # Groups of a lab are small and impatient.
        "group.initial.rebalance.delay.ms": 0,
        **lab.kafka.config,
    }


# What the lab itself decides; anything else of Kafka's may stand in [kafka.config].
RESERVED_SETTINGS = {
    "broker.id": "the host's number",
    "broker.rack": "the host's zone",
    "listeners": "INTERNAL and EXTERNAL",
    "advertised.listeners": "INTERNAL and EXTERNAL",
    "listener.security.protocol.map": "INTERNAL and EXTERNAL",
    "inter.broker.listener.name": "INTERNAL",
    "log.dirs": "/data/kafka-logs",
    "log.dir": "/data/kafka-logs",
    "zookeeper.connect": "the datacenter's ensemble",
    "num.partitions": "kafka.partitions",
    "default.replication.factor": "kafka.replication_factor",
    "min.insync.replicas": "kafka.min_insync_replicas",
    "offsets.topic.num.partitions": "kafka.offsets_partitions",
    "process.roles": "ZooKeeper",
}
