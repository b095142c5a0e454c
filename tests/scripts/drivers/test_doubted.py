"""Brokers that nobody believes any more: who is one, and that they restart before anybody asks."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.file import parse
from lab.listeners import Issued, Listening
from lab.services.local import local_context
from lab.topology import Host, build
from scripts.clients import tls
from scripts.drivers import turns
from scripts.drivers.doubted import doubted
from scripts.drivers.driver import Driver, Site
from scripts.workstation.authority import Authority
from scripts.workstation.paths import PROJECT
from tests import closed
from tests.fakes import FakeFleet

CERTIFY = PROJECT / "exercises" / "ch9-cert" / "certify.py"
HERE = "127.0.0.1"


def certify(authority: Authority, name: str, seconds: int, *names: str) -> None:
    """A certificate as the exercise's program makes it, beside those of the authority."""
    printed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["certify.py", str(authority.folder), str(seconds), *names])
        patch.setattr("builtins.print", lambda text, end: printed.append(text))
        runpy.run_path(str(CERTIFY), run_name="__main__")
    (authority.folder / f"{name}.pem").write_text("".join(printed))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    one = Authority(tmp_path, "a")
    one.issue({"good": (HERE,)}, days=1)
    certify(one, "short", 60, HERE, "k1")
    certify(one, "ended", -1, HERE)
    certify(one, "misnamed", 60, "old.example")
    other = Authority(tmp_path / "other", "b")
    other.issue({"stranger": (HERE,)}, days=1)
    (other.folder / "stranger.pem").rename(one.folder / "stranger.pem")
    return one


@pytest.mark.parametrize(("name", "doubtful", "said"), [
    ("good", False, ""), ("short", False, ""), ("ended", True, "certificate has expired"),
    ("misnamed", True, "IP address mismatch"), ("stranger", True, "unable to get local issuer"),
])
def test_what_clients_believe(authority: Authority, name: str, doubtful: bool, said: str) -> None:
    trust = tls.trusting(str(authority.file))
    with closed.closed(authority, name) as address:
        assert tls.doubtful(address, trust) is doubtful
        assert said in tls.refusal(address, trust)


def test_who_does_not_answer_is_not_doubted(authority: Authority) -> None:
    trust = tls.trusting(str(authority.file))
    with closed.listening(closed.broker) as address:
        assert not tls.doubtful(address, trust)
    assert not tls.doubtful(address, trust)


def site(authority: Authority, listeners: object, *addresses: tuple[str, int]) -> Site:
    topology = build(parse({
        "owner": "a", "security": {"listeners": listeners}, "datacenters": [
            {"name": "d", "cidr": "10.1.0.0/24", "zookeeper": 1, "kafka": max(1, len(addresses))}],
    }).lab)
    (datacenter,) = topology.datacenters
    context = local_context(topology, {})
    reached = {(host.name, 9194): address
               for host, address in zip(datacenter.by_role("kafka"), addresses, strict=False)}
    return Site(FakeFleet([]), replace(context, reached=reached, issued=Issued(
        "CA", str(authority.file), client_path=str(authority.client))), datacenter)


@contextmanager
def brokers(authority: Authority, *names: str, asks: bool) -> Iterator[list[tuple[str, int]]]:
    if not names:
        yield []
        return
    with closed.closed(authority, names[0], asks=asks) as first, \
            brokers(authority, *names[1:], asks=asks) as others:
        yield [first, *others]


@pytest.mark.parametrize("kind", ["tls", "mtls"])
def test_only_those_whose_certificate_is_not_believed_are_doubted(
    authority: Authority, kind: str
) -> None:
    with brokers(authority, "good", "ended", "misnamed", asks=kind == "mtls") as addresses:
        place = site(authority, kind, *addresses)
        hosts = place.datacenter.by_role("kafka")
        assert doubted(place, hosts) == hosts[1:]
        assert doubted(place, hosts[:2]) == hosts[1:2]
        moving = replace(place, context=replace(
            place.context, listening={"d": Listening(("plaintext", kind), kind, "plaintext")}))
        assert doubted(moving, hosts) == (), "its clients come in by another door"


def test_an_open_lab_doubts_nobody(authority: Authority) -> None:
    place = site(authority, "plaintext", (HERE, 1))
    assert doubted(place, place.datacenter.by_role("kafka")) == ()


class Turns(Driver):
    """Settles only while everybody who is left is believed."""

    def __init__(self, shut: Sequence[str]) -> None:
        self.service = cast(Any, SimpleNamespace(name="kafka", unit="kafka.service"))
        self.closed = list(shut)
        self.asked: list[list[str]] = []

    def shut(self, site: Site, hosts: Sequence[Host]) -> tuple[Host, ...]:
        return tuple(one for one in hosts if one.name in self.closed)

    def settled(self, site: Site) -> Any:
        assert not self.closed, "nobody can be asked"

    def order(self, hosts: Sequence[Host], seen: Any) -> list[Any]:
        self.asked.append([one.name for one in hosts])
        return [SimpleNamespace(host=one) for one in reversed(hosts)]


@pytest.mark.parametrize(("shut", "order"), [
    ([], ["c", "b", "a"]), (["b"], ["b", "c", "a"]), (["a", "c"], ["a", "c", "b"]),
    (["a", "b", "c"], ["a", "b", "c"]),
])
def test_who_lets_nobody_in_restarts_first(
    monkeypatch: pytest.MonkeyPatch, shut: list[str], order: list[str]
) -> None:
    driver, done = Turns(shut), []

    def restart(driver: Turns, site: Site, host: Host, *more: Any) -> None:
        done.append(host.name)
        if host.name in driver.closed:
            driver.closed.remove(host.name)

    monkeypatch.setattr(turns, "_restart", restart)
    monkeypatch.setattr(turns, "replace", lambda site, joining: site)
    hosts = cast(Any, [SimpleNamespace(name=name) for name in "abc"])
    turns.restart_in_turn(driver, cast(Any, None), hosts, cast(Any, None))
    assert done == order
    assert len(driver.asked) == 3 - len(shut)
