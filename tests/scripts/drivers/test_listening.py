"""What brokers say that they have open, what follows from it, and how listeners are tried."""

from __future__ import annotations

import inspect
import json
import re
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.file import parse
from lab.listeners import Issued, Listening
from lab.services.context import Context
from lab.services.local import local_context
from lab.topology import USERS_OFFSET, build
from scripts.clients import scram, tls
from scripts.drivers import listeners
from scripts.drivers.driver import Site
from scripts.drivers.listeners import Login, summary, tried
from scripts.drivers.listening import at_step, names, stood
from scripts.errors import Closed, LabError, ReachError
from scripts.workstation.authority import Authority
from scripts.workstation.passwords import Passwords
from tests.closed import closed
from tests.fakes import FakeFleet, FakeHost, Reply

TLS = Listening(("tls",), "tls", "tls")
LOOK, TRY = "listeners?", "try listeners"


def lab(listeners: object = "tls", brokers: int = 2, **more: Any) -> Context:
    topology = build(parse({
        "owner": "a", "security": {"listeners": listeners}, "datacenters": [
            {"name": "d", "cidr": "10.1.0.0/24", "control": 0, "zookeeper": 1, "kafka": brokers},
        ], **more,
    }).lab)
    return replace(local_context(topology, {}), issued=Issued(
        "CA", "/state/ca.pem", client_path="/state/client.pem"))


def standing(context: Context, *answers: Reply) -> Context:
    hosts = context.topology.datacenter("d").by_role("kafka")
    fleet = FakeFleet([FakeHost(host.name, {LOOK: answer})
                       for host, answer in zip(hosts, answers, strict=True)])
    return stood(context, fleet, {host.name for host in hosts})


def running(listening: Listening) -> str:
    return "\n".join(("runs", "/usr/bin/java", "-Xmx256m", listening.option, "kafka.Kafka", ""))


def test_a_lab_whose_brokers_are_as_they_should_be_has_nothing_before_it() -> None:
    found = standing(lab(), running(TLS), running(TLS))
    assert (found.coming, found.listening) == ({}, {})
    assert found.external(found.topology.datacenter("d")).settings == {"security.protocol": "SSL"}


def test_its_clients_take_what_is_open_until_it_has_moved() -> None:
    found = standing(lab(), running(Listening()), running(Listening()))
    datacenter = found.topology.datacenter("d")
    assert len(found.coming["d"]) == 3
    for endpoint in (found.external(datacenter), found.internal(datacenter)):
        assert (endpoint.settings, endpoint.ca) == ({}, "")
    last = at_step(found, found.coming, 2)
    assert last.external(datacenter).ca == "/state/ca.pem"
    assert ":9192" in last.internal(datacenter).servers


@pytest.mark.parametrize("answer", ["", ReachError(Closed.SILENT, "does not answer", where="x")])
def test_a_broker_that_does_not_run_says_nothing(answer: Reply) -> None:
    assert standing(lab(), running(TLS), answer).coming == {}


def test_a_certificate_has_all_names_that_clients_use() -> None:
    context = lab()
    host = context.topology.datacenter("d").by_role("kafka")[0]
    assert set(names(context)[host.name]) == {
        host.name, host.fqdn, str(host.address), "localhost", "127.0.0.1"}
    moved = replace(context, reached={**context.reached, (host.name, 9194): ("203.0.113.9", 9194)})
    assert "203.0.113.9" in names(moved)[host.name]


# -- tried


def attempts(
    monkeypatch: pytest.MonkeyPatch, inside: str, *, listeners: object = "tls",
    users: Any = (), **refused: str,
) -> Any:
    """What is tried at one broker, where each way from here is refused for a reason ("" is not)."""
    context = lab(listeners, brokers=1, users=users)
    datacenter = context.topology.datacenter("d")
    (host,) = datacenter.by_role("kafka")

    def refusal(address: tuple[str, int], trust: object = None, ask: Any = None) -> str:
        if address[1] == host.external_port:
            return refused["plaintext"]
        if address[1] == host.ssh_port + USERS_OFFSET and listeners != "scram":
            return "connection refused"
        return refused[str(ask(None) if ask else trust or "nothing")]

    monkeypatch.setattr(tls, "refusal", refusal)
    monkeypatch.setattr(tls, "trusting", lambda file, key="": f"lab{' with a key' * bool(key)}")
    monkeypatch.setattr(tls, "strangers", lambda: "world")
    fleet = FakeFleet([FakeHost(host.name, {TRY: inside})])
    return tried(Site(fleet, context, datacenter))


INSIDE = "Connection refused\nanswers\nclosed\nConnection refused\nConnection refused\n"
AS_IT_SHOULD = {"plaintext": "connection refused", "lab": "", "world": "not believed",
                "nothing": "closed"}


def test_each_listener_is_tried_in_each_way(monkeypatch: pytest.MonkeyPatch) -> None:
    found = attempts(monkeypatch, INSIDE, **AS_IT_SHOULD)
    assert [(one.listener, one.with_what, one.meant) for one in found] == [
        ("EXTERNAL", "nothing", False), ("EXTERNAL_TLS", "the lab's certificate", True),
        ("EXTERNAL_TLS", "trust in others", False), ("EXTERNAL_TLS", "no TLS", False),
        ("EXTERNAL_SCRAM", "nothing", False),
        ("INTERNAL", "nothing", False), ("INTERNAL_TLS", "the lab's certificate", True),
        ("INTERNAL_TLS", "no TLS", False),
        ("INTERNAL_SCRAM", "the lab's certificate", False),
        ("INTERNAL_KERBEROS", "the lab's certificate", False),
    ]
    assert all(one.held for one in found)
    assert summary(found) == "2 attempts answered, 8 refused, each as it should be"


