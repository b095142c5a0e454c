"""Connectors of the lab file, and topics in a store by way of a mirror, whatever is killed."""

from __future__ import annotations

import json
import random
import tarfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import artifacts
from lab.services.registry import published
from lab.services.stores import ELASTICSEARCH
from lab.topology import Host
from scripts.platforms.local.engine import Engine
from scripts.platforms.local.image import Images
from scripts.software import maven
from scripts.software.obtain import obtain
from scripts.software.tar import normalise
from tests.e2e.clients import Client, connect, send
from tests.e2e.conftest import FAILED, MakeLab
from tests.e2e.lab_under_test import Lab, until

pytestmark = [pytest.mark.host, pytest.mark.area("integrations")]

TEXT = "org.apache.kafka.connect.storage.StringConverter"
FILE = "org.apache.kafka.connect.file.FileStream"
SOURCE = {"name": "file-source", "at": "dc2", "class": f"{FILE}SourceConnector",
          "config": {"file": "/var/tmp/in.txt", "topic": "lines", "value.converter": TEXT}}
SINK = {"name": "file-sink", "at": "dc2", "class": f"{FILE}SinkConnector",
        "config": {"file": "/var/tmp/out.txt", "topics": "lines", "value.converter": TEXT}}
STORE = {"kind": "elasticsearch", "at": "dc2", "topics": ["dc1.orders"]}
KEYED = {**STORE, "name": "keyed", "id": "key", "topics": ["customers"]}
LETTERS = "dead-letters.elasticsearch"
IN_ORDER = "plan: nothing to do\n"


@pytest.fixture(scope="module")
def brought_up(make_lasting: MakeLab) -> Lab:
    lab = make_lasting(
        "sinks", first=162, port_base=13600,
        datacenters=[{"control": 0, "zookeeper": 1, "kafka": 1},
                     {"control": 1, "zookeeper": 1, "kafka": 1}],
        links=[("dc1", "dc2")], mirrors=[{"from": "dc1", "to": "dc2"}],
        topics=[{"name": "orders", "datacenters": ["dc1"]},
                {"name": "customers", "datacenters": ["dc2"]},
                {"name": "lines", "datacenters": ["dc2"], "partitions": 1}],
        tables={"connectors": [SOURCE, SINK], "sinks": [STORE, KEYED]},
        sections={"kafka": {"heap_mb": 128}, "zookeeper": {"heap_mb": 32},
                  "connect": {"heap_mb": 192}, "mirroring": {"refresh_s": 1, "stall_s": 10}},
    )
    lab.fab("up")
    return lab


@pytest.fixture
def lab(request: pytest.FixtureRequest, brought_up: Lab) -> Iterator[Lab]:
    """The lab in order. A test that fails leaves it so for the next one, too."""
    yield brought_up
    if request.node.stash.get(FAILED, False):
        brought_up.tables = {"connectors": [SOURCE, SINK], "sinks": [STORE, KEYED]}
        brought_up.write()
        brought_up.fab("up")


def worker(lab: Lab) -> Host:
    return lab.of("control", "dc2")[0]


def store(lab: Lab, path: str) -> Any:
    """What Elasticsearch answers on its port of this machine."""
    host = worker(lab)
    ports = {port.number: number for port, number in published(host, lab.topology).items()}
    address = f"http://127.0.0.1:{ports[ELASTICSEARCH.port]}{path}"
    with urllib.request.urlopen(address, timeout=10) as answer:
        return json.loads(answer.read())


def documents(lab: Lab, index: str) -> dict[str, Any]:
    """Every document of an index of at most 10,000, by name."""
    found = store(lab, f"/{index}/_search?size=10000")["hits"]["hits"]
    return {one["_id"]: one["_source"] for one in found}


