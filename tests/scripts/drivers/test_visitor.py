"""Who logs in while the lab tries its own listeners: he comes with few rights, and leaves."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import parse
from lab.listeners import Issued
from lab.rights import Right
from lab.services.local import local_context
from lab.topology import build
from scripts.clients import allowed, scram, tls
from scripts.drivers import visitor as module
from scripts.drivers.driver import Site
from scripts.drivers.users import LOWEST
from scripts.drivers.visitor import NAME, Visitor, visiting
from scripts.errors import LabError
from tests.fakes import FakeFleet

STEM = "kafkalab-verify-wire-"


class Bench:
    """A cluster that notes what is done to its users, and knows them after a while."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, acls: bool) -> None:
        topology = build(parse({
            "owner": "a", "security": {"listeners": "kerberos", "acls": acls}, "datacenters": [
                {"name": "d", "cidr": "10.1.0.0/24", "zookeeper": 1, "kafka": 2}],
        }).lab)
        context = replace(local_context(topology, {}), issued=Issued("CA", "/state/ca.pem"))
        self.site = Site(FakeFleet([]), context, topology.datacenters[0])
        self.done: list[tuple[str, Any]] = []
        self.password = ""
        self.knows = 1  # the attempts that are refused beforehand
        self.refused = "not granted yet"
        monkeypatch.setattr(Site, "kafka", SimpleNamespace())
        monkeypatch.setattr(module, "Accounts", lambda cluster: self)
        monkeypatch.setattr(module, "KNOWN_SECONDS", 0.3)
        monkeypatch.setattr(tls, "own", lambda kind, issued: kind)
        monkeypatch.setattr(tls, "refusal", self.refusal)
        monkeypatch.setattr(scram, "login", self.login)
        monkeypatch.setattr(allowed, "of_topics", self.of_topics)

    def set_password(self, user: str, password: str, rounds: int) -> None:
        assert user == NAME and rounds >= LOWEST and len(password) >= 20
        self.password = password
        self.done.append(("password", None))

    def grant(self, user: str, rights: Iterable[Right]) -> None:
        assert user == NAME
        self.done.append(("grant", sorted(map(str, rights))))

    def revoke(self, user: str, rights: Iterable[Right]) -> None:
        assert user == NAME
        self.done.append(("revoke", sorted(map(str, rights))))

    def drop_password(self, user: str) -> None:
        assert user == NAME
        self.done.append(("gone", None))

    def refusal(self, address: tuple[str, int], trust: Any, ask: Callable[[Any], str]) -> str:
        assert trust.mechanism == "SCRAM-SHA-512" and address[0] == "127.0.0.1"
        return ask(None)

    def login(self, there: Any, user: str, password: str) -> str:
        assert (user, password) == (NAME, self.password)
        return ""

    def of_topics(self, there: Any, names: list[str]) -> Any:
        assert names == [STEM]
        self.knows -= 1
        may = frozenset({"read", "write", "describe"} if self.knows < 0 else {"read"})
        return {STEM: may}, frozenset()


RIGHTS = ["read group console-consumer-*", "read group kafkalab-reader",
          f"read topic {STEM}*", f"write topic {STEM}*"]


@pytest.mark.parametrize("acls", [True, False])
def test_he_comes_with_what_he_needs_and_leaves(
    monkeypatch: pytest.MonkeyPatch, acls: bool
) -> None:
    bench, rights = Bench(monkeypatch, acls=acls), RIGHTS if acls else []
    with visiting(bench.site, STEM) as visitor:
        assert bench.done == [("password", None), ("grant", rights)] and bench.knows == -2
        assert visitor.password == bench.password and visitor.realm == "D.LAB.INTERNAL"
        assert visitor.password not in repr(visitor)
    assert bench.done[2:] == [("revoke", rights), ("gone", None)]


def test_he_leaves_where_a_broker_does_not_take_him(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, acls=True)
    bench.knows = 1000
    refused = "EXTERNAL_SCRAM does not take kafkalab-verify: not granted"
    with pytest.raises(LabError, match=refused), visiting(bench.site, STEM):
        pytest.fail("nobody lets him in")
    assert bench.done[2:] == [("revoke", RIGHTS), ("gone", None)]


def test_the_lab_itself_needs_no_words(monkeypatch: pytest.MonkeyPatch) -> None:
    visitor = Visitor("secret-1", "D")
    for kind in ("plaintext", "tls", "mtls"):
        assert (visitor.librdkafka(kind), visitor.java(kind), visitor.before(kind)) == ({}, {}, "")
    assert visitor.before("scram") == ""


@pytest.mark.parametrize("ends", ["true", "false"])
def test_in_the_realm_he_is_for_as_long_as_the_script_runs(tmp_path: Path, ends: str) -> None:
    """The script on a host, with a keeper that notes what it is told."""
    told = tmp_path / "told"
    (tmp_path / "runuser").write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/run\ncat >>{told}\n')
    (tmp_path / "runuser").chmod(0o755)
    folder = tmp_path / "folder"
    folder.mkdir()
    script = (f"set -eu\nfolder={folder}\n{Visitor('secret-1', 'D.X').before('kerberos')}\n"
              f'echo "$KRB5CCNAME"; base64 "$folder/keytab"; {ends}\n')
    run = subprocess.run(
        ["bash", "-s"], input=script, capture_output=True, text=True, check=False,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert run.returncode == (0 if ends == "true" else 1) and not folder.exists()
    assert told.read_text().splitlines() == [
        "delprinc -force kafkalab-verify", "addprinc -pw secret-1 kafkalab-verify",
        "delprinc -force kafkalab-verify"]
    assert "secret-1" not in (tmp_path / "run").read_text(), "no process list has it"
    cache, *keys = run.stdout.splitlines()
    assert cache == f"FILE:{folder}/tickets"
    assert b"kafkalab-verify" in base64.b64decode("".join(keys))
