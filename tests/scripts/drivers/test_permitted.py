"""What users are told that they may do, against what the lab file says."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import parse
from lab.listeners import Issued
from lab.rights import CLUSTER_NAME, OPERATIONS, Right, may, right
from lab.services.local import local_context
from lab.topology import build
from scripts.clients import allowed, scram, tls
from scripts.drivers import permitted as module
from scripts.drivers.driver import Site
from scripts.drivers.permitted import Asked, Told, judged, permitted, questions
from scripts.errors import LabError
from scripts.workstation.passwords import Passwords
from scripts.workstation.secret import write_secret
from tests.fakes import FakeFleet

LINES = ["read topic orders-*", "read group books", "describe transactional-id shop-*"]


def test_what_lines_name_is_asked_and_what_they_do_not() -> None:
    asked = list(questions(map(right, [*LINES, "write topic orders-*", "read topic *"])))
    assert [one.words for one in asked] == [
        "group books", "topic orders-*", "transactional-id shop-*",
        "any other topic", "any other group", "any other transactional-id", "the cluster"]
    assert asked[0].name == "books" and asked[1].name.startswith("orders-kafkalab-verify-")
    assert asked[-1].name == CLUSTER_NAME


TOPIC = Asked("topic", "orders-1", "topic orders-*")
ALL = frozenset(OPERATIONS["topic"])
SEES = frozenset({"read", "describe"})


@pytest.mark.parametrize(("lines", "others", "seen", "held", "why"), [
    (["read topic orders-*"], [], [SEES, SEES], True, ""),
    (["read topic orders-*"], [], [SEES | {"write"}] * 2, False, ""),
    (["read topic orders-*"], [], [frozenset()] * 2, False, ""),
    (["read topic orders-*"], [], [SEES, frozenset()], False, "not the same at all brokers"),
    ([], [], [frozenset()], True, ""),
    ([], ["read topic *"], [SEES], None, "entries that the lab did not make"),
    (["read topic *"], ["deny all topic orders-1"], [frozenset()], None,
     "entries that the lab did not make"),
    (["read topic *", "deny describe topic *"], [], [frozenset()], None,
     "brokers tell it only who may describe it"),
])
def test_an_answer_is_held_against_the_file(
    lines: list[str], others: list[str], seen: list[frozenset[str]], held: bool | None, why: str
) -> None:
    told = judged("u", TOPIC, seen, [right(one) for one in lines], map(right, others))
    assert (told.held, told.why) == (held, why)
    assert set(told.may) == frozenset().union(*seen) and set(told.may) ^ set(told.refused) == ALL


def test_who_stands_above_all_may_everything() -> None:
    assert judged("u", TOPIC, [ALL], [], above=True).held is True
    assert judged("u", TOPIC, [SEES], [], above=True).held is False


def test_operations_that_the_lab_does_not_know_are_left_out() -> None:
    one = Asked("group", "g", "group g")
    told = judged("u", one, [frozenset({"read", "describe", "alter-configs"})],
                  [right("read group g")])
    assert (told.may, told.held) == (("read", "describe"), True)


class Bench:
    """A lab of two brokers that grant what `granted` says, each user by his name."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, listeners: str = "scram", **more: Any
    ) -> None:
        topology = build(parse({
            "owner": "a", "name": "rights", "security": {"listeners": listeners, "acls": True},
            "users": [{"name": "app", "acls": LINES}, {"name": "gone", "absent": True}],
            "datacenters": [{"name": "d", "cidr": "10.1.0.0/24", "zookeeper": 1, "kafka": 2}],
            **more,
        }).lab)
        context = replace(local_context(topology, {}), issued=Issued(
            "CA", "/state/ca.pem", client_path="/state/client.pem"))
        self.site = Site(FakeFleet([]), context, topology.datacenters[0])
        self.granted: dict[str, list[Right]] = {"app": [right(one) for one in LINES]}
        self.who: tuple[str, str] = ("", "")
        self.come: list[tuple[str, int]] = []
        self.late = 0  # how often nobody looks after groups yet
        monkeypatch.setattr(Site, "kafka", SimpleNamespace())
        monkeypatch.setattr(module, "Accounts", lambda cluster: SimpleNamespace(
            rights=lambda: {"app": set(self.granted["app"])}))
        monkeypatch.setattr(tls, "own", lambda kind, issued: "the lab's")
        monkeypatch.setattr(tls, "refusal", self.refusal)
        monkeypatch.setattr(scram, "login", self.login)
        monkeypatch.setattr(allowed, "of_topics", self.of_topics)
        monkeypatch.setattr(allowed, "of_group", lambda there, name: self.of("group", name))
        monkeypatch.setattr(allowed, "coordinator", self.coordinator)
        monkeypatch.setattr(
            allowed, "of_transactions", lambda there, name: self.of("transactional-id", name))
        monkeypatch.setattr(module, "KNOWN_SECONDS", 0.0)

    def refusal(
        self, address: tuple[str, int], trust: ssl.SSLContext, ask: Callable[[Any], str]
    ) -> str:
        self.come.append(address)
        return ask(f"{trust}")

    def login(self, there: Any, user: str, password: str) -> str:
        assert there == "the lab's"
        self.who = (user, password)
        return "" if password == "secret-1" else "Authentication failed"

    def of(self, kind: str, name: str) -> frozenset[str]:
        return may(self.granted[self.who[0]], kind, name)

    def of_topics(
        self, there: Any, names: list[str]
    ) -> tuple[Mapping[str, frozenset[str]], frozenset[str]]:
        return {one: self.of("topic", one) for one in names}, self.of("cluster", CLUSTER_NAME)

    def coordinator(self, there: Any, name: str) -> tuple[int, int]:
        if not self.of("group", name):
            return -1, 30
        self.late -= 1
        return (-1, 15) if self.late >= 0 else (2, 0)

    def password(self, text: str = "secret-1") -> None:
        passwords = Passwords("rights")
        passwords.folder.mkdir(parents=True, exist_ok=True)
        write_secret(passwords.file("app"), text)

    def told(self) -> dict[str, Told]:
        return {one.what: one for one in permitted(self.site)}


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Bench(monkeypatch)


