"""Exercises about a pipeline: where they take place, what they see of a store, how it is reset."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import parse as lab_of
from lab.learning.exercise import parse
from lab.services.context import Context
from lab.topology import Topology, build
from scripts.drivers.driver import Site
from scripts.errors import LabError, UsageError
from scripts.learning import live
from scripts.learning.live import Live
from scripts.learning.place import place
from scripts.learning.removal import remove_documents
from tests.fakes import FakeFleet

EXERCISE = parse({"minutes": 5, "title": {"en": "T"}, "mirror": True, "pipeline": True, "claims": [
    {"id": "a", "say": {"en": "A"}, "probe": "topic"}]}, id="ch-x")


def topology(**sink: Any) -> Topology:
    """dc1 is mirrored into dc2 and into the hub, where schemas are registered."""
    return build(lab_of({
        "owner": "ann", "registry": {"at": "hub"},
        "datacenters": [{"name": name, "cidr": f"10.31.{n}.0/24"}
                        for n, name in enumerate(("dc1", "dc2", "hub"))],
        "links": [{"between": ["dc1", "dc2"]}, {"between": ["dc1", "hub"]},
                  {"between": ["dc2", "hub"]}],
        "mirrors": [{"from": "dc1", "to": "dc2"}, {"from": "dc1", "to": "hub"}],
        "sinks": [{"kind": "opensearch", "at": "hub", "topics": ["t"], "values": "avro", **sink}],
    }).lab)


def test_it_takes_place_where_the_mirror_into_all_of_it_begins() -> None:
    session: Any = SimpleNamespace(topology=topology())
    found = place(EXERCISE, session)
    assert found.datacenter.name == "dc1" and found.mirror and found.mirror.target == "hub"


@pytest.mark.parametrize("sink", [{"values": "json"}, {"kind": "hbase"}, {"at": "dc2"}])
def test_nowhere_else(sink: dict[str, Any]) -> None:
    session: Any = SimpleNamespace(topology=topology(**sink))
    with pytest.raises(UsageError, match=r"a mirror to a schema registry and a sink of Avro"):
        place(EXERCISE, session)


def site(name: str = "hub") -> Site:
    whole = topology()
    context = Context(whole, reached={(host.name, 9094): ("127.0.0.1", 9) for host in whole.hosts})
    return Site(FakeFleet(()), context, whole.datacenter(name))


def test_documents_are_counted_in_the_store_of_the_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    def http(self: Site, host: Any, port: int, service: str) -> Any:
        assert (host.name, port, service) == ("ann-hub-ctl01", 9201, "opensearch")

        def ask(method: str, path: str, body: object = None) -> Any:
            if path.startswith("/dc1.t/_search?q=_exists_%3Af&"):
                return {"hits": {"total": {"value": 2}}}
            return {"GET /dc1.t/_count": {"count": 5}, "POST /dc1.t/_refresh": None}[
                f"{method} {path}"]

        return ask

    monkeypatch.setattr(Site, "http", http)
    monkeypatch.setattr(live, "admin_client", lambda endpoint: None)
    found = live.facts({"hub": Live(site())}, "hub", {})
    assert found.documents("dc1.t", "f") == (5, 2)
    with pytest.raises(LabError, match="dc2: has no store with a sink of Avro"):
        live.facts({"dc2": Live(site("dc2"))}, "dc2", {}).documents("dc1.t", "f")


def test_a_reset_takes_the_indices_of_its_copies_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there, heard = {"dc1.t-ann", "dc1.orders"}, []

    def ask(method: str, path: str, body: object = None) -> Any:
        heard.append(f"{method} {path}")
        if method == "DELETE":
            there.remove(path.strip("/").partition("?")[0])
            return None
        asked = set(path.strip("/").partition("/")[0].split(","))
        return {"indices": {name: {"primaries": {
            "docs": {"count": 1}, "indexing": {"index_total": 1}}} for name in asked & there}}

    monkeypatch.setattr(Site, "http", lambda self, *_: ask)
    assert remove_documents(site(), ["dc1.T-ann", "dc1.u"]) == ["hub: index dc1.t-ann removed"]
    assert remove_documents(site(), ["dc1.T-ann"]) == []
    assert there == {"dc1.orders"}
