"""Avro through a mirror into a store: two versions of a schema, and a registry that is away."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from confluent_kafka import Producer

from lab.services.registry import published
from lab.services.stores import ELASTICSEARCH
from tests.e2e.avro import Registry
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, until

pytestmark = [pytest.mark.host, pytest.mark.area("integrations")]

ONE = {"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "string"}, {"name": "cents", "type": "long"}]}
TWO = {**ONE, "fields": [*ONE["fields"], {"name": "city", "type": "string", "default": ""}]}
THREE = {**TWO, "fields": [*TWO["fields"], {"name": "shop", "type": "string", "default": ""}]}
SHAPE = {"metadata": "kraft", "combined": 1, "kafka": 1}


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    made = make_lab(
        "avro", first=244, port_base=14250, datacenters=[SHAPE, SHAPE], links=[("dc1", "dc2")],
        mirrors=[{"from": "dc1", "to": "dc2"}],
        topics=[{"name": "orders", "datacenters": ["dc1"], "partitions": 1}],
        tables={"sinks": [{"kind": "elasticsearch", "at": "dc2", "values": "avro",
                           "topics": ["dc1.orders"]}]},
        sections={"registry": {"at": "dc2"}, "kafka": {"heap_mb": 160},
                  "mirroring": {"refresh_s": 1}},
    )
    made.fab("up")
    return made


def documents(lab: Lab) -> dict[str, dict[str, Any]]:
    (host,) = lab.of("control", "dc2")
    ports = {port.number: number for port, number in published(host, lab.topology).items()}
    asked = f"http://127.0.0.1:{ports[ELASTICSEARCH.port]}/dc1.orders/_search?size=1000"
    with urllib.request.urlopen(asked, timeout=30) as answer:
        hits = json.load(answer)["hits"]["hits"]
    return {one["_source"]["id"]: one["_source"] for one in hits}


@pytest.mark.full("integrations", sample=0)
def test_each_version_of_a_schema_comes_to_the_store_and_a_registry_that_is_away_costs_nothing(
    lab: Lab,
) -> None:
    run = lab.fab("verify")
    assert "in dc1.kafkalab-sink-avro.elasticsearch after" in run.out
    registry = Registry(lab.fab("registry.status", "--json").json["urls"]["workstation"])
    producer = Producer({"bootstrap.servers": lab.bootstrap(), "acks": "all"})
    wanted: dict[str, dict[str, Any]] = {}

    def send(value: bytes) -> None:
        producer.produce("orders", value)
        assert producer.flush(30) == 0

    def write(schema: dict[str, Any], name: str, **more: Any) -> None:
        for number in range(40):
            values = {"id": f"{name}{number}", "cents": number, **more}
            wanted[values["id"]] = values
            send(registry.encode("orders-value", schema, values))

    write(ONE, "one")
    write(TWO, "two", city="부산")
    until(lambda: documents(lab) == wanted, "all are documents", 60)
    send(b'{"id": "json"}')
    send(bytes([0, 0, 0, 15, 255]))  # nobody has registered so many

    def dead() -> int:
        (sink,) = lab.fab("sink.status", "--json", expect=None).json["sinks"]
        return int(sink["topics"][0]["dead_letters"])

    until(lambda: dead() == 2, "two are dead letters", 60)
    (host,) = lab.of("control", "dc2")
    ready = registry.encode("orders-value", THREE, {
        "id": "three", "cents": 1, "city": "", "shop": "s"})
    lab.inside(host, "systemctl stop registry")
    send(ready)
    until(lambda: any(topic["lag_records"] for topic in lab.fab(
        "sink.status", "--json", expect=None).json["sinks"][0]["topics"]), "one waits", 60)
    lab.inside(host, "systemctl start registry")
    wanted["three"] = {"id": "three", "cents": 1, "city": "", "shop": "s"}
    until(lambda: documents(lab) == wanted, "what waited is a document", 90)
    assert dead() == 2
