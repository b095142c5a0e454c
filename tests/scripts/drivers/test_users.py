"""Users in a cluster, against brokers that refuse what they do not expect and tell no password."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.file import parse
from lab.resources import CLIENT, USER
from lab.rights import Right, right
from lab.services.local import local_context
from lab.services.registry import resources
from lab.topology import build
from scripts.clients.kafka import Cluster, View
from scripts.drivers import users
from scripts.drivers.driver import Report, Site
from scripts.drivers.record import Noted, Record
from scripts.drivers.registry import driver
from scripts.errors import LabError
from scripts.workstation import passwords
from scripts.workstation.passwords import Passwords
from tests.fakes import FakeFleet

FILE: dict[str, Any] = {
    "users": [{"name": "app", "quotas": {"producer_byte_rate": 1000}}, {"name": "bob"}],
    "clients": [{"id": "loader", "quotas": {"request_percentage": 12.5}}],
}


class Killed(BaseException):
    """The program ends where this is raised: nothing of it catches it."""


@dataclass
class Brokers:
    """What a cluster knows. `dies_at`: the number of the change that is the program's last; nobody
    hears whether it was made (`dies_after`)."""

    given: dict[str, tuple[str, int]] = field(default_factory=dict)  # password, rounds
    limits: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    may: dict[str, set[Right]] = field(default_factory=dict)
    authorizes: bool = True
    record: dict[str, Noted] = field(default_factory=dict)
    silent: bool = False
    dies_at: int = -1
    dies_after: bool = False
    changes: int = 0

    def change(self, work: Any) -> None:
        self.changes += 1
        last = self.changes - 1 == self.dies_at
        if last and not self.dies_after:
            raise Killed
        work()
        if last:
            raise Killed

    # -- as scripts.clients.accounts.Accounts

    def passwords(self) -> dict[str, int]:
        if self.silent:
            raise LabError("no broker answers")
        return {name: rounds for name, (_, rounds) in self.given.items()}

    def set_password(self, user: str, password: str, rounds: int) -> None:
        assert 4096 <= rounds <= 16384, "brokers take no other"
        self.change(lambda: self.given.update({user: (password, rounds)}))

    def drop_password(self, user: str) -> None:
        assert user in self.given
        self.change(lambda: self.given.pop(user))

    def quotas(self, kind: str) -> dict[str, dict[str, float]]:
        if self.silent:
            raise LabError("no broker answers")
        return {name: dict(has) for (of, name), has in self.limits.items() if of == kind and has}

    def set_quotas(self, kind: str, name: str, quotas: Mapping[str, float | None]) -> None:
        def work() -> None:
            has = self.limits.setdefault((kind, name), {})
            for key, value in quotas.items():
                if value is None:
                    del has[key]
                else:
                    has[key] = value

        self.change(work)

    def rights(self) -> dict[str, set[Right]]:
        if not self.authorizes:
            return {}
        return {name: {*rights} for name, rights in self.may.items() if rights}

    def grant(self, user: str, rights: Iterable[Right]) -> None:
        if rights := {*rights}:
            assert self.authorizes
            self.change(lambda: self.may.setdefault(user, set()).update(rights))

    def revoke(self, user: str, rights: Iterable[Right]) -> None:
        if rights := {*rights}:
            assert self.authorizes and rights <= self.may[user]
            self.change(lambda: self.may[user].difference_update(rights))

    # -- as scripts.drivers.record.Record

    def read(self) -> dict[str, Noted]:
        return dict(self.record)

    def note(self, name: str, config: Any, digest: str = "") -> None:
        self.change(lambda: self.record.pop(name, None) if config is None else
                    self.record.update({name: Noted(tuple(sorted(config)), digest)}))


@pytest.fixture
def brokers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Brokers:
    found = Brokers()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(passwords, "ROUNDS", 1)
    monkeypatch.setattr(users, "Accounts", lambda cluster: found)
    monkeypatch.setattr(Record, "read", lambda record: found.read())
    monkeypatch.setattr(Record, "note", lambda record, *words: found.note(*words))
    monkeypatch.setattr(Cluster, "wait_healthy", lambda cluster: View((1,), 1, ()))
    monkeypatch.setattr(users, "KNOWN_SECONDS", 0.0)
    return found


def site(**sections: Any) -> Site:
    topology = build(parse({
        "owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}],
        **(sections or FILE),
    }).lab)
    return Site(FakeFleet([]), local_context(topology, {}), topology.datacenters[0])


def plan(place: Site, *, there: bool = True) -> list[str]:
    wanted = resources(place.datacenter, place.context)
    found = driver("users").differences(place, wanted, there=there)
    return [*found.lines, *(f"refused: {text}" for text in found.refused)]


def up(place: Site) -> int:
    return driver("users").reconcile(
        place, resources(place.datacenter, place.context), lambda what: None)


MADE = [
    "+ user app of dc1 (password, producer_byte_rate = 1000)", "+ user bob of dc1 (password)",
    "+ client loader of dc1 (request_percentage = 12.5)",
]


def test_what_is_planned_is_made_and_a_second_run_changes_nothing(brokers: Brokers) -> None:
    place = site()
    assert plan(place) == plan(place, there=False) == MADE
    assert not brokers.changes and Passwords("kafkalab").read("app") is None, "only looked"
    assert up(place) == 3
    assert brokers.given.keys() == {"app", "bob"}
    assert brokers.given["app"][0] == Passwords("kafkalab").read("app")
    assert brokers.limits == {(USER, "app"): {"producer_byte_rate": 1000},
                              (CLIENT, "loader"): {"request_percentage": 12.5}}
    assert plan(place) == [] and up(place) == 0
    report = Report("dc1")
    assert driver("users").verify(place, report)
    assert report.lines[0].seen == "2 users, 1 client id as the lab file has them"


def test_what_changes_is_changed_alone(brokers: Brokers) -> None:
    up(site())
    before = dict(brokers.given)
    other = site(users=[{"name": "app", "quotas": {"consumer_byte_rate": 7}}, {"name": "bob"}])
    lines = ["~ user app of dc1: consumer_byte_rate: (none) -> 7",
             "~ user app of dc1: producer_byte_rate: 1000 -> (none)"]
    assert plan(other) == lines
    assert up(other) == 1
    assert brokers.given == before, "a password stays"
    assert brokers.limits[USER, "app"] == {"consumer_byte_rate": 7}
    assert (CLIENT, "loader") in brokers.limits, "what the file has no more stays"
    assert plan(other) == []


def test_nobody_elses_is_touched(brokers: Brokers) -> None:
    brokers.given["app"] = ("theirs", 4096)
    brokers.limits = {(USER, "bob"): {"producer_byte_rate": 5},
                      (CLIENT, "loader"): {"request_percentage": 3}}
    there = (dict(brokers.given), {**brokers.limits})
    for change in ({}, {"absent": True}):
        place = site(**{kind: [{**one, **change} for one in several]
                        for kind, several in FILE.items()})
        word = "removed" if change else "changed"
        names = ("user app",) if change else ("user app", "user bob", "client loader")
        refused = [f"{name} was not made by the lab, so it is not {word}" for name in names]
        assert plan(place) == [f"refused: dc1: {text}" for text in refused]
        with pytest.raises(LabError) as caught:
            up(place)
        assert caught.value.what == "; ".join(refused)
    assert (brokers.given, brokers.limits) == there
    assert not brokers.record


def test_a_quota_that_somebody_added_stays_also_of_the_labs_own_user(brokers: Brokers) -> None:
    up(site())
    brokers.limits[USER, "app"]["consumer_byte_rate"] = 9
    assert plan(site()) == []
    gone = site(users=[{"name": "app", "absent": True}])
    up(gone)
    assert "app" not in brokers.given
    assert plan(gone) == [] and up(gone) == 0
    assert brokers.limits[USER, "app"] == {"consumer_byte_rate": 9}


@pytest.mark.parametrize("change", ["by hand", "file deleted", "file written"])
def test_another_password_is_found_out_and_put_right(brokers: Brokers, change: str) -> None:
    up(site())
    file = Passwords("kafkalab").file("app")
    if change == "by hand":
        brokers.given["app"] = ("guessed", 4096)
    elif change == "file deleted":
        file.unlink()
    else:
        file.write_text("my-own-password\n")
    assert plan(site()) == ["~ user app of dc1: password: another one"]
    assert up(site()) == 1
    assert brokers.given["app"][0] == Passwords("kafkalab").read("app") == file.read_text().strip()
    assert plan(site()) == []


def test_absent_ones_go_with_what_the_lab_set(brokers: Brokers) -> None:
    up(site())
    gone = site(**{kind: [{**one, "absent": True} for one in several]
                   for kind, several in FILE.items()})
    assert plan(gone) == ["- user app of dc1", "- user bob of dc1", "- client loader of dc1"]
    assert up(gone) == 3
    assert brokers.given == brokers.record == {}
    assert not any(brokers.limits.values())
    assert plan(gone) == [] and up(gone) == 0


AFTER: dict[str, Any] = {
    "users": [{"name": "app", "quotas": {"consumer_byte_rate": 7}},
              {"name": "bob", "absent": True}, {"name": "new"}],
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(12))
def test_a_run_that_was_killed_is_completed_by_the_next(
    brokers: Brokers, number: int, after: bool
) -> None:
    up(site())
    brokers.given["theirs"] = ("x", 4096)
    Passwords("kafkalab").file("app").unlink()
    brokers.changes, brokers.dies_at, brokers.dies_after = 0, number, after
    place, died = site(**AFTER), True
    try:
        up(place)
        died = False
    except Killed:
        pass
    assert died is (number < brokers.changes)
    brokers.dies_at = -1
    up(place)
    assert plan(place) == []
    assert brokers.given.keys() == {"app", "new", "theirs"}
    assert brokers.given["app"][0] == Passwords("kafkalab").read("app")
    assert brokers.record.keys() == {"user app", "user new", "client loader"}
    assert brokers.limits[USER, "app"] == {"consumer_byte_rate": 7}


def test_that_there_is_a_run_with_as_many_changes_as_kills(brokers: Brokers) -> None:
    up(site())
    Passwords("kafkalab").file("app").unlink()
    brokers.changes = 0
    up(site(**AFTER))
    assert 6 <= brokers.changes <= 12


def test_brokers_that_do_not_answer_are_no_reason_to_plan_nothing(brokers: Brokers) -> None:
    up(site())
    brokers.silent = True
    assert len(plan(site())) == 3


def allowed(*lines: str, **security: Any) -> Site:
    return site(users=[{"name": "app", "acls": list(lines)}], security=security or {"acls": True})


def test_rights_are_granted_and_taken_away_line_by_line(brokers: Brokers) -> None:
    first = allowed("read topic orders", "read  group   app")
    assert plan(first) == ["+ user app of dc1 (password, read group app, read topic orders)"]
    up(first)
    assert brokers.may == {"app": {right("read topic orders"), right("read group app")}}
    assert plan(first) == []
    then = allowed("read topic orders-*", "read group app")
    assert plan(then) == ["~ user app of dc1: read topic orders: granted -> (none)",
                          "~ user app of dc1: read topic orders-*: (none) -> granted"]
    up(then)
    assert brokers.may == {"app": {right("read topic orders-*"), right("read group app")}}
    brokers.may["app"].remove(right("read group app"))
    assert plan(then) == ["~ user app of dc1: read group app: (none) -> granted"]


def test_what_somebody_granted_stays_and_somebody_who_may_something_is_theirs(
    brokers: Brokers
) -> None:
    up(allowed("read topic orders"))
    brokers.may["app"].add(right("write topic other"))
    assert plan(allowed("read topic orders")) == []
    up(allowed())
    assert brokers.may["app"] == {right("write topic other")}
    gone = site(users=[{"name": "app", "absent": True}], security={"acls": True})
    up(gone)
    assert brokers.may["app"] == {right("write topic other")}
    up(gone)
    assert "user app" not in brokers.record
    assert plan(allowed("read topic x")) == [
        "refused: dc1: user app was not made by the lab, so it is not changed"]


def test_where_nobody_asks_nothing_is_granted_and_nothing_forgotten(brokers: Brokers) -> None:
    up(allowed("read topic orders"))
    brokers.authorizes = False
    off = allowed("read topic orders", acls=False)
    assert plan(off) == []
    Passwords("kafkalab").file("app").unlink()
    assert up(off) == 1
    brokers.authorizes = True
    assert plan(allowed()) == ["~ user app of dc1: read topic orders: granted -> (none)"]


def test_turning_it_on_is_planned_before_brokers_ask(brokers: Brokers) -> None:
    brokers.authorizes = False
    up(allowed())
    assert plan(allowed("read topic a")) == [
        "~ user app of dc1: read topic a: (none) -> granted"]
