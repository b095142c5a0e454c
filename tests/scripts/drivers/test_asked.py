"""The lab file's own connectors: whether they run, and whether sinks move."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.data.sinks import Reach
from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import SERVICES
from lab.topology import build
from scripts.clients.http import Http, HttpError
from scripts.drivers import asked
from scripts.drivers.asked import Connectors, seen
from scripts.drivers.driver import Report, Site
from scripts.drivers.workers import MARK
from scripts.workstation import waiting
from tests.fakes import FakeFleet
from tests.scripts.drivers.test_connect import Clock

SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"


class FakePartitions:
    """A topic of two partitions that ends at 10."""

    def __init__(self, endpoint: object, where: str, *, committed: bool) -> None: ...

    def sizes(self) -> dict[str, int]:
        return {"t": 2, "other": 1}

    def extents(self, places: Any) -> dict[tuple[str, int], tuple[int, int]]:
        return dict.fromkeys(places, (0, 10))

    def firsts(self, starts: Any) -> dict[tuple[str, int], object]:
        """At offset 9 of partition 0 is a marker."""
        return {place: object() for place, start in starts.items() if place[1] or start < 9}

    def close(self) -> None: ...


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(waiting, "time", made)
    monkeypatch.setattr(asked, "Partitions", FakePartitions)
    return made


def site() -> Site:
    topology = build(parse({
        "owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}],
        "connectors": [{"name": "out", "at": "dc1", "class": SINK, "config": {"topics": "t"}}],
    }).lab)
    return Site(FakeFleet([]), local_context(topology, {}), topology.datacenters[0])


def connect(
    monkeypatch: pytest.MonkeyPatch, *, task: str = "RUNNING", name: str = "out",
    read: Callable[[], int] = lambda: 10,
) -> None:
    """A worker with one connector, whose sink has read partition 0 up to `read`."""
    def ask(http: Http, method: str, path: str, body: object = None) -> Any:
        assert (method, body) == ("GET", None), path
        if path == "/connectors?expand=status":
            return {name: {"status": {
                "name": name, "type": "sink", "connector": {"state": "RUNNING"},
                "tasks": [{"id": 0, "state": task, "trace": "x\nCaused by: it broke"}],
            }}}
        if path == "/connectors?expand=info":
            return {name: {"info": {"config": {"topics": "t", MARK: "kafkalab"}}}}
        assert path == f"/connectors/{name}/offsets"
        return {"offsets": [{
            "partition": {"kafka_topic": "t", "kafka_partition": 0},
            "offset": {"kafka_offset": read()},
        }]}

    monkeypatch.setattr(Http, "__call__", ask)


def proven() -> dict[str, str]:
    report = Report("dc1")
    held = Connectors(SERVICES["connectors"]).verify(site(), report)
    assert held is report.ok
    return {line.what: line.seen for line in report.lines}


def test_it_runs_and_what_waits_moves(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    numbers = iter(range(5, 11))
    connect(monkeypatch, read=lambda: next(numbers))
    monkeypatch.setattr(FakePartitions, "sizes", lambda _: {"t": 1})
    assert proven() == {
        "connectors": "1 connector, 1 task running",
        "progress": "nothing waits for 30 s without moving",
    }


def test_a_partition_that_was_never_read_counts(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    connect(monkeypatch)
    assert "nothing moves at t-1, for 30 s now: 10 records wait" in proven()["progress"]
    (one,) = seen(site())
    assert one.reach == (Reach("t", 0, 0, 10, 10), Reach("t", 1, 0, 10, None))
    assert one.as_json() == {"name": "out", "kind": "sink", "state": "RUNNING",
                             "tasks": ["RUNNING"], "problem": "", "lag_records": 10}


def test_nobody_waits_for_markers_of_transactions(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(FakePartitions, "sizes", lambda _: {"t": 1})
    for read, lag in ((8, 2), (9, 0), (10, 0)):
        connect(monkeypatch, read=lambda read=read: read)
        assert [one.lag for one in seen(site())] == [lag]


def test_one_that_failed_is_told_at_once(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    connect(monkeypatch, task="FAILED")
    before = clock.now
    assert proven() == {
        "connectors": "dc1: out: a task is FAILED: it broke (run `fab connect`)",
    }
    assert clock.now == before


def test_one_that_is_missing_is_a_problem(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    connect(monkeypatch, name="another")
    assert "out is not there" in proven()["connectors"]
    part = Connectors(SERVICES["connectors"]).status(site(), ["ann-dc1-ctl01"])
    assert part.problems == ("out is not there",)
    assert part.data == [{"name": "out", "problem": "out is not there"}]


def test_status_says_that_nobody_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Connectors(SERVICES["connectors"])
    assert driver.status(site(), []).problems == ("out: no worker runs",)

    def silent(http: Http, method: str, path: str, body: object = None) -> Any:
        raise HttpError(503, "connect does not listen yet", where="h")

    monkeypatch.setattr(Http, "__call__", silent)
    assert driver.status(site(), ["ann-dc1-ctl01"]).problems == ("connect does not listen yet",)
