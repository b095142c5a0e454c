"""The server of the page: for this machine alone, read only, and as long as somebody wants it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable
from types import FrameType
from typing import Any, Protocol

from scripts.errors import LabError
from scripts.picture.feed import Feed
from scripts.picture.page import policy, render, summary

ADDRESS = "127.0.0.1"
PORTS = range(8020, 8040)  # of which the first free one is taken
PING_SECONDS = 15.0
HEADERS = {
    "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
}


def bound(port: int = 0) -> socket.socket:
    """A socket on a port of this machine's own address; 0: the first free one of PORTS.

    Raises LabError where the port, or each of them, is taken.
    """
    for one in [port] if port else PORTS:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((ADDRESS, one))
        except OSError as error:
            listening.close()
            why = error.strerror or "refused"
            continue
        return listening
    ports = str(port) if port else f"{PORTS[0]} to {PORTS[-1]}"
    raise LabError(
        f"port {ports} of {ADDRESS} cannot be had: {why}",
        hint="say another one with --port" + (", or none: a free one is taken" if port else ""),
    )


def application(feed: Feed, *, port: int, lab: str, owner: str) -> Any:
    """The ASGI application. It answers only who asks for this machine by its own name: a page of
    somebody else's whose name was made to lead here gets nothing (DNS rebinding)."""
    from starlette.applications import Starlette  # noqa: PLC0415 - 0.1 s
    from starlette.requests import Request  # noqa: PLC0415 - 0.1 s
    from starlette.responses import (  # noqa: PLC0415 - 0.1 s
        HTMLResponse,
        Response,
        StreamingResponse,
    )
    from starlette.routing import Route  # noqa: PLC0415 - 0.1 s

    def page(request: Request) -> Response:
        text = render(feed.history, lab=lab, owner=owner, run=feed.run)
        return HTMLResponse(text, headers={**HEADERS, "Content-Security-Policy": policy()})

    def save(request: Request) -> Response:
        name = f"{lab}-{feed.history.now.at:.0f}.html"
        return HTMLResponse(render(feed.history, lab=lab, owner=owner), headers={
            **HEADERS, "Content-Disposition": f'attachment; filename="{name}"',
        })

    def state(request: Request) -> Response:
        return Response(json.dumps(summary(feed.history)), media_type="application/json",
                        headers=HEADERS)

    async def events(request: Request) -> Response:
        last = request.headers.get("last-event-id") or request.query_params.get("after")
        return StreamingResponse(stream(feed, feed.number(last)), media_type="text/event-stream",
                                 headers=HEADERS)

    return guarded(Starlette(routes=[
        Route("/", page), Route("/state", state), Route("/events", events), Route("/save", save),
    ]), port)


def guarded(routes: Any, port: int) -> Any:
    """The application that answers only who asks for this machine by its own name."""
    from starlette.responses import PlainTextResponse  # noqa: PLC0415 - 0.1 s

    names = {f"{name}:{port}".encode() for name in (ADDRESS, "localhost")}

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            asked = [value for name, value in scope["headers"] if name == b"host"]
            if len(asked) != 1 or asked[0].lower() not in names:
                refusal = PlainTextResponse(
                    f"this page is at http://{ADDRESS}:{port}/ only\n", 421, headers=HEADERS
                )
                await refusal(scope, receive, send)
                return
        await routes(scope, receive, send)

    return answer


async def stream(feed: Feed, number: int | None) -> AsyncIterator[str]:
    """Server-sent events from after a moment on, until the feed ends."""
    loop, woken = asyncio.get_running_loop(), asyncio.Event()

    def wake() -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(woken.set)

    with feed.listening(wake):
        yield "retry: 1000\n\n"
        while not feed.closed:
            woken.clear()
            messages, number = feed.after(number)
            if messages:
                yield "".join(messages)
            try:
                await asyncio.wait_for(woken.wait(), PING_SECONDS)
            except TimeoutError:
                yield ": nothing new\n\n"  # a reader that has left is noticed by it


def settings(application: Any) -> Any:
    """How uvicorn serves one application: it says nothing, and does nothing beside."""
    import uvicorn  # noqa: PLC0415 - 0.1 s

    return uvicorn.Config(
        application, log_config=None, log_level="critical", access_log=False, lifespan="off",
        ws="none", http="h11", loop="asyncio", server_header=False, timeout_graceful_shutdown=1,
    )


class Ending(Protocol):
    """What a server serves for as long as it is not closed."""

    @property
    def closed(self) -> bool: ...

    def close(self) -> None: ...


def serve(
    feed: Feed, listening: socket.socket, *, lab: str, owner: str, seconds: float = 0,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve until somebody ends it (KeyboardInterrupt), for `seconds` where they are given, or
    until a look fails."""
    attend(application(feed, port=listening.getsockname()[1], lab=lab, owner=owner), feed,
           listening, seconds=seconds, started=started)


def attend(
    application: Any, served: Ending, listening: socket.socket, *, seconds: float,
    started: Callable[[], None],
) -> None:
    """Serve an application until somebody ends it (KeyboardInterrupt) or closes what is `served`,
    or for `seconds` where they are given; it is closed afterwards."""
    import uvicorn  # noqa: PLC0415 - 0.1 s

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            served.close()  # those who read along are let go first
            super().handle_exit(sig, frame)

        async def on_tick(self, counter: int) -> bool:
            return served.closed or await super().on_tick(counter)

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            started()

    server = Server(settings(application))
    timer = threading.Timer(seconds, served.close) if seconds else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        server.run(sockets=[listening])
    finally:
        served.close()
        if timer:
            timer.cancel()