def status(lab: Lab, topic: str) -> dict[str, Any]:
    """What `fab sink.status` says of one topic, once nothing waits."""
    def settled() -> Any:
        found = lab.fab("sink.status", "--json", expect=None).json  # of no topic without a store
        return next((one for sink in found["sinks"] for one in sink["topics"]
                     if one["topic"] == topic and one["log_end"] and not one["lag_records"]), None)

    found: dict[str, Any] = until(settled, f"the sink has read {topic}", 120, pause=0.5)
    return found


def test_a_file_goes_through_a_topic_into_another(lab: Lab) -> None:
    """And the connectors are as the file says: nobody else's is touched, and one that is no longer
    in it goes."""
    host = worker(lab)
    lab.inside(host, "umask 022; echo 'in the beginning' >/var/tmp/in.txt")
    until(lambda: lab.inside(host, "cat /var/tmp/out.txt", check=False) == "in the beginning\n",
          "the line in the other file")
    connect(host, "PUT", "/connectors/theirs/config", {
        **SINK["config"], "connector.class": SINK["class"], "file": "/var/tmp/theirs.txt",
    })
    assert lab.fab("plan").out == IN_ORDER
    changed = {**SINK, "config": {**SINK["config"], "file": "/var/tmp/new.txt"}}
    lab.tables = {**lab.tables, "connectors": [changed]}
    lab.write()
    assert lab.fab("plan", expect=2).out.splitlines()[:-1] == [
        "~ connector file-sink: file: /var/tmp/out.txt -> /var/tmp/new.txt",
        "- connector file-source",
    ]
    lab.fab("connect")
    assert lab.fab("plan").out == IN_ORDER
    states = ("sink", "RUNNING", 0)
    until(lambda: shown(lab).items() >= {"file-sink": states, "theirs": states}.items(),
          "both have read what there is", 30, pause=0.5)
    assert "file-source" not in shown(lab)


def shown(lab: Lab) -> dict[str, tuple[str, str, int | None]]:
    """What `fab connect.status` says of the connectors of dc2."""
    (place,) = [one for one in lab.fab("connect.status", "--json").json["datacenters"]
                if one["name"] == "dc2"]
    return {one["name"]: (one["kind"], one["state"], one["lag_records"])
            for one in place["connectors"]}


def test_a_record_becomes_a_document_by_way_of_the_mirror(lab: Lab) -> None:
    """Also while the store is killed; what is no document is told with its reason."""
    good = [(f"k{n}", json.dumps({"n": n, "city": "Seoul" if n % 2 else "Busan"}))
            for n in range(1000)]
    send(lab.bootstrap("dc1"), "orders", good[:500])
    assert status(lab, "dc1.orders")["documents"] == 500
    lab.kill(worker(lab), "elasticsearch")
    bad = [("bad", "no JSON"), ("bad", '{"n": "no number"}')]
    send(lab.bootstrap("dc1"), "orders", [*good[500:], *bad])
    found = status(lab, "dc1.orders")
    assert (found["documents"], found["expected"]) == (1000, 1000)
    assert (found["missing"], found["extra"], found["dead_letters"]) == (0, 0, 2)
    assert sorted(one["n"] for one in documents(lab, "dc1.orders").values()) == [*range(1000)]
    told = lab.fab("sink.status").out
    assert "mapper_parsing_exception" in told, "of which the store says that it is no number"
    assert "dead letter: dc1.orders-" in told
    hits = lab.fab("sink.search", "city:Seoul AND n:>990", "--json").json
    assert hits["elasticsearch of dc2"]["hits"]["total"]["value"] == 5
    assert "0 found" in lab.fab("sink.search", "city:Paris", expect=1).out
    proven = lab.fab("verify").out
    assert "sink-elasticsearch from dc1" in proven
    assert "sink-keyed from dc1" in proven
    assert lab.fab("plan").out == IN_ORDER


