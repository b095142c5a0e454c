"""Sinks as a service: no process, but a connector that writes topics into a store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lab.mirrors.topics import matches, remote_name
from lab.problems import Problem, no_such_datacenter
from lab.resources import CONNECTOR, ClusterState, Connector
from lab.services import hbase
from lab.services.connectors import SAID
from lab.services.context import Context
from lab.services.kafka import internal_factor
from lab.services.schemas import API, PORT as REGISTRY_PORT
from lab.services.service import Service
from lab.services.stores import STORES
from lab.state import Key
from lab.topology import Datacenter, Host

if TYPE_CHECKING:
    from lab.model import Datacenter as DatacenterConfig, Lab
    from lab.options.sinks import Sink

CLASS = "kafkalab.search.SearchSinkConnector"
CLASSES = {hbase.KIND: "kafkalab.hbase.HBaseSinkConnector"}
# What `fab verify` writes, wherever the records of a sink may come from, to find it as a document.
# Avro is not written where sinks of JSON would find it.
PROOF = "kafkalab-sink"
AVRO_PROOF = f"{PROOF}-avro"
INDEX_MAP, TABLE_MAP = "topic.index.map", "topic.table.map"
# What is done with records that have no place in the store, as each connector calls it.
DOCUMENTS, RECORDS = "behavior.on.malformed.documents", "behavior.on.malformed.records"
TEXT = "org.apache.kafka.connect.storage.StringConverter"
JSON = "org.apache.kafka.connect.json.JsonConverter"
AVRO = "kafkalab.avro.AvroConverter"
# One server keeps one copy, and a lab's indices are small.
INDICES = '{"number_of_shards":1,"number_of_replicas":0}'


def store_host(sink: Sink, datacenter: Datacenter) -> Host:
    """The host that has the store of a sink."""
    return (datacenter.by_role("store") or datacenter.by_role("control"))[0]


def searched(lab: Lab, at: str) -> Sink | None:
    """The sink of Avro in a datacenter whose store can be searched, of a lab that registers schemas
    there; None for none."""
    if lab.registry.leader != at:
        return None
    return next((one for one in lab.sinks
                 if one.at == at and one.avro and one.kind in STORES), None)


def title(kind: str) -> str:
    """What people call a kind of store."""
    return hbase.TITLE if kind == hbase.KIND else STORES[kind].title


def server(kind: str) -> tuple[str, str]:
    """The service that answers for what is in a kind of store, and what people call it."""
    if kind == hbase.KIND:
        return hbase.REGION_SERVER, "HBase's region server"
    return kind, STORES[kind].title


def proof(sink: Sink) -> str:
    """The topic in which what proves a sink is written."""
    return AVRO_PROOF if sink.avro else PROOF


def proofs(lab: Lab, sink: Sink) -> dict[str, str]:
    """The proof's topics that come to a sink's datacenter, by where they are written: its own, and
    those that mirrors bring."""
    topic = proof(sink)
    mirrored = {
        one.source: remote_name(one, topic) for one in lab.mirrors
        if one.target == sink.at and matches(one, topic)
    }
    return {sink.at: topic, **mirrored}


def index_of(topic: str) -> str:
    """What the sink calls the index of a topic (SearchSinkConfig.index)."""
    return topic.lower()


def place_of(sink: Sink, topic: str) -> str:
    """What a topic becomes in its store: an index, or a table."""
    return topic if sink.kind == hbase.KIND else index_of(topic)


def proof_index(sink: Sink, topic: str) -> str:
    """Where a sink puts what `fab verify` writes: what another one wrote would prove nothing."""
    return f"{place_of(sink, topic)}.{sink.called}"


def config(sink: Sink, context: Context) -> dict[str, str]:
    """All settings of a sink's connector, under Confluent's names."""
    datacenter = context.topology.datacenter(sink.at)
    proven = proofs(context.topology.config, sink).values()
    chosen = {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in sink.config.items()
    }
    places = [f"{topic}:{proof_index(sink, topic)}" for topic in proven]
    mapped = TABLE_MAP if sink.kind == hbase.KIND else INDEX_MAP
    return {
        **(_of_hbase(datacenter) if sink.kind == hbase.KIND else _of_search(sink, datacenter)),
        "key.ignore": "false" if sink.by_key else "true",
        "behavior.on.null.values": sink.nulls,
        "key.converter": TEXT,
        **_read(sink, context),
        "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": sink.letters,
        "errors.deadletterqueue.topic.replication.factor": str(internal_factor(datacenter)),
        "errors.deadletterqueue.context.headers.enable": "true",
        # A mirror writes in transactions, and what was given up in one is no record.
        "consumer.override.isolation.level": "read_committed",
        "consumer.override.max.poll.records": "2000",
        # A worker that is killed stays in the sink's group for so long, and who takes over waits.
        "consumer.override.session.timeout.ms": "10000",
        # A topic that a mirror will bring is not made by asking for it, and soon seen.
        "consumer.override.allow.auto.create.topics": "false",
        "consumer.override.metadata.max.age.ms": "5000",
        **chosen,
        mapped: ",".join(filter(None, (chosen.get(mapped), *places))),
        "topics": ",".join(dict.fromkeys((*sink.topics, *proven))),
        "name": sink.connector, "connector.class": CLASSES.get(sink.kind, CLASS),
        "tasks.max": str(sink.tasks),
    }


def _read(sink: Sink, context: Context) -> dict[str, str]:
    """How a sink reads values.

    Schemas come from the registry that leads, not from one beside the sink that follows: there a
    record may arrive before its schema, and would be a dead letter. Nor is one while the registry
    does not answer: Connect then asks again, for as long as it takes.
    """
    if not sink.avro:
        return {"value.converter": JSON,
                "value.converter.schemas.enable": "true" if sink.schemas else "false"}
    topology = context.topology
    (host,) = topology.datacenter(str(topology.config.registry.leader)).by_role("control")[:1]
    return {
        "value.converter": AVRO,
        "value.converter.schema.registry.url": f"http://{host.fqdn}:{REGISTRY_PORT}{API}",
        "errors.retry.timeout": "-1", "errors.retry.delay.max.ms": "5000",
    }


def _of_search(sink: Sink, datacenter: Datacenter) -> dict[str, str]:
    host, port = store_host(sink, datacenter), STORES[sink.kind].port
    return {
        "connection.url": f"http://{host.fqdn}:{port}",
        DOCUMENTS: "report",
        "index.settings": INDICES,
    }


def _of_hbase(datacenter: Datacenter) -> dict[str, str]:
    return {
        **hbase.finding(datacenter),
        "auto.create.tables": "true",
        "table.column.family": hbase.FAMILY,
        RECORDS: "report",
        "max.batch.size": "2000",
    }


def rehearsed(
    sink: Sink, context: Context, *, name: str, topic: str, index: str, letters: str
) -> dict[str, str]:
    """The settings of a connector that does with JSON of one topic what a sink does with its own:
    into another index or table, and with dead letters of its own."""
    same, of_rows = config(sink, context), sink.kind == hbase.KIND
    of_records = ("key.converter", "value.converter", "transforms", "predicates")
    return {
        **{key: value for key, value in same.items() if not key.startswith(of_records)},
        "key.converter": TEXT, "value.converter": JSON, "value.converter.schemas.enable": "false",
        "errors.deadletterqueue.topic.name": letters,
        RECORDS if of_rows else DOCUMENTS: "report", "errors.tolerance": "all",
        "key.ignore": "false" if sink.by_key else "true", "topic.key.ignore": "",
        **({TABLE_MAP: f"{topic}:{index}", "table.column.family": hbase.FAMILY} if of_rows
           else {INDEX_MAP: f"{topic}:{index}"}), "topics": topic, "name": name,
    }


def resources(datacenter: Datacenter, context: Context) -> ClusterState:
    """The connectors of a datacenter's sinks."""
    return {
        Key(CONNECTOR, one.connector): Connector(config(one, context))
        for one in context.topology.config.sinks if one.at == datacenter.name
    }


