"""One cluster a datacenter, with a listener for the hosts and one for the workstation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab import artifacts
from lab.listeners import (
    KERBEROS_INSIDE,
    KINDS,
    SECURE_INSIDE,
    SECURE_PORT,
    USERS_INSIDE,
    USERS_PORT,
)
from lab.problems import Problem, no_such_datacenter
from lab.resources import TOPIC, Absent, ClusterState, Topic
from lab.services import acls, quorum, secured
from lab.services.context import Context
from lab.services.java import JVM_MB, Java, log_settings, logging_file
from lab.services.service import Port, Service
from lab.services.topics import of_topics
from lab.services.zookeeper import MIGRATES, keeping
from lab.settings import checks as settings_checks
from lab.state import HostState, Key
from lab.topology import (
    CONTROLLER_PORT,
    EXTERNAL_PORT,
    INTERNAL_PORT,
    SECURE_OFFSET,
    USERS_OFFSET,
    Datacenter,
    Host,
)
from lab.upgrade import PROTOCOL, Release, own_protocol
from lab.versions import BOTH, KRAFT, ZOOKEEPER, at_least

if TYPE_CHECKING:
    from lab.model import Lab

DATA = "/data/kafka-logs"
CONFIG = "/etc/kafka/server.properties"
LISTENERS = tuple(name.lower() for one in KINDS.values() for name in one.names)
# What the lab itself decides; anything else of Kafka's may stand in [kafka.config].
RESERVED_SETTINGS = {
    "broker.id": "the host's number",
    "node.id": "the host's number",
    "broker.rack": "the host's zone",
    "listeners": "INTERNAL and EXTERNAL",
    "advertised.listeners": "INTERNAL and EXTERNAL",
    "listener.security.protocol.map": "INTERNAL and EXTERNAL",
    "inter.broker.listener.name": "INTERNAL",
    "ssl.keystore.type": "[security]",
    "ssl.keystore.location": "[security]",
    "ssl.truststore.type": "[security]",
    "ssl.truststore.location": "[security]",
    "ssl.principal.mapping.rules": "[security]",
    "log.dirs": "/data/kafka-logs",
    "log.dir": "/data/kafka-logs",
    "zookeeper.connect": "the datacenter's ensemble",
    "num.partitions": "kafka.partitions",
    "default.replication.factor": "kafka.replication_factor",
    "min.insync.replicas": "kafka.min_insync_replicas",
    "offsets.topic.num.partitions": "kafka.offsets_partitions",
    "process.roles": "metadata",
    "controller.listener.names": "CONTROLLER",
    "controller.quorum.bootstrap.servers": "the datacenter's controllers",
    "controller.quorum.voters": "the datacenter's controllers",
    "metadata.log.dir": "the first of log.dirs",
    MIGRATES: "`fab kraft`",
}


def process(host: Host, context: Context) -> Java:
    config, datacenter = context.topology.config.kafka, context.datacenter(host).config
    kraft = datacenter.keeps(host.name) == KRAFT
    artifact = artifacts.kafka(datacenter.version)
    option = context.listens(context.datacenter(host)).option
    return Java(
        name="kafka",
        description="Apache Kafka",
        documentation="https://kafka.apache.org/documentation/",
        artifact=artifact,
        main_class="kafka.Kafka",
        config_path=CONFIG,
        settings=settings(host, context),
        data=DATA,
        heap_mb=config.heap_mb,
        jvm_options=(*config.jvm_options, *([option] if option else [])),
        loggers={
            "org.apache.zookeeper": "WARN",
            "state.change.logger": "INFO",
            "kafka.request.logger": "WARN",
            # 300 lines of defaults at every start; what was set stands in server.properties.
            "kafka.server.KafkaConfig": "WARN",
        },
        log="server.log",
        known_as=("kafka-server",),
        links={
            f"{artifact.home}/config/server.properties": CONFIG,
            f"{artifact.home}/config/{logging_file(artifact)}": log_settings("kafka", artifact),
        },
        prepare=quorum.prepare("kafka", DATA) if kraft else (),
        files=secured.key_file(host, context),
    )


def internal_factor(datacenter: Datacenter) -> int:
    """The replicas of what clusters and workers keep for themselves."""
    return min(3, len(datacenter.by_role("kafka")))


def settings(host: Host, context: Context) -> dict[str, object]:
    """server.properties of one broker; what [kafka.config] names wins over the lab's own choice."""
    lab, datacenter = context.topology.config, context.datacenter(host)
    internal = internal_factor(datacenter)
    by_keeper = {ZOOKEEPER: _of_zookeeper, BOTH: _of_both, KRAFT: _of_kraft}
    return {
        **by_keeper[datacenter.config.keeps(host.name)](host, context),
        "broker.rack": context.racks.get(host.name, f"{datacenter.name}-{'abc'[host.zone]}"),
        "inter.broker.listener.name": KINDS[context.listens(datacenter).brokers].internal,
        **secured.certified(host, context),
        "log.dirs": DATA,
        **of_topics(lab, datacenter),
        "offsets.topic.num.partitions": lab.kafka.offsets_partitions,
        "offsets.topic.replication.factor": internal,
        "transaction.state.log.num.partitions": lab.kafka.offsets_partitions,
        "transaction.state.log.replication.factor": internal,
        "transaction.state.log.min.isr": max(1, internal - 1),
        **_of_share_groups(lab, datacenter),
        # A laptop's measure: fewer threads, and 16 MB instead of 128 for the log cleaner.
        "num.network.threads": 2,
        "num.io.threads": 4,
        "background.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        # People wait for what retention deletes (Kafka looks every 5 minutes).
        "log.retention.check.interval.ms": 10_000,
        # Groups of a lab are small and impatient.
        "group.initial.rebalance.delay.ms": 0,
        **lab.kafka.config,
        **acls.settings(lab, datacenter.config.keeps(host.name)),
        # Until every broker runs its release: also where [kafka.config] already has the newer one.
        **({PROTOCOL: held} if (held := context.protocols.get(datacenter.name)) else {}),
    }


