"""HTTP over a channel that, unlike a socket, is gone as soon as anybody closes it."""

from __future__ import annotations

import io
import socket
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.clients.http import Http, HttpError


class Channel:
    """One end of a pair of sockets, as paramiko's channel behaves: closing ends reading at once."""

    def __init__(self, end: socket.socket) -> None:
        self._end, self.closed = end, False

    def sendall(self, data: bytes) -> None:
        self._end.sendall(data)

    def makefile(self, mode: str, *rest: Any) -> Any:
        assert mode == "rb"
        channel = self

        class Raw(io.RawIOBase):
            def readable(self) -> bool:
                return True

            def readinto(self, buffer: Any) -> int:
                if channel.closed:
                    return 0
                return channel._end.recv_into(buffer, 1)  # nothing is read ahead

        return io.BufferedReader(Raw(), 1)

    def close(self) -> None:
        self.closed = True


def answered(answer: bytes) -> Any:
    """What GET / gives where the host sends `answer` and ends the connection."""
    here, there = socket.socketpair()

    def serve() -> None:
        with there:
            while not there.recv(4096).endswith(b"\r\n\r\n"):
                pass
            there.sendall(answer)

    server = threading.Thread(target=serve)
    server.start()
    connection = SimpleNamespace(open_channel=lambda *where, timeout: Channel(here))
    host = SimpleNamespace(name="h", fqdn="h.lab", address="10.0.0.1")
    try:
        return Http(cast(Any, {"h": connection}), cast(Any, host), 80, "web")("GET", "/")
    finally:
        here.close()
        server.join()


@pytest.mark.parametrize("head", [
    b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
])
def test_an_answer_is_read_whole_also_where_the_server_ends_the_connection(head: bytes) -> None:
    assert answered(head + b"hello") == "hello"


def test_an_answer_that_is_cut_off_is_an_error() -> None:
    with pytest.raises(HttpError, match="IncompleteRead"):
        answered(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
