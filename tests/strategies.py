"""Lab files that are right, for property tests."""

from __future__ import annotations

from itertools import combinations
from typing import Any, get_args

from hypothesis import strategies as st

from lab import state
from lab.file import parse
from lab.model import Lab
from lab.options.hosts import Tool
from lab.options.sinks import SinkKind
from lab.state import KINDS, HostState, Key
from lab.versions import with_metadata

labels = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


# Where a cluster's metadata is: with servers of ZooKeeper, with controllers, or with some brokers.
clusters: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"zookeeper": st.integers(1, 7), "kafka": st.integers(1, 30)}),
    st.fixed_dictionaries({
        "metadata": st.just("kraft"), "version": st.sampled_from(with_metadata("kraft")),
        "controller": st.integers(1, 7), "kafka": st.integers(1, 30),
    }),
    st.builds(
        lambda count, more: {"metadata": "kraft", "combined": count, "kafka": count + more},
        st.integers(1, 5), st.integers(0, 20),
    ),
)


@st.composite
def lab_data(draw: st.DrawFn) -> dict[str, Any]:
    """The content of an acceptable lab file: 1 to 4 datacenters in networks of their own, some of
    them linked, with mirrors along links to where workers of Connect can run, topics, and sizes
    and settings that fit them. Of their clusters some have controllers."""
    names = draw(st.lists(labels, min_size=1, max_size=4, unique=True))
    second = draw(st.lists(st.integers(0, 255), min_size=len(names), max_size=len(names),
                           unique=True))
    datacenters: list[dict[str, Any]] = [
        {
            "name": name,
            "cidr": f"10.{octet}.0.0/{draw(st.integers(16, 22))}",
            "zones": draw(st.integers(1, 3)),
            "control": draw(st.integers(0, 1)),
            "connect": draw(st.integers(0, 2)),
            **draw(clusters),
        }
        for name, octet in zip(names, second, strict=True)
    ]
    links = _some(draw, list(combinations(names, 2)))
    works = {one["name"] for one in datacenters if one["control"] or one["connect"]}
    ways = [way for pair in links for way in (pair, pair[::-1]) if way[1] in works]
    return {
        **draw(sizes(min(3, *(one["kafka"] for one in datacenters)))),
        "topics": draw(topics({one["name"]: one["kafka"] for one in datacenters})),
        "name": draw(labels),
        "owner": draw(labels),
        "datacenters": datacenters,
        "links": [{"between": list(pair)} for pair in links],
        "mirrors": [{"from": source, "to": target} for source, target in _some(draw, ways)],
        "registry": draw(registries([one["name"] for one in datacenters if one["control"]])),
        "connectors": draw(connectors(works)),
        "sinks": draw(sinks({one["name"] for one in datacenters if one["control"]})),
        "users": draw(accounts("name", names)),
        "clients": draw(accounts("id", names)),
    }


