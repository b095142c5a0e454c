"""The schema registry: Apicurio, which speaks Confluent's API and keeps schemas in the cluster.

What is registered is a record in a topic, the journal. A registry that starts reads the journal
from its beginning and has everything in memory from then on; a change counts when it comes back
from there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab import artifacts
from lab.schemas import OTHERS
from lab.services.context import JAVA, Context
from lab.services.daemon import Daemon
from lab.services.java import JVM_MB
from lab.services.leading import NAME, Part, check, journal, part
from lab.services.secured import own_key
from lab.services.service import Port, Service
from lab.services.topics import replication
from lab.state import File
from lab.templates import properties, render

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab
    from lab.topology import Datacenter, Host

PORT = 8081
API = "/apis/ccompat/v7"  # where clients of Confluent's registry find it
# Apicurio's own API, and in it an empty group, of which clients of Confluent's see nothing: what is
# said of it shows that a change comes back.
GROUPS, MARKER = "/apis/registry/v3/groups", "kafkalab"
HEALTH = "/health/ready"
# Whether it refuses all that would change something. What is said of it while it runs is a record
# of its journal, and counts more than its file.
READ_ONLY = "apicurio.storage.read-only.enabled"
SWITCH = f"/apis/registry/v3/admin/config/properties/{READ_ONLY}"
DATA = "/data/registry"
USER = "registry"
FOLDER = f"/etc/{NAME}"
CONFIG, CLIENT, TOPICS = (
    f"{FOLDER}/{name}" for name in ("application.properties", "client.properties", "topics.sh")
)
MAIN = "io.quarkus.runner.GeneratedMain"
# What is in a journal counts for ever, in the order in which it came: it must not be compacted,
# and not be deleted after the brokers' usual time. Apicurio itself does not say so of its topics.
KEPT = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}


def wanted(lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    return datacenter.name in lab.registry.places


def topics(lab: Lab, datacenter: str) -> tuple[str, ...]:
    """Its topics there, the journal first."""
    return (journal(lab, datacenter), *OTHERS)


def topic_settings(lab: Lab, datacenter: Datacenter) -> dict[str, str]:
    """The settings that each of its topics has to have."""
    return {**KEPT, "min.insync.replicas": str(replication(lab, datacenter)[1])}


def settings(host: Host, context: Context) -> dict[str, object]:
    """Apicurio's own settings, on top of its defaults."""
    lab, there = context.topology.config, context.datacenter(host)
    # A follower stays so by its file, also when it was promoted: that stands in its journal.
    own = there.name == lab.registry.at and part(lab, there.name) is Part.LEADS
    return {
        "quarkus.http.host": str(host.address),
        "quarkus.http.port": PORT,
        "quarkus.management.enabled": False,
        "quarkus.log.console.format": "%p %m (%c{2.})%e%n",
        "quarkus.banner.enabled": False,
        "quarkus.http.access-log.enabled": False,
        # Of its database in memory; of 20 each, most would serve nobody.
        "apicurio.datasource.jdbc.initial-size": 1,
        "apicurio.datasource.jdbc.min-size": 1,
        "apicurio.storage.kind": "kafkasql",
        **context.internal(there, FOLDER).client("apicurio.kafka.common."),
        "apicurio.kafkasql.bootstrap.servers": context.internal(there, FOLDER).servers,
        "apicurio.kafkasql.topic": journal(lab, there.name),
        **({} if own else {READ_ONLY: True}),
        # It begins with waiting so long for a snapshot, of which there is none.
        "apicurio.kafkasql.consumer.poll.timeout": 200,
        # It reads from the beginning at each start, so offsets that it commits serve nobody. They
        # would leave a group of each start behind.
        "apicurio.kafkasql.consumer.enable.auto.commit": False,
        "apicurio.kafkasql.consumer.group-prefix": "registry-",
        "apicurio.kafkasql.snapshot.every.seconds": "off",
        # A subject can be deleted, as in Confluent's.
        "apicurio.rest.deletion.artifact.enabled": True,
        "apicurio.rest.deletion.artifact-version.enabled": True,
        "apicurio.rest.deletion.group.enabled": True,
    }


def process(host: Host, context: Context) -> Daemon:
    registry, there = context.topology.config.registry, context.datacenter(host)
    artifact, inside = artifacts.apicurio(), context.internal(there, FOLDER)
    # What clients have to say to a cluster that is closed is for this program alone.
    own: dict[str, Any] = {"mode": 0o640, "owner": USER, "secret": True} if inside.settings else {}
    factor, _ = replication(context.topology.config, there)
    return Daemon(
        name=NAME,
        description="Schema registry",
        documentation="https://www.apicur.io/registry/docs/",
        command=(
            JAVA, f"-Xms{registry.heap_mb}m", f"-Xmx{registry.heap_mb}m", *registry.jvm_options,
            "-Xshare:auto", f"-XX:SharedArchiveFile={artifact.home}/cds/{NAME}.jsa",
            f"-Dquarkus.config.locations={CONFIG}", f"@{artifact.home}/classpath.args", MAIN,
        ),
        data=DATA,
        user=USER,
        files={
            CONFIG: File(properties(settings(host, context)), **own),
            CLIENT: File(properties(inside.java), **own),
            TOPICS: File(render(
                "registry-topics.sh.j2", servers=inside.servers, client=CLIENT, replicas=factor,
                topics=topics(context.topology.config, there.name),
                settings=topic_settings(context.topology.config, there),
            ), mode=0o755),
            **own_key(context, FOLDER, USER),
        },
        prepare=(TOPICS,),
        software=(context.digest(artifact),),
    )


SERVICE = Service(
    name=NAME,
    summary="Set up the schema registry.",
    task="among",
    roles=("control",),
    wanted=wanted,
    process=process,
    ports=(Port(PORT, scheme="http", published=5, metrics="/metrics"),),
    needs=("kafka",),
    artifacts=lambda lab, datacenter: (
        artifacts.kafka(datacenter.version), artifacts.apicurio(),
    ),
    packages=("java",),
    memory_mb=lambda lab: lab.registry.heap_mb + JVM_MB,
    check=check,
)
