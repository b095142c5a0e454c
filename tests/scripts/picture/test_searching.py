"""The search page: what it asks of the stores, who is answered, and what a browser makes of it."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from bench.browser import Browser
from lab.options.sinks import Sink
from scripts.clients.http import HttpError
from scripts.drivers.sinks import SinkView, Total
from scripts.drivers.stores import Documents
from scripts.picture.searching import MOST, Search, render, serve
from scripts.picture.server import ADDRESS
from tests.scripts.picture.test_browser import chromium
from tests.scripts.picture.test_feed import SECONDS

__all__ = ["chromium"]
HOSTILE = "<script>alert(1)</script>"


class View:
    """A sink of two indices; each look finds 50 more written."""

    tabular = False

    def __init__(self) -> None:
        self.written, self.asked = 100, list[tuple[str, int]]()
        self.away = False

    def totals(self) -> list[Total]:
        if self.away:
            raise HttpError(503, "elasticsearch does not listen yet", where="hub")
        self.written += 50
        return [Total("berlin.orders", self.written - 20, self.written),
                Total("madrid.orders", 7, 7)]

    def search(self, query: str, most: int) -> dict[str, Any]:
        if query == "(":
            raise HttpError(400, "Failed to parse query [(]", where="hub")
        self.asked.append((query, most))
        hits = [{"_index": "berlin.orders", "_id": f"berlin.orders+0+{n}",
                 "_source": {"n": n, "city": "Seoul", "text": HOSTILE, "list": [1, 2]}}
                for n in range(3)]
        return {"took": 4, "hits": {"total": {"value": 1234, "relation": "eq"}, "hits": hits}}


class Rowed:
    """One into a table, whose rows are read by their keys."""

    tabular = True

    def __init__(self) -> None:
        self.sink = Sink(kind="hbase", at="hub", topics=("berlin.orders", "none"))
        self.written, self.asked = 1000, list[tuple[str, int, str]]()

    def totals(self) -> list[Total]:
        self.written += 100
        return [Total("berlin.orders", 600, self.written, 1, 3.2)]

    def rows(self, topic: str, most: int, start: str) -> list[dict[str, Any]]:
        self.asked.append((topic, most, start))
        return [] if topic == "none" else [
            {"row": f"kim-{n}", "cells": {"d:city": {"value": HOSTILE, "timestamp": n}}}
            for n in range(2)
        ]


class Served:
    def __init__(self, *, documents: bool = True) -> None:
        self.view, self.rowed = View(), Rowed()
        views = {"elasticsearch of hub": self.view} if documents else {}
        self.search = Search(cast(dict[str, SinkView], {**views, "hbase of hub": self.rowed}))
        listening, up = socket.socket(), threading.Event()
        listening.bind((ADDRESS, 0))
        self.port: int = listening.getsockname()[1]
        self.thread = threading.Thread(target=serve, args=(self.search, listening), kwargs={
            "lab": "kafkalab", "owner": "ann", "started": up.set,
        })
        self.thread.start()
        assert up.wait(SECONDS)

    def get(self, path: str, host: str = "") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=SECONDS)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", host or f"{ADDRESS}:{self.port}")
        connection.endheaders()
        return connection.getresponse()

    def json(self, path: str) -> Any:
        return json.loads(self.get(path).read())


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.search.close()
    made.thread.join(SECONDS)
    assert not made.thread.is_alive()


def test_what_is_there_and_what_fits(served: Served) -> None:
    look = served.json("/look")
    sink, table = look["sinks"]
    assert [(one["name"], one["documents"], one["written"]) for one in sink["indices"]] == [
        ("berlin.orders", 130, 150), ("madrid.orders", 7, 7),
    ]
    assert (sink["rows"], table["rows"]) == (False, True)
    assert table["indices"] == [{"name": "berlin.orders", "documents": 600, "written": 1100,
                                 "regions": 1, "size_mb": 3.2}]
    found = served.json("/search?q=city%3ASeoul+AND+n%3A%3E1&sink=&limit=3")
    assert served.view.asked == [("city:Seoul AND n:>1", 3)]
    assert (found["total"], found["exact"], found["took_ms"]) == (1234, True, 4)
    assert found["hits"][2]["document"]["n"] == 2
    assert served.json("/search?q=a&sink=another")["hits"] == []


def test_rows_are_read_from_a_key_on_where_their_sink_is_chosen(served: Served) -> None:
    found = served.json("/search?q=kim&sink=hbase+of+hub&limit=5")
    assert served.rowed.asked == [("berlin.orders", 5, "kim"), ("none", 5, "kim")]
    assert found["total"] is None
    assert found["hits"][1] == {"index": "berlin.orders", "id": "kim-1",
                                "document": {"d:city": HOSTILE}}
    served.json("/search?q=kim&sink=")
    assert len(served.rowed.asked) == 2, "among all sinks documents are searched"
    assert served.view.asked == [("kim", 20)]


def test_nothing_asked_for_is_everything_and_never_more_than_a_page(served: Served) -> None:
    served.json("/search?q=&limit=100000")
    served.json("/search?limit=0")
    assert served.view.asked == [("*", MOST), ("*", 1)]
    answer = served.get("/search?limit=all")
    assert answer.status == 400
    assert json.loads(answer.read()) == {"problem": "limit all is no number"}


def test_a_store_that_refuses_or_is_away_is_told(served: Served) -> None:
    assert served.json("/search?q=(") == {"problem": "Failed to parse query [(]"}
    served.view.away = True
    sink, _ = served.json("/look")["sinks"]
    assert (sink["problem"], sink["indices"]) == ("elasticsearch does not listen yet", [])


def test_only_who_asks_for_this_machine_is_answered(served: Served) -> None:
    assert served.get("/").status == 200
    assert served.get("/", host="theirs.example").status == 421
    assert served.get("/search?q=a", host=f"theirs.example:{served.port}").status == 421
    assert served.view.asked == []
    policy = served.get("/").headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy


def test_names_stay_text() -> None:
    text = render(lab=HOSTILE, owner=HOSTILE, sinks={HOSTILE: True})
    assert HOSTILE not in text


def test_totals_are_of_indices_that_are_there_with_all_that_came() -> None:
    """An index in which nobody searches for 30 s is not made ready by itself any more."""
    ready, heard = ("POST", "/a,b%2Fc/_refresh?ignore_unavailable=true"), []

    def ask(method: str, path: str, body: object = None) -> Any:
        heard.append((method, path))
        if heard[-1] == ready:
            return {}
        assert (method, path) == (
            "GET", "/a,b%2Fc/_stats/docs,indexing?ignore_unavailable=true")
        return {"indices": {"a": {"primaries": {
            "docs": {"count": 5 if ready in heard else 2}, "indexing": {"index_total": 9}}}}}

    assert Documents(ask).written(["a", "b/c"]) == {"a": 9}
    assert ready not in heard
    assert Documents(ask).totals(["a", "b/c"]) == {"a": (5, 9)}


@pytest.mark.host
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (480, True)])
def test_a_browser_shows_it(
    served: Served, chromium: Browser, width: int, dark: bool
) -> None:
    """All of it comes from this server; what documents say stays text; nothing overflows."""
    address = f"http://{ADDRESS}:{served.port}/"
    chromium.open(f"{address}#q=city%3ASeoul&sink=&limit=20", width=width, dark=dark)
    chromium.until("document.querySelectorAll('#hits li').length === 3")
    assert chromium.run("document.getElementById('query').value") == "city:Seoul"
    assert chromium.run("document.getElementById('told').textContent") == (
        "1,234 documents · the first 3 below · 4 ms")
    assert HOSTILE in chromium.run("document.querySelector('#hits li').textContent")
    chromium.until("/^[1-9]/.test(document.querySelector('#indices td:nth-child(4)')?.textContent)")
    assert chromium.run("document.querySelectorAll('#indices svg .edge').length") == 3
    assert "1 region served · 3 MB" in chromium.run("document.getElementById('indices').innerText")
    assert chromium.run("document.documentElement.scrollWidth <= innerWidth")
    assert all(one.startswith(address) or one.startswith("data:") for one in chromium.addresses())
    assert not chromium.complaints()
    assert chromium.run("document.getElementById('problems').hidden")
    served.view.away = True
    chromium.until("document.querySelector('#problems.bad:not([hidden])')")
    served.view.away = False
    chromium.run("(document.getElementById('query').value = '(', "
                 "document.getElementById('form').requestSubmit())")
    chromium.until("document.querySelector('#told.bad')")
    assert "Failed to parse query" in chromium.run("document.getElementById('told').textContent")
    assert chromium.run("location.hash") == "#q=%28&sink=&limit=20"
    assert chromium.run("document.getElementById('key').hidden")
    chromium.run("(document.getElementById('query').value = 'kim', "
                 "document.getElementById('sink').value = 'hbase of hub', "
                 "document.getElementById('sink').dispatchEvent(new Event('change')), "
                 "document.getElementById('form').requestSubmit())")
    chromium.until("document.querySelectorAll('#hits li').length === 2")
    assert chromium.run("document.getElementById('told').textContent").startswith(
        "the first 2 rows from this key on · ")
    assert chromium.run("document.getElementById('words').hidden")
    assert not chromium.run("document.getElementById('key').hidden")
    assert chromium.run("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.host
def test_where_there_are_only_rows_they_are_what_is_asked_for(chromium: Browser) -> None:
    made = Served(documents=False)
    try:
        chromium.open(f"http://{ADDRESS}:{made.port}/", width=480, dark=False)
        chromium.until("document.getElementById('sink').value === 'hbase of hub'")
        chromium.run("document.getElementById('form').requestSubmit()")
        chromium.until("document.querySelectorAll('#hits li').length === 2")
        assert not chromium.run("document.getElementById('key').hidden")
        assert not chromium.complaints()
    finally:
        made.search.close()
        made.thread.join(SECONDS)