def release(datacenter: Datacenter, lab: Lab) -> Release:
    """What the brokers of a datacenter with ZooKeeper are to be."""
    version = datacenter.config.version
    said = str(lab.kafka.config.get(PROTOCOL, own_protocol(version)))
    return Release(version, said.partition("-")[0])


def _of_share_groups(lab: Lab, datacenter: Datacenter) -> dict[str, object]:
    """The topic where brokers keep what share groups have handled; before 4.2 there are none."""
    if not at_least(datacenter.config.version, "4.2"):
        return {}
    internal, name = internal_factor(datacenter), "share.coordinator.state.topic"
    return {
        f"{name}.num.partitions": lab.kafka.offsets_partitions,
        f"{name}.replication.factor": internal,
        f"{name}.min.isr": max(1, internal - 1),
    }


def _listeners(host: Host, context: Context, *more: str) -> dict[str, object]:
    """Those of all brokers, and `more`, which are written as the others and advertised as such."""
    listening = context.listens(context.datacenter(host))
    bound, told = [], []
    for kind in (KINDS[one] for one in listening.ordered):
        # A host of before there was such a port is told of before this counts for anything.
        address, port = context.reached.get((host.name, kind.outside), (host.fqdn, kind.outside))
        inside = f"{kind.internal}://{host.fqdn}:{kind.inside}"
        bound.append(inside)
        told.append(inside)
        if kind.outside:
            bound.append(f"{kind.external}://0.0.0.0:{kind.outside}")
            told.append(f"{kind.external}://{address}:{port}")
    return {
        "listeners": ",".join((*bound, *more)),
        "advertised.listeners": ",".join((*told, *more)),
    }


def _protocols(host: Host, context: Context, *more: str) -> dict[str, object]:
    listening = context.listens(context.datacenter(host))
    return {"listener.security.protocol.map": secured.protocols(listening, more=more)}


def _of_zookeeper(host: Host, context: Context) -> dict[str, object]:
    """Who a broker is, and where its cluster's metadata is."""
    return {
        **_listeners(host, context),
        **keeping(context.datacenter(host)),
        "broker.id": host.number,
        **_protocols(host, context),
    }


