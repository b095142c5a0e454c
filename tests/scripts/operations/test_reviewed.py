"""A plan for programs, and that a later one does only what it showed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.file import parse
from lab.state import Change, File, Key, Package, Unit
from lab.topology import build
from scripts.errors import LabError, UsageError
from scripts.hosts.converge import HostPlan
from scripts.operations import reviewed
from scripts.operations.plan import Plan

TOPOLOGY = build(parse({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.1.0.0/24", "control": 0, "zookeeper": 1, "kafka": 2},
]}).lab)
ZOO, ONE, TWO = TOPOLOGY.hosts
SETTINGS = Change(Key("file", "/etc/kafka/server.properties"), File("a=1\n"), File("a=2\n"))
PASSWORDS = Change(Key("file", "/etc/kafka/users"), File("", secret=True),
                   File("hunter2", secret=True))
RESTART = Change(Key("unit", "kafka.service"), Unit("old"), Unit("new"))
CHANGES = (SETTINGS, PASSWORDS, RESTART, Change(Key("package", "kcat"), None, Package("/bin/kcat")))


class Platform:
    """One on which others make hosts, and whose keys are learned when one asks for them."""

    steps = SimpleNamespace(absent="somebody else", stopped="nobody")

    def __init__(self) -> None:
        self.met: list[set[str]] = []
        self.strange: set[str] = set()

    def instances(self) -> dict[str, Any]:
        return {host.name: SimpleNamespace(running=True, standing=None, name=host.name, host_key=(
            "" if host.name in self.strange else "key")) for host in TOPOLOGY.hosts}

    def create(self, software: object, names: set[str]) -> None:
        assert software == {}
        self.met.append(names)


@pytest.fixture
def session() -> Any:
    return SimpleNamespace(
        topology=TOPOLOGY, platform=Platform(), platform_name="aws",
        file=SimpleNamespace(warnings=()),
    )


Planned = Callable[..., dict[str, Any]]


@pytest.fixture
def planned(session: Any, monkeypatch: pytest.MonkeyPatch) -> Planned:
    """The document of a plan with these changes of brokers, and whatever else."""
    def make(*changes: Change, **fields: Any) -> dict[str, Any]:
        plan = Plan(**{"absent": (), "stopped": (), "hosts": {
            host.name: HostPlan(host, changes) for host in (ONE, TWO)
        }, **fields})
        monkeypatch.setattr(reviewed, "gather", lambda *_, narrowed: plan)
        return reviewed.document(session, TOPOLOGY.hosts)

    return make


def test_programs_get_the_diffs_the_restarts_and_what_a_person_reads(planned: Planned) -> None:
    found = planned(*CHANGES, things=("+ topic orders",), restarts=(f"{ONE.name} kafka",))
    assert json.loads(json.dumps(found)) == found
    assert (found["format"], found["lab"], found["changes"]) == (1, "kafkalab", 9)
    zoo, one, _ = found["hosts"]
    assert (zoo["state"], zoo["changes"], one["roles"][0]) == ("running", [], "kafka")
    assert [(each["name"], each["restarts"]) for each in one["changes"]] == [
        ("/etc/kafka/server.properties", False), ("/etc/kafka/users", False),
        ("kafka.service", True), ("kcat", False),
    ]
    assert one["changes"][0]["lines"][-2:] == ["-a=1", "+a=2"]
    assert found["clusters"] == ["+ topic orders"]
    assert found["restarts"] == [f"{ONE.name} kafka"]
    assert found["lines"][-1] == found["summary"]
    assert "    +a=2" in found["lines"]


def test_nothing_shows_what_a_secret_file_holds(planned: Planned) -> None:
    found = planned(*CHANGES)
    assert [each["lines"] for each in found["hosts"][1]["changes"] if each["secret"]] == [
        ["~ file /etc/kafka/users"]]
    assert "hunter2" not in json.dumps(found)


def test_hosts_that_are_not_there_say_so(planned: Planned) -> None:
    found = planned(absent=(ZOO, ONE), stopped=(ONE,), hosts={})
    assert [each["state"] for each in found["hosts"]] == ["absent", "stopped", "running"]


@given(st.sets(st.sampled_from(range(len(CHANGES)))), st.sets(st.sampled_from(range(len(CHANGES)))))
def test_what_was_not_shown_is_what_is_new(shown: set[int], now: set[int]) -> None:
    def of(chosen: set[int]) -> dict[str, Any]:
        changes = [reviewed.described(CHANGES[number]) for number in sorted(chosen)]
        return {"hosts": [{"name": "a", "state": "running", "changes": changes}],
                "clusters": [], "passages": [], "leaving": [], "groundwork": []}

    assert len(list(reviewed.unshown(of(shown), of(now)))) == len(now - shown)


def test_another_value_of_the_same_setting_was_not_shown(planned: Planned) -> None:
    shown = planned(SETTINGS, RESTART)
    other = Change(SETTINGS.key, SETTINGS.before, File("a=3\n"))
    assert list(reviewed.unshown(shown, planned(other, RESTART))) == [
        f"{host.name}: file /etc/kafka/server.properties" for host in (ONE, TWO)]
    # Somebody changed the file by hand meanwhile.
    other = Change(SETTINGS.key, File("a=7\n"), SETTINGS.after)
    assert len(list(reviewed.unshown(shown, planned(other, RESTART)))) == 2
    assert not list(reviewed.unshown(shown, planned()))


def test_of_a_host_that_was_to_be_made_all_was_shown(planned: Planned) -> None:
    shown = planned(absent=(TWO,), hosts={ONE.name: HostPlan(ONE, (SETTINGS,))})
    assert not list(reviewed.unshown(shown, planned(SETTINGS, hosts={
        ONE.name: HostPlan(ONE, (SETTINGS,)), TWO.name: HostPlan(TWO, CHANGES)})))
    assert list(reviewed.unshown(planned(), planned(absent=(TWO,), hosts={}))) == [
        f"{TWO.name} is absent"]
    fewer = {**shown, "hosts": shown["hosts"][:2]}
    assert list(reviewed.unshown(fewer, shown)) == [f"{TWO.name} was not in it"]


def test_neither_is_a_topic_that_was_not_in_it(planned: Planned) -> None:
    shown = planned(things=("+ topic a",))
    assert list(reviewed.unshown(shown, planned(things=("+ topic a", "- topic b")))) == [
        "- topic b"]


def written(folder: Path, found: object) -> Path:
    path = folder / "hosts.json"
    path.write_text(json.dumps(found))
    return path


def test_a_run_that_would_do_more_does_nothing(
    session: Any, planned: Planned, tmp_path: Path
) -> None:
    path = written(tmp_path, planned(SETTINGS))
    reviewed.hold(session, TOPOLOGY.hosts, path, narrowed=False)
    planned(SETTINGS, RESTART)
    with pytest.raises(LabError, match=(
        r"2 changes were not in the plan .* nothing was done: .*: restart kafka.service;.*reviewed"
    )):
        reviewed.hold(session, TOPOLOGY.hosts, path, narrowed=False)


def test_hosts_that_terraform_has_just_made_are_met_first(
    session: Any, planned: Planned, tmp_path: Path
) -> None:
    path = written(tmp_path, planned())
    reviewed.hold(session, TOPOLOGY.hosts, path, narrowed=False)
    assert session.platform.met == []
    session.platform.strange = {TWO.name}
    reviewed.hold(session, TOPOLOGY.hosts, path, narrowed=False)
    assert session.platform.met == [{TWO.name}]


@pytest.mark.parametrize(("found", "told"), [
    ({"format": 2, "hosts": []}, "another format"),
    ({"format": 1, "hosts": [], "lab": "other"}, "a plan of other, not of kafkalab"),
    ([], "list"), ({"lab": "kafkalab"}, "format"),
])
def test_what_is_no_plan_of_this_lab_is_refused(
    found: object, told: str, tmp_path: Path, session: Any
) -> None:
    with pytest.raises(UsageError, match=told):
        reviewed.hold(session, TOPOLOGY.hosts, written(tmp_path, found), narrowed=False)
    with pytest.raises(UsageError, match="No such file"):
        reviewed.hold(session, TOPOLOGY.hosts, tmp_path / "none", narrowed=False)
