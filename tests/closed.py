"""Listeners that answer Kafka's first request, with a certificate of the lab's or without one."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scripts.workstation.authority import Authority


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """A listener that does `serve` with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        def run() -> None:
            while True:
                try:
                    there, _ = server.accept()
                except OSError:
                    return
                with there:
                    serve(there)

        threading.Thread(target=run, daemon=True).start()
        yield server.getsockname()[:2]


def broker(there: socket.socket) -> None:
    """As much of a broker as answers the first request, and hangs up on what is none."""
    there.settimeout(5)
    head = there.recv(4)
    if int.from_bytes(head, "big") < 100:
        there.recv(100)
        there.sendall((10).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes(6))


@contextmanager
def closed(
    authority: Authority, host: str = "broker1", *, asks: bool = False
) -> Iterator[tuple[str, int]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.folder / f"{host}.pem")
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority.file)

    def serve(there: socket.socket) -> None:
        try:
            with context.wrap_socket(there, server_side=True) as inner:
                broker(inner)
        except OSError:
            return

    with listening(serve) as address:
        yield address
