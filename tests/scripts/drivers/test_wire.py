"""Who listens in on brokers: what is written where, what he has to see, and what he must not."""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from lab.endpoint import Endpoint
from lab.file import parse
from lab.listeners import KINDS, Issued
from lab.services.local import local_context
from lab.topology import build
from lab.versions import VERSIONS, has_zookeeper
from scripts.drivers import wire
from scripts.drivers.driver import Site
from scripts.drivers.eavesdropper import Forbidden
from scripts.drivers.visitor import FOLDER, Visitor
from scripts.drivers.wire import FOUND, HIDDEN, Overheard, Pass, judged, overheard
from scripts.errors import CommandError, LabError
from scripts.hosts.fleet import Answer
from tests.fakes import FakeFleet, FakeHost, Reply

READY, SAID = "listen in: ready?", "listen in: found?"


class Cluster:
    """Topics that are made and deleted, and what is written over which listener."""

    def __init__(self) -> None:
        self.topics: dict[str, Any] = {}
        self.gone: list[str] = []
        self.written: list[tuple[str, str]] = []

    def create_topics(self, topics: Sequence[Any], operation_timeout: float) -> dict[str, Any]:
        assert operation_timeout > 0
        self.topics |= {one.topic: one for one in topics}
        return {one.topic: Done() for one in topics}

    def delete_topics(self, names: Sequence[str], operation_timeout: float) -> dict[str, Any]:
        assert operation_timeout > 0
        self.gone += names
        return {one: Done() for one in names}


class Done:
    def exception(self, timeout: float) -> None:
        assert timeout > 0


