"""A schema registry and its follower: the same ids in both, the lead handed over and home again."""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Iterator

import pytest

from tests.e2e.avro import Registry, Schema
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab

pytestmark = [pytest.mark.host, pytest.mark.area("integrations")]
SHAPE = {"control": 1, "metadata": "kraft", "combined": 1, "kafka": 1}
SUBJECT = "people-value"
FIRST: Schema = {"type": "record", "name": "Person", "fields": [
    {"name": "name", "type": "string"}, {"name": "class", "type": "long"},
]}


def version(number: int) -> Schema:
    """One that may follow the one before."""
    return {**FIRST, "fields": [*FIRST["fields"], *(
        {"name": f"more{n}", "type": "string", "default": "-"} for n in range(number - 1)
    )]}


@pytest.fixture(scope="module")
def lab(make_lasting: MakeLab) -> Iterator[Lab]:
    """Two small datacenters with mirrors both ways, the first one's registry and its follower."""
    made = make_lasting(
        "leading", first=246, port_base=14900, datacenters=[SHAPE, SHAPE],
        links=[("dc1", "dc2")], mirrors=[
            {"from": "dc1", "to": "dc2", "topics": [".*", "_schemas"]},
            {"from": "dc2", "to": "dc1"},
        ], sections={"registry": {"at": "dc1", "follower": "dc2"}},
    )
    made.fab("up")
    yield made


def status(lab: Lab, leader: str) -> dict[str, Registry]:
    """Both registries, and that the lab finds all in order."""
    found = lab.fab("registry.status", "--json").json
    assert found["healthy"] and found["leader"] == leader, found
    return {one["datacenter"]: Registry(one["urls"]["workstation"])
            for one in found["registries"]}


def refused(registry: Registry, schema: Schema) -> bool:
    body = {"schema": json.dumps(schema)}
    try:
        registry.ask("POST", f"/subjects/{SUBJECT}-other/versions", body)
    except urllib.error.HTTPError as error:
        return 400 <= error.code < 500
    return False


def ids(registry: Registry) -> list[int]:
    """The ids of all versions, the oldest first."""
    versions = registry.ask("GET", f"/subjects/{SUBJECT}/versions")
    return [int(registry.ask("GET", f"/subjects/{SUBJECT}/versions/{one}")["id"])
            for one in versions]


def test_the_lead_is_handed_over_and_comes_home_with_every_id(lab: Lab) -> None:
    both = status(lab, "dc1")
    first = both["dc1"].register(SUBJECT, version(1))
    found = lab.fab("registry.status", "--json").json
    follower = found["registries"][1]
    assert (follower["part"], follower["behind"]) == ("follows", 0)
    assert follower["topic"]["name"] == "dc1._schemas" and follower["seconds"] < 10
    assert ids(both["dc2"]) == [first] and refused(both["dc2"], FIRST)
    assert lab.fab("plan").out == "plan: nothing to do\n"

    lab.fab("registry.promote", "dc2")
    both = status(lab, "dc2")
    second = both["dc2"].register(SUBJECT, version(2))
    assert ids(both["dc2"]) == [first, second] and refused(both["dc1"], FIRST)
    said = lab.fab("plan").out
    assert said.endswith("plan: nothing to do\n") and "note: the schema registry of dc2" in said

    lab.fab("registry.promote", "dc1")
    both = status(lab, "dc1")
    assert ids(both["dc1"]) == ids(both["dc2"]) == [first, second]
    assert refused(both["dc2"], FIRST)
    third = both["dc1"].register(SUBJECT, version(3))
    assert third not in (first, second)
    status(lab, "dc1")  # waits until what was registered is across
    assert ids(both["dc2"]) == [first, second, third]
    assert lab.fab("plan").out == "plan: nothing to do\n"


@pytest.mark.full("integrations", sample=0)
def test_who_was_promoted_leads_after_a_restart_too_and_what_was_left_behind_is_asked_for(
    lab: Lab
) -> None:
    """The first one dies with a schema that the mirror has not copied."""
    status(lab, "dc1")["dc1"].register(SUBJECT, version(1))
    both = status(lab, "dc1")  # waits until it is across
    before = ids(both["dc1"])
    (worker,) = lab.of("control", "dc2")
    pause = f"http://{worker.address}:8083/connectors/dc1-to-dc2.source/pause"
    lab.inside(worker, f"curl -sf -X PUT {pause}")
    both["dc1"].register("lost-value", FIRST)
    for host in lab.topology.datacenter("dc1").hosts:
        lab.engine("kill", f"{lab.name}.{host.name}")
    lab.fab("registry.promote", "dc2")
    second = both["dc2"].register("found-value", version(2))
    lab.inside(worker, "systemctl kill -s KILL registry.service")
    lab.fab("up")
    both = status(lab, "dc2")
    assert sorted(both["dc2"].ask("GET", "/subjects")) == ["found-value", SUBJECT]
    assert refused(both["dc1"], FIRST)

    said = lab.fab("registry.promote", "dc1", expect=2).err
    assert "nobody here to ask whether changes may be left behind" in said
    lab.fab("registry.promote", "dc1", "--yes")
    both = status(lab, "dc1")
    for one in both.values():
        assert sorted(one.ask("GET", "/subjects")) == ["found-value", SUBJECT]
        assert ids(one) == before
        assert one.ask("GET", "/subjects/found-value/versions/1")["id"] == second
    assert lab.fab("plan").out == "plan: nothing to do\n"


@pytest.mark.full("integrations", sample=0)
def test_what_holds_is_proven(lab: Lab) -> None:
    said = lab.fab("verify").out
    assert "a change is across in" in said and "read-only" in said
    assert lab.fab("mirror.status", "--json").json["healthy"]


@pytest.mark.full("integrations", sample=0)
def test_a_failover_decodes_every_record_and_a_lab_without_a_follower_none(lab: Lab) -> None:
    drill = ("drill.failover", "--from", "dc1", "--to", "dc2", "--avro", "--failback",
             "--duration", "8", "--rate", "200")
    said = lab.fab(*drill, expect=None).out
    assert "100 % of the Avro records read in dc2 could be decoded by the registry of dc2" in said
    status(lab, "dc1")
    assert lab.fab("plan").out == "plan: nothing to do\n"
    lab.sections["registry"].pop("follower")
    lab.write()
    lab.fab("up")
    found = lab.fab(*drill[:-5], "--duration", "8", "--rate", "200", expect=1)
    assert "0.0 % of the Avro records read in dc2 could be decoded by the registry of dc1" in (
        found.out)
    assert "failed: Avro, not decoded" in found.out
