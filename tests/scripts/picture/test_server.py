"""The server of the page: for this machine alone, and a reader that comes back misses nothing."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.scene import Scene
from lab.picture.snapshot import Snapshot
from scripts.errors import LabError
from scripts.picture import server
from scripts.picture.feed import Feed
from scripts.picture.server import ADDRESS, bound, serve
from scripts.workstation.waiting import wait_until
from tests.scripts.picture.test_feed import BROKER, HERE, SECONDS, Fake


class Served:
    """A feed of one look behind a server on a port of its own."""

    def __init__(self) -> None:
        self.look = Fake([HERE, BROKER])
        self.feed = Feed([self.look], run="r7")
        self.feed.start()
        self.feed.wait_first(SECONDS)
        listening = socket.socket()
        listening.bind((ADDRESS, 0))
        self.port: int = listening.getsockname()[1]
        up = threading.Event()
        self.thread = threading.Thread(target=serve, args=(self.feed, listening), kwargs={
            "lab": "kafkalab", "owner": "ann", "started": up.set,
        })
        self.thread.start()
        assert up.wait(SECONDS)

    def get(self, path: str, **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=SECONDS)
        connection.putrequest("GET", path, skip_host=True)
        headers = {"Host": f"{ADDRESS}:{self.port}",
                   **{name.replace("_", "-"): value for name, value in headers.items()}}
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse()

    def change(self) -> None:
        """Let the broker go, or come back."""
        count = self.feed.history.number
        alive = self.look.found[1].alive  # type: ignore[attr-defined]
        self.look.found = [HERE, replace(BROKER, alive=not alive)]
        wait_until(lambda: self.feed.history.number > count, timeout=SECONDS)

    def end(self) -> None:
        self.feed.close()
        self.thread.join(SECONDS)


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.end()
    assert not made.thread.is_alive()


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    """For tests that change nothing."""
    made = Served()
    yield made
    made.end()


def read(response: http.client.HTTPResponse) -> tuple[str, str, dict]:  # type: ignore[type-arg]
    """(event, id, data) of the next event; the lines that are none are passed over."""
    found: dict[str, str] = {}
    while True:
        line = response.fp.readline().decode().strip()
        if not line and "data" in found:
            return found["event"], found["id"], json.loads(found["data"])
        name, _, value = line.partition(": ")
        if name in ("id", "event", "data"):
            found[name] = value


def test_the_page_and_the_state(shared: Served) -> None:
    served = shared
    page = served.get("/")
    assert page.status == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in page.headers
    text = page.read().decode()
    assert '"live":true,"run":"r7"' in text
    state = json.loads(served.get("/state").read())
    assert Snapshot.from_json(state) == served.feed.history.now
    kept = served.get("/save")
    assert kept.headers["Content-Disposition"].startswith('attachment; filename="kafkalab-')
    assert '"live":false' in kept.read().decode()
    assert served.get("/else").status == 404


@pytest.mark.parametrize("path", ["/", "/state", "/events", "/save", "/else"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.2:{port}",
                                  "evil.example:{port}", "localhost", ""])
def test_who_calls_it_by_another_name_gets_nothing(shared: Served, path: str, host: str) -> None:
    answer = shared.get(path, Host=host.format(port=shared.port))
    assert answer.status in (400, 421)
    assert "kafka01" not in answer.read().decode()


def test_localhost_is_its_name_as_well(shared: Served) -> None:
    assert shared.get("/state", Host=f"localhost:{shared.port}").status == 200
    assert shared.get("/state", Host=f"LOCALHOST:{shared.port}").status == 200


def test_it_listens_on_this_machines_own_address_only() -> None:
    with bound() as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


def test_a_reader_gets_the_state_and_then_what_changes(served: Served) -> None:
    stream = served.get("/events")
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    kind, _, data = read(stream)
    assert kind == "state"
    assert Snapshot.from_json(data["base"]) == served.feed.history.now
    served.change()
    kind, ident, data = read(stream)
    assert (kind, ident) == ("event", f"r7-{served.feed.history.number}")
    assert [line["text"] for line in data["lines"]] == ["kafka01 gone"]


def test_a_reader_that_comes_back_misses_nothing(served: Served) -> None:
    _, last, _ = read(served.get("/events"))
    served.change()
    served.change()
    again = served.get("/events", Last_Event_ID=last)
    assert [read(again)[2]["lines"][0]["text"] for _ in range(2)] == [
        "kafka01 gone", "kafka01 back"]
    page = served.get(f"/events?after={last}")
    assert read(page)[0] == "event"


@pytest.mark.parametrize("last", ["r6-1", "r7-9999", "nonsense"])
def test_a_reader_of_something_else_begins_anew(shared: Served, last: str) -> None:
    assert read(shared.get("/events", Last_Event_ID=last))[0] == "state"


def test_the_end_lets_go_who_reads_along(served: Served) -> None:
    stream = served.get("/events")
    read(stream)
    began = time.monotonic()
    served.end()
    assert not served.thread.is_alive()
    assert time.monotonic() - began < 5
    assert stream.fp.read() == b"0\r\n\r\n" or not stream.fp.read()


def test_a_port_that_is_taken_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as other, socket.socket() as free:
        for one in (other, free):
            one.bind((ADDRESS, 0))
        other.listen()
        port, next_one = other.getsockname()[1], free.getsockname()[1]
        free.close()
        with pytest.raises(LabError, match=f"port {port} of 127.0.0.1 cannot be had"):
            bound(port)
        monkeypatch.setattr(server, "PORTS", [port])
        with pytest.raises(LabError, match="--port"):
            bound()
        monkeypatch.setattr(server, "PORTS", [port, next_one])
        with bound() as listening:
            assert listening.getsockname()[1] == next_one


def test_the_first_answer_is_quick_also_after_ten_busy_minutes() -> None:
    """First paint within 0.3 s, of which this is what the server takes."""
    from scripts.picture.page import render

    history = Scene(seconds=600, partitions=150, step=2.0).history()
    began = time.process_time()
    page = render(history, lab="kafkalab", owner="ann", run="r7")
    assert time.process_time() - began < 1.0  # 0.1 s on a machine that does nothing else
    assert len(page) < 5_000_000
