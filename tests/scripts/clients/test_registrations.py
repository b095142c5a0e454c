"""A broker that is gone for good is taken out of a KRaft cluster's registrations."""

from __future__ import annotations

import struct
from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import parse
from lab.topology import build
from scripts.clients.quorum import Quorum, QuorumView
from scripts.clients.registrations import unregister
from scripts.errors import LabError

TWO = build(parse({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.0.0.0/24", "metadata": "kraft", "controller": 2},
]}).lab).datacenters[0].by_role("controller")


class Channel:
    """A connection to a controller that answers with `answer`."""

    def __init__(self, answer: bytes) -> None:
        self.sent, self._left = b"", struct.pack(">i", len(answer)) + answer

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def settimeout(self, seconds: float) -> None:
        assert seconds > 0

    def sendall(self, data: bytes) -> None:
        assert struct.unpack(">i", data[:4])[0] == len(data) - 4
        self.sent = data[4:]

    def recv(self, size: int) -> bytes:
        piece, self._left = self._left[:min(size, 3)], self._left[min(size, 3):]
        return piece


def quorum(word: bytes, monkeypatch: pytest.MonkeyPatch) -> tuple[Quorum, list[Channel]]:
    """Two controllers of which the second one leads; it answers with `word`."""
    opened: list[Channel] = []

    def open_channel(address: str, port: int, *, timeout: float) -> Channel:
        assert (address, port, timeout > 0) == (str(TWO[1].address), 9093, True)
        opened.append(Channel(word))
        return opened[-1]

    fleet: Any = {TWO[1].name: SimpleNamespace(open_channel=open_channel)}
    made = Quorum(fleet, {host: number for number, host in enumerate(TWO, 3001)}, "dc1")
    monkeypatch.setattr(Quorum, "wait", lambda self: QuorumView(TWO[1].name))
    return made, opened


def test_the_one_that_leads_takes_a_broker_out(monkeypatch: pytest.MonkeyPatch) -> None:
    for code in (0, 102):
        made, opened = quorum(struct.pack(">ixihxx", 1, 0, code), monkeypatch)
        unregister(made, 4)
        (channel,) = opened
        assert channel.sent == (
            struct.pack(">hhih", 64, 0, 1, 8) + b"kafkalab" + b"\0" + struct.pack(">i", 4) + b"\0")
    made, _ = quorum(struct.pack(">ixihxx", 1, 0, 41), monkeypatch)
    with pytest.raises(LabError, match="dc1: broker 4 cannot be unregistered: error 41"):
        unregister(made, 4)


def test_a_controller_that_breaks_off_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made, opened = quorum(b"", monkeypatch)
    monkeypatch.setattr(Channel, "recv", lambda self, size: b"")
    with pytest.raises(LabError, match="kraft02: the controller does not answer: EOFError"):
        unregister(made, 4)
    assert len(opened) == 1