def test_the_last_record_of_a_key_is_its_document(lab: Lab) -> None:
    """A replay from the beginning changes nothing."""
    servers = lab.bootstrap("dc2")
    send(servers, "customers", [(f"c{n % 20}", json.dumps({"n": n})) for n in range(200)])
    send(servers, "customers", [("c3", None), ("c4", None), ("c4", json.dumps({"n": 0}))])
    last: dict[str, Any] = {f"c{n % 20}": {"n": n} for n in range(200)} | {"c4": {"n": 0}}
    del last["c3"]
    assert status(lab, "customers")["missing"] == 0
    assert documents(lab, "customers") == last
    replay(lab, "sink-keyed")
    found = status(lab, "customers")
    assert (found["documents"], found["missing"], found["dead_letters"]) == (19, 0, 0)
    assert documents(lab, "customers") == last


def replay(lab: Lab, connector: str) -> None:
    """Let a sink read all of its topics again."""
    host, path = worker(lab), f"/connectors/{connector}"
    connect(host, "PUT", f"{path}/stop")
    until(lambda: connect(host, "GET", f"{path}/status")["connector"]["state"] == "STOPPED",
          "it stands still")
    until(lambda: not connect(host, "GET", f"{path}/status")["tasks"], "its tasks are gone")
    connect(host, "DELETE", f"{path}/offsets")
    connect(host, "PUT", f"{path}/resume")
    until(lambda: any(one["offset"]["kafka_offset"] for one in
                      connect(host, "GET", f"{path}/offsets")["offsets"]), "it reads again")


def drilled(lab: Lab, *words: str) -> dict[str, Any]:
    """The score of a drill that has to be passed; of which nothing is left afterwards."""
    folder = lab.state / "drills"
    before = set(folder.glob("*.json"))
    run = lab.fab("drill.sink", "--rate", "300", "--replay", *words)
    (path,) = set(folder.glob("*.json")) - before
    found: dict[str, Any] = json.loads(path.read_text())
    assert found["passed"]
    assert found["sentence"] in path.with_suffix(".html").read_text()
    assert found["sentence"] in run.out
    assert store(lab, "/_cat/indices/kafkalab-drill*?format=json") == []
    assert not [name for name in connect(worker(lab), "GET", "/connectors") if "drill" in name]
    assert lab.fab("plan").out == IN_ORDER
    return found


def test_a_drill_kills_a_store_and_nothing_is_missing(lab: Lab) -> None:
    score = drilled(lab, "--duration", "3")["score"]
    assert score["expected"] == score["documents"] == score["acknowledged"] - score["malformed"]
    assert (score["missing"], score["extra"], score["wrong"], score["replay_changed"]) == (0,) * 4
    assert score["letters"] == score["malformed"] > 3


@pytest.mark.full("integrations", sample=0)
def test_a_drill_kills_store_and_worker_and_nothing_is_missing(lab: Lab) -> None:
    """By way of the mirror, whose connectors the worker has as well."""
    found = drilled(lab, "--worker", "--duration", "3")
    kinds = [one["kind"] for one in found["events"]]
    assert kinds == ["start", "fault", "step", "healthy", "caught-up", "end"]
    score = found["score"]
    assert score["expected"] == score["documents"] == score["acknowledged"] - score["malformed"]
    assert (score["missing"], score["extra"], score["wrong"], score["replay_changed"]) == (0,) * 4
    assert score["letters"] == score["malformed"] > 3
    assert score["searchable"]["count"] > 300


@pytest.mark.full("integrations", sample=0)
def test_a_drill_of_documents_by_key_has_the_last_of_each(lab: Lab) -> None:
    found = drilled(lab, "--sink", "keyed", "--from", "dc2", "--worker", "--times", "2",
                    "--duration", "5")
    assert [one["kind"] for one in found["events"]].count("step") == 3
    assert found["score"]["documents"] == 600


