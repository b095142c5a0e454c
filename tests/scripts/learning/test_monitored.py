"""Exercises about monitoring: where they take place, and whom they ask."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from lab.file import parse as lab_of
from lab.learning.exercise import parse
from lab.learning.facts import Measured
from lab.services.context import Context
from lab.topology import Topology, build
from scripts.drivers.driver import Site
from scripts.errors import UsageError
from scripts.learning import live
from scripts.learning.live import Live
from scripts.learning.place import place
from tests.fakes import FakeFleet

EXERCISE = parse({"minutes": 5, "title": {"en": "T"}, "monitoring": True, "brokers": 3, "claims": [
    {"id": "a", "say": {"en": "A"}, "probe": "topic"}]}, id="ch-x")


def topology(**monitoring: Any) -> Topology:
    """Two datacenters of three brokers, of which only the second one is linked to a third."""
    return build(lab_of({
        "owner": "ann", "monitoring": {"enabled": True, **monitoring},
        "links": [{"between": ["dc2", "dc3"]}],
        "datacenters": [{"name": f"dc{n}", "cidr": f"10.31.{n}.0/24", "kafka": 3 if n < 3 else 1}
                        for n in (1, 2, 3)],
    }).lab)


@pytest.mark.parametrize(("monitoring", "expected"), [
    ({"at": "dc3"}, "dc2"), ({"at": "dc1"}, "dc1"), ({}, "dc1"),
    ({"enabled": False}, ""), ({"agents": ["connect"]}, ""),
])
def test_it_takes_place_where_prometheus_asks_brokers(
    monitoring: dict[str, Any], expected: str
) -> None:
    session: Any = SimpleNamespace(topology=topology(**monitoring))
    if expected:
        assert place(EXERCISE, session).datacenter.name == expected
        return
    with pytest.raises(UsageError, match=r"needs 3 brokers, monitoring .*labs/enterprise\.toml"):
        place(EXERCISE, session)


def test_the_one_prometheus_is_asked_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def prometheus(self: Site, host: Any, port: int, service: str) -> Any:
        asked.append((host.name, port))

        def answer(method: str, path: str) -> Any:
            assert method == "GET" and parse_qs(urlsplit(path).query) == {"query": ["up == 0"]}
            return {"status": "success", "data": {"result": [
                {"metric": {"instance": name}, "value": [1, value]}
                for name, value in (("b", "2"), ("a", "NaN"))]}}

        assert service == "prometheus"
        return answer

    monkeypatch.setattr(Site, "http", prometheus)
    monkeypatch.setattr(live, "admin_client", lambda endpoint: None)
    whole = topology(at="dc3")
    context = Context(whole, reached={(host.name, 9094): ("127.0.0.1", 9) for host in whole.hosts})
    site = Site(FakeFleet(()), context, whole.datacenter("dc2"))
    first, second = live.facts({"dc2": Live(site)}, "dc2", {}).measured("up == 0")
    assert (first.labels, first.value != first.value) == ({"instance": "a"}, True)
    assert second == Measured({"instance": "b"}, 2.0)
    assert asked == [("ann-dc3-ctl01", 9090)]
