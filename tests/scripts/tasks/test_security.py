"""What `fab security.check` says of the wire, and what counts."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.topology import USERS_OFFSET, build
from scripts.clients import tls
from scripts.drivers import permitted, wire
from scripts.drivers.driver import Site
from scripts.drivers.eavesdropper import Forbidden
from scripts.drivers.permitted import Told
from scripts.drivers.wire import FOUND, HIDDEN, Overheard
from scripts.errors import CommandError, LabError
from scripts.tasks.security import _allowed, _listened_in, _shown
from scripts.workstation import authority
from tests.fakes import FakeFleet

SITE = cast(Any, SimpleNamespace(name="dc1"))


def listened_in(monkeypatch: pytest.MonkeyPatch, answer: Callable[[], Any]) -> int:
    session = cast(Any, SimpleNamespace(platform=SimpleNamespace(begin="begin")))

    def overheard(site: Any, begin: Any) -> Any:
        assert (site, begin) == (SITE, "begin")
        return answer()

    monkeypatch.setattr(wire, "overheard", overheard)
    return _listened_in(session, SITE)


def test_what_is_not_as_it_should_be_counts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = (Overheard("k1", "EXTERNAL_TLS", FOUND, False),
             Overheard("k1", "INTERNAL_TLS", HIDDEN, True),
             Overheard("k2", "INTERNAL_TLS", "nothing of this listener was seen", None))
    assert listened_in(monkeypatch, lambda: found) == 2, "also what was not proven"
    said = capsys.readouterr().out
    assert [line.split()[-1] for line in said.splitlines() if " k1 " in line] == ["WRONG", "be"]
    assert "nothing of this listener was seen   not proven" in said
    assert said.endswith("dc1: listened in on 3 listeners, 1 of them not as it should be, "
                         "1 not proven\n")


@pytest.mark.parametrize(("error", "said", "counts"), [
    (Forbidden("nobody can listen in there: operation not permitted", where="k1"),
     "dc1: nobody listened in: k1: nobody can listen in there: operation not permitted\n", 0),
    (CommandError(["podman", "exec"], 126, "", "gone"),
     "dc1: what the wire shows is not proven: `podman exec` ended with 126: gone\n", 1),
    (LabError("INTERNAL_SCRAM: a record did not come back", where="k1"),
     "dc1: what the wire shows is not proven: k1: INTERNAL_SCRAM: a record did not come back\n",
     1),
    (TimeoutError("timed out"), "dc1: what the wire shows is not proven: network: timed out", 1),
    (OSError("no port"), "dc1: what the wire shows is not proven: no port\n", 1),
])
def test_where_nobody_listened_in_a_line_says_so_and_counts_unless_it_is_forbidden(
    error: Exception, said: str, counts: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails() -> None:
        raise error

    assert listened_in(monkeypatch, fails) == counts
    assert capsys.readouterr().out.startswith(said)


def test_what_users_may_is_told_and_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [
        Told("app", "topic orders", ("read", "describe"), ("write",), True),
        Told("app", "any other topic", ("read",), (), False),
        Told("app", "group g", (), (), None, "entries that the lab did not make"),
    ]
    monkeypatch.setattr(permitted, "permitted", lambda site: tuple(found))
    assert _allowed(SITE) == 1
    said = capsys.readouterr().out
    rows = [[cell.strip() for cell in line.split("   ") if cell.strip()]
            for line in said.splitlines() if " app " in line]
    assert rows == [
        ["dc1", "app", "topic orders", "read, describe", "write", "as it should be"],
        ["dc1", "app", "any other topic", "read", "nothing", "WRONG"],
        ["dc1", "app", "group g", "nothing", "everything",
         "not proven: entries that the lab did not make"],
    ]
    assert said.endswith("dc1: 3 answers to users, 1 of them not as the lab file says, "
                         "1 not proven\n")


def test_where_nobody_is_asked_nothing_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(permitted, "permitted", lambda site: ())
    assert (_allowed(SITE), capsys.readouterr().out) == (0, "")


def test_a_listener_for_tickets_has_no_port_here_that_could_show_a_certificate(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    topology = build(parse({
        "owner": "a", "security": {"listeners": "kerberos"}, "datacenters": [
            {"name": "d", "cidr": "10.1.0.0/24", "zookeeper": 1, "kafka": 2}]}).lab)
    site = Site(FakeFleet([]), local_context(topology, {}), topology.datacenters[0])
    monkeypatch.setattr(tls, "certificate", lambda address: f"of {address[1]}")
    monkeypatch.setattr(authority, "read", lambda pem: pem)
    login = [host.ssh_port + USERS_OFFSET for host in site.carriers("kafka")]
    assert list(_shown(site).values()) == [f"of {port}" for port in login]
