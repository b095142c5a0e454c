"""Logging in at a broker by hand, with SCRAM-SHA-512 (RFC 5802): whether it lets somebody in.

With the standard library alone, and no other module of the lab: it also runs on hosts, as it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct

MECHANISM, HASH = "SCRAM-SHA-512", "sha512"
# Kafka's protocol: the number of a request, and the version that is spoken here.
METADATA, HANDSHAKE, AUTHENTICATE = (3, 1), (17, 1), (36, 0)
MOST = 1 << 20


def attempt(there: socket.socket, user: str = "", password: str = "") -> str:
    """In what way a broker refuses a client at an open connection to say what it has; "" where it
    does not. Without a `user` nobody logs in. Raises OSError."""
    if user and (refused := login(there, user, password)):
        return refused
    answer = ask(there, METADATA, struct.pack(">i", 0))  # of no topic
    return "" if len(answer) > 4 else "the answer is not Kafka's"


def login(there: socket.socket, user: str, password: str) -> str:
    """In what way a broker does not let a user in; "" where it does. Raises OSError."""
    answer = ask(there, HANDSHAKE, struct.pack(">h", len(MECHANISM)) + MECHANISM.encode())
    if answer[:2] != b"\0\0":
        return f"does not take {MECHANISM}"
    nonce = base64.b64encode(os.urandom(24)).decode()
    bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"
    refused, first = _authenticate(there, f"n,,{bare}")
    if refused:
        return refused
    said = dict(part.split("=", 1) for part in first.split(",") if "=" in part)
    if not said.get("r", "").startswith(nonce):
        return "the answer is not SCRAM's"
    salted = hashlib.pbkdf2_hmac(
        HASH, password.encode(), base64.b64decode(said["s"]), int(said["i"]))
    without = f"c=biws,r={said['r']}"
    whole = f"{bare},{first},{without}".encode()
    key = _keyed(salted, b"Client Key")
    signature = _keyed(hashlib.new(HASH, key).digest(), whole)
    proof = bytes(one ^ other for one, other in zip(key, signature))  # noqa: B905 - Python 3.9, too
    refused, last = _authenticate(there, f"{without},p={base64.b64encode(proof).decode()}")
    if refused:
        return refused
    own = base64.b64encode(_keyed(_keyed(salted, b"Server Key"), whole)).decode()
    return "" if last.split(",")[0] == f"v={own}" else "the broker does not know the password"


def _keyed(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, HASH).digest()


def _authenticate(there: socket.socket, text: str) -> tuple[str, str]:
    """What a broker says against it, and what it answers."""
    data = text.encode()
    answer = ask(there, AUTHENTICATE, struct.pack(">i", len(data)) + data)
    code, length = struct.unpack(">hh", answer[:4])
    told, rest = answer[4:4 + max(length, 0)], answer[4 + max(length, 0):]
    if code:
        return told.decode(errors="replace") or f"error {code}", ""
    return "", rest[4:].decode(errors="replace")


def ask(there: socket.socket, request: tuple[int, int], body: bytes) -> bytes:
    """A request of Kafka's, and the answer without its head. Raises OSError."""
    data = struct.pack(">hhih", *request, 1, -1) + body
    there.sendall(struct.pack(">i", len(data)) + data)
    size, number = struct.unpack(">ii", _received(there, 8))
    if number != 1 or not 4 <= size <= MOST:
        raise OSError("the answer is not Kafka's")
    return _received(there, size - 4)


def _received(there: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = there.recv(count - len(data))
        if not part:
            raise OSError("the connection was closed")
        data += part
    return data
