"""As much of Kafka's protocol as the lag exporter needs, with Python alone.

Six requests, each in the oldest form that all releases from 2.1 on answer: those have no fields of
variable size. https://kafka.apache.org/protocol tells what is in them.
"""

from __future__ import annotations

import socket
import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext

# A request's number, and the version of it that is spoken here.
METADATA, LIST_OFFSETS, LIST_GROUPS = (3, 1), (2, 1), (16, 0)
DESCRIBE_GROUPS, OFFSET_FETCH, DESCRIBE_NEW_GROUPS = (15, 0), (9, 2), (69, 0)
LATEST, EARLIEST = -1, -2
CLIENT = "kafkalab-lag-exporter"
ANSWER_S = 2.0
MOST_BYTES = 64 << 20
At = tuple[str, int]  # a topic and a partition


class Unreadable(Exception):
    """An answer that is not what it should be."""


class Reader:
    """An answer, read from its beginning to its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise Unreadable(f"{count} bytes at {self._at} of {len(self._data)}")
        self._at += count
        return self._data[self._at - count:self._at]

    def number(self, form: str) -> int:
        return int(struct.unpack(f">{form}", self.take(struct.calcsize(f">{form}")))[0])

    def text(self) -> str:
        """A string, "" for null."""
        return self.take(max(self.number("h"), 0)).decode(errors="replace")

    def bytes(self) -> bytes:
        return self.take(max(self.number("i"), 0))

    def numbers(self) -> list[int]:
        return [self.number("i") for _ in range(self.number("i"))]

    def each(self) -> range:
        """Over an array."""
        return range(self.number("i"))

    # The newer form: lengths of variable size, one too large, and fields that may be passed over.

    def varint(self) -> int:
        result = shift = 0
        while True:
            byte = self.number("B")
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7

    def short_text(self) -> str:
        return self.take(max(self.varint() - 1, 0)).decode(errors="replace")

    def each_short(self) -> range:
        return range(max(self.varint() - 1, 0))

    def tags(self) -> None:
        for _ in range(self.varint()):
            self.varint()
            self.take(self.varint())


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">h", len(data)) + data


def array(parts: Iterable[bytes]) -> bytes:
    found = list(parts)
    return struct.pack(">i", len(found)) + b"".join(found)


class Broker:
    """A connection to one broker, made when it is needed. Raises OSError and Unreadable.

    trust: whose word counts for the broker's name, where it has a certificate.
    """

    def __init__(self, address: tuple[str, int], trust: SSLContext | None = None) -> None:
        self.address, self._trust = address, trust
        self._socket: socket.socket | None = None
        self._count = 0

    def ask(self, request: tuple[int, int], body: bytes, *, newer: bool = False) -> Reader:
        """The answer to a request. After an error the connection is a new one; one that was there
        before may have ended with the broker's last process, and is made anew at once."""
        again = self._socket is not None
        try:
            return self._ask(request, body, newer)
        except BaseException as error:
            self.close()
            if not again or not isinstance(error, ConnectionError):
                raise
        return self.ask(request, body, newer=newer)

    def _ask(self, request: tuple[int, int], body: bytes, newer: bool) -> Reader:
        there = self._socket or self._connected()
        self._socket = there
        self._count += 1
        message = struct.pack(">hhi", *request, self._count) + text(CLIENT) + b"\0" * newer + body
        there.sendall(struct.pack(">i", len(message)) + message)
        size = struct.unpack(">i", _received(there, 4))[0]
        if not 4 <= size <= MOST_BYTES:
            raise Unreadable(f"an answer of {size} bytes")
        answer = Reader(_received(there, size))
        if answer.number("i") != self._count:
            raise Unreadable("the answer to another question")
        if newer:
            answer.tags()
        return answer

    def _connected(self) -> socket.socket:
        plain = socket.create_connection(self.address, ANSWER_S)
        if self._trust is None:
            return plain
        try:
            return self._trust.wrap_socket(plain, server_hostname=self.address[0])
        except BaseException:
            plain.close()
            raise

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _received(there: socket.socket, count: int) -> bytes:
    found = bytearray()
    while len(found) < count:
        piece = there.recv(count - len(found))
        if not piece:
            raise ConnectionError("the broker ended the connection")
        found += piece
    return bytes(found)


