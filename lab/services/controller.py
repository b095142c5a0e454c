"""KRaft's controllers on hosts of their own. Where brokers are controllers as well, they are no
service of their own; the quorum is looked after all the same (scripts/drivers/controller.py)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab import artifacts
from lab.listeners import KINDS, Kind
from lab.problems import Problem
from lab.services import acls, quorum, secured
from lab.services.context import CA, OWN, Context
from lab.services.java import JVM_MB, USER, Java, log_settings, logging_file
from lab.services.quorum import LISTENER
from lab.services.service import Port, Service
from lab.services.topics import of_topics
from lab.services.zookeeper import MIGRATES, keeping
from lab.state import HostState
from lab.topology import CONTROLLER_PORT, Datacenter, Host
from lab.versions import BOTH, KRAFT, ZOOKEEPER, has_quorums, has_zookeeper, with_metadata

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab

NAME = "controller"
DATA = "/data/controller"
FOLDER = "/etc/controller"
CONFIG = f"{FOLDER}/controller.properties"


def wanted(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    """On all hosts made for it, and on those of ZooKeeper where that has made room for it."""
    return datacenter.quorum


def settings(host: Host, context: Context) -> dict[str, object]:
    """controller.properties. What is left open in a topic's making the controller decides, and much
    else that was the brokers' with ZooKeeper: so it has all of [kafka.config], too."""
    lab, datacenter = context.topology.config, context.datacenter(host)
    speaks = _speaks(host, context)
    return {
        **quorum.settings(host, datacenter),
        **(_migrating(datacenter, speaks) if speaks else {}),
        "process.roles": "controller",
        "listeners": f"{LISTENER}://{host.fqdn}:{CONTROLLER_PORT}",
        "listener.security.protocol.map":
            secured.protocols(context.listens(datacenter), more=(f"{LISTENER}:PLAINTEXT",))
            if speaks and speaks.closed
            else f"{LISTENER}:PLAINTEXT,INTERNAL:PLAINTEXT,EXTERNAL:PLAINTEXT",
        "log.dirs": DATA,
        "num.network.threads": 2,
        "num.io.threads": 2,
        "background.threads": 2,
        **of_topics(lab, datacenter),
        **lab.kafka.config,
        **acls.settings(lab, KRAFT),
    }


def _speaks(host: Host, context: Context) -> Kind | None:
    """What a controller that takes over from ZooKeeper speaks to brokers; None for any other one,
    to which they come."""
    datacenter = context.datacenter(host)
    moves = datacenter.config.keeps(host.name) == BOTH
    return KINDS[context.listens(datacenter).brokers] if moves else None


def _migrating(datacenter: Datacenter, kind: Kind) -> dict[str, object]:
    """What a controller needs to take over from ZooKeeper, and to write there, too; brokers that
    are still with ZooKeeper hear from it at their own listener."""
    return {
        **keeping(datacenter), MIGRATES: True, "inter.broker.listener.name": kind.internal,
        **({"ssl.truststore.type": "PEM", "ssl.truststore.location": CA} if kind.closed else {}),
        **({"ssl.keystore.type": "PEM", "ssl.keystore.location": f"{FOLDER}/{OWN}"}
           if kind.asks else {}),
    }


def process(host: Host, context: Context) -> Java:
    config, speaks = context.topology.config.controller, _speaks(host, context)
    artifact = artifacts.kafka(context.datacenter(host).config.version)
    return Java(
        name=NAME,
        description="Apache Kafka, a KRaft controller",
        documentation="https://kafka.apache.org/documentation/#kraft",
        artifact=artifact,
        main_class="kafka.Kafka",
        config_path=CONFIG,
        settings=settings(host, context),
        data=DATA,
        heap_mb=config.heap_mb,
        jvm_options=config.jvm_options,
        loggers={
            "kafka.request.logger": "WARN",
            "kafka.server.KafkaConfig": "WARN",
        },
        log="controller.log",
        known_as=("kafka-controller",),
        links={
            f"{artifact.home}/config/controller.properties": CONFIG,
            f"{artifact.home}/config/{logging_file(artifact)}": log_settings(NAME, artifact),
        },
        prepare=quorum.prepare(NAME, DATA),
        files=secured.own_key(context, FOLDER, USER) if speaks and speaks.asks else {},
    )


