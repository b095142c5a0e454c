"""Kerberos in a lab: who keeps which realm, and who has whose keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lab.file import parse
from lab.listeners import Issued
from lab.services.context import Context
from lab.services.local import local_context
from lab.services.registry import desired_state, services_on
from lab.state import File, Key
from lab.topology import build
from tests.lab.test_file import problems

USERS = [{"name": "app"}, {"name": "gone", "absent": True}, {"name": "bob", "datacenters": ["e"]}]


def lab(listeners: object = "kerberos", **more: Any) -> dict[str, Any]:
    return {
        "owner": "a", "security": {"listeners": listeners}, "users": USERS, "datacenters": [
            {"name": "d", "cidr": "10.1.0.0/24", "zookeeper": 1, "kafka": 2},
            {"name": "e", "cidr": "10.2.0.0/24", "metadata": "kraft", "combined": 1, "kafka": 1},
        ], **more,
    }


@pytest.fixture
def context() -> Context:
    names = [f"kafka/a-{one}.lab.internal@{one[0].upper()}.LAB.INTERNAL"
             for one in ("d-kafka01", "d-kafka02", "e-kafka01")]
    people = ["app@D.LAB.INTERNAL", "app@E.LAB.INTERNAL", "bob@E.LAB.INTERNAL"]
    return replace(local_context(build(parse(lab()).lab), {}), issued=Issued(
        principals={"d": {"app": "secret-d"}, "e": {"app": "secret-e"}},
        keytabs={one: one.encode() for one in (*names, *people)},
    ))


def file(context: Context, host: str, path: str) -> File | None:
    (found,) = [one for one in context.topology.hosts if one.name == host]
    state = desired_state(found, context).get(Key("file", path))
    assert state is None or isinstance(state, File)
    return state


def test_a_control_host_keeps_the_realm_of_its_datacenter(context: Context) -> None:
    having = [host.name for host in context.topology.hosts
              if "kdc" in [one.name for one in services_on(host, context.topology)]]
    assert having == ["a-d-ctl01", "a-e-ctl01"]
    listed = file(context, "a-e-ctl01", "/etc/kdc/principals")
    assert listed is not None and (listed.mode, listed.owner, listed.secret) == (
        0o600, "lab-kdc", True)
    assert [line.split(" ")[0] for line in listed.text.splitlines()] == [
        "app", "bob", "kafka/a-e-kafka01.lab.internal"]
    assert "app secret-e\n" in listed.text


def test_every_host_with_clients_or_brokers_knows_all_realms(context: Context) -> None:
    for host in context.topology.hosts:
        known = file(context, host.name, "/etc/krb5.conf")
        assert (known is not None) is (host.role in ("control", "kafka"))
        if known is not None:
            assert f"default_realm = {host.datacenter.upper()}.LAB.INTERNAL\n" in known.text
            assert "kdc = a-d-ctl01.lab.internal:8888\n" in known.text
            assert " a-e-kafka01.lab.internal = E.LAB.INTERNAL\n" in known.text
            assert "rdns = false" in known.text


def test_each_has_its_own_keys_and_nobody_elses(context: Context) -> None:
    found = {}
    for host in context.topology.hosts:
        for key, one in desired_state(host, context).items():
            if key.name.endswith(".keytab"):
                assert isinstance(one, File)
                assert one.mode == 0o600 and one.secret
                found[host.name, key.name] = (one.owner, one.data.decode())
    assert found == {
        ("a-d-ctl01", "/etc/kafkalab/users/app.keytab"): ("student", "app@D.LAB.INTERNAL"),
        ("a-e-ctl01", "/etc/kafkalab/users/app.keytab"): ("student", "app@E.LAB.INTERNAL"),
        ("a-e-ctl01", "/etc/kafkalab/users/bob.keytab"): ("student", "bob@E.LAB.INTERNAL"),
        **{(f"a-{one}", "/etc/kafka/broker.keytab"): (
            "kafka", f"kafka/a-{one}.lab.internal@{one[0].upper()}.LAB.INTERNAL")
           for one in ("d-kafka01", "d-kafka02", "e-kafka01")},
    }


def test_brokers_take_tickets_inside_alone_and_get_none(context: Context) -> None:
    server = file(context, "a-d-kafka02", "/etc/kafka/server.properties")
    assert server is not None
    lines = dict(line.split("=", 1) for line in server.text.splitlines() if "=" in line)
    names = [one.split(":")[0] for one in lines["listeners"].split(",")]
    assert names == ["INTERNAL_MTLS", "EXTERNAL_MTLS", "INTERNAL_SCRAM", "EXTERNAL_SCRAM",
                     "INTERNAL_KERBEROS"]
    assert lines["advertised.listeners"].endswith(
        "INTERNAL_KERBEROS://a-d-kafka02.lab.internal:9392")
    own = "listener.name.internal_kerberos"
    assert lines[f"{own}.sasl.enabled.mechanisms"] == "GSSAPI"
    assert lines[f"{own}.sasl.kerberos.service.name"] == "kafka"
    module = lines[f"{own}.gssapi.sasl.jaas.config"]
    assert 'principal="kafka/a-d-kafka02.lab.internal@D.LAB.INTERNAL";' in module
    assert "isInitiator=false" in module


def test_people_on_the_workstation_log_in_with_their_passwords(context: Context) -> None:
    one = context.topology.datacenter("d")
    assert context.people(one).settings["sasl.mechanism"] == "SCRAM-SHA-512"
    assert context.external(one).key == context.issued.client_path


def test_a_datacenter_without_a_control_host_has_nobody_to_keep_it() -> None:
    bare = lab()
    bare["datacenters"][0]["control"] = 0
    assert problems(bare).keys() == {"datacenters[1].control"}


def test_a_user_is_called_as_a_realm_can_tell() -> None:
    found = problems(lab(users=[{"name": "app@home"}]))
    assert found.keys() == {"users[1].name"}


@pytest.mark.parametrize("listeners", ["plaintext", "scram"])
def test_a_lab_that_does_not_ask_for_it_has_none(listeners: str) -> None:
    topology = build(parse(lab(listeners)).lab)
    context = local_context(topology, {})
    for host in topology.hosts:
        assert not [key for key in desired_state(host, context)
                    if "krb5" in key.name or "keytab" in key.name or "kdc" in key.name]
