"""What proves a sink: the value that it writes, in JSON and in Avro."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.topology import build
from scripts.drivers import sinks
from scripts.drivers.document import AVRO_SCHEMA, Proof, in_avro, in_json
from scripts.drivers.driver import Site
from scripts.drivers.sinks import Sinks, SinkView
from scripts.errors import LabError
from tests.e2e.avro import Registry
from tests.fakes import FakeFleet

RUN = "proof0123456789ab"


def test_the_same_is_said_in_both() -> None:
    """Avro by a client that has nothing to do with the lab."""
    reader = Registry("", {300: json.loads(AVRO_SCHEMA)})
    assert reader.decode(in_avro(RUN, 300)) == json.loads(in_json(RUN)) == {"proof": RUN}


def site(name: str, values: str) -> Site:
    """A mirrored lab whose registry is in dc1, and whose sink is in the hub."""
    topology = build(parse({
        "owner": "ann", "links": [{"between": ["dc1", "hub"]}], "registry": {"at": "dc1"},
        "datacenters": [{"name": one, "cidr": f"10.{n}.0.0/24"}
                        for n, one in enumerate(("dc1", "hub"), 1)],
        "mirrors": [{"from": "dc1", "to": "hub"}],
        "sinks": [{"kind": "elasticsearch", "at": "hub", "topics": ["t"], "values": values}],
    }).lab)
    return Site(FakeFleet(()), local_context(topology, {}), topology.datacenter(name))


def test_a_sink_of_avro_is_proven_by_a_schema_of_the_registry_that_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registered: list[tuple[str, str, str]] = []

    class Schemas:
        def __init__(self, where: str) -> None:
            self.where = where

        def register(self, subject: str, schema: str) -> int:
            registered.append((self.where, subject, schema))
            return 7

    written: list[tuple[str, bytes]] = []
    monkeypatch.setattr(sinks, "schemas", lambda site, host: Schemas(host.name))
    monkeypatch.setattr(Proof, "prepare", lambda one: None)
    monkeypatch.setattr(Proof, "_write", lambda one, value: written.append((one._topic, value)))

    class Found:
        def find(self, place: str, run: str) -> str:
            assert place == "dc1.kafkalab-sink-avro.elasticsearch"
            return run

        def remove(self, place: str, name: str) -> None: ...

    monkeypatch.setattr(SinkView, "store", lambda self: Found())
    hub, source = site("hub", "avro"), site("dc1", "avro")
    proof = SinkView(hub.lab.sinks[0], hub).proof(source, "dc1.kafkalab-sink-avro")
    assert "was found" in proof.document()
    assert registered == [("ann-dc1-ctl01", "kafkalab-sink-avro-value", AVRO_SCHEMA)]
    ((topic, value),) = written
    assert topic == "kafkalab-sink-avro" and value == in_avro(proof._run, 7)


@pytest.mark.parametrize(("values", "topic"), [
    ("json", "kafkalab-sink"), ("avro", "kafkalab-sink-avro"),
])
def test_each_kind_of_value_has_a_topic_of_its_own(
    values: str, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a sink of JSON would have Avro among its dead letters after each `fab verify`."""
    both = {name: site(name, values) for name in ("dc1", "hub")}
    (span,) = Sinks.spans(object.__new__(Sinks), both)
    found: Any = span
    assert (found._topic, found._index) == (topic, f"dc1.{topic}.elasticsearch")


def test_a_registry_that_is_away_fails_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise LabError("registry does not answer", where="ann-dc1-ctl01")

    monkeypatch.setattr(sinks, "schemas", away)
    monkeypatch.setattr(Proof, "prepare", lambda one: None)
    hub = site("hub", "avro")
    with pytest.raises(LabError, match="registry does not answer"):
        SinkView(hub.lab.sinks[0], hub).proof(hub, "kafkalab-sink-avro").document()