@dataclass
class Partition:
    leader: int
    replicas: list[int]
    isr: list[int]


@dataclass
class Seen:
    """A cluster at one moment. `committed` and `members` are by group."""

    brokers: dict[int, tuple[str, int]] = field(default_factory=dict)
    partitions: dict[At, Partition] = field(default_factory=dict)
    ends: dict[At, int] = field(default_factory=dict)
    begins: dict[At, int] = field(default_factory=dict)
    committed: dict[str, dict[At, int]] = field(default_factory=dict)
    members: dict[str, int] = field(default_factory=dict)


def metadata(answer: Reader) -> Seen:
    seen = Seen()
    for _ in answer.each():
        number, host, port = answer.number("i"), answer.text(), answer.number("i")
        seen.brokers[number] = host, port
        answer.text()  # its rack
    answer.number("i")  # the controller, which a broker of KRaft makes up
    for _ in answer.each():
        wrong, topic = answer.number("h"), answer.text()
        answer.number("?")
        for _ in answer.each():
            answer.number("h")
            index = answer.number("i")
            found = Partition(answer.number("i"), answer.numbers(), answer.numbers())
            if not wrong:
                seen.partitions[topic, index] = found
    return seen


def asked_offsets(places: Iterable[At], when: int) -> bytes:
    topics: dict[str, list[int]] = defaultdict(list)
    for topic, index in places:
        topics[topic].append(index)
    return struct.pack(">i", -1) + array(
        text(topic) + array(struct.pack(">iq", index, when) for index in indexes)
        for topic, indexes in topics.items()
    )


def offsets(answer: Reader) -> Iterator[tuple[At, int]]:
    for _ in answer.each():
        topic = answer.text()
        for _ in answer.each():
            index, wrong = answer.number("i"), answer.number("h")
            answer.number("q")
            offset = answer.number("q")
            if not wrong:
                yield (topic, index), offset


def groups(answer: Reader) -> dict[str, str]:
    """The names of groups, with what shares their work ("consumer", "connect")."""
    if wrong := answer.number("h"):
        raise Unreadable(f"error {wrong}")
    return {answer.text(): answer.text() for _ in answer.each()}


def sizes(answer: Reader) -> Iterator[tuple[str, int | None]]:
    """Groups with how many members they have; None of those that this request does not know."""
    for _ in answer.each():
        wrong, name, state = answer.number("h"), answer.text(), answer.text()
        answer.text(), answer.text()
        members = answer.each()
        for _ in members:
            answer.text(), answer.text(), answer.text(), answer.bytes(), answer.bytes()
        yield name, None if wrong or state == "Dead" else len(members)


def committed(answer: Reader) -> dict[At, int]:
    found = {}
    for _ in answer.each():
        topic = answer.text()
        for _ in answer.each():
            index, offset = answer.number("i"), answer.number("q")
            answer.text()
            if not answer.number("h") and offset >= 0:
                found[topic, index] = offset
    return found


def asked_new_group(name: str) -> bytes:
    data = name.encode()
    length = len(data) + 1
    prefix = bytearray()
    while length >= 0x80:
        prefix.append(length & 0x7F | 0x80)
        length >>= 7
    return b"\x02" + bytes(prefix) + bytes([length]) + data + b"\0\0"


def new_size(answer: Reader) -> int | None:
    """How many members a group of the new protocol (KIP-848) has; None where it is none."""
    answer.number("i")
    for _ in answer.each_short():
        wrong = answer.number("h")
        answer.short_text(), answer.short_text(), answer.short_text()
        answer.number("i"), answer.number("i"), answer.short_text()
        return None if wrong else len(answer.each_short())
    return None
