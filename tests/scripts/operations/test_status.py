"""What `fab status` says of a cluster."""

from __future__ import annotations

from typing import Any, cast

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import SERVICES
from lab.topology import build
from scripts.clients.kafka import Cluster, View
from scripts.drivers.driver import Site
from scripts.drivers.kafka import Kafka
from scripts.errors import LabError
from tests.fakes import FakeFleet

TOPOLOGY = build(parse({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.1.0.0/24", "kafka": 2},
]}).lab)
UP = ["ann-dc1-kafka01"]


@pytest.fixture
def site() -> Site:
    return Site(FakeFleet([]), local_context(TOPOLOGY, {}), TOPOLOGY.datacenters[0])


def seen(monkeypatch: pytest.MonkeyPatch, view: View | None) -> None:
    def answer(cluster: Cluster, timeout: float) -> View:
        if view is None:
            raise LabError("no broker answers at h")
        return view

    monkeypatch.setattr(Cluster, "view", cast(Any, answer))


def test_a_cluster_in_one_line(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    seen(monkeypatch, View((1, 2), 1, ()))
    part = Kafka(SERVICES["kafka"]).status(site, UP)
    assert part.lines == (
        "dc1: bootstrap localhost:20531,localhost:20532, 2 brokers, controller 1, "
        "0 under-replicated",
    )
    assert part.problems == ()
    assert part.details["ann-dc1-kafka02"] == "localhost:20532"


def test_of_a_cluster_that_tells_nothing_nothing_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Least of all that None of its partitions is under-replicated."""
    seen(monkeypatch, None)
    part = Kafka(SERVICES["kafka"]).status(site, UP)
    assert part.lines[0].endswith("no broker answers")
    assert part.data["under_replicated"] is None
    assert part.problems == ("no broker answers at h",)


def test_a_broker_that_is_missing_is_a_problem(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen(monkeypatch, View((1,), 1, ()))
    assert Kafka(SERVICES["kafka"]).status(site, UP).problems == ("broker 2 not registered",)