@pytest.mark.full("integrations", sample=0)
def test_plug_ins_come_from_a_folder_and_from_maven(lab: Lab) -> None:
    """Another jar in the folder is sent by the next run."""
    jars = lab.folder / "jars"
    jars.mkdir()
    with tarfile.open(obtain(artifacts.kafka("3.9.2")).tar) as tar:
        (name,) = [one for one in tar.getnames() if one.endswith("/connect-file-3.9.2.jar")]
        content = tar.extractfile(name)
        assert content is not None
        (jars / "mine.jar").write_bytes(content.read())
    maven = "org.apache.kafka:connect-file:3.9.2"
    lab.tables = {**lab.tables, "connectors": [
        {**SINK, "plugin": "jars"}, {**SINK, "name": "second", "plugin": maven},
    ]}
    lab.write()
    lab.fab("up")
    assert lab.fab("plan").out == IN_ORDER
    assert {name: one[1] for name, one in shown(lab).items()}.items() >= {
        "file-sink": "RUNNING", "second": "RUNNING",
    }.items()
    there = "cd /usr/local && ls connect-plugin-*/libs"
    assert {"mine.jar", "connect-file-3.9.2.jar"} <= set(lab.inside(worker(lab), there).split())
    (jars / "more.jar").write_bytes((jars / "mine.jar").read_bytes())
    assert "connect-plugin-jars-" in lab.fab("plan", expect=2).out
    lab.fab("up")
    assert "more.jar" in lab.inside(worker(lab), there)
    lab.tables = {**lab.tables, "connectors": [SINK]}
    lab.write()
    lab.fab("up", "verify")


@pytest.mark.full("integrations", sample=0)
def test_nothing_is_lost_whatever_is_killed(lab: Lab) -> None:
    """100,000 records by way of the mirror, with store and worker killed twice, ten malformed."""
    rng, index = random.Random(7), "dc1.many"
    lab.topics = [*lab.topics, {"name": "many", "datacenters": ["dc1"], "partitions": 3}]
    lab.tables = {**lab.tables, "sinks": [
        {**STORE, "topics": ["dc1.orders", index]}, KEYED,
    ]}
    lab.write()
    lab.fab("up")
    bad = set(rng.sample(range(100_000), 10))
    records: list[tuple[str, str | None]] = [
        (f"k{n % 5000}", '{"n": "none"}' if n in bad else json.dumps({"n": n}))
        for n in range(100_000)
    ]
    send(lab.bootstrap("dc1"), "many", [("first", '{"n": 0}')])  # n is a number from here on
    for step, victim in enumerate(("elasticsearch", "connect", "elasticsearch", "connect")):
        send(lab.bootstrap("dc1"), "many", records[step * 20_000:(step + 1) * 20_000])
        lab.kill(worker(lab), victim)
    send(lab.bootstrap("dc1"), "many", records[80_000:])
    found = until(lambda: whole(lab, index, 100_001), "all of it is there", 300, pause=2)
    assert (found["missing"], found["extra"], found["dead_letters"]) == (0, 0, 10)
    assert found["documents"] == 99_991
    total = store(lab, f"/{index}/_search?size=0&track_total_hits=true")["hits"]["total"]["value"]
    assert total == 99_991
    replay(lab, "sink-elasticsearch")
    again = until(lambda: whole(lab, index, 100_001), "all of it was read again", 300, pause=2)
    assert again == found
    assert Client(lab.bootstrap("dc2")).topics()[LETTERS] == 1


def whole(lab: Lab, topic: str, records: int) -> Any:
    found = status(lab, topic)
    return found if found["documents"] + found["dead_letters"] >= records else None


@pytest.mark.full("integrations", sample=0)
def test_the_sink_is_compiled_the_same_each_time(engine: Engine, tmp_path: Path) -> None:
    """Its own tests run with that, and hosts tell it by its digest."""
    sink, images = artifacts.search_sink(), Images(engine)
    tar, _ = maven.build(sink, tmp_path, print, images.compile)
    digest = normalise(tar, tmp_path / "again.tar", sink.folder)
    assert digest == obtain(sink, compile=images.compile).sha256
