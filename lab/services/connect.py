"""Kafka Connect workers, on which the mirrors into their datacenter run, and other connectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lab import artifacts
from lab.artifacts import Artifact
from lab.services.context import Context
from lab.services.java import JVM_MB, USER, Java, log_settings, logging_file
from lab.services.kafka import internal_factor
from lab.services.secured import own_key
from lab.services.service import Port, Service
from lab.state import File
from lab.templates import render
from lab.topology import Host

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab

PORT = 8083
DATA = "/data/connect"
FOLDER = "/etc/connect"
CONFIG = f"{FOLDER}/connect-distributed.properties"
# What waits for brokers, and for how long: one of them may be gone for good.
BROKERS, BROKERS_SECONDS = f"{FOLDER}/brokers", 15
CONVERTER = "org.apache.kafka.connect.converters.ByteArrayConverter"
# How long the others wait for a worker that was killed before they take over its tasks. A worker
# that is alone would only wait for itself.
REBALANCE_DELAY_MS = 5000


def wanted(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    """On hosts of its own; where a datacenter has none, on the control host as soon as something
    is mirrored into it, or a connector is to run there."""
    if role == "connect":
        return True
    mirrored = any(mirror.target == datacenter.name for mirror in lab.mirrors)
    asked = datacenter.name in {one.at for one in lab.connectors} | {one.at for one in lab.sinks}
    return (mirrored or asked) and not datacenter.count("connect")


def plugins(lab: Lab, datacenter: DatacenterConfig) -> tuple[Artifact, ...]:
    """What a datacenter's workers have beside Kafka's own connectors, each once."""
    asked = [one.plugin for one in lab.connectors if one.at == datacenter.name and one.plugin]
    mine = [one for one in lab.sinks if one.at == datacenter.name]
    kinds = {one.kind for one in mine}
    return (*((artifacts.search_sink(),) if kinds - {"hbase"} else ()),
            *((artifacts.hbase(),) if "hbase" in kinds else ()),
            *((artifacts.avro_converter(),) if any(one.avro for one in mine) else ()),
            *map(artifacts.plugin, dict.fromkeys(asked)))


def discovery(plugins: Iterable[Artifact]) -> dict[str, str]:
    """How workers find their connectors. Kafka's own and the lab's say what they are in
    META-INF/services, and a worker that need not look into every jar starts in half the time
    (KIP-898)."""
    plugins = tuple(plugins)
    others = any(one.name == artifacts.PLUGIN for one in plugins)
    return {
        **({"plugin.path": ",".join(one.home for one in plugins)} if plugins else {}),
        "plugin.discovery": "hybrid_warn" if others else "service_load",
    }


def workers(host: Host, context: Context) -> int:
    """How many workers a host's group has."""
    return max(1, context.datacenter(host).config.count("connect"))


def process(host: Host, context: Context) -> Java:
    config = context.topology.config.connect
    artifact = artifacts.kafka(context.datacenter(host).config.version)
    return Java(
        name="connect",
        description="Kafka Connect",
        documentation="https://kafka.apache.org/documentation/#connect",
        artifact=artifact,
        besides=plugins(context.topology.config, context.datacenter(host).config),
        main_class="org.apache.kafka.connect.cli.ConnectDistributed",
        config_path=CONFIG,
        settings=settings(host, context),
        data=DATA,
        heap_mb=config.heap_mb,
        jvm_options=config.jvm_options,
        loggers={
            "org.apache.kafka.clients": "WARN",
            "org.apache.kafka.common.utils.AppInfoParser": "WARN",
            "org.apache.kafka.connect.runtime.rest.RestServer": "WARN",
            "org.eclipse.jetty": "WARN",
            "org.reflections": "ERROR",
        },
        log="connect.log",
        prepare=(BROKERS,),
        files={
            BROKERS: File(render(
                "connect-brokers.sh.j2", seconds=BROKERS_SECONDS,
                servers=" ".join(context.internal(context.datacenter(host)).servers.split(",")),
            ), mode=0o755),
            **own_key(context, FOLDER, USER),
        },
        known_as=("kafka-connect", "connect-distributed"),
        links={
            f"{artifact.home}/config/connect-distributed.properties": CONFIG,
            f"{artifact.home}/config/connect-{logging_file(artifact)}":
                log_settings("connect", artifact),
        },
    )


def group(datacenter: str) -> str:
    """What a datacenter's workers have in common."""
    return f"connect-{datacenter}"


def client_id(host: Host) -> str:
    """What a worker is called in its group (DistributedHerder)."""
    return f"connect-{host.fqdn}:{PORT}"


def transactional_id(datacenter: str, connector: str, task: int) -> str:
    """Under what name a source connector's task writes (Worker.taskTransactionalId)."""
    return f"{group(datacenter)}-{connector}-{task}"


def offsets_topic(datacenter: str) -> str:
    """Where a datacenter's workers keep how far each connector has come."""
    return f"{group(datacenter)}-offsets"


def settings(host: Host, context: Context) -> dict[str, object]:
    """The worker's properties. REST listens on the private address only."""
    datacenter = context.datacenter(host)
    factor, inside = internal_factor(datacenter), context.internal(datacenter, FOLDER)
    return {
        **inside.client(),
        # What connectors' own clients say to the cluster; where it is they know from the worker.
        **{f"{prefix}{name}": value for prefix in ("producer.", "consumer.", "admin.")
           for name, value in inside.java.items()},
        "group.id": group(datacenter.name),
        "config.storage.topic": f"connect-{datacenter.name}-configs",
        "config.storage.replication.factor": factor,
        "offset.storage.topic": offsets_topic(datacenter.name),
        "offset.storage.replication.factor": factor,
        "offset.storage.partitions": 6,
        "status.storage.topic": f"connect-{datacenter.name}-status",
        "status.storage.replication.factor": factor,
        "status.storage.partitions": 3,
        "key.converter": CONVERTER,
        "value.converter": CONVERTER,
        "listeners": f"http://{host.fqdn}:{PORT}",
        "rest.advertised.host.name": host.fqdn,
        # Of its own topics. A broker that has just started may know of none yet: asked for one that
        # may be made, it tries, lacks the other brokers for the replicas and refuses, and the
        # worker ends (KafkaBasedLog.start), which takes it 46 s. It asks again otherwise.
        "allow.auto.create.topics": "false",
        "connector.client.config.override.policy": "All",
        "exactly.once.source.support": "enabled",
        **discovery(plugins(context.topology.config, datacenter.config)),
        "scheduled.rebalance.max.delay.ms":
            REBALANCE_DELAY_MS if workers(host, context) > 1 else 0,
        "offset.flush.interval.ms": 1000,
        "task.shutdown.graceful.timeout.ms": 5000,
    }


SERVICE = Service(
    name="connect",
    summary="Set up Kafka Connect and its connectors.",
    task="none",
    roles=("control", "connect"),
    wanted=wanted,
    process=process,
    ports=(Port(PORT, scheme="http"),),
    needs=("kafka",),
    artifacts=lambda lab, datacenter: (
        artifacts.kafka(datacenter.version), *plugins(lab, datacenter),
    ),
    packages=("java",),
    memory_mb=lambda lab: lab.connect.heap_mb + JVM_MB,
)
