"""What a broker says that somebody who has come in may do, asked by hand: nothing is changed.

Of topics, groups and the cluster it tells that by itself, also of names that nobody has made; of
transactional ids it does not, so somebody ends a transaction that is nobody's.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from scripts.clients.quorum import Reader
from scripts.clients.scram import ask

T = TypeVar("T")
# Kafka's protocol: the number of a request, and the last version without compact fields.
METADATA, FIND_COORDINATOR, DESCRIBE_GROUPS, END_TXN = (3, 8), (10, 1), (15, 3), (26, 1)
OF_GROUP, OF_TRANSACTION = 0, 1  # FindCoordinatorRequest.json: KeyType
# org.apache.kafka.common.acl.AclOperation: what a bit says.
BITS = {3: "read", 4: "write", 5: "create", 6: "delete", 7: "alter", 8: "describe",
        9: "cluster-action", 10: "describe-configs", 11: "alter-configs", 12: "idempotent-write"}
UNSAID = -(1 << 31)
# org.apache.kafka.common.protocol.Errors
LOADING, NOT_AVAILABLE = 14, 15
OF_TOPIC, OF_A_GROUP, OF_A_TRANSACTION = 29, 30, 53  # ..._AUTHORIZATION_FAILED
NO_PRODUCER = (1 << 62, 0)  # an id that brokers give nobody, and its epoch
Operations = frozenset[str]


class Answer(Reader):
    """What is left of an answer in the older form, without compact fields; each method takes the
    next part off."""

    def number(self, form: str) -> int:
        """A number, as `struct` calls its form."""
        return int(self.take(f">{form}"))

    def text(self) -> str:
        return self.bytes(max(self.number("h"), 0)).decode()  # -1: there is none

    def skip(self) -> int:
        """Take off bytes that say nothing here; how many."""
        return len(self.bytes(max(self.number("i"), 0)))

    def list(self, one: Callable[[], T]) -> list[T]:
        return [one() for _ in range(max(self.number("i"), 0))]


def of_topics(
    there: socket.socket, names: Collection[str]
) -> tuple[dict[str, Operations], Operations]:
    """What somebody may do to topics, each by its name, and to the cluster. Who may not describe
    one of them is told nothing of it: that is nothing here. Raises OSError."""
    said = Answer(ask(there, METADATA, _texts(names) + b"\0\1\1"))
    said.number("i")
    said.list(lambda: (said.number("i"), said.text(), said.number("i"), said.text()))
    said.text()
    said.number("i")
    found = dict(said.list(lambda: _topic(said)))
    return {name: found.get(name, frozenset()) for name in names}, _operations(said.number("i"))


def _topic(said: Answer) -> tuple[str, Operations]:
    error, name = said.number("h"), said.text()
    said.number("b")
    said.list(lambda: (
        said.number("h"), said.number("i"), said.number("i"), said.number("i"),
        *(said.list(lambda: said.number("i")) for _ in range(3)),
    ))
    bits = said.number("i")
    return name, frozenset() if error == OF_TOPIC else _operations(bits)


def coordinator(there: socket.socket, name: str, kind: int = OF_GROUP) -> tuple[int, int]:
    """The broker that looks after a group, or after a transactional id, and the error with which it
    is not told. Raises OSError."""
    said = Answer(ask(there, FIND_COORDINATOR, _text(name) + struct.pack(">b", kind)))
    said.number("i")
    error = said.number("h")
    said.text()
    return said.number("i"), error


def of_group(there: socket.socket, name: str) -> Operations | None:
    """What somebody may do to a group, by the broker that looks after it; None where it cannot say
    that now. Raises OSError."""
    said = Answer(ask(there, DESCRIBE_GROUPS, _texts([name]) + b"\1"))
    said.number("i")
    ((error, bits),) = said.list(lambda: _group(said))
    if error == OF_A_GROUP:
        return frozenset()
    return None if error or bits == UNSAID else _operations(bits)


def _group(said: Answer) -> tuple[int, int]:
    error = said.number("h")
    for _ in range(4):
        said.text()
    said.list(lambda: (said.text(), said.text(), said.text(), said.skip(), said.skip()))
    return error, said.number("i")


def of_transactions(there: socket.socket, name: str) -> Operations:
    """What somebody may do with a transactional id. Raises OSError."""
    ended = Answer(ask(there, END_TXN, _text(name) + struct.pack(">qh?", *NO_PRODUCER, False)))
    ended.number("i")
    told = {"write": ended.number("h"), "describe": coordinator(there, name, OF_TRANSACTION)[1]}
    return frozenset(one for one, error in told.items() if error != OF_A_TRANSACTION)


def _operations(bits: int) -> Operations:
    return frozenset(
        name for bit, name in BITS.items() if bits != UNSAID and bits & 1 << bit)


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">h", len(data)) + data


def _texts(texts: Iterable[str]) -> bytes:
    listed = [_text(one) for one in texts]
    return struct.pack(">i", len(listed)) + b"".join(listed)
