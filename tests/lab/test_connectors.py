"""[[connectors]]: what Connect is told, what a worker gets for it, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from lab import artifacts
from lab.data.sinks import Reach, still
from lab.file import LabFileError, parse
from lab.resources import CONNECTOR, Connector, Found, compare, lines
from lab.services.connect import CONFIG
from lab.services.local import local_context
from lab.services.registry import carriers, desired_state, resources
from lab.state import File, Key
from lab.topology import Topology, build

FILE = "org.apache.kafka.connect.file.FileStreamSinkConnector"
SINK = {"name": "out", "at": "dc1", "class": FILE,
        "config": {"topics": "t", "batch": 5, "on": True}}
PLUGIN = "org.acme:thing:1.2"


def lab(*connectors: dict[str, Any], **more: Any) -> Topology:
    return build(parse({
        "owner": "ann", "connectors": list(connectors), **more,
        "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"},
                        {"name": "dc2", "cidr": "10.2.0.0/24", "control": 0}],
    }).lab)


def worker(topology: Topology) -> str:
    (host,) = carriers("connect", topology.datacenters[0], topology.config)
    file = desired_state(host, local_context(topology, {}))[Key("file", CONFIG)]
    assert isinstance(file, File)
    return file.text


def test_connect_gets_all_settings_as_texts() -> None:
    topology = lab(SINK)
    context = local_context(topology, {})
    here, there = (resources(one, context) for one in topology.datacenters)
    assert here == {Key(CONNECTOR, "out"): Connector({
        "name": "out", "connector.class": FILE, "tasks.max": "1", "topics": "t", "batch": "5",
        "on": "true",
    })}
    assert there == {}


def test_a_worker_runs_for_it_where_nothing_is_mirrored() -> None:
    for topology, names in ((lab(SINK), ["ann-dc1-ctl01"]), (lab(), [])):
        assert [host.name for host in carriers(
            "connect", topology.datacenters[0], topology.config
        )] == names
        assert carriers("connect", topology.datacenters[1], topology.config) == ()


def test_only_who_has_plug_ins_looks_for_them() -> None:
    """A worker that looks into every jar starts twice as long."""
    assert "plugin.discovery=service_load\n" in worker(lab(SINK))
    assert "plugin.path" not in worker(lab(SINK))
    text = worker(lab({**SINK, "plugin": PLUGIN}, {**SINK, "name": "two", "plugin": "jars/mine"}))
    homes = ",".join(artifacts.plugin(one).home for one in (PLUGIN, "jars/mine"))
    assert f"plugin.path={homes}\n" in text
    assert "plugin.discovery=hybrid_warn\n" in text


def test_a_worker_restarts_for_another_plug_in() -> None:
    topology = lab({**SINK, "plugin": "jars"})
    (host,) = carriers("connect", topology.datacenters[0], topology.config)
    found = artifacts.plugin("jars")
    units = {
        digest: desired_state(host, local_context(topology, {found.folder: digest * 64}))[
            Key("unit", "connect.service")
        ] for digest in "ab"
    }
    assert units["a"] != units["b"]


@pytest.mark.parametrize(("one", "other"), [
    ("g:a:1", "g:a:2"), ("g:a:1", "h:a:1"), ("x/jars", "y/jars"), ("jars", "g:jars:1"),
])
def test_plug_ins_do_not_share_a_folder(one: str, other: str) -> None:
    assert artifacts.plugin(one).folder != artifacts.plugin(other).folder


@pytest.mark.parametrize(("changed", "said"), [
    ({"at": "dc3"}, "connectors[1].at = 'dc3': no such datacenter"),
    ({"at": "dc2"}, "dc2 has no host for Kafka Connect"),
    ({"name": "a b"}, "connectors[1].name = 'a b': accepted: 1 to 100 of"),
    ({"class": "no class"}, "connectors[1].class = 'no class': accepted: the name of a Java class"),
    ({"plugin": "a:b"}, "connectors[1].plugin = 'a:b': accepted: group:artifact:version"),
    ({"plugin": "a:b:../c"}, "accepted: group:artifact:version"),
    ({"config": {"tasks.max": 3}}, "connectors[1].config.tasks.max = 3: accepted: tasks, beside"),
    ({"tasks": 0}, "connectors[1].tasks = 0"),
])
def test_what_cannot_be_is_told_with_its_field(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(LabFileError) as refused:
        lab({**SINK, **changed})
    assert said in str(refused.value)
    assert len(refused.value.problems) == 1


def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(LabFileError, match=r"connectors\[2\]\.name = 'out': another connector"):
        lab(SINK, SINK)


def test_the_name_of_a_mirrors_connector_is_refused() -> None:
    taken = {**SINK, "name": "dc2-to-dc1.source"}
    with pytest.raises(LabFileError, match="another connector of dc1 has it"):
        lab(taken, links=[{"between": ["dc1", "dc2"]}], mirrors=[{"from": "dc2", "to": "dc1"}])


def test_a_plan_shows_no_password() -> None:
    key = Key(CONNECTOR, "c")
    before = Connector({"connection.password": "old-secret", "batch": "1"})
    after = Connector({"connection.password": "new-secret", "batch": "2"})
    told = lines(compare({key: Found(before, ours=True)}, {key: after}))
    assert told == ["~ connector c: batch: 1 -> 2",
                    "~ connector c: connection.password: another one"]


def test_what_moves_or_has_nothing_to_do_does_not_stand_still() -> None:
    def reach(end: int, read: int | None) -> Reach:
        return Reach("t", 0, 2, end, read)

    before = {("t", 0): reach(10, 4)}
    assert reach(10, None).lag == 8
    assert still(before, [reach(12, 4)]) == (reach(12, 4),)
    for now in (reach(12, 5), reach(4, 4)):
        assert still(before, [now]) == ()
    assert still({}, [reach(12, 4)]) == ()
    assert still({("t", 0): reach(4, 4)}, [reach(12, 4)]) == ()
