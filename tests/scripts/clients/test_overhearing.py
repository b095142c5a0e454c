"""Marks in what a host sends and receives: where they are found, and where they are not."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from scripts.clients import overhearing
from scripts.clients.overhearing import Search, main, overhear, segment

MARK, OTHER = "0123456789abcdef", "fedcba9876543210"


def tcp(content: bytes, ports: tuple[int, int], more: int = 0) -> bytes:
    """A segment whose header is `more` words longer than it has to be."""
    return struct.pack(">HHIIBBHHH", *ports, 0, 0, (5 + more) << 4, 0, 0, 0, 0) + bytes(
        4 * more) + content


def ipv4(content: bytes, ports: tuple[int, int] = (40000, 9092), *, protocol: int = 6,
         more: int = 0, says: int | None = None, end: int = 1) -> bytes:
    inner = tcp(content, ports, more)
    size = 20 + 4 * more + len(inner) if says is None else says
    return struct.pack(">BBHHHBBH4s4s", 0x45 + more, 0, size, 0, 0, 64, protocol, 0,
                       bytes((10, 0, 0, end)), bytes((10, 0, 0, 2))) + bytes(4 * more) + inner


def ipv6(content: bytes, ports: tuple[int, int] = (40000, 9092), protocol: int = 6) -> bytes:
    inner = tcp(content, ports)
    return struct.pack(">IHBB16s16s", 6 << 28, len(inner), protocol, 64, bytes(16),
                       bytes(16)) + inner


@given(st.binary(max_size=60), st.integers(0, 10), st.booleans())
def test_what_is_in_a_segment_is_what_was_put_in(content: bytes, more: int, newer: bool) -> None:
    packet = ipv6(content) if newer else ipv4(content, more=more)
    found = segment(packet + bytes(6 * (not newer)))  # Ethernet fills up what is short
    assert found is not None
    assert found[1:] == ((40000, 9092), content)


@given(st.binary(max_size=80))
def test_nothing_that_comes_is_too_strange(data: bytes) -> None:
    found = segment(data)
    assert found is None or len(found[2]) <= len(data)


@pytest.mark.parametrize("packet", [
    b"", ipv4(b"x", protocol=17), ipv6(b"x", protocol=17), ipv4(b"x")[:30], b"\x00" * 60,
])
def test_what_is_not_tcp_is_none(packet: bytes) -> None:
    assert segment(packet) is None


def test_a_packet_that_is_not_cut_yet_has_no_length() -> None:
    found = segment(ipv4(b"much", says=0))
    assert found is not None and found[2] == b"much"


@given(st.integers(0, len(MARK)), st.binary(max_size=40).filter(lambda one: MARK[0:1].encode()
                                                                not in one))
def test_a_mark_is_found_wherever_it_is_cut(at: int, around: bytes) -> None:
    search = Search([9092], [MARK, OTHER])
    for content in (around + MARK[:at].encode(), MARK[at:].encode() + around):
        search.packet(ipv4(content))
    assert search.seen == {MARK: {9092}}
    assert search.bytes == {9092: len(MARK) + 2 * len(around)}


def test_halves_of_two_connections_make_no_mark() -> None:
    search = Search([9092], [MARK])
    search.packet(ipv4(MARK[:8].encode()))
    search.packet(ipv4(MARK[8:].encode(), end=7))
    search.packet(ipv4(MARK[8:].encode(), ports=(9092, 40000)))
    assert search.seen == {}


def test_a_mark_at_a_port_that_nobody_meant_is_told() -> None:
    search = Search([9192], [MARK])
    search.packet(ipv4(MARK.encode()))
    assert json.loads(search.as_json(3)) == {
        "seen": {MARK: [0]}, "lost": 3, "bytes": {"9192": 0}}


@pytest.fixture
def wire() -> Iterator[tuple[socket.socket, socket.socket]]:
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ends[0], ends[1]:
        yield ends


def test_what_was_sent_before_the_end_is_looked_at(
    wire: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    (tmp_path / "job").touch()
    for _ in range(5):
        wire[1].send(ipv4(b"something"))
    wire[1].send(ipv4(MARK.encode()))
    (tmp_path / "stop").touch()
    search = Search([9092], [MARK])
    assert overhear(wire[0], search, tmp_path, time.monotonic() + 60)
    assert search.seen == {MARK: {9092}}


@pytest.mark.parametrize("gone", [True, False])
def test_it_ends_where_nobody_waits(
    wire: tuple[socket.socket, socket.socket], tmp_path: Path, gone: bool
) -> None:
    if not gone:
        (tmp_path / "job").touch()
    until = time.monotonic() + (60 if gone else 0.1)
    assert not overhear(wire[0], Search([], []), tmp_path, until)


def test_who_may_not_look_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*words: object) -> socket.socket:
        assert words == (socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(overhearing.socket, "socket", refused)
    (tmp_path / "job").write_text('{"ports": [1], "marks": ["a"], "seconds": 9}')
    main(tmp_path)
    assert (tmp_path / "ready").read_text() == "Operation not permitted"
    assert not (tmp_path / "found").exists()


def test_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                       wire: tuple[socket.socket, socket.socket]) -> None:
    """With a socket that stands for that of the packets."""
    class Packets:
        def __enter__(self) -> Packets:
            return self

        def __exit__(self, *words: object) -> None: ...

        def setsockopt(self, *words: int) -> None:
            raise PermissionError(1, "a buffer of the usual size will do")

        def getsockopt(self, *words: int) -> bytes:
            assert words == (263, 6, 8)
            return struct.pack("II", 9, 2)

        def __getattr__(self, name: str) -> object:
            return getattr(wire[0], name)

    monkeypatch.setattr(overhearing.socket, "socket", lambda *words: Packets())
    (tmp_path / "job").write_text(json.dumps(
        {"ports": [9092], "marks": [MARK, OTHER], "seconds": 60}))
    thread = threading.Thread(target=main, args=(tmp_path,))
    thread.start()
    try:
        wire[1].send(ipv4(MARK.encode()))
    finally:
        (tmp_path / "stop").touch()
        thread.join(30)
    assert (tmp_path / "ready").read_text() == ""
    assert json.loads((tmp_path / "found").read_text()) == {
        "seen": {MARK: [9092]}, "lost": 2, "bytes": {"9092": 16}}
