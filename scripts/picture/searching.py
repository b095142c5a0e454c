"""The page on which sinks' documents are searched and rows are read, and its server: for this
machine alone, read only, and as long as somebody wants it."""

from __future__ import annotations

import html
import json
import socket
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from scripts.drivers.rows import values
from scripts.drivers.sinks import SinkView
from scripts.errors import LabError
from scripts.picture.page import LOOK, PAGE, PLACE, allowed, alone
from scripts.picture.server import HEADERS, attend, guarded

HERE = Path(__file__).parent / "search"
MOST = 100  # documents of an answer


class Search:
    """What the page asks of the stores. views: sinks by their names."""

    def __init__(self, views: Mapping[str, SinkView]) -> None:
        self.views = views
        self.closed = False

    def close(self) -> None:
        """Nobody is to be served any more."""
        self.closed = True

    def look(self) -> dict[str, Any]:
        """How many documents there are, and how many were written until now; `at` in seconds."""
        return {"at": time.time(), "sinks": [self._one(*pair) for pair in self.views.items()]}

    def find(self, query: str, sink: str, limit: int) -> dict[str, Any]:
        """The documents that fit, of one sink or ("") of all; of one into HBase the rows from the
        key `query` on; or why there is no answer."""
        most = min(max(limit, 1), MOST)
        if sink in self.views and self.views[sink].tabular:
            return self._rows(self.views[sink], query, most)
        chosen = [view for name, view in self.views.items()
                  if sink in ("", name) and not view.tabular]
        try:
            answers = [view.search(query or "*", most) for view in chosen]
        except LabError as error:
            return {"problem": error.what}
        return {
            "total": sum(one["hits"]["total"]["value"] for one in answers),
            "exact": all(one["hits"]["total"]["relation"] == "eq" for one in answers),
            "took_ms": sum(one["took"] for one in answers),
            "hits": [{"index": hit["_index"], "id": hit["_id"], "document": hit["_source"]}
                     for one in answers for hit in one["hits"]["hits"]][:MOST],
        }

    @staticmethod
    def _rows(view: SinkView, start: str, most: int) -> dict[str, Any]:
        """Nobody knows how many more there are: HBase would have to count them."""
        began = time.monotonic()
        try:
            found = [(topic, row) for topic in view.sink.topics
                     for row in view.rows(topic, most, start)]
        except LabError as error:
            return {"problem": error.what}
        return {
            "total": None, "took_ms": round(1000 * (time.monotonic() - began)),
            "hits": [{"index": topic, "id": row["row"], "document": values(row)}
                     for topic, row in found[:MOST]],
        }

    def _one(self, name: str, view: SinkView) -> dict[str, Any]:
        told: dict[str, Any] = {"name": name, "rows": view.tabular}
        try:
            indices = view.totals()
        except LabError as error:
            return {**told, "problem": error.what, "indices": []}
        return {**told, "problem": "", "indices": [
            {"name": one.name, "documents": one.documents, "written": one.written,
             "regions": one.regions, "size_mb": one.size_mb} for one in indices
        ]}


def render(*, lab: str, owner: str, sinks: Mapping[str, bool]) -> str:
    """The page's HTML. sinks: their names, and whether they write into tables."""
    parts = {
        "lab": html.escape(lab), "owner": html.escape(owner), "policy": policy(),
        "style": _style(), "script": _script(),
        "data": json.dumps({"sinks": [*sinks.items()]}).replace("<", "\\u003c"),
    }
    text = (HERE / "page.html").read_text(encoding="utf-8")
    return PLACE.sub(lambda found: parts[found[1]], text)


@cache
def policy() -> str:
    """What a browser may do for this page."""
    return allowed(_script(), _style())


@cache
def _style() -> str:
    return LOOK.read_text(encoding="utf-8") + (HERE / "page.css").read_text(encoding="utf-8")


@cache
def _script() -> str:
    parts = (PAGE / "dom.js", HERE / "main.js")
    return "".join(alone(one.read_text(encoding="utf-8")) for one in parts)


def application(search: Search, *, port: int, lab: str, owner: str) -> Any:
    """The ASGI application."""
    from starlette.applications import Starlette  # noqa: PLC0415 - 0.1 s
    from starlette.requests import Request  # noqa: PLC0415 - 0.1 s
    from starlette.responses import HTMLResponse, Response  # noqa: PLC0415 - 0.1 s
    from starlette.routing import Route  # noqa: PLC0415 - 0.1 s

    text = render(lab=lab, owner=owner, sinks={
        name: view.tabular for name, view in search.views.items()
    })

    def told(found: object, status: int = 200) -> Response:
        return Response(json.dumps(found), status, HEADERS, "application/json")

    def page(request: Request) -> Response:
        return HTMLResponse(text, headers={**HEADERS, "Content-Security-Policy": policy()})

    def look(request: Request) -> Response:
        return told(search.look())

    def find(request: Request) -> Response:
        asked = request.query_params
        limit = asked.get("limit", "20")
        if not limit.isdecimal():
            return told({"problem": f"limit {limit} is no number"}, 400)
        return told(search.find(asked.get("q", ""), asked.get("sink", ""), int(limit)))

    return guarded(Starlette(routes=[
        Route("/", page), Route("/look", look), Route("/search", find),
    ]), port)


def serve(
    search: Search, listening: socket.socket, *, lab: str, owner: str, seconds: float = 0,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve until somebody ends it (KeyboardInterrupt, or `search.close`), or for `seconds` where
    they are given."""
    attend(application(search, port=listening.getsockname()[1], lab=lab, owner=owner), search,
           listening, seconds=seconds, started=started)
