"""What is unpacked on hosts: software that no package of the operating system has.

An artifact is one folder below /usr/local, byte for byte the same on every host. Its recipe
(scripts/software/recipes/NAME) decides how it is laid out. Only a machine that has it knows its
digest.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from lab.versions import line

PREFIX = "/usr/local"
# The Scala line of the jars: Kafka 3.x publishes 2.12 as well, but recommends this one.
SCALA = "2.13"
PLUGIN = "connect-plugin"
NOT_FETCHED = "0" * 64  # stands for the digest of an artifact that is not on this machine yet


@dataclass(frozen=True)
class Artifact:
    """One artifact. name: its recipe. folder: the one folder in its archive, below /usr/local.

    `link` is a name below /usr/local under which the version in use is found; "" for none.
    `variant`: the folder in its recipe's that has what only some versions are laid out with.
    `given`: what its recipe has to know beside the version, as names and values. `jars`: for one
    that is no recipe's, the folder on this machine whose jars it is. `called`: what people call it,
    where that is not its name and version.
    """

    name: str
    version: str
    folder: str
    link: str = ""
    variant: str = ""
    given: tuple[tuple[str, str], ...] = ()
    jars: str = ""
    called: str = ""

    @property
    def recipe(self) -> str:
        """What it is laid out by: a folder of recipes, and the variant in it."""
        return f"{self.name}/{self.variant}" if self.variant else self.name

    @property
    def log4j2(self) -> bool:
        """Whether its JVMs log with log4j2, whose settings are YAML, and not with log4j."""
        return self.name == "kafka" and line(self.version) >= 4

    @property
    def title(self) -> str:
        """What people call it."""
        return self.called or f"{self.name.capitalize()} {self.version}"

    @property
    def home(self) -> str:
        """Where it lies on a host."""
        return f"{PREFIX}/{self.folder}"


def started(unit: str) -> str | None:
    """The version of Kafka that a unit with this text starts; None where it starts none."""
    found = re.search(rf"@{PREFIX}/kafka_{re.escape(SCALA)}-([0-9.]+)/", unit)
    return found[1] if found else None


def kafka(version: str) -> Artifact:
    """Kafka with Connect and MirrorMaker in it, up to 3.9 also with ZooKeeper."""
    return Artifact(
        "kafka", version, f"kafka_{SCALA}-{version}", link="kafka", variant=str(line(version))
    )


def apicurio() -> Artifact:
    """The schema registry, in a version that runs on the hosts' Java 17."""
    return Artifact("apicurio", "3.0.9", "apicurio-registry-3.0.9", link="apicurio")


def jmx_agent() -> Artifact:
    """What lets a JVM tell Prometheus of itself (io.prometheus.jmx:jmx_prometheus_javaagent)."""
    return Artifact("jmx-agent", "1.0.1", "jmx-agent-1.0.1")


def plugin(where: str) -> Artifact:
    """A plug-in of Kafka Connect: what a Maven coordinate names with all that it needs, or the jars
    of a folder."""
    if ":" in where:
        group, name, version = where.split(":")
        return Artifact(
            PLUGIN, version, f"{PLUGIN}-{group}.{name}-{version}", called=f"plug-in {where}",
            given=(("plugin.group", group), ("plugin.artifact", name)),
        )
    # Two folders may have the same name.
    path = hashlib.sha256(where.encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9._-]", "-", where.rstrip("/").rpartition("/")[2]) or "folder"
    return Artifact(
        PLUGIN, "", f"{PLUGIN}-{name}-{path}", jars=where, called=f"plug-in {where}",
    )


def search_sink() -> Artifact:
    """The sink for Elasticsearch and OpenSearch: the lab's own, compiled from its sources."""
    return Artifact("search-sink", "1.0", "search-sink", called="the search sink")


def avro_converter() -> Artifact:
    """What lets a sink read Avro: the lab's own converter, compiled from its sources, with Avro's
    library (org.apache.avro:avro)."""
    return Artifact("avro-converter", "1.0", "avro-converter", called="the Avro converter")


def hbase() -> Artifact:
    """HBase with the lab's own sink and viewer for it, which are compiled from their sources."""
    return Artifact("hbase", "2.6.3", "hbase-2.6.3", link="hbase", called="HBase 2.6.3")


def elasticsearch() -> Artifact:
    return Artifact("elasticsearch", "7.17.29", "elasticsearch-7.17.29")


def opensearch() -> Artifact:
    return Artifact("opensearch", "2.19.4", "opensearch-2.19.4", called="OpenSearch 2.19.4")
