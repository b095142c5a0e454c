"""What is let in, for how long, and which address is this machine's."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Network

import pytest

from scripts.errors import LabError, UsageError
from scripts.platforms.aws import allow


@pytest.mark.parametrize(("text", "minutes"), [("90m", 90), ("2h", 120), ("7d", 7 * 1440)])
def test_how_long(text: str, minutes: int) -> None:
    assert allow.duration(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["", "0h", "2", "h", "-1h", "8d", "169h", "2 h", "999999999h"])
def test_how_long_is_refused_otherwise(text: str) -> None:
    with pytest.raises(UsageError, match=r"accepted: such as 90m, 2h or 1d, at most 7d"):
        allow.duration(text)


@pytest.mark.parametrize("text", ["x", "203.0.113.7/8", "2001:db8::/32", "203.0.113.7/33"])
def test_what_is_no_network_is_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=r"accepted: such as 203\.0\.113\.7/32"):
        allow.networks([text])


@pytest.mark.parametrize("wide", ["0.0.0.0/0", "128.0.0.0/1", "8.0.0.0/7"])
def test_nearly_everybody_is_said_twice(wide: str) -> None:
    with pytest.raises(UsageError, match="say it twice if you mean it"):
        allow.networks([wide, "203.0.113.7"])
    assert allow.networks([wide, wide]) == (IPv4Network(wide),)
    assert allow.networks([wide], removed=True) == (IPv4Network(wide),)


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is told of this machine's address, by a server here."""
    told = ["8.8.4.4\n"]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if told else 503)
            self.end_headers()
            self.wfile.write(told[0].encode() if told else b"")

        def log_message(self, format: str, *args: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(allow, "WHO_AM_I", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield told
        server.shutdown()
        thread.join()


def test_this_machines_address_is_what_is_seen_outside(answer: list[str]) -> None:
    assert allow.own_address(emulated=False) == IPv4Network("8.8.4.4/32")


@pytest.mark.parametrize(("told", "why"), [
    ("<html>sign in</html>", "told no address: sign in"),
    ("2001:db8::1", "told no address"),
    ("10.0.0.7", "told 10.0.0.7, which is no public address"),
    ("", "told no address"),
])
def test_another_answer_is_no_address(answer: list[str], told: str, why: str) -> None:
    answer[0] = told
    with pytest.raises(LabError, match=why) as caught:
        allow.own_address(emulated=False)
    assert "name your address with --cidr" in str(caught.value)


def test_no_answer_is_one_line(answer: list[str]) -> None:
    answer.clear()
    with pytest.raises(LabError, match=r"does not answer: .*503"):
        allow.own_address(emulated=False)


def test_an_emulator_is_not_told_of_anybody() -> None:
    with pytest.raises(UsageError, match=r"name it with --cidr"):
        allow.own_address(emulated=True)
