"""An exercise's topics and groups, taken away while mirrors make copies of what they have seen."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.endpoint import Endpoint
from lab.options.mirrors import Mirror
from scripts.errors import LabError, TimeoutExpired
from scripts.learning import removal
from tests.fakes import FakeFleet, FakeHost

REFRESH = 5


@dataclass
class Cluster:
    """A cluster that forgets topics and groups, and knows nothing else."""

    name: str
    topics: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    busy: dict[str, float] = field(default_factory=dict)  # until when a group has a member
    clock: Callable[[], float] = lambda: 0.0

    def list_topics(self, timeout: float) -> Any:
        assert timeout <= 10
        return SimpleNamespace(topics=dict.fromkeys(self.topics))

    def delete_topics(self, names: list[str], operation_timeout: int) -> dict[str, Any]:
        assert set(names) <= self.topics and operation_timeout
        return {name: lambda name=name: self.topics.discard(name) for name in names}

    def describe_consumer_groups(self, names: list[str]) -> dict[str, Any]:
        assert set(names) <= self.groups
        member = SimpleNamespace(client_id="a", host="/10.0.0.1")
        return {name: SimpleNamespace(result=lambda name=name: SimpleNamespace(
            members=[member] * (self.clock() < self.busy.get(name, 0)))) for name in names}

    def delete_consumer_groups(self, names: list[str]) -> dict[str, Any]:
        assert set(names) <= self.groups
        return {name: lambda name=name: self._forget(name) for name in names}

    def _forget(self, name: str) -> None:
        assert self.clock() >= self.busy.get(name, 0), "a broker refuses it: it has members"
        self.groups.discard(name)


class World:
    """Two clusters, a clock, and mirrors that look every REFRESH s what topics there are: what they
    know by then they copy all the time."""

    def __init__(self, mirrors: list[Mirror]) -> None:
        self.mirrors, self.now = mirrors, 0.0
        self.clusters = {
            name: Cluster(name, clock=lambda: self.now) for name in ("dc1", "dc2")}
        self.known: dict[str, set[str]] = {}
        self.look()

    def look(self) -> None:
        for one in self.mirrors:
            self.known[one.name] = {
                topic for topic in self.clusters[one.source].topics
                if not topic.startswith(f"{one.target}.")
            }

    def copy(self) -> None:
        for one in self.mirrors:
            for topic in self.known[one.name]:
                self.clusters[one.target].topics.add(removal.remote_name(one, topic))

    def pass_by(self, seconds: float) -> None:
        for _ in range(int(seconds * 2)):
            self.now += 0.5
            if self.now % REFRESH == 0:
                self.look()
            self.copy()

    def sites(self) -> Any:
        lab = SimpleNamespace(mirrors=self.mirrors, mirroring=SimpleNamespace(refresh_s=REFRESH))
        return {
            name: SimpleNamespace(name=name, lab=lab, kafka=SimpleNamespace(endpoint=name))
            for name in self.clusters
        }

    def until(
        self, condition: Callable[[], bool], *, timeout: float, where: str, message: str = ""
    ) -> None:
        deadline = self.now + timeout
        while not condition():
            if self.now >= deadline:
                raise TimeoutExpired("too late", where=where)
            self.pass_by(0.5)


def world(monkeypatch: pytest.MonkeyPatch, *mirrors: dict[str, Any]) -> World:
    made = World([Mirror.model_validate(one) for one in mirrors])
    monkeypatch.setattr(removal, "admin_client", lambda endpoint: made.clusters[endpoint])
    monkeypatch.setattr(removal, "group_names", lambda admin, where: sorted(admin.groups))
    monkeypatch.setattr(removal, "settle", lambda futures, where, but: [
        one() for one in futures.values()])
    monkeypatch.setattr(removal, "time", SimpleNamespace(monotonic=lambda: made.now))
    monkeypatch.setattr(removal, "wait_until", made.until)
    return made


THERE = {"from": "dc1", "to": "dc2"}
BACK = {"from": "dc2", "to": "dc1"}


@pytest.mark.parametrize("mirrors", [
    [THERE], [THERE, BACK], [{**THERE, "policy": "identity"}],
])
@pytest.mark.parametrize("known", [True, False])
def test_nothing_of_an_exercise_comes_back(
    monkeypatch: pytest.MonkeyPatch, mirrors: list[dict[str, Any]], known: bool
) -> None:
    made = world(monkeypatch, *mirrors)
    for cluster in made.clusters.values():
        cluster.topics |= {"orders", "mine"}
        cluster.groups |= {"shop", "mine"}
    if known:
        made.pass_by(REFRESH)
    done = removal.remove_mirrored(made.sites(), made.mirrors[0], ["orders"], ["shop"])
    assert {"dc1: topic orders removed", "dc2: topic orders removed",
            "dc1: group shop removed", "dc2: group shop removed"} <= set(done)
    assert len(set(done)) == len(done)
    made.pass_by(4 * REFRESH)
    for cluster in made.clusters.values():
        assert not [one for one in cluster.topics if "orders" in one]
        assert "mine" in cluster.topics and cluster.groups == {"mine"}


def test_where_there_is_nothing_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(monkeypatch, THERE, BACK)
    assert removal.remove_mirrored(made.sites(), made.mirrors[0], ["orders"], ["shop"]) == []
    assert made.now == 0


def test_a_group_is_removed_once_its_members_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(monkeypatch)
    here = made.clusters["dc1"]
    here.topics, here.groups, here.busy = {"orders"}, {"shop"}, {"shop": 20.0}
    removal.remove(made.sites()["dc1"], ["orders"], ["shop"])
    assert not here.topics and not here.groups and 20 <= made.now < 22


def test_a_group_whose_members_stay_is_told_before_anything_is_removed(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world(monkeypatch)
    here = made.clusters["dc1"]
    here.topics, here.groups, here.busy = {"orders"}, {"shop"}, {"shop": 1e9}
    with pytest.raises(LabError, match="shop still has members"):
        removal.remove(made.sites()["dc1"], ["orders"], ["shop"])
    assert here.topics == {"orders"}


@dataclass
class Shares:
    """kafka-python's client of a cluster with share groups. leaving: how many tries it takes until
    a group's workers have left, None for never. settings: of groups, which outlive them."""

    groups: set[str]
    leaving: int | None = 0
    settings: set[str] = field(default_factory=set)

    def list_groups(self, types_filter: list[str]) -> list[dict[str, str]]:
        assert types_filter == ["share"]
        return [{"group_id": one} for one in self.groups]

    def delete_groups(self, names: list[str]) -> dict[str, str]:
        assert set(names) <= self.groups
        if self.leaving != 0:
            self.leaving = self.leaving and self.leaving - 1
            return dict.fromkeys(names, "NonEmptyGroupError")
        self.groups -= set(names)
        return dict.fromkeys(names, "OK")

    def reset_configs(self, resources: list[Any], raise_on_unknown: bool) -> None:
        assert not raise_on_unknown, "the client knows no settings of groups"
        assert {one.resource_type.name for one in resources} == {"GROUP"}
        assert all([*one.configs] == ["share.auto.offset.reset"] for one in resources)
        self.settings -= {one.name for one in resources}

    def close(self) -> None:
        self.settings.add("closed")


