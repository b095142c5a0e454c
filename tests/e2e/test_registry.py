"""The schema registry of a lab: clients of it, what it refuses, and that it forgets nothing."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

from lab import artifacts
from scripts.software.obtain import obtain
from tests.e2e.avro import Registry, Schema
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab

pytestmark = [pytest.mark.host, pytest.mark.area("integrations")]
SHAPE = {"control": 1, "metadata": "kraft", "combined": 1, "kafka": 1}
TOPIC, SUBJECT = "people", "people-value"
FIRST: Schema = {"type": "record", "name": "Person", "fields": [
    {"name": "name", "type": "string"}, {"name": "class", "type": "long"},
]}
SECOND = {**FIRST, "fields": [*FIRST["fields"], {"name": "mail", "type": "string", "default": "-"}]}
BROKEN = {**FIRST, "fields": [*FIRST["fields"], {"name": "age", "type": "long"}]}


@pytest.fixture(scope="module")
def lab(make_lasting: MakeLab) -> Iterator[Lab]:
    """One host with a broker, and the control host with the registry."""
    made = make_lasting("registry", first=242, port_base=11200, datacenters=[SHAPE],
                        sections={"registry": {"at": "dc1"}})
    made.fab("up")
    yield made


@pytest.fixture(scope="module")
def registry(lab: Lab) -> Registry:
    found = lab.fab("registry.status", "--json").json
    assert found["healthy"] and found["compatibility"] == "BACKWARD", found
    return Registry(found["urls"]["workstation"])


def read(
    lab: Lab, registry: Registry, count: int, reader: Schema, topic: str = TOPIC
) -> list[dict[str, object]]:
    consumer = Consumer({"bootstrap.servers": lab.bootstrap(), "group.id": "people",
                         "auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe([topic])
    seen: list[dict[str, object]] = []
    while len(seen) < count:
        seen += [registry.decode(one.value(), reader) for one in consumer.consume(count, 1.0)
                 if not one.error()]
    consumer.close()
    return ordered(seen)


def ordered(people: list[dict[str, object]]) -> list[dict[str, object]]:
    """By their names: partitions have no order between them."""
    return sorted(people, key=lambda one: str(one["name"]))


def file(folder: Path, schema: Schema) -> str:
    path = folder / "schema.avsc"
    path.write_text(json.dumps(schema))
    return str(path)


def test_schemas_outlive_the_registry_and_what_breaks_readers_is_refused(
    lab: Lab, registry: Registry, tmp_path: Path
) -> None:
    producer = Producer({"bootstrap.servers": lab.bootstrap(), "acks": "all"})
    producer.produce(TOPIC, registry.encode(SUBJECT, FIRST, {"name": "Péter", "class": 300}))
    assert producer.flush(30) == 0
    good, bad = (lab.fab("registry.check", SUBJECT, file(tmp_path, one), expect=status)
                 for one, status in ((SECOND, 0), (BROKEN, 1)))
    assert good.out == f"{SUBJECT}: compatible (BACKWARD)\n"
    assert "not compatible (BACKWARD)" in bad.out and "age" in bad.out
    body = {"schema": json.dumps(BROKEN)}
    assert registry.status("POST", f"/subjects/{SUBJECT}/versions", body) == 409
    first = registry.register(SUBJECT, FIRST)

    (host,) = lab.of("control")
    lab.inside(host, "systemctl kill -s KILL registry.service")
    lab.fab("up")
    anew = Registry(registry.url)
    assert anew.register(SUBJECT, FIRST) == first
    producer.produce(TOPIC, anew.encode(SUBJECT, SECOND, {"name": "Ada", "class": -1, "mail": "a"}))
    assert producer.flush(30) == 0
    assert read(lab, anew, 2, SECOND) == [
        {"name": "Ada", "class": -1, "mail": "a"}, {"name": "Péter", "class": 300, "mail": "-"},
    ]
    assert anew.ask("GET", f"/subjects/{SUBJECT}/versions") == [1, 2]


@pytest.mark.full("integrations", sample=0)
def test_clients_in_python_and_java_read_each_other(
    lab: Lab, registry: Registry, tmp_path: Path
) -> None:
    """Avro's own library for Java, and the same bytes on the wire; it takes a JDK."""
    topic = "both"
    written = registry.encode(f"{topic}-value", FIRST, {"name": "Python", "class": 5})
    producer = Producer({"bootstrap.servers": lab.bootstrap(), "acks": "all"})
    producer.produce(topic, written)
    assert producer.flush(30) == 0
    said = subprocess.run(
        ["java", "-cp", jars(tmp_path), str(Path(__file__).with_name("People.java")),
         lab.bootstrap(), registry.url, topic, "Java", "2", json.dumps(SECOND)],
        capture_output=True, text=True, timeout=120, check=False,
    )
    assert said.returncode == 0, said.stderr
    people = [
        {"name": "Java", "class": 7, "mail": "j"}, {"name": "Python", "class": 5, "mail": "-"},
    ]
    lines = [line for line in said.stdout.splitlines() if line.startswith("{")]
    assert ordered([json.loads(line) for line in lines]) == people
    assert registry.ask("GET", f"/subjects/{topic}-value/versions") == [1, 2]
    assert read(lab, registry, 2, SECOND, topic) == people


def jars(folder: Path) -> str:
    """A class path of Kafka's jars and Avro's, as the lab's artifacts have them."""
    found = []
    for artifact, names in ((artifacts.kafka("3.9.2"), "*.jar"),
                            (artifacts.apicurio(), "org.apache.avro.avro-*.jar")):
        with tarfile.open(obtain(artifact).tar) as tar:
            tar.extractall(folder, filter="data", members=(
                one for one in tar if fnmatch(one.name, f"*/libs/{names}")
            ))
        found += [str(path) for path in (folder / artifact.folder / "libs").glob("*.jar")]
    return ":".join(found)


def test_verify_proves_it_and_leaves_what_is_not_its_own(lab: Lab, registry: Registry) -> None:
    before = registry.ask("GET", "/subjects")
    said = lab.fab("verify").out
    assert "a compatible version taken, another refused" in said
    assert registry.ask("GET", "/subjects") == before


def test_its_topics_are_kept_for_ever(lab: Lab) -> None:
    """Also where somebody has set an end to what is in them, and with a lab's own retention."""
    (host,) = lab.of("control")
    config = "/usr/local/kafka/bin/kafka-configs.sh --bootstrap-server " \
             f"{lab.of('kafka')[0].fqdn}:9092 --entity-type topics --entity-name _schemas"
    lab.inside(host, f"{config} --alter --add-config retention.ms=1000000000")
    said = lab.fab("registry.status", expect=1).out
    assert "_schemas of the registry has retention.ms = 1000000000 instead of -1" in said
    assert "~ topic _schemas of dc1: retention.ms: 1000000000 -> -1" in lab.fab(
        "plan", expect=2).out
    lab.fab("up")
    assert lab.fab("plan").out == "plan: nothing to do\n"
    assert lab.fab("registry.status", "--json").json["healthy"]