def findings(lab: Lab) -> Iterator[Problem]:
    datacenters = {one.name: one for one in lab.datacenters}
    taken = {(one.at, one.name) for one in lab.connectors}
    for index, sink in enumerate(lab.sinks, 1):
        field = f"sinks[{index}]"
        for key in {*SAID, "topics"} & sink.config.keys():
            said = SAID.get(key, key)
            yield Problem(f"{field}.config.{key}", repr(sink.config[key]),
                          f"accepted: {said if said != 'class' else 'kind'}, beside `config`")
        place = datacenters.get(sink.at)
        if place is None:
            yield Problem(f"{field}.at", repr(sink.at), no_such_datacenter(sink.at, [*datacenters]))
        else:
            yield from _hosts(field, sink, place)
        if (sink.at, sink.connector) in taken:
            yield Problem(
                f"{field}.name", repr(sink.called), f"another connector of {sink.at} is called "
                f"{sink.connector}; accepted: a name of its own",
            )
        taken.add((sink.at, sink.connector))
        yield from _tables(field, sink)
        yield from _values(field, sink, lab)
        same = [one for one in sink.topics if one == sink.letters]
        if same:
            yield Problem(f"{field}.dead_letters", repr(sink.letters), "is one of its topics")


def _values(field: str, sink: Sink, lab: Lab) -> Iterator[Problem]:
    leader = lab.registry.leader
    if not sink.avro:
        return
    if leader is None:
        yield Problem(f"{field}.values", "'avro'", "nobody knows the schemas; accepted: with "
                      "`at` in [registry]")
    elif leader != sink.at and not any({leader, sink.at} == {*one.between} for one in lab.links):
        yield Problem(f"{field}.values", "'avro'", f"the registry of {leader} is not linked to "
                      f"{sink.at}; accepted: with a link between them")
    if sink.schemas:
        yield Problem(f"{field}.schemas", "True", "Avro has no schema beside each value; accepted: "
                      'values = "json"')


def _tables(field: str, sink: Sink) -> Iterator[Problem]:
    for number, topic in enumerate(sink.topics, 1):
        if sink.kind == hbase.KIND and topic.startswith((".", "-")):
            yield Problem(f"{field}.topics[{number}]", repr(topic),
                          "no table of HBase begins so; accepted: a letter, a digit or _ first")


def _hosts(field: str, sink: Sink, place: DatacenterConfig) -> Iterator[Problem]:
    for what, role in (("Kafka Connect", "connect"), (title(sink.kind), "store")):
        if not place.count("control") and not place.count(role):
            yield Problem(
                field, repr(sink.called), f"{sink.at} has no host for {what}; accepted: with "
                f"control = 1 or {role} = 1 there",
            )


SERVICE = Service(
    name="sinks",
    summary="Set up the sinks that carry topics into stores.",
    roles=(),
    within=lambda lab, datacenter: any(one.at == datacenter.name for one in lab.sinks),
    needs=("connect", *STORES, hbase.REGION_SERVER),
    resources=resources,
    check=findings,
)