@pytest.mark.parametrize(("way", "answer"), [
    ("plaintext", ""), ("lab", "connection refused"), ("world", ""), ("nothing", ""),
])
def test_what_is_not_as_it_should_be_is_told(
    monkeypatch: pytest.MonkeyPatch, way: str, answer: str
) -> None:
    said = {**AS_IT_SHOULD, way: answer}
    found = attempts(monkeypatch, INSIDE, **said)
    assert sum(not one.held for one in found) == 1
    with pytest.raises(LabError, match="a-d-kafka01 EXTERNAL"):
        summary(found)


def test_what_a_host_runs_tells_each_way_from_the_others(tmp_path: Path) -> None:
    """The script itself, at a listener that wants a certificate, and at none."""
    authority = Authority(tmp_path, "l")
    authority.issue({"broker1": ("localhost", "127.0.0.1")}, days=1)
    with closed(authority, asks=True) as (_, port), socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = str(authority.client)
        asked = json.dumps([("localhost", port, True, own, ()), ("localhost", port, True, "", ()),
                            ("localhost", port, False, "", ()),
                            ("localhost", free.getsockname()[1], True, own, ())])
        script = (listeners.INSIDE.replace("@CA@", str(authority.file))
                  .replace("@SCRAM@", inspect.getsource(scram)).replace("@LIST@", asked))
        said = subprocess.run(["bash", "-s"], input=script, capture_output=True, text=True,
                              check=True).stdout.splitlines()
    assert said[0] == "answers" and len(said) == 4
    # Who closes at once may be gone before its alert is read.
    assert any(one in said[1] for one in ("certificate required", "closed", "eof"))
    assert "answers" not in said[1:] and said[3] == "Connection refused"


def test_a_host_that_tries_only_some_is_no_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LabError, match="did not try all"):
        attempts(monkeypatch, "answers\n", **AS_IT_SHOULD)


def test_where_brokers_ask_who_is_there_the_lab_has_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {**AS_IT_SHOULD, "lab with a key": "", "lab": "refused by TLS"}
    inside = INSIDE.replace("closed", "certificate required\nclosed")
    found = attempts(monkeypatch, inside, listeners="mtls", **said)
    assert [(one.listener, one.with_what, one.meant) for one in found][1:3] == [
        ("EXTERNAL_MTLS", "the lab's certificate", True),
        ("EXTERNAL_MTLS", "no certificate of its own", False),
    ]
    assert all(one.held for one in found)


# -- where people log in


USERS = [{"name": "gone", "absent": True}, {"name": "app"}]
SAID = {**AS_IT_SHOULD, "lab with a key": "", "lab": "refused by TLS", "right": "",
        "wrong": "authentication failed", "nobody": "closed"}
# Plaintext, mtls, each way to log in with a password, of which the right one answers, and tickets.
FROM_A_HOST = ("Connection refused\nanswers\ncertificate required\nclosed\n"
               "{}Authentication failed\nClosed\nclosed\nRefused\n")


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The password of the user app, which scram.attempt knows from others."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    found = Passwords("kafkalab").of("app")

    def attempt(there: object, user: str = "", password: str = "") -> str:
        return "nobody" if not user else "right" if (user, password) == ("app", found) else "wrong"

    monkeypatch.setattr(scram, "attempt", attempt)
    monkeypatch.setattr(listeners, "KNOWN_SECONDS", 0.0)
    return found


def test_who_has_the_right_password_is_let_in_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    found = attempts(monkeypatch, FROM_A_HOST.format("answers\n"), listeners="scram", users=USERS,
                     **SAID)
    ways = [("app's password", True), ("another password", False), ("no password", False)]
    assert [(one.with_what, one.meant) for one in found if one.listener == "EXTERNAL_SCRAM"] == [
        *ways, ("trust in others", False), ("no TLS", False)]
    assert [(one.with_what, one.meant) for one in found if one.listener == "INTERNAL_SCRAM"] == [
        *ways, ("no TLS", False)]
    assert all(one.held for one in found)
    assert secret not in repr(found)


@pytest.mark.parametrize(("way", "answer"), [("right", "failed"), ("wrong", ""), ("nobody", "")])
def test_a_password_that_is_not_taken_as_it_should_be_is_told(
    monkeypatch: pytest.MonkeyPatch, secret: str, way: str, answer: str
) -> None:
    found = attempts(monkeypatch, FROM_A_HOST.format("answers\n"), listeners="scram", users=USERS,
                     **{**SAID, way: answer})
    assert [one.listener for one in found if not one.held] == ["EXTERNAL_SCRAM"]


@pytest.mark.usefixtures("secret")
def test_where_there_is_no_user_nobody_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    found = attempts(monkeypatch, FROM_A_HOST.format(""), listeners="scram", **SAID)
    assert not any(one.meant for one in found if "SCRAM" in one.listener)
    assert all(one.held for one in found)


def test_no_password_is_where_a_process_list_shows_it(secret: str) -> None:
    """It goes to a host as its script does, on standard input, and in words of Python's."""
    known = Login("app", secret)
    assert secret not in f"{known}" and known.wrong not in f"{known}"
    line = next(line for line in listeners.INSIDE.splitlines() if "python3" in line)
    assert line == "python3 - @CA@ <<'PYTHON'"
    assert not re.search(r"['\\]", secret + known.wrong)