def files(host: Host, context: Context) -> HostState:
    return quorum.first_files(NAME, host, context)


def check(lab: Lab) -> Iterator[Problem]:
    """What does not go together of where metadata is kept, and by which version of Kafka."""
    told: set[Problem] = set()
    for index, datacenter in enumerate(lab.datacenters, 1):
        for problem in _versions(lab, f"datacenters[{index}]", datacenter):
            if problem not in told:
                told.add(problem)
                yield problem
        yield from _counts(f"datacenters[{index}]", datacenter)


def _versions(lab: Lab, field: str, datacenter: DatacenterConfig) -> Iterator[Problem]:
    """Told once where all datacenters are as [kafka] says."""
    version, kraft = datacenter.version, datacenter.kraft
    if (version, datacenter.metadata) == (lab.kafka.version, lab.kafka.metadata):
        field = "kafka"
    if not kraft and not has_zookeeper(version):
        yield Problem(
            f"{field}.version", repr(version),
            f'Kafka {version} has no ZooKeeper; say metadata = "{KRAFT}", or a version up to '
            + with_metadata(ZOOKEEPER)[0],
        )
    if kraft and not has_quorums(version):
        yield Problem(
            f"{field}.metadata", repr(KRAFT),
            f"Kafka {version} has no quorums that can change (KIP-853); accepted with KRaft: "
            + ", ".join(reversed(with_metadata(KRAFT))),
        )


def _counts(field: str, datacenter: DatacenterConfig) -> Iterator[Problem]:
    alone, combined = datacenter.count(NAME), datacenter.combined
    keeping = datacenter.count("zookeeper")
    if not datacenter.kraft:
        for key, count in ((NAME, alone), ("combined", combined)):
            if count:
                yield Problem(f"{field}.{key}", str(count),
                              f'there are controllers only with metadata = "{KRAFT}"')
        return
    if combined > datacenter.count("kafka"):
        yield Problem(f"{field}.combined", str(combined),
                      f"more than its {datacenter.count('kafka')} broker(s)")
    if [bool(alone), bool(combined), bool(keeping)].count(True) > 1:
        yield Problem(
            f"{field}.{NAME}", str(alone),
            "accepted with KRaft: one of controller (hosts of their own), combined (brokers that "
            "are controllers as well) and zookeeper (hosts that ZooKeeper has left)",
        )
    elif not (alone or combined or keeping):
        yield Problem(f"{field}.{NAME}", "0", "KRaft needs controllers; say how many, or combined")


def advise(lab: Lab) -> Iterator[Problem]:
    for index, datacenter in enumerate(lab.datacenters, 1):
        for key in (NAME, "combined"):
            count = datacenter.combined if key == "combined" else datacenter.count(key)
            if datacenter.kraft and count and count % 2 == 0:
                yield Problem(
                    f"datacenters[{index}].{key}", str(count),
                    f"an even quorum bears no more failures than one of {count - 1} "
                    f"(a majority of {count} is {count // 2 + 1}); {count + 1} would",
                )


SERVICE = Service(
    name=NAME,
    summary="Set up KRaft's controllers; restart the leader last.",
    roles=("controller", "zookeeper"),
    wanted=wanted,
    within=lambda lab, datacenter: bool(quorum.controllers(datacenter)),
    desired=files,
    process=process,
    ports=(Port(CONTROLLER_PORT),),
    artifacts=lambda lab, datacenter: (artifacts.kafka(datacenter.version),),
    packages=("java",),
    memory_mb=lambda lab: lab.controller.heap_mb + JVM_MB,
    check=check,
    advise=advise,
)