def _of_both(host: Host, context: Context) -> dict[str, object]:
    """The same of a broker that is with ZooKeeper, and knows the controllers that take over."""
    of_quorum = quorum.settings(host, context.datacenter(host))
    del of_quorum["node.id"]  # it has the other name as long as it is with ZooKeeper
    return {
        **_of_zookeeper(host, context), **of_quorum, MIGRATES: True,
        **_protocols(host, context, f"{quorum.LISTENER}:PLAINTEXT"),
    }


def _of_kraft(host: Host, context: Context) -> dict[str, object]:
    """The same with KRaft, where it may be a controller, too."""
    datacenter = context.datacenter(host)
    controls = host in quorum.controllers(datacenter)
    own = (f"{quorum.LISTENER}://{host.fqdn}:{CONTROLLER_PORT}",) if controls else ()
    return {
        **quorum.settings(host, datacenter),
        **_listeners(host, context, *own),
        "process.roles": "broker,controller" if controls else "broker",
        **_protocols(host, context, f"{quorum.LISTENER}:PLAINTEXT"),
    }


def files(host: Host, context: Context) -> HostState:
    """What a node of KRaft begins with."""
    kraft = context.datacenter(host).config.keeps(host.name) == KRAFT
    return quorum.first_files("kafka", host, context) if kraft else {}


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
    config, free = lab.kafka.config, {}
    for key, value in config.items():
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
        else:
            free[key] = value
    if free:
        yield from settings_checks.findings("kafka.config", free, *(
            settings_checks.of_brokers(version, config, lab.kafka.unchecked, LISTENERS)
            for version in lab.versions
        ))


def _topics(lab: Lab) -> Iterator[Problem]:
    known = {datacenter.name: datacenter for datacenter in lab.datacenters}
    seen: Counter[tuple[str, str]] = Counter()
    for index, topic in enumerate(lab.topics, 1):
        field = f"topics[{index}]"
        if topic.config:
            having = [one.version for one in lab.datacenters
                      if one.name in topic.datacenters or not topic.datacenters]
            yield from settings_checks.findings(f"{field}.config", topic.config, *map(
                settings_checks.of_topics, dict.fromkeys(having or lab.versions)
            ))
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


def advise(lab: Lab) -> Iterator[Problem]:
    """What `unchecked` names in vain."""
    for index, pattern in enumerate(lab.kafka.unchecked, 1):
        if not any(settings_checks.matches(pattern, name) for name in lab.kafka.config):
            yield Problem(
                f"kafka.unchecked[{index}]", repr(pattern), "no key of kafka.config is called so"
            )


def resources(datacenter: Datacenter, context: Context) -> ClusterState:
    """The topics that the lab file names for a datacenter."""
    return {
        Key(TOPIC, topic.name): Absent() if topic.absent else Topic(
            topic.partitions, topic.replicas, topic.settings()
        )
        for topic in context.topology.config.topics
        if datacenter.name in topic.datacenters or not topic.datacenters
    }


def shows(host: Host, context: Context) -> Port:
    """Where brokers reach each other."""
    return Port(KINDS[context.listens(context.datacenter(host)).brokers].inside)


SERVICE = Service(
    name="kafka",
    summary="Set up Kafka; restart one broker at a time.",
    task="among",
    roles=("kafka",),
    desired=files,
    process=process,
    ports=(
        Port(INTERNAL_PORT), Port(EXTERNAL_PORT, "external"),
        Port(SECURE_INSIDE, "inside, closed"),
        Port(SECURE_PORT, "closed", beside_ssh=SECURE_OFFSET),
        Port(USERS_INSIDE, "inside, users"), Port(KERBEROS_INSIDE, "inside, tickets"),
        Port(USERS_PORT, "users", beside_ssh=USERS_OFFSET),
    ),
    shows=shows,
    needs=("zookeeper", "controller"),
    artifacts=lambda lab, datacenter: (artifacts.kafka(datacenter.version),),
    packages=("java",),
    memory_mb=lambda lab: lab.kafka.heap_mb + JVM_MB,
    resources=resources,
    check=check,
    advise=advise,
)
