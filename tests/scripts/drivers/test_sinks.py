"""Sinks against a store and a cluster that reject what they do not expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from lab.data.sinks import Reach
from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import SERVICES
from lab.topology import build
from scripts.clients.http import Http, HttpError
from scripts.drivers import asked, sinks
from scripts.drivers.asked import Asked
from scripts.drivers.connectors import ConnectorState
from scripts.drivers.document import Proof
from scripts.drivers.driver import Driver, Report, Site, sites
from scripts.drivers.sinks import Sinks, SinkView
from scripts.drivers.stores import Store
from scripts.workstation import waiting
from tests.fakes import FakeFleet
from tests.scripts.drivers.test_connect import Clock

LETTERS = "dead-letters.elasticsearch"
INDEX = "dc1.kafkalab-sink.elasticsearch"


class Message:
    def __init__(
        self, offset: int, key: bytes, value: bytes | None, said: Mapping[str, str] | None = None
    ) -> None:
        self._offset, self._key, self._value = offset, key, value
        self._headers = [(f"__connect.errors.{name}", text.encode())
                         for name, text in (said or {}).items()]

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes | None:
        return self._value

    def headers(self) -> list[tuple[str, bytes]]:
        return self._headers


def test_the_innermost_cause_is_the_reason() -> None:
    trace = "a.B: failed\n\tat x\nCaused by: c.D: outer\n\tat y\nCaused by: e.F: no token\n at z"
    found = sinks.letter([("__connect.errors.exception.message", b"failed"),
                           ("__connect.errors.exception.stacktrace", trace.encode())])
    assert found.reason == "e.F: no token"


def letter(offset: int, connector: str = "sink-elasticsearch") -> Message:
    return Message(0, b"", b"x", {
        "connector.name": connector, "topic": "orders", "partition": "0", "offset": str(offset),
        "exception.message": "not JSON",
    })


class FakeCluster:
    """A topic of five records, of which one went to the dead letter topic, twice."""

    logs: ClassVar = {
        "orders": [Message(0, b"a", b"1"), Message(1, b"b", b"1"), Message(2, b"c", b"!"),
                   Message(3, b"a", b"2"), Message(4, b"b", None)],
        LETTERS: [letter(2), letter(2), letter(3, "sink-another")],
    }

    def __init__(self, endpoint: object, where: str, *, committed: bool) -> None:
        assert committed

    def close(self) -> None: ...

    def sizes(self) -> dict[str, int]:
        return dict.fromkeys(self.logs, 1)

    def extents(self, places: Any) -> dict[tuple[str, int], tuple[int, int]]:
        return {place: (0, len(self.logs[place[0]])) for place in places}

    def spans(self, wanted: Any) -> Iterator[Message]:
        for (topic, _), (start, end) in wanted.items():
            yield from self.logs[topic][start:end]


def site(**sink: Any) -> Site:
    topology = build(parse({
        "owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}],
        "sinks": [{"kind": "elasticsearch", "at": "dc1", "topics": ["orders"], **sink}],
    }).lab)
    return Site(FakeFleet([]), local_context(topology, {}), topology.datacenters[0])


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A world in which the connector runs and has read up to the one number in it."""
    upto = [5]
    state = ConnectorState("sink-elasticsearch", "RUNNING", ("RUNNING",), "", "sink")
    monkeypatch.setattr(sinks, "Partitions", FakeCluster)
    monkeypatch.setattr(Asked, "states", lambda _: {state.name: state})
    monkeypatch.setattr(sinks, "reaches", lambda *_: {
        state.name: (Reach("orders", 0, 0, 5, upto[0]), Reach("kafkalab-sink", 0, 0, 0, None)),
    })
    return upto


def store(monkeypatch: pytest.MonkeyPatch, count: int | None, **more: Any) -> list[str]:
    """A store with so many documents, None without the index; what it was asked, in order."""
    heard: list[str] = []

    def ask(http: Http, method: str, path: str, body: object = None) -> Any:
        heard.append(f"{method} {path}")
        if path in more:
            return more[path]
        assert path in ("/orders/_refresh", "/orders/_count"), path
        if count is None:
            raise HttpError(404, "no such index", where="h")
        return {"count": count}

    monkeypatch.setattr(Http, "__call__", ask)
    return heard


