"""Rows in HBase, asked of a viewer that rejects what it does not expect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import SERVICES
from lab.topology import build
from scripts.clients.http import Http, HttpError
from scripts.drivers.document import Proof
from scripts.drivers.driver import Report, Site
from scripts.drivers.rows import Counts, RegionServer, Rows, values
from scripts.drivers.sinks import SinkView, Total
from tests.fakes import FakeFleet

ROW = {"row": "k1", "cells": {"d:n": {"value": "1", "timestamp": 7},
                              "d:city": {"value": "서울", "timestamp": 7}}}


def site(**sink: Any) -> Site:
    topology = build(parse({
        "owner": "ann", "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}],
        "sinks": [{"kind": "hbase", "at": "dc1", "topics": ["Orders"], **sink}],
    }).lab)
    return Site(FakeFleet([]), local_context(topology, {}), topology.datacenters[0])


def there() -> Rows:
    place = site()
    return SinkView(place.lab.sinks[0], place).tables()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked."""
    return []


def answering(
    monkeypatch: pytest.MonkeyPatch, heard: list[str], answers: Mapping[str, Any]
) -> None:
    """A viewer with these answers by request, a status among them being a refusal."""
    def ask(http: Http, method: str, path: str, body: object = None) -> Any:
        request = f"{method} {path}"
        heard.append(request)
        answer = answers[request]
        if isinstance(answer, int):
            raise HttpError(answer, f"{request}: {answer}", where="h")
        return answer

    monkeypatch.setattr(Http, "__call__", ask)


def test_rows_are_asked_for_by_table_and_key(
    monkeypatch: pytest.MonkeyPatch, heard: list[str]
) -> None:
    answering(monkeypatch, heard, {
        "GET /rows/Orders?limit=5": {"rows": [ROW]},
        "GET /rows/Orders/a%2Fb?limit=5": {"rows": []},
        "GET /rows/Orders?count=true": {"count": 3}, "GET /rows/none?count=true": 404,
        "GET /rows/none?limit=5": 404,
    })
    place = site()
    view = SinkView(place.lab.sinks[0], place)
    assert [values(one) for one in view.rows("Orders", 5, "")] == [{"d:n": "1", "d:city": "서울"}]
    assert view.rows("Orders", 5, "a/b") == []
    assert view.rows("none", 5, "") == []
    assert (view.store().count("Orders"), view.store().count("none")) == (3, 0)
    assert len(heard) == 5


def test_what_is_new_and_one_column_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, heard: list[str]
) -> None:
    answering(monkeypatch, heard, {"GET /rows/t?limit=5&since=7&column=d%3An": {"rows": [ROW]}})
    assert there().rows("t", 5, since=7, column="d:n") == [ROW]


def test_all_rows_are_read_page_by_page_and_each_once(
    monkeypatch: pytest.MonkeyPatch, heard: list[str]
) -> None:
    monkeypatch.setattr("scripts.drivers.rows.PAGE", 2)
    row = {name: {"row": name, "cells": {}} for name in "abc"}
    answering(monkeypatch, heard, {
        "GET /rows/t?limit=2": {"rows": [row["a"], row["b"]]},
        "GET /rows/t/b?limit=2": {"rows": [row["b"], row["c"]]},
        "GET /rows/t/c?limit=2": {"rows": [row["c"]]},
        "GET /rows/none?limit=2": 404,
    })
    assert [one["row"] for one in there().every("t")] == ["a", "b", "c"]
    assert [*there().every("none")] == []


def test_the_state_of_a_table_and_its_end(
    monkeypatch: pytest.MonkeyPatch, heard: list[str]
) -> None:
    state = {"regions": 1, "size_mb": 2.0, "written": 10}
    answers = {"GET /rows/t?state=true": state, "GET /rows/none?state=true": 404,
               "GET /rows/ill?state=true": 503, "DELETE /rows/t": {}, "DELETE /rows/none": 404,
               "DELETE /rows/ill": 503}
    answering(monkeypatch, heard, answers)
    assert (there().state("t"), there().state("none")) == (state, None)
    for name in ("t", "none"):
        there().drop(name)
    for act in (there().state, there().drop):
        with pytest.raises(HttpError, match="503"):
            act("ill")


