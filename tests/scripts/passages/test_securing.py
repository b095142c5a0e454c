"""Listeners that change in a run: what it passes through, what it tells, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lab.artifacts import PREFIX
from lab.file import parse
from lab.listeners import Issued, Listening, now, steps, wanted
from lab.migration.stages import Stage
from lab.migration.way import at, clean
from lab.services.context import Context
from lab.services.local import local_context
from lab.services.registry import desired_state
from lab.state import Archive, Change, File, Key, Unit
from lab.topology import build
from scripts.drivers.driver import sites
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan
from scripts.passages.passage import Run
from scripts.passages.securing import Securing
from tests.fakes import FakeFleet

if TYPE_CHECKING:
    pass

PLAIN = Listening()
SERVER = Key("file", "/etc/kafka/server.properties")
KEY = Key("file", "/etc/kafka/broker.pem")


def lab(listeners: object = "tls", at: Listening = PLAIN, **more: Any) -> Context:
    """Two datacenters with a mirror, whose running brokers have something open."""
    topology = build(parse({
        "owner": "a", "security": {"listeners": listeners},
        "datacenters": [{"name": "d", "cidr": "10.1.0.0/24", "zookeeper": 1, "kafka": 2},
                        {"name": "e", "cidr": "10.2.0.0/24", "zookeeper": 1, "kafka": 1}],
        "links": [{"between": ["d", "e"]}], "mirrors": [{"from": "d", "to": "e"}], **more,
    }).lab)
    goal = wanted(topology.config.security)
    ahead = {one.name: steps([at], goal) for one in topology.datacenters}
    return replace(
        local_context(topology, {}), coming={name: each for name, each in ahead.items() if each},
        listening={name: now([at], goal) for name, each in ahead.items() if each},
        issued=Issued("CA", "/state/ca.pem", "OWN", "/state/client.pem",
                      {host.name: host.name for host in topology.hosts}),
    )


def run(context: Context, **more: Any) -> Run:
    places = sites(FakeFleet([]), context, context.topology.datacenters)
    return Run(places, context.topology.hosts, {}, **more)


def test_all_brokers_restart_in_each_step_and_clients_when_they_go_over() -> None:
    found = Securing.find(run(lab()))
    assert list(found.lines())[:4] == [
        "d comes to other listeners in 3 steps:",
        "  1. brokers open tls beside plaintext",
        "  2. brokers and the lab's own clients go over to tls",
        "  3. brokers close plaintext",
    ]
    assert list(found.again("d")) == [
        "a-d-kafka01 kafka (step 2)", "a-d-kafka02 kafka (step 2)",
        "a-d-kafka01 kafka (step 3)", "a-d-kafka02 kafka (step 3)",
    ]
    assert list(found.again("e")) == [
        "a-e-kafka01 kafka (step 2)", "a-e-ctl01 connect (step 2)", "a-e-kafka01 kafka (step 3)",
    ]


def test_in_the_end_the_lab_is_as_its_file_has_it() -> None:
    context = lab()
    before = run(context)
    after = Securing.find(before).arrived(before.places)
    for site in after.values():
        assert site.kafka.endpoint.settings == {"security.protocol": "SSL"}
        assert site.kafka.endpoint.ca == "/state/ca.pem"
    fresh = replace(context, listening={}, coming={})
    for host in context.topology.hosts:
        assert desired_state(host, after["d"].context) == desired_state(host, fresh)


def test_where_nothing_changes_nothing_is_passed_through() -> None:
    context = lab(at=Listening(("tls",), "tls", "tls"))
    found = Securing.find(run(context))
    assert (list(found.lines()), list(found.again("d")), found.found) == ([], [], {})
    places = run(context).places
    assert found.arrived(places) is places


@pytest.mark.parametrize("only", [("connect",), ("zookeeper",)])
def test_who_means_no_broker_changes_no_listener(only: tuple[str, ...]) -> None:
    assert Securing.find(run(lab(), only=only)).found == {}


def test_brokers_do_not_go_without_their_clients() -> None:
    whole = run(lab())
    for part in (replace(whole, only=("kafka",)), replace(whole, hosts=whole.hosts[:-1])):
        with pytest.raises(LabError, match="for the whole lab"):
            Securing.find(part)


def test_one_thing_at_a_time() -> None:
    whole = run(lab())
    with pytest.raises(LabError, match="run their release"):
        Securing.find(replace(whole, leavers={"d": ("a-d-kafka03",)}))
    host = whole.hosts[-1]
    plan = HostPlan(host, (
        Change(Key("archive", f"{PREFIX}/kafka-9.9.9"), None, Archive("x")),
        Change(Key("unit", "kafka.service"), Unit("old"), Unit("new")),
    ))
    with pytest.raises(LabError, match="run their release"):
        Securing.find(replace(whole, plans={host.name: plan}))


def test_listeners_do_not_change_while_metadata_moves() -> None:
    context = lab(kafka={"version": "3.9.2"})
    moving = build(parse({
        **context.topology.config.model_dump(by_alias=True, exclude_unset=True),
        "datacenters": [
            {"name": "d", "cidr": "10.1.0.0/24", "metadata": "kraft", "zookeeper": 1, "kafka": 2},
            {"name": "e", "cidr": "10.2.0.0/24", "zookeeper": 1, "kafka": 1}],
    }).lab)
    half = at(moving, {"d": clean(moving.datacenters[0], Stage.DUAL_WRITE)})
    with pytest.raises(LabError, match="before or after metadata moves") as caught:
        Securing.find(run(replace(context, topology=half)))
    assert caught.value.where == "d"


def test_hosts_that_lack_the_port_are_told_of() -> None:
    context = lab()
    gone = ("a-d-kafka02", 9194)
    context = replace(context, reached={
        key: value for key, value in context.reached.items() if key != gone})
    with pytest.raises(LabError, match="a-d-kafka02") as caught:
        Securing.find(run(context))
    assert "fab down" in str(caught.value)


# -- what hosts have


def test_a_private_key_is_shown_nowhere_and_only_its_broker_reads_it() -> None:
    context = replace(lab(), listening={}, coming={})
    for host in context.topology.hosts:
        state = desired_state(host, context)
        assert (KEY in state) is (host.role == "kafka")
        if KEY in state:
            file = state[KEY]
            assert isinstance(file, File)
            assert (file.mode, file.owner, file.secret) == (0o600, "kafka", True)
            unit = state[Key("unit", "kafka.service")]
            assert isinstance(unit, Unit) and KEY in unit.files and unit.port == 9192


def test_another_certificate_restarts_its_broker_alone() -> None:
    context = replace(lab(), listening={}, coming={})
    one = context.topology.datacenter("d").by_role("kafka")[0]
    other = replace(context, issued=replace(
        context.issued, hosts={**context.issued.hosts, one.name: "new"}))
    changed = [
        host.name for host in context.topology.hosts
        if desired_state(host, context) != desired_state(host, other)
    ]
    assert changed == [one.name]


def test_both_are_open_while_it_moves_and_each_has_ports_of_its_own() -> None:
    context = lab(["plaintext", "tls"], at=Listening(("plaintext", "tls"), "tls", "tls"))
    host = context.topology.datacenter("d").by_role("kafka")[0]
    file = desired_state(host, context)[SERVER]
    assert isinstance(file, File)
    lines = dict(line.split("=", 1) for line in file.text.splitlines() if "=" in line)
    assert lines["listeners"].split(",") == [
        f"INTERNAL://{host.fqdn}:9092", "EXTERNAL://0.0.0.0:9094",
        f"INTERNAL_TLS://{host.fqdn}:9192", "EXTERNAL_TLS://0.0.0.0:9194",
    ]
    assert lines["inter.broker.listener.name"] == "INTERNAL_TLS"
    assert f"EXTERNAL_TLS://127.0.0.1:{host.ssh_port + 250}" in lines["advertised.listeners"]


def test_people_log_in_beside_the_labs_own_clients_who_have_a_certificate() -> None:
    context = replace(lab(["plaintext", "scram"]), listening={}, coming={})
    datacenter = context.topology.datacenter("d")
    host = datacenter.by_role("kafka")[0]
    file = desired_state(host, context)[SERVER]
    assert isinstance(file, File)
    lines = dict(line.split("=", 1) for line in file.text.splitlines() if "=" in line)
    assert lines["listeners"].split(",")[2:] == [
        f"INTERNAL_MTLS://{host.fqdn}:9192", "EXTERNAL_MTLS://0.0.0.0:9194",
        f"INTERNAL_SCRAM://{host.fqdn}:9292", "EXTERNAL_SCRAM://0.0.0.0:9294",
    ]
    assert f"EXTERNAL_SCRAM://127.0.0.1:{host.ssh_port + 370}" in lines["advertised.listeners"]
    assert "INTERNAL_SCRAM:SASL_SSL" in lines["listener.security.protocol.map"]
    assert lines["inter.broker.listener.name"] == "INTERNAL_MTLS"
    for name in ("internal_scram", "external_scram"):
        assert lines[f"listener.name.{name}.sasl.enabled.mechanisms"] == "SCRAM-SHA-512"
        module = lines[f"listener.name.{name}.scram-sha-512.sasl.jaas.config"]
        assert module.endswith("ScramLoginModule required;")
        assert f"listener.name.{name}.ssl.client.auth" not in lines
    own, people = context.external(datacenter), context.people(datacenter)
    assert (own.settings, own.key) == ({"security.protocol": "SSL"}, "/state/client.pem")
    assert people.settings == {"security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512"}
    assert (people.ca, people.key) == ("/state/ca.pem", "")
    assert f"127.0.0.1:{host.ssh_port + 370}" in people.servers
    assert f"{host.fqdn}:9292" in context.people(datacenter, inside=True).servers


def test_the_labs_own_clients_show_a_key_where_they_are_asked_for_one() -> None:
    """Each its own copy, which nobody else on the host reads."""
    context = lab("mtls", at=Listening(("mtls",), "mtls", "mtls"), registry={"at": "d"},
                  monitoring={"enabled": True, "at": "d"})
    found = {}
    for host in context.topology.hosts:
        for key, file in desired_state(host, context).items():
            if key.name.endswith("/client.pem"):
                assert isinstance(file, File)
                assert (file.content, file.mode, file.secret) == ("OWN", 0o600, True)
                found[key.name] = file.owner
    assert found == {
        "/etc/kafkalab/client.pem": "student", "/etc/connect/client.pem": "kafka",
        "/etc/registry/client.pem": "registry", "/etc/lag-exporter/client.pem": "lab-lag-exporter",
    }