@pytest.mark.usefixtures("read")
@pytest.mark.parametrize(("rule", "count", "wrong"), [
    ("place", 3, (0, 0)), ("place", 2, (1, 0)), ("key", 1, (0, 0)), ("key", 2, (0, 1)),
    ("place", None, (3, 0)),
])
def test_what_is_missing_is_counted_from_the_records(
    monkeypatch: pytest.MonkeyPatch, rule: str, count: int | None, wrong: tuple[int, int]
) -> None:
    """By place 0, 1 and 3 are documents; by key only a, for b was taken away."""
    store(monkeypatch, count)
    place = site(id=rule)
    found = SinkView(place.lab.sinks[0], place).status()
    (topic,) = found.topics
    assert (topic.end, topic.lag, topic.letters) == (5, 0, 1)
    assert (topic.missing, topic.extra) == wrong
    assert found.healthy is (topic.missing == 0)
    assert [str(one) for one in found.letters] == ["orders-0 at offset 2: not JSON"]


def test_what_was_not_read_yet_is_not_missing(
    monkeypatch: pytest.MonkeyPatch, read: list[int]
) -> None:
    read[0] = 2
    store(monkeypatch, 2)
    place = site()
    (topic,) = SinkView(place.lab.sinks[0], place).status().topics
    assert (topic.expected, topic.missing, topic.lag) == (2, 0, 3)


def test_a_store_that_is_away_is_the_problem(
    monkeypatch: pytest.MonkeyPatch, read: list[int]
) -> None:
    def away(http: Http, method: str, path: str, body: object = None) -> Any:
        raise HttpError(503, "elasticsearch does not listen yet", where="h")

    monkeypatch.setattr(Http, "__call__", away)
    place = site()
    found = SinkView(place.lab.sinks[0], place).status()
    assert (found.problem, found.healthy) == ("elasticsearch does not listen yet", False)
    assert found.as_json()["topics"] == []


def test_the_proof_is_found_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    place = site()
    proof = SinkView(place.lab.sinks[0], place).proof(place, "dc1.Kafkalab-sink")
    written: list[str] = []
    monkeypatch.setattr(Proof, "prepare", lambda _: None)
    monkeypatch.setattr(Proof, "_write", lambda one, value: written.append(one._run))
    answers = iter([[], [{"_id": "x+0+1"}]])
    heard: list[str] = []

    def ask(http: Http, method: str, path: str, body: object = None) -> Any:
        heard.append(f"{method} {path}")
        return {"hits": {"hits": next(answers)}} if method == "GET" else None

    monkeypatch.setattr(Http, "__call__", ask)
    report = Report("dc1")
    proof.prove(report)
    assert report.ok, report.lines
    assert len(written) == 1
    search = f"GET /{INDEX}/_search?q=proof%3A{written[0]}&size=1&ignore_unavailable=true"
    assert heard == [search, search, f"DELETE /{INDEX}/_doc/x%2B0%2B1"]


def test_a_record_that_is_no_document_fails_the_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "time", Clock())
    monkeypatch.setattr(Proof, "prepare", lambda _: None)
    monkeypatch.setattr(Proof, "_write", lambda *_: None)
    monkeypatch.setattr(Http, "__call__", lambda *_: {"hits": {"hits": []}})
    monkeypatch.setattr(asked, "Partitions", FakeCluster)
    place = site()
    report = Report("dc1")
    SinkView(place.lab.sinks[0], place).proof(place, "kafkalab-sink").prove(report)
    (line,) = report.lines
    assert "a record of dc1 is no document of kafkalab-sink.elasticsearch after 90 s" in line.seen


def test_each_mirror_that_brings_the_proof_is_proven() -> None:
    topology = build(parse({
        "owner": "ann", "links": [{"between": ["dc1", "hub"]}],
        "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"},
                        {"name": "hub", "cidr": "10.2.0.0/24"}],
        "mirrors": [{"from": "dc1", "to": "hub"}, {"from": "hub", "to": "dc1"}],
        "sinks": [{"kind": "opensearch", "at": "hub", "topics": ["t"]}],
    }).lab)
    places = sites(FakeFleet([]), local_context(topology, {}), topology.datacenters)
    driver = Sinks(SERVICES["sinks"])
    assert [one.name for one in driver.spans(places)] == ["sink-opensearch from dc1"]
    assert list(driver.spans({"hub": places["hub"]})) == []
    assert list(driver.spans({"dc1": places["dc1"]})) == []
    assert [driver.concerns(one) for one in places.values()] == [False, True]


@pytest.mark.parametrize(("state", "held"), [("green", True), ("yellow", True), ("red", False)])
def test_verify_asks_a_store_how_it_is(
    monkeypatch: pytest.MonkeyPatch, state: str, held: bool
) -> None:
    monkeypatch.setattr(Driver, "silent", lambda driver, place, host: "")
    monkeypatch.setattr(Http, "__call__", lambda *_: {"status": state})
    report = Report("dc1")
    assert Store(SERVICES["elasticsearch"]).verify(site(), report) is held
    assert [line.what for line in report.lines] == ["answers", "health"]
