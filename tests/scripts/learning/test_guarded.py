"""Brokers' certificates and refusals asked on hosts, and the way back from both."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import load, parse
from lab.listeners import Issued
from lab.rights import Right, right
from lab.services.local import local_context
from lab.topology import build
from scripts.drivers.driver import Site
from scripts.learning import guarded
from scripts.learning.place import proven
from scripts.workstation.authority import Authority
from scripts.workstation.paths import PROJECT
from tests import closed
from tests.fakes import FakeFleet, FakeHost

LOG = """\
[2026-11-28 05:45:25,1] INFO Principal = User:clerk is Denied operation = DESCRIBE from host = \
10.1.0.1 on resource = Topic:LITERAL:a b for request = Metadata with resourceRefCount = 1 based \
on rule DefaultDeny (kafka.authorizer.logger)
[2026-11-28 05:45:26,1] INFO Principal = User:clerk is Denied operation = READ from host = \
10.1.0.1 on resource = Group:LITERAL:g for request = JoinGroup with resourceRefCount = 1 based \
on rule DefaultDeny (kafka.authorizer.logger)
[2026-11-28 05:45:27,1] INFO Principal = User:clerk is Denied Operation = DescribeConfigs from \
host = 10.1.0.1 on resource = Topic:PREFIXED:x for request = DescribeConfigs (kafka.authorizer)
[2026-11-28 05:45:28,1] INFO Principal = User:clerk is Denied operation = DESCRIBE from host = \
10.1.0.1 on resource = Topic:LITERAL:a b for request = Metadata with resourceRefCount = 1
"""


def site(*hosts: FakeHost, listeners: str = "mtls", **more: Any) -> Site:
    topology = build(parse({
        "owner": "a", "security": {"listeners": listeners, "acls": True},
        "users": [{"name": "clerk", "acls": ["read topic kept"]}],
        "datacenters": [{"name": "d", "cidr": "10.1.0.0/24", "control": 0, "zookeeper": 1,
                         "kafka": 1}],
    }).lab)
    context = replace(local_context(topology, {}), **more)
    return Site(FakeFleet(hosts), context, topology.datacenters[0])


def test_refusals_are_told_once_in_the_order_of_the_log() -> None:
    def reply(text: str) -> str:
        assert "grep -F 'Principal = User:clerk is Denied '" in text
        assert "/server.log.1 " in text
        return LOG

    host = FakeHost("a-d-kafka01", {"what was refused": reply})
    assert guarded.refusals(site(host), "clerk") == [
        ("read", "group", "g"), ("describeconfigs", "topic", "x"), ("describe", "topic", "a b")]


def test_a_log_without_a_refusal_is_no_mistake(tmp_path: Path) -> None:
    script = guarded.REFUSED.replace("@LOG@", str(tmp_path / "server.log")).replace(
        "@WORDS@", "'User:clerk is Denied '")
    def said() -> str:
        return subprocess.run(["bash", "-c", f"set -e; {script}"], capture_output=True,
                              text=True, check=True).stdout

    assert said() == ""
    (tmp_path / "server.log").write_text("something else\n")
    assert said() == ""
    (tmp_path / "server.log.1").write_text(LOG)
    assert said() == LOG


def test_an_open_lab_shows_no_certificate() -> None:
    assert guarded.certificates(site(listeners="plaintext")) == {}


def test_what_a_broker_shows_is_told_with_what_a_client_says(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "a")
    authority.issue({"good": ("127.0.0.1", "x"), "other": ("x",)}, days=2)
    issued = Issued("CA", str(authority.file), client_path=str(authority.client))
    for name, names, said in (("good", {"127.0.0.1", "x"}, ""), ("other", {"x"}, "mismatch")):
        with closed.closed(authority, name, asks=True) as address:
            place = site(issued=issued, reached={("a-d-kafka01", 9194): address})
            found = guarded.certificates(place)
        shown, left, refusal = found["1"]
        assert (set(shown), said in refusal, bool(said) is bool(refusal)) == (names, True, True)
        assert 2 * 86400 - 60 < left <= 2 * 86400
    assert guarded.certificates(site(issued=issued)) == {}


@pytest.mark.parametrize(("file", "anyway", "restored"), [
    ("the lab's own\n", "", False), ("another one\n", "", True), ("the lab's own\n", "yes", True),
])
def test_the_labs_own_certificate_comes_back(
    file: str, anyway: str, restored: bool, tmp_path: Path
) -> None:
    key = tmp_path / "broker.pem"
    key.write_text(file)
    key.chmod(0o640)
    (tmp_path / "systemctl").write_text('#!/bin/sh\necho "$@" >>"$0.log"\n')
    (tmp_path / "systemctl").chmod(0o755)
    script = guarded.RESTORE.replace("@PEM@", "the lab's own\n").replace("@KEY@", str(key)).replace(
        "@ANYWAY@", anyway or "''")
    said = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True,
                          env={"PATH": f"{tmp_path}:/usr/bin:/bin"}).stdout
    log = tmp_path / "systemctl.log"
    assert (said, log.exists()) == ("restored\n" if restored else "", restored)
    assert key.read_text() == "the lab's own\n"
    assert key.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("said", "doubts"), [("", False), ("restored\n", False),
                                              ("restored\n", True)])
def test_a_broker_is_waited_for_where_it_was_restarted(
    monkeypatch: pytest.MonkeyPatch, said: str, doubts: bool
) -> None:
    def restore(text: str) -> str:
        assert "\nKEY AND CERTIFICATE\nPEM\n" in text
        assert ("[ -z yes ]" in text) is doubts
        return said

    host = FakeHost("a-d-kafka01", {"the lab's own certificate": restore})
    place = site(host, issued=Issued("CA", hosts={"a-d-kafka01": "KEY AND CERTIFICATE\n"}))
    looks = iter([{}, {"1": [[], 1, "not yet"]}, {"1": [[], 1, ""]}])
    monkeypatch.setattr(guarded, "certificates", lambda site: next(looks))
    monkeypatch.setattr(guarded, "doubted", lambda site, hosts: hosts if doubts else ())
    assert guarded.recertified(place) == (
        ["a-d-kafka01: the lab's own certificate is back"] if said else [])
    assert list(looks) == ([] if said else [{}, {"1": [[], 1, "not yet"]}, {"1": [[], 1, ""]}])


def test_what_the_lab_file_grants_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[tuple[str, list[Right]]] = []
    has = {"clerk": {right("read topic kept"), right("read group *")},
           "bob": {right("read topic x")}}
    monkeypatch.setattr(Site, "kafka", None)
    monkeypatch.setattr(guarded, "Accounts", lambda cluster: SimpleNamespace(
        rights=lambda: has, revoke=lambda user, rights: gone.append((user, rights))))
    assert guarded.ungranted(site(), "clerk") == ["d: clerk may no more read group *"]
    assert gone == [("clerk", [right("read group *")])]


def test_who_proves_a_name_by_the_lab_file() -> None:
    file = load(PROJECT / "labs" / "guarded.toml").lab
    assert proven(file, "dc1") == ("clerk",)
    for change in ({"acls": False}, {"listeners": ("tls",)}):
        security = file.security.model_copy(update=change)
        assert proven(file.model_copy(update={"security": security}), "dc1") == ()
    elsewhere = file.users[0].model_copy(update={"datacenters": ("dc2",)})
    gone = file.users[0].model_copy(update={"absent": True})
    for one in (elsewhere, gone):
        assert proven(file.model_copy(update={"users": (one,)}), "dc1") == ()
