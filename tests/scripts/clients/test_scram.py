"""Logging in by hand, at a broker that keeps what RFC 5802 says a server keeps."""

from __future__ import annotations

import base64
import hashlib
import hmac
import inspect
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given, strategies as st

from scripts.clients import scram
from scripts.workstation.passwords import FIT

SALT, ROUNDS = b"salt of the test", 4099
names = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1)


def keyed(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, "sha512").digest()


class Broker:
    """Answers like a broker whose one user has a password; `key` is what it signs its last word
    with, where that is not the user's. Anything out of order fails the test."""

    def __init__(self, user: str, password: str, *, impostor: bool = False) -> None:
        self.user, self.let_in = user, False
        salted = hashlib.pbkdf2_hmac("sha512", password.encode(), SALT, ROUNDS)
        self.stored = hashlib.sha512(keyed(salted, b"Client Key")).digest()
        self.server = keyed(b"" if impostor else salted, b"Server Key")
        self.first = self.second = ""

    def answer(self, request: bytes) -> bytes | None:
        """The body of an answer; None hangs up, as brokers do with who asks without logging in."""
        key, version, number, client = struct.unpack(">hhih", request[:10])
        assert (number, client) == (1, -1)
        body = request[10:]
        if key == 3:
            assert (version, body) == (1, bytes(4))
            return bytes(12) if self.let_in else None
        if key == 17:
            assert (version, body) == (1, b"\0\x0dSCRAM-SHA-512")
            return struct.pack(">hi", 0, 0)
        assert (key, version) == (36, 0)
        (size,) = struct.unpack(">i", body[:4])
        assert size == len(body) - 4
        return self._authenticate(body[4:].decode())

    def _authenticate(self, text: str) -> bytes:
        if not self.first:
            head, self.first = text[:3], text[3:]
            assert head == "n,,"
            name, nonce = self.first.split(",r=")
            assert name.removeprefix("n=").replace("=2C", ",").replace("=3D", "=") == self.user
            self.second = f"r={nonce}more,s={base64.b64encode(SALT).decode()},i={ROUNDS}"
            return self._told(0, "", self.second)
        without, proof = text.split(",p=")
        assert without == f"c=biws,r={self.second[2:].split(',')[0]}"
        whole = f"{self.first},{self.second},{without}".encode()
        signature = keyed(self.stored, whole)
        client = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
        if hashlib.sha512(client).digest() != self.stored:
            return self._told(58, "Authentication failed", "")
        self.let_in = True
        return self._told(0, "", f"v={base64.b64encode(keyed(self.server, whole)).decode()}")

    @staticmethod
    def _told(code: int, message: str, text: str) -> bytes:
        said = struct.pack(">h", len(message) or -1) + message.encode()
        return struct.pack(">h", code) + said + struct.pack(">i", len(text)) + text.encode()


@contextmanager
def serving(answer: Callable[[bytes], bytes | None]) -> Iterator[socket.socket]:
    here, there = socket.socketpair()
    wrong: list[BaseException] = []

    def serve() -> None:
        with there, there.makefile("rb") as asked:
            try:
                while head := asked.read(4):
                    body = answer(asked.read(int.from_bytes(head, "big")))
                    if body is None:
                        return
                    there.sendall(struct.pack(">ii", len(body) + 4, 1) + body)
            except BaseException as error:  # it is raised where the test sees it
                wrong.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    here.settimeout(5)
    try:
        yield here
    finally:
        here.close()
        thread.join(5)
        if wrong:
            raise wrong[0]


def tries(broker: Broker, *words: str) -> str:
    with serving(broker.answer) as there:
        return scram.attempt(there, *words)


@given(names, st.from_regex(FIT, fullmatch=True), st.from_regex(FIT, fullmatch=True))
def test_the_right_password_is_let_in_and_no_other(user: str, password: str, other: str) -> None:
    broker = Broker(user, password)
    assert tries(broker, user, password) == "" and broker.let_in
    if other != password:
        broker = Broker(user, password)
        assert tries(broker, user, other) == "Authentication failed" and not broker.let_in


def test_who_does_not_log_in_finds_the_connection_closed() -> None:
    with pytest.raises(OSError, match="the connection was closed"):
        tries(Broker("app", "secret-1"))


def test_a_broker_that_does_not_know_the_password_lets_nobody_in() -> None:
    assert "does not know" in tries(Broker("app", "secret-1", impostor=True), "app", "secret-1")


def said(code: int, text: str) -> Callable[[bytes], bytes]:
    """A broker that takes the mechanism, and then says this."""
    def answer(request: bytes) -> bytes:
        return bytes(6) if request[1] == 17 else Broker._told(code, "", text)
    return answer


@pytest.mark.parametrize(("answer", "words"), [
    (lambda request: struct.pack(">hi", 33, 0), "does not take SCRAM-SHA-512"),
    (said(0, "r=another,s=AAAA,i=4096"), "not SCRAM's"), (said(0, ""), "not SCRAM's"),
    (said(58, ""), "error 58"),
])
def test_what_is_no_answer_of_scrams_is_told(answer: Any, words: str) -> None:
    with serving(answer) as there:
        assert words in scram.attempt(there, "app", "secret-1")


def test_it_runs_as_it_is_on_a_host() -> None:
    """With Python's own modules alone, from standard input."""
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-"], input=f"{inspect.getsource(scram)}\nprint(attempt)",
        capture_output=True, text=True, check=True,
    )
    assert "function attempt" in ran.stdout
