"""The page on which sinks' documents are searched, and its server: for this machine alone, read
only, and as long as somebody wants it."""

from __future__ import annotations

import html
import json
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

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
        """The documents that fit, of one sink or ("") of all; or why there is no answer."""
        chosen = [view for name, view in self.views.items() if sink in ("", name)]
        try:
            answers = [view.search(query or "*", min(max(limit, 1), MOST)) for view in chosen]
        except LabError as error:
            return {"problem": error.what}
        return {
            "total": sum(one["hits"]["total"]["value"] for one in answers),
            "exact": all(one["hits"]["total"]["relation"] == "eq" for one in answers),
            "took_ms": sum(one["took"] for one in answers),
            "hits": [{"index": hit["_index"], "id": hit["_id"], "document": hit["_source"]}
                     for one in answers for hit in one["hits"]["hits"]][:MOST],
        }

    def _one(self, name: str, view: SinkView) -> dict[str, Any]:
        told: dict[str, Any] = {"name": name}
        try:
            indices = view.totals()
        except LabError as error:
            return {**told, "problem": error.what, "indices": []}
        return {**told, "problem": "", "indices": [
            {"name": index, "documents": documents, "written": written}
            for index, (documents, written) in sorted(indices.items())
        ]}


def render(*, lab: str, owner: str, sinks: Iterable[str]) -> str:
    """The page's HTML. sinks: their names."""
    parts = {
        "lab": html.escape(lab), "owner": html.escape(owner), "policy": policy(),
        "style": _style(), "script": _script(),
        "data": json.dumps({"sinks": [*sinks]}).replace("<", "\\u003c"),
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

    text = render(lab=lab, owner=owner, sinks=search.views)

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