class Bench:
    """A lab of two brokers, of which each sees what the test lets it see."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, listeners: object = "tls", version: str = "3.9.2",
    ) -> None:
        keeper: dict[str, Any] = (
            {"zookeeper": 1} if has_zookeeper(version) else {"metadata": "kraft", "combined": 1})
        topology = build(parse({
            "owner": "a", "security": {"listeners": listeners}, "datacenters": [
                {"name": "d", "cidr": "10.1.0.0/24", "control": 1, "kafka": 2, "version": version,
                 **keeper}],
        }).lab)
        context = replace(local_context(topology, {}), issued=Issued(
            "CA", "/state/ca.pem", client_path="/state/client.pem"))
        self.cluster = Cluster()
        self.begun: list[tuple[str, list[str]]] = []
        self.rights = True
        self.jobs: dict[str, Any] = {}
        self.bare: list[tuple[tuple[str, int], str]] = []
        self.sees: Any = None
        self.ready: Reply = ""
        self.brokers = topology.datacenters[0].by_role("kafka")
        self.hosts = [FakeHost(one.name, {
            "prepare to listen in": self.prepared(one.name), READY: lambda text: self.ready,
            SAID: self.said(one.name), "listen in no more": "",
        }) for one in self.brokers]
        control = FakeHost(topology.datacenters[0].seed.name, {
            f"write and read over {one.internal}": self.inside for one in KINDS.values()})
        self.control = control
        self.site = Site(FakeFleet([*self.hosts, control]), context, topology.datacenters[0])
        monkeypatch.setattr(Site, "kafka", SimpleNamespace(admin=self.cluster))
        monkeypatch.setattr(wire, "_write", self.write)
        monkeypatch.setattr(wire, "_read", self.read)
        monkeypatch.setattr(wire.socket, "create_connection", self.connected)
        monkeypatch.setattr(wire, "visiting", self.visiting)
        self.visits: list[str] = []

    def prepared(self, host: str) -> Any:
        def reply(text: str) -> str:
            assert "class Search" in text, "the program goes along"
            self.jobs[host] = json.loads(text.split("<<'JOB'\n")[1].split("\nJOB\n", maxsplit=1)[0])
            return f"/run/{host}\n"

        return reply

    def said(self, host: str) -> Any:
        def reply(text: str) -> str:
            assert f"touch /run/{host}/stop" in text
            return json.dumps({"lost": 0, "bytes": {}, "seen": self.sees(host)})

        return reply

    def write(self, endpoint: Endpoint, passes: Sequence[Pass], where: str) -> None:
        assert where == "d"
        self.cluster.written += [(endpoint.servers, one.topic) for one in passes]
        kind = KINDS[passes[0].kind]
        assert endpoint.ca == ("/state/ca.pem" if kind.closed else "")
        assert ("sasl.password" in endpoint.settings) is bool(kind.mechanism)

    def read(self, endpoint: Endpoint, passes: Sequence[Pass], where: str) -> None:
        wrote = [(endpoint.servers, one.topic) for one in passes]
        assert where == "d" and self.cluster.written[-len(wrote):] == wrote

    def inside(self, text: str) -> str:
        marks = [line.split()[1] for line in text.splitlines() if " | write " in line]
        plain = text.split("for name, port, mark in ")[1].split(":\n", maxsplit=1)[0]
        self.bare += [((name, port), mark) for name, port, mark in literal_eval(plain)]
        for line in text.splitlines():
            if " | write " in line:
                topic = line.split()[-1]
                assert topic in self.cluster.topics
                self.cluster.written.append(("inside", topic))
        return "\n".join(marks) + "\n"

    @contextmanager
    def connected(self, address: tuple[str, int], seconds: float) -> Iterator[Any]:
        assert seconds > 0
        yield SimpleNamespace(
            sendall=lambda data: self.bare.append((address, data.decode())))

    @contextmanager
    def visiting(self, site: Site, topics: str) -> Iterator[Visitor]:
        """What is there while the visitor is, and that he leaves."""
        assert site is self.site and all(one.startswith(topics) for one in self.cluster.topics)
        self.visits.append("comes")
        try:
            yield Visitor("secret-1", "D.LAB.INTERNAL")
        finally:
            self.visits.append("leaves")

    def begin(self, name: str, command: Sequence[str]) -> bool:
        self.begun.append((name, list(command)))
        return self.rights

    def run(self) -> tuple[Overheard, ...]:
        return overheard(self.site, self.begin)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(monkeypatch)


def all_bare(bench: Bench) -> Any:
    """Each host sees what was sent to it in the clear, as its job says it."""
    def sees(host: str) -> dict[str, list[int]]:
        sent = {mark for _, mark in bench.bare}
        ports = bench.jobs[host]["ports"]
        return {mark: ports for mark in bench.jobs[host]["marks"] if mark in sent}

    return sees


def test_a_closed_listener_shows_no_record(bench: Bench) -> None:
    bench.sees = all_bare(bench)
    found = bench.run()
    assert [(one.host, one.listener, one.seen, one.held) for one in found] == [
        (host, listener, HIDDEN, True) for host in ("a-d-kafka01", "a-d-kafka02")
        for listener in ("EXTERNAL_TLS", "INTERNAL_TLS")]
    assert sorted(name for name, _ in bench.begun) == ["a-d-kafka01", "a-d-kafka02"]
    assert dict(bench.begun)["a-d-kafka01"] == ["python3", "/run/a-d-kafka01/program.py",
                                              "/run/a-d-kafka01"]
    assert bench.jobs["a-d-kafka01"]["ports"] == [9192, 9194]
    assert [one.labels for one in bench.hosts] == [
        ["prepare to listen in", READY, SAID, "listen in no more"]] * 2
    made = bench.cluster.topics
    assert [one.replica_assignment for one in made.values()] == [[[1]], [[1]], [[2]], [[2]]], (
        "no replica fetches a record over another listener")
    assert bench.cluster.gone == list(made) and all(
        name.startswith("kafkalab-verify-") for name in made)


def test_each_record_goes_where_it_belongs(bench: Bench) -> None:
    """A topic is written by one pass alone, and what is sent in the clear goes to its broker."""
    bench.sees = all_bare(bench)
    bench.run()
    topics = [topic for _, topic in bench.cluster.written]
    assert sorted(topics) == sorted(bench.cluster.topics)
    first, second = (bench.site.context.reached[one.name, 9194] for one in bench.brokers)
    assert [address for address, _ in bench.bare] == [
        first, second, ("a-d-kafka01.lab.internal", 9192),
        ("a-d-kafka02.lab.internal", 9192)]
    (_, script), = bench.control.heard
    assert "ssl.ca.location=/etc/kafkalab/ca.pem" in script


def test_a_record_that_is_seen_is_told(bench: Bench) -> None:
    def sees(host: str) -> dict[str, list[int]]:
        return {mark: [9192] for mark in bench.jobs[host]["marks"]}

    bench.sees = sees
    assert {(one.seen, one.held) for one in bench.run()} == {(FOUND, False)}


def test_who_sees_nothing_at_all_has_proven_nothing(bench: Bench) -> None:
    bench.sees = lambda host: {}
    assert {(one.seen, one.held) for one in bench.run()} == {
        ("nothing of this listener was seen", None)}


def test_an_open_listener_shows_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, "plaintext")
    bench.sees = lambda host: {mark: [9092] for mark in bench.jobs[host]["marks"]}
    assert [(one.listener, one.held) for one in bench.run()] == [
        ("EXTERNAL", True), ("INTERNAL", True)] * 2
    assert bench.bare == [], "nobody has to be shown that such a listener can be seen"


def test_both_are_tried_while_a_lab_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, ["plaintext", "tls"])
    bench.sees = all_bare(bench)
    found = bench.run()
    assert [one.listener for one in found][:4] == [
        "EXTERNAL", "INTERNAL", "EXTERNAL_TLS", "INTERNAL_TLS"]
    assert [one.held for one in found][:4] == [None, None, True, True]
    script = next(text for label, text in bench.control.heard if label.endswith(" INTERNAL"))
    assert "ssl.ca.location" not in script, "the open listener is spoken to in the open"


def test_where_people_log_in_somebody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a password from here and on a host, with a ticket there; the lab itself elsewhere."""
    bench = Bench(monkeypatch, "kerberos")
    bench.sees = all_bare(bench)
    found = bench.run()
    assert [(one.listener, one.seen, one.held) for one in found] == 2 * [
        (name, HIDDEN, True) for name in (
            "EXTERNAL_MTLS", "INTERNAL_MTLS", "EXTERNAL_SCRAM", "INTERNAL_SCRAM",
            "INTERNAL_KERBEROS")]
    assert bench.visits == ["comes", "leaves"]
    scripts = {label.rsplit(" ")[-1]: text for label, text in bench.control.heard}
    assert "sasl." not in scripts["INTERNAL_MTLS"] and "kadmin" not in scripts["INTERNAL_MTLS"]
    scram = scripts["INTERNAL_SCRAM"]
    assert "sasl.password=secret-1" in scram and "ScramLoginModule" in scram
    tickets = scripts["INTERNAL_KERBEROS"]
    assert "addprinc -pw secret-1 kafkalab-verify" in tickets
    assert "sasl.kerberos.principal=kafkalab-verify@D.LAB.INTERNAL" in tickets
    assert "sasl.password" not in tickets
    assert not [one for one in scripts.values() if re.search("@[A-Z]+@", one.replace(FOLDER, ""))]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_kcat_of_a_host_does_not_log_in_where_it_is_too_old(
    monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """Kafka 4 refuses the SCRAM of its librdkafka, and nothing else that it does."""
    bench = Bench(monkeypatch, "kerberos", version)
    bench.sees = all_bare(bench)
    assert all(one.held for one in bench.run())
    fits = {label.rsplit(" ")[-1]: re.search(r"^ +(\w+) && command -v kcat", text, re.MULTILINE)
            for label, text in bench.control.heard}
    assert {name: found and found[1] for name, found in fits.items()} == {
        "INTERNAL_MTLS": "true", "INTERNAL_KERBEROS": "true",
        "INTERNAL_SCRAM": "true" if version.startswith("3.") else "false"}


@pytest.mark.parametrize(("version", "writer", "reader"), [
    ("3.9.2", "--producer.config", "--consumer.config"),
    ("4.1.1", "--producer.config", "--consumer.config"),
    ("4.3.1", "--command-config", "--command-config"),
])
def test_kafkas_tools_print_the_record_alone(
    monkeypatch: pytest.MonkeyPatch, version: str, writer: str, reader: str
) -> None:
    """With another option newer ones say beside it that this is an old one."""
    bench = Bench(monkeypatch, "scram", version)
    bench.sees = all_bare(bench)
    bench.run()
    for _, text in bench.control.heard:
        assert f'      {writer} "$folder/client.properties" >&2\n' in text
        assert f'      {reader} "$folder/client.properties" --max-messages 1' in text


def test_who_came_to_log_in_leaves_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, "scram")
    bench.ready = "Operation not permitted"
    with pytest.raises(Forbidden, match="nobody can listen in there"):
        bench.run()
    assert bench.visits == ["comes", "leaves"] and bench.cluster.gone