def _some(draw: st.DrawFn, items: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """A few of `items`, each once, in any order."""
    return draw(st.lists(st.sampled_from(items), unique=True)) if items else []


heaps = st.integers(32, 4096)
OPTIONS = st.lists(st.sampled_from(["-XX:+UseSerialGC", "-Dx.y=1", "-Xss512k"]), unique=True)
BROKER = {  # settings as a person may write them: numbers, texts, true and false
    "log.retention.hours": st.integers(1, 1000), "num.io.threads": st.integers(1, 64),
    "auto.create.topics.enable": st.booleans(), "log.cleaner.io.buffer.load.factor": st.just(0.5),
    "compression.type": st.sampled_from(["gzip", "lz4", "producer"]),
    "listener.name.external.max.connections": st.integers(1, 100),
}
TOPIC = {
    "retention.ms": st.integers(-1, 10**12), "cleanup.policy": st.sampled_from(
        ["compact", "delete", "compact,delete"]
    ), "max.message.bytes": st.integers(100, 10**7), "preallocate": st.booleans(),
}


def some(settings: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """A few of these settings, each with a value."""
    return st.fixed_dictionaries({}, optional=settings)


@st.composite
def registries(draw: st.DrawFn, places: list[str]) -> dict[str, Any]:
    """The section of the schema registry, which is in one of `places` or nowhere."""
    return draw(some({
        **({"at": st.sampled_from(places)} if places else {}),
        "compatibility": st.sampled_from(["BACKWARD", "FULL_TRANSITIVE", "NONE"]),
        "heap_mb": heaps, "jvm_options": OPTIONS,
    }))


@st.composite
def sizes(draw: st.DrawFn, brokers: int) -> dict[str, Any]:
    """The sections of a lab's services and hosts, none of which it needs; clusters have at least
    so many brokers."""
    factor = draw(st.integers(1, brokers))
    found: dict[str, dict[str, Any]] = draw(st.fixed_dictionaries({}, optional={
        "kafka": some({
            "version": st.sampled_from(["3.9.2", "3.9.1"]), "heap_mb": heaps,
            "jvm_options": OPTIONS, "partitions": st.integers(1, 1000),
            "offsets_partitions": st.integers(1, 200), "config": some(BROKER),
            "replication_factor": st.just(factor),
        }),
        "zookeeper": some({
            "heap_mb": heaps, "jvm_options": OPTIONS, "tick_time_ms": st.integers(500, 10000),
        }),
        "connect": some({"heap_mb": heaps, "jvm_options": OPTIONS}),
        "hosts": some({"tools": st.lists(st.sampled_from(get_args(Tool)), unique=True)}),
        "mirroring": some({
            "refresh_s": st.integers(1, 3600), "stall_s": st.integers(2, 600),
            "tasks_max": st.integers(1, 32),
        }),
    }))
    if "replication_factor" in found.get("kafka", {}):
        found["kafka"]["min_insync_replicas"] = draw(st.integers(1, factor))
    return found


@st.composite
def topics(draw: st.DrawFn, brokers: dict[str, int]) -> list[dict[str, Any]]:
    """Topics of different names, in all datacenters or some, with replicas for their brokers."""
    names = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,20}", fullmatch=True)
    found = []
    for name in draw(st.lists(names, max_size=3, unique=True)):
        where = draw(st.lists(st.sampled_from(sorted(brokers)), unique=True))
        most = min(brokers[one] for one in where or brokers)
        found.append({"name": name, "datacenters": where, **draw(some({
            "partitions": st.integers(1, 1000), "replicas": st.integers(1, min(most, 3)),
            "config": some(TOPIC), "absent": st.booleans(),
        }))})
    return found


@st.composite
def connectors(draw: st.DrawFn, places: set[str]) -> list[dict[str, Any]]:
    """Connectors of different names where workers can run, some with a plug-in from Maven."""
    if not places:
        return []
    names = draw(st.lists(labels, max_size=2, unique=True))
    return [{
        "name": f"own.{name}", "at": draw(st.sampled_from(sorted(places))), "class": "org.acme.A",
        **draw(some({"tasks": st.integers(1, 9), "plugin": st.just("org.acme:a:1"),
                     "config": st.just({"topics": "t"})})),
    } for name in names]


@st.composite
def sinks(draw: st.DrawFn, places: set[str]) -> list[dict[str, Any]]:
    """Sinks of different names where a store can be."""
    if not places:
        return []
    names = draw(st.lists(labels, max_size=2, unique=True))
    return [{
        "name": name, "at": draw(st.sampled_from(sorted(places))), "topics": ["t"],
        "kind": draw(st.sampled_from(get_args(SinkKind))),
        **draw(some({"id": st.sampled_from(["key", "place"]), "schemas": st.booleans()})),
    } for name in names]


QUOTAS = {"producer_byte_rate": st.integers(1, 10**9), "consumer_byte_rate": st.integers(1, 10**9),
          "request_percentage": st.floats(0.5, 400)}


@st.composite
def accounts(draw: st.DrawFn, key: str, places: list[str]) -> list[dict[str, Any]]:
    """Users or client ids of different names, in all datacenters or some, some with quotas."""
    found = draw(st.lists(labels, max_size=2, unique=True))
    return [{key: f"u.{name}", **draw(some({
        "datacenters": st.lists(st.sampled_from(places), unique=True), "absent": st.booleans(),
        "quotas": some(QUOTAS),
    }))} for name in found]


def labs() -> st.SearchStrategy[Lab]:
    return lab_data().map(lambda data: parse(data).lab)


text = st.text(max_size=12)
resources = st.one_of(
    st.builds(state.Package, text), st.builds(state.User, text),
    st.builds(state.Member, text),
    st.builds(state.Directory, st.integers(0, 0o777), text), st.builds(state.Link, text),
    st.builds(state.File, text, st.integers(0, 0o777), text), st.builds(state.Block, text),
    st.builds(state.Archive, text), st.builds(state.Sysctl, text, st.booleans()),
    st.builds(state.Firewall, text),
    st.builds(state.Unit, text, st.booleans(), st.booleans()),
    st.builds(state.Ability, st.just((Key("unit", "a"),)), st.booleans()),
)
keys = st.builds(Key, st.sampled_from(KINDS), st.text(max_size=3))


def host_states() -> st.SearchStrategy[HostState]:
    return st.dictionaries(keys, resources, max_size=8)
