"""HBase as a sink's store: where it is, how it is found, and what its connector is told."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from lab import artifacts
from lab.file import LabFileError, parse
from lab.services import hbase
from lab.services.connect import CONFIG
from lab.services.local import local_context
from lab.services.registry import carriers, desired_state, published, services_on
from lab.services.sinks import config, place_of, proof_index
from lab.state import Archive, File, Key
from lab.topology import Topology, build

SINK = {"kind": "hbase", "at": "hub", "topics": ["dc1.Orders"]}
KRAFT = {"metadata": "kraft", "version": "4.1.1", "combined": 1, "kafka": 1}
NAMES = (hbase.ZOOKEEPER, hbase.MASTER, hbase.REGION_SERVER)


def lab(*sinks: dict[str, Any], hub: dict[str, Any] | None = None) -> Topology:
    return build(parse({
        "owner": "ann", "sinks": list(sinks or (SINK,)),
        "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"},
                        {"name": "hub", "cidr": "10.2.0.0/24", **(hub or {})}],
    }).lab)


def site_of(topology: Topology) -> dict[str, str]:
    """hbase-site.xml as HBase reads it."""
    host = hbase.host_of(topology.datacenter("hub"))
    file = desired_state(host, local_context(topology, {}))[Key("file", hbase.SITE)]
    assert isinstance(file, File)
    return {one.findtext("name", ""): one.findtext("value", "")
            for one in ET.fromstring(file.text).iter("property")}


@pytest.mark.parametrize(("hub", "host", "own"), [
    ({}, "ann-hub-ctl01", False), ({"store": 1}, "ann-hub-store01", False),
    (KRAFT, "ann-hub-ctl01", True), ({**KRAFT, "store": 1}, "ann-hub-store01", True),
])
def test_it_is_in_the_datacenters_zookeeper_or_in_one_of_its_own(
    hub: dict[str, Any], host: str, own: bool
) -> None:
    topology = lab(hub=hub)
    here = topology.datacenter("hub")
    found = {name: [one.name for one in carriers(name, here, topology.config)] for name in NAMES}
    assert found == {hbase.ZOOKEEPER: [host] if own else [], hbase.MASTER: [host],
                     hbase.REGION_SERVER: [host]}
    quorum = f"{host}.lab.internal" if own else ",".join(
        one.fqdn for one in here.by_role("zookeeper")
    )
    connector = config(topology.config.sinks[0], local_context(topology, {}))
    for settings in (site_of(topology), connector):
        assert settings["hbase.zookeeper.quorum"] == quorum
        assert settings["zookeeper.znode.parent"] == "/hbase"
    assert site_of(topology)["hbase.master.hostname"] == f"{host}.lab.internal"


def test_nobody_has_it_unasked() -> None:
    for kind in ("elasticsearch", "opensearch"):
        topology = lab({**SINK, "kind": kind})
        context = local_context(topology, {})
        for host in topology.hosts:
            assert not {one.name for one in services_on(host, topology)} & {*NAMES}
            archives = {key.name for key, one in desired_state(host, context).items()
                        if isinstance(one, Archive)}
            assert artifacts.hbase().home not in archives


@pytest.mark.parametrize(("kinds", "homes"), [
    (("hbase",), [artifacts.hbase()]),
    (("hbase", "elasticsearch"), [artifacts.search_sink(), artifacts.hbase()]),
])
def test_workers_have_its_sink_only_with_it(kinds: tuple[str, ...], homes: list[Any]) -> None:
    topology = lab(*({**SINK, "kind": kind} for kind in kinds))
    (host,) = carriers("connect", topology.datacenter("hub"), topology.config)
    file = desired_state(host, local_context(topology, {}))[Key("file", CONFIG)]
    assert isinstance(file, File)
    assert f"plugin.path={','.join(one.home for one in homes)}\n" in file.text


@pytest.mark.parametrize(("rule", "ignored"), [({}, "false"), ({"id": "place"}, "true")])
def test_rows_have_their_records_keys_unless_the_file_says_otherwise(
    rule: dict[str, str], ignored: str
) -> None:
    topology = lab({**SINK, **rule, "config": {"topic.table.map": "a:b", "max.batch.size": 9}})
    (sink,) = topology.config.sinks
    found = config(sink, local_context(topology, {}))
    assert found["key.ignore"] == ignored
    assert found["connector.class"] == "kafkalab.hbase.HBaseSinkConnector"
    assert found["topic.table.map"] == "a:b,kafkalab-sink:kafkalab-sink.hbase"
    assert (found["max.batch.size"], found["table.column.family"]) == ("9", "d")
    assert found["errors.deadletterqueue.topic.name"] == "dead-letters.hbase"
    assert "connection.url" not in found


def test_a_table_is_called_as_its_topic_is() -> None:
    (sink,) = lab().config.sinks
    assert place_of(sink, "dc1.Orders") == "dc1.Orders"
    assert proof_index(sink, "dc1.Orders") == "dc1.Orders.hbase"


def test_both_servers_have_pages_on_the_workstation() -> None:
    topology = lab()
    ports = published(hbase.host_of(topology.datacenter("hub")), topology)
    assert {port.number for port in ports} == {hbase.MASTER_PAGES, hbase.REGION_PAGES}
    assert len(set(ports.values())) == 2


def test_a_topic_that_no_table_can_be_called_is_refused() -> None:
    with pytest.raises(LabFileError) as refused:
        lab({**SINK, "topics": ["ok", "-x"]})
    assert "sinks[1].topics[2] = '-x': no table of HBase begins so" in str(refused.value)
    lab({**SINK, "kind": "elasticsearch", "topics": ["-x"]})


def test_a_datacenter_without_a_host_for_it_is_refused() -> None:
    with pytest.raises(LabFileError, match="hub has no host for HBase"):
        lab(hub={"control": 0, "connect": 1})