PASS = Pass(SimpleNamespace(name="h", fqdn="h.x"), "tls", True, "t", "mark", "bare")  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "seen", "lost", "held"), [
    ("tls", {"bare": [9192]}, 0, True),
    ("tls", {"bare": [9192], "mark": [9192]}, 0, False),
    ("tls", {"bare": [9192], "mark": [0]}, 5, False),
    ("tls", {"bare": [9192]}, 5, None),
    ("tls", {"bare": [9194]}, 0, None),
    ("tls", {}, 0, None),
    ("mtls", {"bare": [9192]}, 0, True),
    ("plaintext", {"mark": [9092]}, 0, True),
    ("plaintext", {}, 0, None),
    ("plaintext", {"bare": [9092]}, 0, None),
])
def test_how_a_listener_is_judged(
    kind: str, seen: dict[str, list[int]], lost: int, held: bool | None
) -> None:
    one = judged(replace(PASS, kind=kind), {"seen": seen, "lost": lost})
    assert one.held is held
    assert (one.seen in (FOUND, HIDDEN)) is (held is not None)


def test_over_ssh_where_the_platform_says_so(bench: Bench) -> None:
    bench.rights = False
    bench.sees = all_bare(bench)
    assert all(one.held for one in bench.run())
    (text,) = (text for label, text in bench.hosts[0].heard if label == READY)
    assert text.startswith("setsid python3 /run/a-d-kafka01/program.py /run/a-d-kafka01 ")


