"""One cluster a datacenter, with a listener for the hosts and one for the workstation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from lab import artifacts
from lab.model import Lab
from lab.problems import Problem, no_such_datacenter
from lab.resources import TOPIC, Absent, ClusterState, Topic
from lab.services.context import Context
from lab.services.java import JVM_MB, Java
from lab.services.service import Port, Service
from lab.state import Key
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


def process(host: Host, context: Context) -> Java:
    config = context.topology.config.kafka
    return Java(
        name="kafka",
        description="Apache Kafka",
        documentation="https://kafka.apache.org/documentation/",
        artifact=artifacts.kafka(config.version),
        main_class="kafka.Kafka",
        config_path="/etc/kafka/server.properties",
        settings=settings(host, context),
        data=DATA,
        heap_mb=config.heap_mb,
        jvm_options=config.jvm_options,
        loggers={
            "org.apache.zookeeper": "WARN",
            "state.change.logger": "INFO",
            "kafka.request.logger": "WARN",
            # 300 lines of defaults at every start; what was set stands in server.properties.
            "kafka.server.KafkaConfig": "WARN",
        },
    )


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
    address, port = context.reached[host.name, EXTERNAL_PORT]
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


def _replication(lab: Lab) -> Iterator[Problem]:
    smallest = min(lab.datacenters, key=lambda datacenter: datacenter.count("kafka"))
    factor, most = lab.kafka.replication_factor, smallest.count("kafka")
    if factor is not None and factor > most:
        yield Problem(
            "kafka.replication_factor", str(factor),
            f"more than the {most} broker(s) of {smallest.name}; accepted: at most {most}",
        )
    for index, datacenter in enumerate(lab.datacenters, 1):
        copies = min(factor or 3, datacenter.count("kafka"))
        insync = lab.kafka.min_insync_replicas
        if insync is not None and insync > copies:
            yield Problem(
                "kafka.min_insync_replicas", str(insync),
                f"more than the {copies} replica(s) in datacenters[{index}]; "
                f"accepted: at most {copies}",
            )
            return


def _settings(lab: Lab) -> Iterator[Problem]:
    for key, value in lab.kafka.config.items():
        if key in RESERVED_SETTINGS:
            yield Problem(
                f"kafka.config.{key}", repr(value),
                f"decided by the lab ({RESERVED_SETTINGS[key]}); "
                "accepted: any other broker setting",
            )
        elif "\n" in f"{key}{value}" or not key.isprintable() or not key.strip():
            yield Problem(
                f"kafka.config.{key!r}", repr(value), "accepted: a key and a value on one line"
            )


def _topics(lab: Lab) -> Iterator[Problem]:
    known = {datacenter.name: datacenter for datacenter in lab.datacenters}
    seen: Counter[tuple[str, str]] = Counter()
    for index, topic in enumerate(lab.topics, 1):
        field = f"topics[{index}]"
        for name in topic.datacenters:
            if name not in known:
                yield Problem(
                    f"{field}.datacenters", repr(name), no_such_datacenter(name, list(known))
                )
        for name in sorted(set(topic.datacenters or known) & known.keys()):
            seen[topic.name, name] += 1
            if seen[topic.name, name] == 2:
                yield Problem(
                    f"{field}.name", repr(topic.name), f"is there already in {name}; accepted: once"
                )
            brokers = known[name].count("kafka")
            if topic.replicas is not None and topic.replicas > brokers:
                yield Problem(
                    f"{field}.replicas", str(topic.replicas),
                    f"more than the {brokers} broker(s) of {name}; accepted: at most {brokers}",
                )


def check(lab: Lab) -> Iterator[Problem]:
    """What is wrong with [kafka], [kafka.config] and [[topics]]."""
    yield from _replication(lab)
    yield from _settings(lab)
    yield from _topics(lab)


def resources(datacenter: Datacenter, context: Context) -> ClusterState:
    """The topics that the lab file names for a datacenter."""
    return {
        Key(TOPIC, topic.name): Absent() if topic.absent else Topic(
            topic.partitions, topic.replicas, topic.settings()
        )
        for topic in context.topology.config.topics
        if datacenter.name in topic.datacenters or not topic.datacenters
    }


SERVICE = Service(
    name="kafka",
    summary="Set up Kafka; restart one broker at a time.",
    roles=("kafka",),
    process=process,
    ports=(Port(INTERNAL_PORT), Port(EXTERNAL_PORT, "external")),
    needs=("zookeeper",),
    artifacts=lambda lab: (artifacts.kafka(lab.kafka.version),),
    packages=("java",),
    memory_mb=lambda lab: lab.kafka.heap_mb + JVM_MB,
    resources=resources,
    check=check,
)