def test_rows_are_not_counted_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting takes 1 s here, so ten seconds pass before it is done again."""
    now, counted = [0.0], []

    class Slow(Rows):
        def count(self, table: str) -> int:
            now[0] += 1
            counted.append(now[0])
            return len(counted)

    class Clock:
        monotonic = staticmethod(lambda: now[0])

    monkeypatch.setattr("scripts.drivers.rows.time", Clock)
    counts, slow = Counts(), Slow(None)
    seen = []
    while now[0] < 30:
        seen.append(counts.of(slow, "t"))
        now[0] += 2
    assert counted == [1, 12, 23]
    assert seen == sorted(seen) and len(seen) > 9


def test_totals_are_of_tables_that_are_there(
    monkeypatch: pytest.MonkeyPatch, heard: list[str]
) -> None:
    answering(monkeypatch, heard, {
        "GET /rows/Orders?state=true": {"regions": 1, "size_mb": 2.0, "written": 10},
        "GET /rows/Orders?count=true": {"count": 3}, "GET /rows/none?state=true": 404,
    })
    place = site(topics=["none", "Orders"])
    view = SinkView(place.lab.sinks[0], place)
    assert view.totals() == [Total("Orders", 3, 10, 1, 2.0)]


def test_an_hbase_that_cannot_count_is_no_empty_one(
    monkeypatch: pytest.MonkeyPatch, heard: list[str]
) -> None:
    answering(monkeypatch, heard, {"GET /rows/Orders?count=true": 503})
    place = site()
    with pytest.raises(HttpError, match="503"):
        SinkView(place.lab.sinks[0], place).store().count("Orders")


def test_the_proof_is_a_row_that_goes_again(
    monkeypatch: pytest.MonkeyPatch, heard: list[str]
) -> None:
    place = site()
    proof = SinkView(place.lab.sinks[0], place).proof(place, "kafkalab-sink")
    table = "/rows/kafkalab-sink.hbase"
    row = {"row": "kafkalab-sink+0+1", "cells": {"d:proof": {"value": "", "timestamp": 1}}}
    answers: dict[str, Any] = {f"GET {table}?limit=1000": 404,
                               f"DELETE {table}/kafkalab-sink%2B0%2B1": {}}

    def write(one: Proof, value: bytes) -> None:
        row["cells"]["d:proof"]["value"] = one._run

    def find(self: Rows, name: str, run: str, real: Any = Rows.find) -> Any:
        found = real(self, name, run)
        answers[f"GET {table}?limit=1000"] = {"rows": [ROW, row]}
        return found

    monkeypatch.setattr(Proof, "prepare", lambda _: None)
    monkeypatch.setattr(Proof, "_write", write)
    monkeypatch.setattr(Rows, "find", find)
    answering(monkeypatch, heard, answers)
    report = Report("dc1")
    proof.prove(report)
    assert report.ok, report.lines
    assert [line.what for line in report.lines] == ["record to row"]
    assert heard == [*[f"GET {table}?limit=1000"] * 2, f"DELETE {table}/kafkalab-sink%2B0%2B1"]


@pytest.mark.parametrize(("answer", "silent"), [
    ({"tables": ["a"]}, ""), (503, "GET /rows: 503"), (404, "GET /rows: 404"),
])
def test_a_region_server_serves_when_its_tables_can_be_read(
    monkeypatch: pytest.MonkeyPatch, heard: list[str], answer: Any, silent: str
) -> None:
    answering(monkeypatch, heard, {"GET /rows": answer})
    place = site()
    (host,) = place.carriers("hbase-regionserver")
    driver = RegionServer(SERVICES["hbase-regionserver"])
    assert driver.silent(place, host) == silent
    if not silent:
        report = Report("dc1")
        assert driver.verify(place, report)
        assert [(line.what, line.seen) for line in report.lines][1:] == [("tables", "a")]
