"""Schemas in a drill: where they are registered, who explains them, and who leads meanwhile."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.drills.avro import encode, schema, schema_id, score
from lab.drills.log import Log
from lab.file import parse
from lab.services.leading import promoted
from lab.topology import Host, build
from scripts.drills import failover
from scripts.drills.avro import SUBJECT, Avro
from scripts.drills.failover import Failover, Plan
from scripts.drivers.driver import Site
from scripts.errors import LabError, UsageError
from tests.scripts.drivers.test_leading import FIRST, SECOND, lab, places
from tests.scripts.drivers.test_schemas import FakeRegistry, error


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeRegistry]:
    """In `dead` datacenters none answers."""
    made = {FIRST: FakeRegistry(), SECOND: FakeRegistry(file=True)}

    def http(_: Site, host: Host, *rest: Any) -> Any:
        if host.datacenter not in made:
            raise LabError("does not answer", where=host.name)
        return made[host.datacenter]

    monkeypatch.setattr(Site, "http", http)
    return made


def a_drill(said: list[str], found: Any = None) -> Any:
    shape = found or lab()
    return SimpleNamespace(
        session=SimpleNamespace(topology=build(shape)), sites=places(shape), log=Log(keys=1),
        say=said.append,
    )


def test_each_version_is_registered_where_schemas_are_taken(
    registries: dict[str, FakeRegistry]
) -> None:
    said: list[str] = []
    drill = a_drill(said)
    registries[FIRST].subjects[SUBJECT] = ["of a drill that was killed"]
    avro = Avro(drill)
    first, second = avro.next(), avro.next()
    assert registries[FIRST].subjects == {SUBJECT: [schema(1), schema(2)]}
    assert [schema_id(one(b"x")) for one in (first, second)] == [1, 2]
    drill.session.topology = build(promoted(lab(), SECOND))
    with pytest.raises(LabError):
        avro.next()  # it is read-only yet
    registries[SECOND].said = "false"
    avro.next()
    assert registries[SECOND].subjects == {SUBJECT: [schema(3)]}
    avro.forget()
    assert registries[SECOND].subjects == {} and registries[FIRST].subjects != {}
    assert said[-1] == f"version 3 of {SUBJECT} has the id 1"


def test_what_readers_met_is_known_without_a_registry_and_the_rest_is_asked_for(
    registries: dict[str, FakeRegistry]
) -> None:
    avro = Avro(a_drill([]))
    for cluster, version in ((FIRST, 1), (SECOND, 1), (SECOND, 2), (SECOND, 3)):
        avro.named.note(cluster, encode(b"x", version, version))
    registries[SECOND].ids = [schema(1), schema(2)]
    avro.ask(SECOND)
    found = score(avro.named, SECOND)
    assert (found.read, found.undecoded, found.without, found.unknown) == (3, 1, 2, (3,))
    assert (found.asked, found.why) == (SECOND, "it does not know 3")


def test_a_registry_that_is_gone_explains_nothing(registries: dict[str, FakeRegistry]) -> None:
    alone = parse({
        "owner": "ann", "registry": {"at": FIRST},
        "datacenters": [{"name": f"dc{n}", "cidr": f"10.31.{n}.0/24"} for n in (1, 2)],
    }).lab
    said: list[str] = []
    avro = Avro(a_drill(said, alone))
    avro.named.note(SECOND, encode(b"x", 1, 1))
    del registries[FIRST]
    avro.ask(SECOND)
    found = score(avro.named, SECOND)
    assert (found.undecoded, found.asked, found.why) == (1, FIRST, "does not answer")
    avro.forget()
    assert said == ["warning: ann-dc1-ctl01: does not answer"]


def test_one_that_fails_while_it_is_asked_is_told(registries: dict[str, FakeRegistry]) -> None:
    avro = Avro(a_drill([]))
    avro.named.note(SECOND, encode(b"x", 1, 1))
    registries[SECOND].deaths = 1
    avro.ask(SECOND)
    assert avro.named.known == {} and avro.named.why == str(error(503).what)


def test_a_lab_without_a_registry_has_no_such_drill() -> None:
    bare = parse({"owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}]}).lab
    with pytest.raises(UsageError, match="no schema registry, which --avro needs"):
        Avro(SimpleNamespace(session=SimpleNamespace(topology=build(bare))))  # type: ignore


def led(monkeypatch: pytest.MonkeyPatch, plan: Plan) -> tuple[Any, list[Any]]:
    """A drill as far as it is about who leads, and what it does."""
    done: list[Any] = []
    one: Any = Failover.__new__(Failover)
    one.plan, one.leader, one.fleet = plan, FIRST, None
    one.session = SimpleNamespace(topology=build(lab()))
    one.say, one.look_again = done.append, lambda: done.append("look")

    def leave(session: Any, fleet: Any, name: str, **_: Any) -> None:
        session.topology = build(promoted(lab(), name))
        done.append(("leads", name))

    def promote(session: Any, name: str, agree: Any) -> None:
        session.topology = build(lab())
        done.append(("home", name))

    monkeypatch.setattr(failover, "leave", leave)
    monkeypatch.setattr(failover, "promote", promote)
    return one, done


def test_the_follower_takes_over_and_the_lead_comes_home_once(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    one, done = led(monkeypatch, Plan(FIRST, SECOND))
    one._lead_home()
    assert done == []
    one._lead_away()
    assert done[0] == ("leads", SECOND) and done[1].startswith("the schema registry of dc2 leads")
    one._lead_home()
    one._lead_home()
    assert done[2:] == [("home", FIRST), "look"]


def test_a_drill_the_other_way_leaves_the_lead_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    one, done = led(monkeypatch, Plan(SECOND, FIRST))
    one._lead_away()
    one._lead_home()
    assert done == []


def test_records_go_on_where_the_lead_does_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    one, done = led(monkeypatch, Plan(FIRST, SECOND))

    def fails(*_: Any, **__: Any) -> None:
        raise LabError("no worker answers")

    monkeypatch.setattr(failover, "leave", fails)
    one._lead_away()
    assert done == ["warning: no worker answers"]
