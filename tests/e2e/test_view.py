"""The picture of a real lab: what is told when a broker dies, and that nothing is missed."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from tests.e2e.lab_under_test import Lab, killed_at_last, until

pytestmark = [pytest.mark.host, pytest.mark.area("learning")]
SECONDS = 60
TOPIC = "seen-orders"


@contextmanager
def viewing(lab: Lab, *words: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """`fab view`: the port of its page, and its process."""
    process = lab.start("view", "--datacenter", "dc1", *words)
    with killed_at_last(process):
        assert process.stdout
        line = process.stdout.readline()
        assert "the lab is at http://127.0.0.1:" in line, line
        yield int(line.split(":")[-1].split("/")[0]), process


class Reader:
    """Reads along, from the beginning or after the event with an id."""

    def __init__(self, port: int, last: str = "") -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        self._connection.request("GET", "/events", headers={"Last-Event-ID": last} if last else {})
        self._stream = self._connection.getresponse()
        assert self._stream.headers["Content-Type"].startswith("text/event-stream")

    def close(self) -> None:
        self._connection.close()

    def next(self) -> tuple[str, str, Any]:
        """The next event: its kind, id and data."""
        found: dict[str, str] = {}
        while True:
            line = self._stream.readline().decode().rstrip("\n")
            if line:
                name, _, value = line.partition(": ")
                found[name] = value
            elif "event" in found:
                return found["event"], found["id"], json.loads(found["data"])

    def told(self, wanted: str) -> str:
        """Read on until a line is told; the id of its event."""
        while True:
            kind, ident, data = self.next()
            if kind == "event" and any(one["text"] == wanted for one in data["lines"]):
                return ident


def get(port: int, path: str) -> str:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()


def things(port: int, kind: str) -> list[dict[str, Any]]:
    return [one for key, one in json.loads(get(port, "/state"))["things"] if key[0] == kind]


def test_a_killed_broker_is_told_and_a_reader_that_comes_back_misses_nothing(lab: Lab) -> None:
    lab.fab("load", "--topic", TOPIC, "--partitions", "3", "--rate", "200", "--duration", "1")
    victim = lab.of("kafka")[2]
    with viewing(lab) as (port, process):
        page = get(port, "/")
        assert f"<h1>{lab.name}</h1>" in page
        assert "kafka03" in page
        with closing(Reader(port)) as first:
            kind, ident, state = first.next()
            assert kind == "state"
            assert TOPIC in {one["name"] for key, one in state["base"]["things"]
                             if key[0] == "topic"}
        lab.inside(victim, "systemctl kill --signal=KILL kafka")
        with closing(Reader(port, ident)) as again:
            gone = again.told("kafka03 gone")
            again.told("kafka03 back")
        with closing(Reader(port, gone)) as third:
            third.told("kafka03 back")

        def known() -> bool:
            """Followers have caught up; heap and disk of each broker are told."""
            behind = [one["records"] for one in things(port, "behind") if one["topic"] == TOPIC]
            rooms = things(port, "room")
            return behind == [[[0, 0, 0]] * 3] and len(rooms) == 3 and all(
                0 < one["heap"] <= one["heap_most"] and one["logs"] > 0
                and 0 < one["free"] < one["disk"] for one in rooms)

        until(known, "what followers lack and brokers have", SECONDS)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) == 0


def test_the_same_in_the_terminal_and_as_a_file(lab: Lab) -> None:
    shown = lab.fab("top", "--once", "--datacenter", "dc1").out
    for words in ("dc1", "kafka01", "kafka03", "♛"):
        assert words in shown
    file = lab.folder / "lesson.html"
    lab.fab("view", "--datacenter", "dc1", "--save", str(file), "--seconds", "1")
    assert '"live":false' in file.read_text()
