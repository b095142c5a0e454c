"""What hosts have otherwise than the lab file says: told where they can be reached."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import parse
from lab.state import Change, File, Key, Unit
from lab.topology import build
from scripts.errors import LabError
from scripts.hosts.converge import HostPlan
from scripts.operations import byhand
from scripts.operations.byhand import Found

TOPOLOGY = build(parse({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.1.0.0/24", "control": 0, "zookeeper": 1, "kafka": 2},
]}).lab)
ZOO, ONE, TWO = TOPOLOGY.hosts
SETTINGS = Change(Key("file", "/etc/kafka/server.properties"), File("a=1\n"), File("a=2\n"))
RESTART = Change(Key("unit", "kafka.service"), Unit("old"), Unit("new"))


class Lab:
    """A session on hosts of which some do not run, or let nobody in."""

    def __init__(self, *, stopped: tuple[str, ...] = (), closed: dict[str, str] | None = None,
                 absent: bool = False) -> None:
        self.topology, self.platform, self.asked = TOPOLOGY, self, list[str]()
        self.stopped, self.shut, self.absent = stopped, closed or {}, absent

    def instances(self) -> dict[str, Any]:
        return {} if self.absent else {
            host.name: SimpleNamespace(running=host.name not in self.stopped)
            for host in TOPOLOGY.hosts
        }

    def fleet(self, instances: dict[str, Any]) -> Any:
        def closed(names: list[str]) -> dict[str, LabError]:
            self.asked += names
            return {name: LabError(what) for name, what in self.shut.items() if name in names}

        return nullcontext(SimpleNamespace(closed=closed))

    def software(self) -> dict[str, str]:
        return {"kafka": "here"}

    def context(self, software: dict[str, str], instances: dict[str, Any], *_: object) -> str:
        assert software == {"kafka": "here"}, "what differs is known only with the software"
        return "context"


def look(lab: Lab, monkeypatch: pytest.MonkeyPatch, **changes: Change) -> Found:
    by_name = {"one": ONE.name, "two": TWO.name, "zoo": ZOO.name}
    own = {by_name[key]: change for key, change in changes.items()}

    def survey(fleet: object, hosts: list[Any], context: str) -> dict[str, HostPlan]:
        assert context == "context"
        return {host.name: HostPlan(host, (own[host.name],) if host.name in own else ())
                for host in hosts}

    monkeypatch.setattr(byhand, "survey", survey)
    session: Any = lab
    return byhand.find(session)


def test_a_file_that_somebody_changed_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(Lab(), monkeypatch, one=SETTINGS) == Found(
        (f"file /etc/kafka/server.properties on {ONE.name}",), drifted=True)
    assert look(Lab(), monkeypatch, one=SETTINGS, two=SETTINGS).lines == (
        f"file /etc/kafka/server.properties on {ONE.name}, {TWO.name}",)
    assert look(Lab(), monkeypatch, zoo=RESTART).lines == (f"restart kafka.service on {ZOO.name}",)


def test_hosts_in_order_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look(Lab(), monkeypatch) == Found(("no drift on 3 hosts",))


def test_who_cannot_be_reached_is_told_and_no_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    shut = dict.fromkeys((ONE.name, TWO.name), "no SSH connection")
    assert look(Lab(closed=shut), monkeypatch, one=SETTINGS) == Found((
        "no drift on 1 host", f"not looked at: {ONE.name}, {TWO.name}: no SSH connection"))
    shut[ZOO.name] = "its host key is not known"
    assert look(Lab(closed=shut), monkeypatch).lines == (
        f"not looked at: {ONE.name}, {TWO.name}: no SSH connection",
        f"not looked at: {ZOO.name}: its host key is not known",
    )


def test_only_hosts_that_run_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(stopped=(ONE.name,))
    assert look(lab, monkeypatch).lines == ("no drift on 2 hosts",)
    assert lab.asked == [ZOO.name, TWO.name]
    assert look(Lab(absent=True), monkeypatch) == Found()


def test_that_nobody_tells_of_hosts_is_told_and_no_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    def untold() -> dict[str, Any]:
        raise LabError("no AWS credentials here", hint="`aws configure`")

    lab = Lab()
    monkeypatch.setattr(lab, "instances", untold)
    assert look(lab, monkeypatch) == Found(
        ("not looked at: no AWS credentials here (`aws configure`)",))