@pytest.fixture
def shares(monkeypatch: pytest.MonkeyPatch) -> Shares:
    one = Shares({"mine", "other"}, settings={"mine", "other"})
    monkeypatch.setattr("scripts.clients.brokers.python_admin", lambda endpoint, request_ms: one)
    return one


SITE: Any = SimpleNamespace(name="dc1", kafka=SimpleNamespace(endpoint=Endpoint("a:1")))


@pytest.mark.parametrize("leaving", [0, 2])
def test_a_share_group_goes_with_its_settings_once_its_workers_have_left(
    shares: Shares, leaving: int
) -> None:
    shares.leaving = leaving
    assert removal.remove_shared(SITE, ["mine"]) == ["dc1: share group mine removed"]
    assert (shares.groups, shares.settings) == ({"other"}, {"other", "closed"})
    assert removal.remove_shared(SITE, ["mine"]) == [], "it was not there any more"


def test_settings_of_a_share_group_that_never_was_go_too(shares: Shares) -> None:
    shares.groups.clear()
    assert removal.remove_shared(SITE, ["mine"]) == [] and "mine" not in shares.settings
    assert removal.remove_shared(SITE, []) == []


def test_workers_that_stay_are_a_line(
    shares: Shares, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removal, "GONE_SECONDS", 0.2)
    shares.leaving = None
    with pytest.raises(LabError, match=r"dc1: share group mine .* workers are in it \(end them"):
        removal.remove_shared(SITE, ["mine"])


def test_a_cluster_that_does_not_answer_for_its_share_groups_is_a_line(
    shares: Shares, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(types_filter: list[str]) -> None:
        raise OSError("connection lost")

    monkeypatch.setattr(shares, "list_groups", lost)
    with pytest.raises(LabError, match="dc1: share groups cannot be removed: connection lost"):
        removal.remove_shared(SITE, ["mine"])


class Connect:
    """A worker with two connectors; the second is somebody else's."""

    def __init__(self, site: object) -> None:
        self.there = CONNECTORS

    def states(self) -> list[Any]:
        return [SimpleNamespace(name=one) for one in self.there]

    def patiently(self, method: str, path: str) -> None:
        assert method == "DELETE"
        self.there.remove(path.rpartition("/")[2])


CONNECTORS: list[str] = []


def test_connectors_and_files_of_an_exercise_go_and_no_others(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    CONNECTORS[:] = ["reads", "theirs"]
    mine, name = tmp_path / "in file.txt", "ann-dc1-ctl01"
    mine.write_text("x")

    def remove(text: str) -> str:
        return subprocess.run(["bash", "-c", text], capture_output=True, text=True,
                              check=True).stdout

    monkeypatch.setattr(removal, "Workers", Connect)
    site: Any = SimpleNamespace(
        name="dc1", carriers=lambda service: (SimpleNamespace(name=name),),
        fleet=FakeFleet([FakeHost(name, {"remove files": remove})]),
    )
    files = [str(mine), str(tmp_path / "none.txt")]
    done = removal.remove_connectors(site, ["reads", "reads-2"], files)
    assert done[0] == "dc1: connector reads removed"
    assert CONNECTORS == ["theirs"] and not mine.exists()
    assert removal.remove_connectors(site, ["reads"], files) == []
    assert removal.remove_connectors(None, [], []) == [], "nobody is asked"  # type: ignore[arg-type]