def test_each_user_logs_in_and_is_told(bench: Bench) -> None:
    bench.password()
    bench.late = 1
    told = bench.told()
    assert {one.user for one in told.values()} == {"app"} and all(
        one.held for one in told.values())
    assert told["topic orders-*"].may == ("read", "describe")
    assert told["any other topic"].may == () == told["the cluster"].may
    assert told["group books"].may == ("read", "describe")
    assert told["transactional-id shop-*"].may == ("describe",)
    first, second = (bench.site.context.reached[one.name, 9294]
                     for one in bench.site.carriers("kafka"))
    assert bench.come[:2] == [first, second] and bench.come[-1] in (first, second)


def test_what_somebody_else_granted_is_told_apart(bench: Bench) -> None:
    bench.password()
    bench.granted["app"].append(right("all topic *"))  # the cluster's entries say so, too
    told = bench.told()["any other topic"]
    assert (told.held, told.may) == (None, OPERATIONS["topic"])


def test_a_right_that_nobody_has_entered_is_wrong(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.password()
    monkeypatch.setattr(module, "Accounts", lambda cluster: SimpleNamespace(rights=dict))
    bench.granted["app"] = [right("all topic *")]
    told = bench.told()
    assert told["any other topic"].held is False and told["group books"].held is False


def test_a_password_that_brokers_do_not_take_is_an_error(bench: Bench) -> None:
    bench.password("another-1")
    with pytest.raises(LabError, match="EXTERNAL_SCRAM as app: Authentication failed"):
        bench.told()


def test_who_has_no_password_yet_may_not_do_what_the_file_says(bench: Bench) -> None:
    assert [(one.held, one.why) for one in permitted(bench.site)] == [(False, "no password yet")]


@pytest.mark.parametrize("listeners", ["plaintext", "tls"])
def test_where_nobody_is_asked_for_a_name_there_is_nothing_to_ask(
    monkeypatch: pytest.MonkeyPatch, listeners: str
) -> None:
    assert permitted(Bench(monkeypatch, listeners).site) == ()


def test_with_certificates_he_shows_one_that_says_his_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bench = Bench(monkeypatch, "mtls")
    proven: list[Path] = []

    class Signing:
        def __init__(self, state: Path, lab: str) -> None:
            assert lab == "rights" and state.name == "rights"

        def prove(self, name: str, path: Path, *, days: int) -> None:
            assert (name, days) == ("app", 1)
            path.write_text("a key")
            proven.append(path)

    def trusting(file: str, key: str) -> str:
        assert file == "/state/ca.pem" and Path(key).read_text() == "a key"
        bench.who = ("app", "")
        return "app's"

    monkeypatch.setattr(module, "Authority", Signing)
    monkeypatch.setattr(tls, "trusting", trusting)
    assert all(one.held for one in bench.told().values())
    assert len(proven) == 1 and not proven[0].exists()