@pytest.mark.parametrize(("ready", "said", "kind"), [
    ("Operation not permitted", "nobody can listen in there: operation not permitted", Forbidden),
    ("Address family not supported by protocol", "address family not supported", Forbidden),
    ("Too many open files", "nobody can listen in there: too many open files", LabError),
    (Answer("", "", 3), "nothing comes from who is to listen in there", LabError),
])
def test_where_nobody_can_listen_in_nothing_is_left(
    bench: Bench, ready: Reply, said: str, kind: type[LabError]
) -> None:
    bench.ready = ready
    with pytest.raises(LabError, match=said) as caught:
        bench.run()
    assert type(caught.value) is kind, "what the platform forbids is told from what went wrong"
    assert bench.cluster.written == []
    assert bench.cluster.gone == list(bench.cluster.topics) != []
    assert all(one.labels[-1] == "listen in no more" for one in bench.hosts)


@pytest.mark.parametrize(("said", "kind"), [
    ("setns: Operation not permitted", Forbidden),
    ("no such container", CommandError),
])
def test_an_engine_that_refuses_is_told(bench: Bench, said: str, kind: type[LabError]) -> None:
    def begin(name: str, command: Sequence[str]) -> bool:
        raise CommandError(["podman", "exec"], 126, "", said)

    with pytest.raises(LabError, match=said) as caught:
        overheard(bench.site, begin)
    assert type(caught.value) is kind
    assert bench.cluster.gone and all(
        one.labels == ["prepare to listen in", "listen in no more"] for one in bench.hosts)


def test_a_record_that_does_not_come_back_is_no_proof(bench: Bench) -> None:
    bench.sees = all_bare(bench)
    bench.control.replies = {"write and read over INTERNAL_TLS": "another\n"}
    with pytest.raises(LabError, match="INTERNAL_TLS: a record did not come back") as caught:
        bench.run()
    assert not isinstance(caught.value, Forbidden)
    assert bench.cluster.gone
