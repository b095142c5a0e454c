"""[[sinks]]: what the lab makes of one, what is refused, and what is counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab import artifacts
from lab.data.sinks import Carried, Expected
from lab.file import LabFileError, parse
from lab.resources import CONNECTOR, Connector
from lab.services.connect import CONFIG, plugins
from lab.services.local import local_context
from lab.services.registry import carriers, desired_state, memory_mb, resources, services_on
from lab.services.sinks import config
from lab.services.stores import STORES
from lab.state import File, Key
from lab.topology import Topology, build

SINK = {"kind": "elasticsearch", "at": "hub", "topics": ["dc1.orders", "own"]}


def lab(*sinks: dict[str, Any], hub: dict[str, int] | None = None, **more: Any) -> Topology:
    return build(parse({
        "owner": "ann", "sinks": list(sinks), **more,
        "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24", "control": 0},
                        {"name": "hub", "cidr": "10.2.0.0/24", **(hub or {})}],
    }).lab)


def settings(topology: Topology) -> dict[str, str]:
    (sink,) = topology.config.sinks
    return config(sink, local_context(topology, {}))


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize(("hub", "host"), [
    ({}, "ann-hub-ctl01"), ({"store": 1}, "ann-hub-store01"),
])
def test_a_datacenter_with_a_sink_has_its_store(kind: str, hub: dict[str, int], host: str) -> None:
    topology = lab({**SINK, "kind": kind}, hub=hub)
    assert [one.name for one in carriers(kind, topology.datacenters[1], topology.config)] == [host]
    assert carriers(kind, topology.datacenters[0], topology.config) == ()
    for other in STORES.keys() - {kind}:
        assert carriers(other, topology.datacenters[1], topology.config) == ()
    found = settings(topology)
    assert found["connection.url"] == f"http://{host}.lab.internal:{STORES[kind].port}"


def test_nobody_has_one_unasked() -> None:
    topology = lab(hub={"store": 1})
    for host in topology.hosts:
        assert {one.name for one in services_on(host, topology)}.isdisjoint(STORES)


def test_a_host_has_room_for_it() -> None:
    before, after = lab(), lab(SINK)
    (host,) = carriers("elasticsearch", after.datacenters[1], after.config)
    assert memory_mb(host, after) - memory_mb(host, before) > 2 * 256


def test_its_connector_has_confluents_names() -> None:
    found = settings(lab({**SINK, "config": {"batch.size": 7, "value.converter": "org.acme.Avro"}}))
    assert found["topics"] == "dc1.orders,own,kafkalab-sink"
    assert (found["key.ignore"], found["batch.size"]) == ("true", "7")
    assert found["value.converter"] == "org.acme.Avro"
    assert found["topic.index.map"] == "kafkalab-sink:kafkalab-sink.elasticsearch"
    assert found["errors.deadletterqueue.topic.name"] == "dead-letters.elasticsearch"
    assert found["errors.tolerance"] == "all"
    assert settings(lab({**SINK, "id": "key"}))["key.ignore"] == "false"


def test_avro_is_read_by_the_registry_that_leads_and_waits_for_it() -> None:
    """Not by the follower beside the sink: a record may come there before its schema does."""
    topology = build(parse({
        "owner": "ann", "sinks": [{**SINK, "values": "avro"}],
        "datacenters": [{"name": name, "cidr": f"10.{n}.0.0/24"}
                        for n, name in enumerate(("dc1", "hub"), 1)],
        "links": [{"between": ["dc1", "hub"]}], "registry": {"at": "dc1", "follower": "hub"},
        "mirrors": [{"from": "dc1", "to": "hub", "topics": [".*", "_schemas"]}],
    }).lab)
    found = settings(topology)
    assert found["value.converter"] == "kafkalab.avro.AvroConverter"
    assert found["value.converter.schema.registry.url"] == (
        f"http://{topology.datacenters[0].by_role('control')[0].fqdn}:8081/apis/ccompat/v7")
    assert found["errors.retry.timeout"] == "-1", "nothing is a dead letter meanwhile"
    assert "value.converter.schemas.enable" not in found
    assert found["topics"] == "dc1.orders,own,kafkalab-sink-avro,dc1.kafkalab-sink-avro"


def test_only_a_sink_of_avro_brings_what_reads_it() -> None:
    kinds = [{**SINK}, {**SINK, "values": "avro"}]
    plain, avro = ({one.name for one in plugins(topology.config, topology.config.datacenters[1])}
                   for topology in (lab(one, registry={"at": "hub"}) for one in kinds))
    assert avro - plain == {"avro-converter"}


@pytest.mark.parametrize(("more", "fields"), [
    ({"schemas": True}, ["sinks[1].schemas"]), ({"at": "dc1"}, ["sinks[1].values"]), ({}, []),
])
def test_avro_has_its_schemas_in_a_registry_that_can_be_reached(
    more: dict[str, Any], fields: list[str]
) -> None:
    found = parse_with({**SINK, "values": "avro", **more})
    assert found == fields


def parse_with(sink: dict[str, Any]) -> list[str]:
    """The fields that are wrong in a lab with a registry at the hub, and no links."""
    try:
        parse({"owner": "ann", "sinks": [sink], "registry": {"at": "hub"}, "datacenters": [
            {"name": name, "cidr": f"10.{n}.0.0/24"} for n, name in enumerate(("dc1", "hub"))]})
    except LabFileError as refused:
        return [problem.field for problem in refused.problems]
    return []


def test_the_connector_is_where_the_sink_is() -> None:
    topology = lab({**SINK, "name": "found"})
    context = local_context(topology, {})
    here, there = (resources(one, context) for one in topology.datacenters)
    assert here == {}
    (connector,) = [one for key, one in there.items() if key == Key(CONNECTOR, "sink-found")]
    assert isinstance(connector, Connector)
    assert connector.config["name"] == "sink-found"


def test_workers_find_it_without_a_look_into_every_jar() -> None:
    topology = lab(SINK)
    (host,) = carriers("connect", topology.datacenters[1], topology.config)
    file = desired_state(host, local_context(topology, {}))[Key("file", CONFIG)]
    assert isinstance(file, File)
    assert f"plugin.path={artifacts.search_sink().home}\n" in file.text
    assert "plugin.discovery=service_load\n" in file.text


@pytest.mark.parametrize(("mirror", "topics"), [
    ({}, "own,kafkalab-sink,dc1.kafkalab-sink"),
    ({"policy": "identity"}, "own,kafkalab-sink"),
    ({"topics": ["orders"]}, "own,kafkalab-sink"),
])
def test_the_proof_crosses_mirrors_that_take_it(mirror: dict[str, Any], topics: str) -> None:
    found = settings(lab(
        {**SINK, "topics": ["own"]}, links=[{"between": ["dc1", "hub"]}],
        mirrors=[{"from": "dc1", "to": "hub", **mirror}],
    ))
    assert found["topics"] == topics


@pytest.mark.parametrize(("changed", "said"), [
    ({"kind": "solr"}, "sinks[1].kind = 'solr'"),
    ({"at": "dc9"}, "sinks[1].at = 'dc9': no such datacenter"),
    ({"topics": []}, "sinks[1].topics"),
    ({"topics": ["a b"]}, "sinks[1].topics[1] = 'a b'"),
    ({"config": {"topics": "x"}}, "sinks[1].config.topics = 'x': accepted: topics, beside"),
    ({"config": {"connector.class": "x"}}, "accepted: kind, beside `config`"),
    ({"dead_letters": "own"}, "sinks[1].dead_letters = 'own': is one of its topics"),
    ({"values": "xml"}, "sinks[1].values = 'xml'"),
    ({"values": "avro"}, "sinks[1].values = 'avro': nobody knows the schemas"),
])
def test_what_cannot_be_is_told_with_its_field(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(LabFileError) as refused:
        lab({**SINK, **changed})
    assert said in str(refused.value)
    assert len(refused.value.problems) == 1


def test_a_datacenter_without_hosts_for_it_is_refused() -> None:
    with pytest.raises(LabFileError) as refused:
        lab({**SINK, "at": "dc1"})
    assert [problem.field for problem in refused.value.problems] == ["sinks[1]"] * 2
    lab({**SINK}, hub={"control": 0, "connect": 1, "store": 1})


def test_names_of_connectors_are_their_own() -> None:
    with pytest.raises(LabFileError, match=r"sinks\[2\].name = 'elasticsearch': another connector"):
        lab(SINK, SINK)
    own = {"name": "sink-elasticsearch", "at": "hub", "class": "a.B"}
    with pytest.raises(LabFileError, match="is called sink-elasticsearch"):
        lab(SINK, connectors=[own])
    lab(SINK, {**SINK, "name": "second"}, {**SINK, "kind": "opensearch"})


records = st.lists(st.tuples(st.sampled_from([b"a", b"b", b"c"]), st.booleans()), max_size=20)


@given(records, st.booleans(), st.sets(st.integers(0, 19)))
def test_documents_are_counted_as_a_store_would_have_them(
    log: list[tuple[bytes, bool]], deletes: bool, letters: set[int]
) -> None:
    by_key: dict[bytes, int] = {}
    places = 0
    dead = frozenset((0, offset) for offset in letters)
    counted = [Expected(by_key=one, deletes=deletes, letters=dead) for one in (True, False)]
    for offset, (key, empty) in enumerate(log):
        for one in counted:
            one.add(0, offset, key, empty=empty)
        if offset in letters:
            continue
        if not empty:
            by_key[key] = offset
            places += 1
        elif deletes:
            by_key.pop(key, None)
    assert [one.documents for one in counted] == [len(by_key), places]


@pytest.mark.parametrize(("carried", "missing", "extra"), [
    (Carried("t", 9, 0, 9, 9, 0), 0, 0), (Carried("t", 9, 0, 7, 9, 0), 2, 0),
    (Carried("t", 9, 0, 11, 9, 0), 0, 2), (Carried("t", 9, 3, 11, 6, 0), 0, None),
    (Carried("t", 9, 0, 11, None, 0), None, None),
])
def test_what_is_missing_and_what_is_too_much(
    carried: Carried, missing: int | None, extra: int | None
) -> None:
    assert (carried.missing, carried.extra) == (missing, extra)
