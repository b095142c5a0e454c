"""How the lab connects to its hosts, whatever a person has set for other work."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import paramiko
import pytest

from scripts.errors import LabError
from scripts.hosts.fleet import Host
from scripts.platforms import Instance, Steps

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "B" * 43
OTHERS = """\
gateway: bastion.example
user: somebody
port: 2222
connect_kwargs:
  key_filename: /home/somebody/.ssh/id_work
  passphrase: theirs
"""


@pytest.mark.parametrize("name", [".fabric.yaml", ".fabric.json"])
def test_settings_for_other_work_lead_to_no_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A gateway of ~/.fabric.yaml was obeyed, and each host failed with a wrong hint."""
    text = OTHERS if name.endswith("yaml") else '{"gateway": "bastion.example"}'
    (tmp_path / name).write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path))
    there = Instance("h1", "1", True, "127.0.0.1", 20010, "student", HOST_KEY, "10.1.0.2")
    host = Host(there, tmp_path / "key", "hint")
    made = host._prepare(host.instance)
    assert made.gateway is None
    assert (made.host, made.user, made.port) == ("127.0.0.1", "student", 20010)
    assert made.connect_kwargs["key_filename"] == [str(tmp_path / "key")]
    assert "passphrase" not in made.connect_kwargs


class Dead:
    """A connection whose other end went away: paramiko says so with an error of its own."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @property
    def transport(self) -> Dead:
        return self

    def open_session(self, timeout: float) -> None:
        raise self.error

    def open_channel(self, kind: str, there: object, here: object, timeout: float) -> None:
        assert kind == "direct-tcpip"
        raise self.error


@pytest.mark.parametrize("error", [
    paramiko.SSHException("SSH session not active"), EOFError(), ConnectionResetError("reset"),
    paramiko.SSHException("Timeout opening channel."),
])
def test_a_connection_that_broke_is_told_with_its_host(tmp_path: Path, error: Exception) -> None:
    """An error of paramiko's own named none, and nobody who puts up with a silent host took it."""
    there = Instance("h1", "1", True, "127.0.0.1", 20010, "student", HOST_KEY, "10.1.0.2")
    host = Host(there, tmp_path / "key", Steps())
    host._connection = cast(Any, Dead(error))
    for act in (
        lambda: host.script("true\n", label="status"),
        lambda: host.ask(2181, b"srvr"),
        lambda: host.open_channel("10.1.0.2", 9092, timeout=1),
    ):
        with pytest.raises(LabError, match=r"^h1: .*the connection broke"):
            act()


def test_a_port_that_nobody_listens_on_is_an_answer(tmp_path: Path) -> None:
    there = Instance("h1", "1", True, "127.0.0.1", 20010, "student", HOST_KEY, "10.1.0.2")
    host = Host(there, tmp_path / "key", Steps())
    host._connection = cast(Any, Dead(paramiko.ChannelException(2, "Connect failed")))
    assert host.open_channel("10.1.0.2", 9092, timeout=1) is None
    assert host.ask(2181, b"srvr") == ""
