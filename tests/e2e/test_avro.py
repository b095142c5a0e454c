"""Avro through a mirror into each kind of store: two versions of a schema, and a registry that is
away."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from confluent_kafka import Producer

from lab.services import hbase
from lab.services.registry import published
from lab.services.stores import STORES
from tests.e2e.avro import Registry
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, until

pytestmark = [pytest.mark.host, pytest.mark.area("integrations")]

ONE = {"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "string"}, {"name": "cents", "type": "long"}]}
TWO = {**ONE, "fields": [*ONE["fields"], {"name": "city", "type": "string", "default": ""}]}
THREE = {**TWO, "fields": [*TWO["fields"], {"name": "shop", "type": "string", "default": ""}]}
SHAPE = {"metadata": "kraft", "combined": 1, "kafka": 1}
KINDS = (*STORES, hbase.KIND)
PLACE = "dc1.orders"
Found = dict[str, dict[str, Any]]


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    made = make_lab(
        "avro", first=244, port_base=14250, datacenters=[SHAPE, SHAPE], links=[("dc1", "dc2")],
        mirrors=[{"from": "dc1", "to": "dc2"}],
        topics=[{"name": "orders", "datacenters": ["dc1"], "partitions": 1}],
        tables={"sinks": [{"kind": kind, "at": "dc2", "values": "avro", "topics": [PLACE]}
                          for kind in KINDS]},
        sections={"registry": {"at": "dc2"}, "kafka": {"heap_mb": 160},
                  "mirroring": {"refresh_s": 1}},
    )
    made.fab("up")
    return made


def asked(lab: Lab, port: int, path: str) -> Any:
    (host,) = lab.of("control", "dc2")
    ports = {port.number: number for port, number in published(host, lab.topology).items()}
    with urllib.request.urlopen(f"http://127.0.0.1:{ports[port]}{path}", timeout=30) as answer:
        return json.load(answer)


def stored(lab: Lab) -> dict[str, Found]:
    """What each store has, by the field `id`; nothing of one that has no such place yet."""
    found: dict[str, Found] = {}
    for kind in KINDS:
        try:
            found[kind] = _rows(lab) if kind == hbase.KIND else _documents(lab, STORES[kind].port)
        except urllib.error.HTTPError as error:
            assert error.code == 404
            found[kind] = {}
    return found


def _documents(lab: Lab, port: int) -> Found:
    hits = asked(lab, port, f"/{PLACE}/_search?size=1000")["hits"]["hits"]
    return {one["_source"]["id"]: one["_source"] for one in hits}


def _rows(lab: Lab) -> Found:
    rows = asked(lab, hbase.REGION_PAGES, f"/rows/{PLACE}?limit=1000")["rows"]
    return {one["row"]: {name.removeprefix("d:"): cell["value"]
                         for name, cell in one["cells"].items()} for one in rows}


def expected(wanted: Found) -> dict[str, Found]:
    """The same in each store, but that a row's cells are text."""
    text = {name: {field: str(one) for field, one in fields.items()}
            for name, fields in wanted.items()}
    return {kind: text if kind == hbase.KIND else wanted for kind in KINDS}


@pytest.mark.full("integrations", sample=0)
def test_each_version_of_a_schema_comes_to_the_store_and_a_registry_that_is_away_costs_nothing(
    lab: Lab,
) -> None:
    run = lab.fab("verify")
    for kind in KINDS:
        assert f"in dc1.kafkalab-sink-avro.{kind} after" in run.out
    registry = Registry(lab.fab("registry.status", "--json").json["urls"]["workstation"])
    producer = Producer({"bootstrap.servers": lab.bootstrap(), "acks": "all"})
    wanted: Found = {}

    def send(name: str, value: bytes) -> None:
        producer.produce("orders", value, key=name)
        assert producer.flush(30) == 0

    def write(schema: dict[str, Any], name: str, **more: Any) -> None:
        for number in range(40):
            values = {"id": f"{name}{number}", "cents": number, **more}
            wanted[values["id"]] = values
            send(values["id"], registry.encode("orders-value", schema, values))

    write(ONE, "one")
    write(TWO, "two", city="부산")
    until(lambda: stored(lab) == expected(wanted), "all are documents and rows", 60)
    send("bad", b'{"id": "json"}')
    send("bad", bytes([0, 0, 0, 15, 255]))  # nobody has registered so many

    def dead() -> dict[str, int]:
        found = lab.fab("sink.status", "--json", expect=None).json["sinks"]
        return {one["kind"]: int(one["topics"][0]["dead_letters"]) for one in found}

    until(lambda: dead() == dict.fromkeys(KINDS, 2), "two are dead letters of each", 60)
    (host,) = lab.of("control", "dc2")
    last = {"id": "three", "cents": 1, "city": "", "shop": "s"}
    ready = registry.encode("orders-value", THREE, last)
    lab.inside(host, "systemctl stop registry")
    send("three", ready)
    until(lambda: all(one["topics"][0]["lag_records"] for one in lab.fab(
        "sink.status", "--json", expect=None).json["sinks"]), "one waits for each", 60)
    lab.inside(host, "systemctl start registry")
    wanted["three"] = last
    until(lambda: stored(lab) == expected(wanted), "what waited is there", 90)
    assert dead() == dict.fromkeys(KINDS, 2)
