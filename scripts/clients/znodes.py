"""What stands in ZooKeeper's nodes, in its own protocol through the SSH connections.

Four-letter words tell how servers do, and nothing of what they hold. This asks for that, and
changes it, without a JVM. A session lives as long as its connection.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from scripts.errors import LabError

TIMEOUT_MS = 10_000  # of the session
# org.apache.zookeeper.ZooDefs.OpCode, and KeeperException.Code
DELETE, GET, SET, CHILDREN, MULTI, CLOSE = 2, 4, 5, 8, 14, -11
NO_NODE, BAD_VERSION = -101, -103
ANY = -1  # whatever version a node has
END = struct.pack(">i?i", -1, True, -1)  # of several changes


@dataclass(frozen=True)
class Held:
    """What a node holds, and how often that has changed."""

    data: bytes
    version: int


@dataclass(frozen=True)
class Put:
    """A node gets other data, if it still has `version`."""

    path: str
    data: bytes
    version: int = ANY

    kind = SET

    @property
    def body(self) -> bytes:
        return _text(self.path) + _buffer(self.data) + struct.pack(">i", self.version)


@dataclass(frozen=True)
class Remove:
    """A node goes, if it still has `version`; it has no children."""

    path: str
    version: int = ANY

    kind = DELETE

    @property
    def body(self) -> bytes:
        return _text(self.path) + struct.pack(">i", self.version)


class Moved(LabError):
    """Somebody else has changed a node since it was looked at."""


class Znodes:
    """A session with a ZooKeeper server, over a connection that it closes. `where` is the host."""

    def __init__(self, channel: Any, where: str) -> None:
        self._channel, self.where, self._number = channel, where, 0
        self._send(struct.pack(">iqiq", 0, 0, TIMEOUT_MS, 0) + _buffer(bytes(16)) + b"\0")
        if struct.unpack_from(">ii", self._receive())[1] <= 0:
            raise LabError("ZooKeeper gives no session", where=where)

    def __enter__(self) -> Znodes:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError, EOFError, LabError, struct.error):  # it ends with its time then
            self._ask(CLOSE, b"")
        self._channel.close()

    def get(self, path: str) -> Held | None:
        """What a node holds; None where there is no such node."""
        error, body = self._ask(GET, _text(path) + b"\0")
        if error == NO_NODE:
            return None
        self._check(error, path)
        size = max(struct.unpack_from(">i", body)[0], 0)
        version = struct.unpack_from(">i", body, 4 + size + 32)[0]  # after four longs of its Stat
        return Held(body[4:4 + size], version)

    def children(self, path: str) -> tuple[str, ...]:
        """The names below a node; none where there is no such node."""
        error, body = self._ask(CHILDREN, _text(path) + b"\0")
        if error == NO_NODE:
            return ()
        self._check(error, path)
        (count,), at, found = struct.unpack_from(">i", body), 4, []
        for _ in range(max(count, 0)):
            (size,) = struct.unpack_from(">i", body, at)
            found.append(body[at + 4:at + 4 + size].decode())
            at += 4 + size
        return tuple(found)

    def change(self, *changes: Put | Remove) -> None:
        """All of it or nothing. Raises Moved where a node is not as it was."""
        if not changes:
            return
        body = b"".join(
            struct.pack(">i?i", one.kind, False, -1) + one.body for one in changes
        ) + END
        error, answer = self._ask(MULTI, body)
        if error == 0:
            # Of several changes the error stands with the one that failed, as an answer like any.
            kind, _, error = struct.unpack_from(">i?i", answer)
            error = _first_error(answer) if kind == -1 else 0
        if error in (NO_NODE, BAD_VERSION):
            raise Moved("ZooKeeper's nodes have changed meanwhile", where=self.where,
                        hint="run it again")
        self._check(error, ", ".join(one.path for one in changes))

    def _check(self, error: int, path: str) -> None:
        if error:
            raise LabError(f"ZooKeeper refuses {path} (error {error})", where=self.where)

    def _ask(self, kind: int, body: bytes) -> tuple[int, bytes]:
        self._number += 1
        self._send(struct.pack(">ii", self._number, kind) + body)
        while True:
            answer = self._receive()
            number, _, error = struct.unpack_from(">iqi", answer)
            if number == self._number:
                return int(error), answer[16:]

    def _send(self, data: bytes) -> None:
        self._channel.sendall(struct.pack(">i", len(data)) + data)

    def _receive(self) -> bytes:
        (size,) = struct.unpack(">i", self._exactly(4))
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            piece = self._channel.recv(size - len(received))
            if not piece:
                raise EOFError("the connection ended")
            received += piece
        return received


def _first_error(answer: bytes) -> int:
    """Of changes that were not made: why the first was not that is to blame; those before it have
    the code 0."""
    at = 0
    while at + 9 <= len(answer):
        kind, done, _ = struct.unpack_from(">i?i", answer, at)
        if done:
            break
        at += 9
        if kind == -1:
            (code,) = struct.unpack_from(">i", answer, at)
            at += 4
            if code:
                return int(code)
    return 0


def _text(value: str) -> bytes:
    return _buffer(value.encode())


def _buffer(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data
