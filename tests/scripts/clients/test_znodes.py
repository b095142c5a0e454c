"""ZooKeeper's own protocol: what is asked, what is understood, and that changes are all or none."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import pytest

from scripts.clients.znodes import CLOSE, DELETE, GET, MULTI, SET, Moved, Put, Remove, Znodes
from scripts.errors import LabError


def buffer(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


@dataclass
class Server:
    """Speaks the protocol as a ZooKeeper server does, of nodes that it holds: (data, version)."""

    nodes: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    session: int = 10_000
    open: bool = True
    _said: bytes = b""
    _met: bool = False

    def sendall(self, data: bytes) -> None:
        assert struct.unpack_from(">i", data)[0] == len(data) - 4
        body = data[4:]
        if not self._met:
            self._met = True
            assert struct.unpack_from(">iqiq", body) == (0, 0, 10_000, 0)
            self._tell(struct.pack(">iiq", 0, self.session, 7) + buffer(bytes(16)) + b"\0")
            return
        number, kind = struct.unpack_from(">ii", body)
        self._tell(struct.pack(">iqi", -2, 0, 0))  # an answer to nobody's question comes between
        error, answer = self._answer(kind, body[8:])
        self._tell(struct.pack(">iqi", number, 5, error) + answer)

    def recv(self, size: int) -> bytes:
        piece, self._said = self._said[:min(size, 3)], self._said[min(size, 3):]
        return piece

    def close(self) -> None:
        self.open = False

    def _tell(self, body: bytes) -> None:
        self._said += buffer(body)

    def _answer(self, kind: int, body: bytes) -> tuple[int, bytes]:
        if kind == CLOSE:
            return 0, b""
        if kind == MULTI:
            return 0, self._changed(body)
        path, rest = self._text(body)
        assert rest == b"\0", "nobody watches here"
        if kind == GET:
            if path not in self.nodes:
                return -101, b""
            data, version = self.nodes[path]
            return 0, buffer(data) + struct.pack(">qqqqiiiqiiq", 1, 2, 3, 4, version, *[0] * 6)
        below = [name.removeprefix(f"{path}/") for name in self.nodes
                 if name.startswith(f"{path}/")]
        return 0, struct.pack(">i", len(below)) + b"".join(buffer(n.encode()) for n in below)

    def _changed(self, body: bytes) -> bytes:
        """All of it or nothing, as org.apache.zookeeper.MultiResponse tells it."""
        nodes, errors, answers = dict(self.nodes), [], b""
        while True:
            kind, done, _ = struct.unpack_from(">i?i", body)
            body = body[9:]
            if done:
                break
            path, body = self._text(body)
            data = None
            if kind == SET:
                size = struct.unpack_from(">i", body)[0]
                data, body = body[4:4 + size], body[4 + size:]
            (version,), body = struct.unpack_from(">i", body), body[4:]
            has = nodes.get(path)
            error = -101 if has is None else -103 if version not in (-1, has[1]) else 0
            errors.append(-2 if any(errors) else error)
            if has is not None and not error:
                if kind == DELETE:
                    del nodes[path]
                    answers += struct.pack(">i?i", DELETE, False, 0)
                else:
                    assert data is not None
                    nodes[path] = (data, has[1] + 1)
                    answers += struct.pack(">i?i", SET, False, 0) + bytes(68)
        if any(errors):
            answers = b"".join(
                struct.pack(">i?i", -1, False, error) + struct.pack(">i", error)
                for error in errors)
        else:
            self.nodes = nodes
        return answers + struct.pack(">i?i", -1, True, -1)

    @staticmethod
    def _text(body: bytes) -> tuple[str, bytes]:
        size = struct.unpack_from(">i", body)[0]
        return body[4:4 + size].decode(), body[4 + size:]


def test_a_node_is_read_with_its_version() -> None:
    server = Server({"/a": (b"{}", 3), "/a/b": (b"", 0)})
    with Znodes(server, "zk1") as session:
        found = session.get("/a")
        assert found and (found.data, found.version) == (b"{}", 3)
        assert session.get("/none") is None
        assert session.children("/a") == ("b",) and session.children("/x") == ()
    assert not server.open


def test_changes_are_made_together_or_not_at_all() -> None:
    server = Server({"/epoch": (b"1", 4), "/controller": (b"{}", 0)})
    with Znodes(server, "zk1") as session:
        session.change()
        with pytest.raises(Moved, match="changed meanwhile"):
            session.change(Put("/epoch", b"9", 4), Remove("/none"))
        with pytest.raises(Moved):
            session.change(Remove("/controller"), Put("/epoch", b"9", 3))
        assert server.nodes == {"/epoch": (b"1", 4), "/controller": (b"{}", 0)}
        session.change(Put("/epoch", b"9", 4), Remove("/controller"))
    assert server.nodes == {"/epoch": (b"9", 5)}


def test_a_server_that_gives_no_session_is_told() -> None:
    with pytest.raises(LabError, match="zk1: ZooKeeper gives no session"):
        Znodes(Server(session=0), "zk1")
