"""Elasticsearch and OpenSearch: one server each in a datacenter that a sink writes into one.

The second began as the first, so both are set up alike. Nothing here keeps more than one copy of a
document: what is lost is written again from the topics.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from lab import artifacts
from lab.artifacts import Artifact
from lab.services.context import JAVA, Context
from lab.services.daemon import Daemon
from lab.services.java import JVM_MB
from lab.services.service import Port, Service
from lab.state import Directory, File, HostState, Key, Link
from lab.templates import render
from lab.topology import Host

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab
    from lab.options.sinks import Elasticsearch, OpenSearch

# Beside the heap, measured while 100,000 records came in (247 MB in all with a heap of 256).
BESIDE_MB = JVM_MB


@dataclass(frozen=True)
class Store:
    """What differs between the two. name: of the service, its user and its sinks' kind."""

    name: str
    title: str
    artifact: Artifact
    main_class: str
    port: int
    peers: int  # the port for others of its kind, of which there are none
    documentation: str
    published: int

    @property
    def data(self) -> str:
        return f"/data/{self.name}"

    @property
    def folder(self) -> str:
        """Its settings, among which it writes a store for secrets when it starts first."""
        return f"{self.data}/config"

    def options(self, lab: Lab) -> Elasticsearch | OpenSearch:
        found: Elasticsearch | OpenSearch = getattr(lab, self.name)
        return found


ELASTICSEARCH = Store(
    "elasticsearch", "Elasticsearch", artifacts.elasticsearch(),
    "org.elasticsearch.bootstrap.Elasticsearch", 9200, 9300,
    "https://www.elastic.co/guide/en/elasticsearch/reference/7.17/index.html", 10,
)
OPENSEARCH = Store(
    "opensearch", "OpenSearch", artifacts.opensearch(), "org.opensearch.bootstrap.OpenSearch",
    9201, 9301, "https://docs.opensearch.org/2.19/", 11,
)
STORES = {one.name: one for one in (ELASTICSEARCH, OPENSEARCH)}


def wanted(store: Store, lab: Lab, datacenter: DatacenterConfig, role: str) -> bool:
    """On a host of its own where the datacenter has one, else on the control host; where a sink
    writes into it."""
    asked = any(one.at == datacenter.name and one.kind == store.name for one in lab.sinks)
    return asked and (role == "store") == bool(datacenter.count("store"))


def desired(store: Store, host: Host, context: Context) -> HostState:
    """What it makes in its home, and does not start where it may not; and its settings' folder,
    also where people look for it."""
    home = store.artifact.home
    return {
        **{Key("directory", f"{home}/{name}"): Directory() for name in ("bin", "plugins")},
        Key("directory", store.folder): Directory(0o750, store.name),
        Key("link", f"/etc/{store.name}"): Link(store.folder),
    }


def process(store: Store, host: Host, context: Context) -> Daemon:
    options = store.options(context.topology.config)
    home, name = store.artifact.home, store.name
    short = "es" if store is ELASTICSEARCH else name
    scratch = f"{store.data}/scratch"
    return Daemon(
        name=name,
        description=store.title,
        documentation=store.documentation,
        command=(
            # What calls the kernel directly unpacks itself there; /tmp may be without x.
            "/usr/bin/env", f"LIBFFI_TMPDIR={scratch}",
            JAVA, f"-Xms{options.heap_mb}m", f"-Xmx{options.heap_mb}m", *options.jvm_options,
            f"-D{short}.path.home={home}", f"-D{short}.path.conf={store.folder}",
            f"-D{short}.distribution.type=tar", f"-D{short}.bundled_jdk=false",
            *(("-Des.distribution.flavor=oss",) if store is ELASTICSEARCH else ()),
            f"-Djava.io.tmpdir={scratch}", "-Djava.security.manager=allow",
            "-Dlog4j2.disable.jmx=true", "-Dlog4j.shutdownHookEnabled=false",
            "-Dio.netty.noUnsafe=true", "-Dio.netty.noKeySetOptimization=true",
            f"@{home}/classpath.args", store.main_class,
        ),
        data=store.data,
        user=name,
        files={
            f"{store.folder}/{name}.yml": File(render(
                "store.yml.j2", cluster=f"{context.topology.lab}-{host.datacenter}",
                node=host.name, address=host.address, port=store.port, peers=store.peers,
                data=store.data,
            )),
            f"{store.folder}/log4j2.properties": File(render("store.log4j2.j2")),
        },
        prepare=(f"/bin/mkdir -p {scratch}",),
        software=(context.digest(store.artifact),),
    )


def service(store: Store) -> Service:
    return Service(
        name=store.name,
        summary=f"Set up {store.title}, where sinks write into it.",
        roles=("control", "store"),
        wanted=partial(wanted, store),
        desired=partial(desired, store),
        process=partial(process, store),
        ports=(Port(store.port, scheme="http", published=store.published),),
        artifacts=lambda lab, datacenter: (store.artifact,),
        packages=("java",),
        memory_mb=lambda lab: store.options(lab).heap_mb + BESIDE_MB,
    )


SERVICES = {name: service(one) for name, one in STORES.items()}
