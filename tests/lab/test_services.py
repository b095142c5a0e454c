"""What each service wants of a host, and every template."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jinja2 import UndefinedError

from lab import state
from lab.file import load, parse
from lab.model import Lab
from lab.services.context import Context
from lab.services.kafka import settings as broker_settings
from lab.services.local import local_context
from lab.services.registry import desired_state, running_on
from lab.state import HostState, Key
from lab.templates import FOLDER, properties, render
from lab.topology import Host, build
from tests.labs import DIGESTS, KAFKA
from tests.strategies import labs

PROJECT = Path(__file__).parents[2]


def default(**changes: Any) -> Context:
    lab = load(PROJECT / "lab.toml").lab
    return local_context(build(lab.model_copy(update=changes)), DIGESTS)


def host(context: Context, name: str) -> Host:
    return next(h for h in context.topology.hosts if h.name.endswith(name))


def content(found: HostState, path: str) -> str:
    file = found[Key("file", path)]
    assert isinstance(file, state.File)
    return file.content


def read_properties(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


@given(labs())
@settings(max_examples=25)
def test_every_host_of_every_lab_has_a_desired_state(lab: Lab) -> None:
    topology = build(lab)
    context = local_context(topology, DIGESTS)
    for one in topology.hosts:
        found = desired_state(one, context)
        for service in running_on(one, topology):
            assert Key("unit", str(service.unit)) in found
        units = {key.name for key in found if key.kind == "unit"}
        assert units == {str(service.unit) for service in running_on(one, topology)}


@given(labs())
@settings(max_examples=25)
def test_replication_defaults_fit_the_number_of_brokers(lab: Lab) -> None:
    topology = build(lab)
    context = local_context(topology, DIGESTS)
    for datacenter in topology.datacenters:
        found = broker_settings(datacenter.by_role("kafka")[0], context)
        brokers = len(datacenter.by_role("kafka"))
        factor = int(str(found["default.replication.factor"]))
        assert factor == min(3, brokers)
        assert 1 <= int(str(found["min.insync.replicas"])) <= factor
        assert int(str(found["offsets.topic.replication.factor"])) <= brokers
        assert (int(str(found["transaction.state.log.min.isr"]))
                <= int(str(found["transaction.state.log.replication.factor"])) <= brokers)


def test_a_broker_has_an_internal_and_an_external_listener() -> None:
    context = default()
    found = read_properties(content(
        desired_state(host(context, "dc2-kafka03"), context), "/etc/kafka/server.properties"
    ))
    assert found["broker.id"] == "3"
    assert found["broker.rack"] == "dc2-a"
    assert found["log.dirs"] == "/data/kafka-logs"
    name = "student-dc2-kafka03.lab.internal"
    assert found["advertised.listeners"] == f"INTERNAL://{name}:9092,EXTERNAL://localhost:21533"
    assert found["zookeeper.connect"].count("dc2-zk") == 3


def test_settings_of_the_lab_file_win_over_the_labs_own_choice() -> None:
    kafka = load(PROJECT / "lab.toml").lab.kafka
    changed = kafka.model_copy(update={"config": {"num.io.threads": 9, "auto.leader": True}})
    context = default(kafka=changed)
    found = read_properties(content(
        desired_state(host(context, "kafka01"), context), "/etc/kafka/server.properties"
    ))
    assert found["num.io.threads"] == "9"
    assert found["auto.leader"] == "true"


def test_an_ensemble_knows_its_members_and_answers_one_word() -> None:
    context = default()
    one = desired_state(host(context, "dc1-zk02"), context)
    found = read_properties(content(one, "/etc/zookeeper/zoo.cfg"))
    assert content(one, "/data/zk/myid") == "2\n"
    assert found["server.3"] == "student-dc1-zk03.lab.internal:2888:3888"
    assert found["4lw.commands.whitelist"] == "srvr"
    assert found["autopurge.purgeInterval"] == "24"


@pytest.mark.parametrize("change", [
    {"num.io.threads": 9}, {"log.retention.hours": 1},
])
def test_a_changed_setting_changes_the_digest_and_no_other_hosts(change: dict[str, int]) -> None:
    kafka = load(PROJECT / "lab.toml").lab.kafka
    before, after = default(), default(kafka=kafka.model_copy(update={"config": change}))
    for name, same in (("kafka01", False), ("zk01", True), ("ctl01", True)):
        states = [desired_state(host(context, name), context) for context in (before, after)]
        assert (states[0] == states[1]) is same


def test_the_digest_covers_the_distribution() -> None:
    topology = build(load(PROJECT / "lab.toml").lab)
    one, other = default(), local_context(topology, {KAFKA.folder: "cd"})
    units = {desired_state(host(c, "zk01"), c)[Key("unit", "zookeeper.service")]
             for c in (one, other)}
    assert len(units) == 2


def test_one_service_alone_brings_what_it_stands_on() -> None:
    context = default()
    broker = desired_state(host(context, "kafka01"), context, only=("kafka",))
    assert broker == desired_state(host(context, "kafka01"), context)
    ground = desired_state(host(context, "kafka01"), context, only=("hosts",))
    assert {key.kind for key in ground} == {
        "block", "link", "file", "sysctl", "firewall",
    }


def test_firewall_rules_are_the_topologys() -> None:
    lab = parse({
        "owner": "a", "network": {"lab_ports": "9000-9999"},
        "datacenters": [{"name": "d", "cidr": "10.1.0.0/24"}],
    }).lab
    context = local_context(build(lab), DIGESTS)
    text = content(desired_state(context.topology.hosts[0], context), "/etc/nftables.conf")
    assert "ip saddr 10.1.0.1/32 tcp dport 22-22 accept" in text
    assert "ip saddr 10.1.0.1/32 tcp dport 9000-9999 accept" in text
    # The gateway, whence people come, lies within the datacenter's network and is no host of it.
    assert "ip saddr 10.1.0.0/24 ip saddr != { 10.1.0.1/32 } accept" in text
    assert "policy drop" in text


TEMPLATES = {
    "hosts.j2": {"hosts": ()},
    "java.service.j2": {
        "description": "d", "documentation": "u", "user": "kafka", "command": "/c",
        "directory": "/d", "open_files": 1, "prepare": (),
    },
    "daemon.service.j2": {
        "description": "d", "documentation": "u", "user": "web", "command": "/c", "notes": "/n",
        "directory": "/d", "open_files": 1, "prepare": ("/p",), "digest": "x",
    },
    "log4j.properties.j2": {"level": "INFO", "loggers": {"b": "WARN", "a": "INFO"}},
    "journald.conf.j2": {"max_use_mb": 1},
    "nftables.conf.j2": {"rules": (), "admin": (), "digest": "x"},
}


def test_every_template_is_known_here() -> None:
    assert set(TEMPLATES) == {path.name for path in FOLDER.glob("*.j2")}


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_renders_with_its_arguments_and_not_without(name: str) -> None:
    assert render(name, **TEMPLATES[name]) is not None
    for missing in TEMPLATES[name]:
        with pytest.raises(UndefinedError):
            render(name, **{k: v for k, v in TEMPLATES[name].items() if k != missing})


def test_properties_come_in_the_order_of_their_keys() -> None:
    assert properties({"b": True, "a": 1}) == "a=1\nb=true\n"


def test_a_platforms_own_name_of_a_zone_is_the_rack() -> None:
    from dataclasses import replace

    context = default()
    one = host(context, "dc1-kafka01")
    named = replace(context, racks={one.name: "euc1-az2"})
    assert broker_settings(one, context)["broker.rack"] == "dc1-a"
    assert broker_settings(one, named)["broker.rack"] == "euc1-az2"
