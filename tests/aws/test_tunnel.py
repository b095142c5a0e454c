"""A way through Session Manager or a bastion: what is run, what is reached, and how it ends."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts.errors import CommandError, LabError, TimeoutExpired
from scripts.platforms.aws import tunnel
from tests.aws.conftest import Cloud, MakeCloud

BASTION, SESSIONS = 'bastion = "me@bastion:2222"', (
    'session_manager = true\ninstance_profile = "ssm"'
)
# `ssh` and `aws`, strictly as they are asked here: where a forward leads, it says so as sshd does.
WAY = """#!{python}
import json, os, socket, sys, threading, time
argv = sys.argv[1:]
forwards = []
if os.path.basename(sys.argv[0]) == "ssh":
    *options, target = argv
    assert target == "me@bastion", target
    assert options[:4] == [
        "-N", "-oBatchMode=yes", "-oExitOnForwardFailure=yes", "-oServerAliveInterval=15"], options
    assert options[4:6] == ["-p", "2222"]
    rest = options[6:]
    assert set(rest[::2]) == {{"-L"}}
    for one in rest[1::2]:
        here, local, address, port = one.split(":")
        assert here == "127.0.0.1"
        forwards.append((int(local), address, int(port)))
else:
    url, endpoint, region, name, *rest = argv
    assert (url, region) == ("--endpoint-url", "--region")
    assert rest[:3] == ["ssm", "start-session", "--target"]
    id, document, kind, parameters, told = rest[3:]
    assert (document, parameters) == ("--document-name", "--parameters")
    assert kind == "AWS-StartPortForwardingSessionToRemoteHost"
    told = json.loads(told)
    assert set(told) == {{"host", "portNumber", "localPortNumber"}}
    (address,), (port,), (local,) = told["host"], told["portNumber"], told["localPortNumber"]
    forwards.append((int(local), address, int(port)))

def serve(listener, address, port):
    while True:
        stream, _ = listener.accept()
        stream.sendall(f"SSH-2.0-{{address}}:{{port}}\\r\\n".encode())
        stream.close()

for local, address, port in forwards:
    listener = socket.create_server(("127.0.0.1", local))
    threading.Thread(target=serve, args=(listener, address, port), daemon=True).start()
print("open", flush=True)
time.sleep(120)
"""
DEAD = "#!/bin/sh\necho 'me@bastion: Permission denied (publickey).'\nexit 255\n"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def free_base() -> int:
    """A first port from which two datacenters' ports are free."""
    for base in range(14200, 18200, 2000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", base + 10)):
                return base
    raise AssertionError("no free ports")


def made(make_cloud: MakeCloud, way: str) -> Cloud:
    cloud = make_cloud(aws=way)
    text = cloud.file.read_text()
    cloud.file.write_text(text.replace("[aws]", f"[local]\nport_base = {free_base()}\n\n[aws]", 1))
    return cloud.make()


def banner(port: int) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as stream:
        return stream.recv(100).decode().strip()


@pytest.mark.parametrize(("way", "name"), [(BASTION, "ssh"), (SESSIONS, "aws")])
def test_every_port_is_on_this_machine_until_ctrl_c(
    make_cloud: MakeCloud, programs: Path, way: str, name: str
) -> None:
    cloud = made(make_cloud, way)
    program(programs, name, WAY.format(python=sys.executable))
    heard: list[str] = []

    def say(line: str) -> None:
        heard.append(line)
        if len(heard) > 1:
            return
        for host in cloud.topology.hosts:
            assert banner(host.ssh_port) == f"SSH-2.0-{host.address}:22"
            if host.external_port:
                assert banner(host.external_port) == f"SSH-2.0-{host.address}:9094"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tunnel.hold(cloud.platform, say)
    assert heard[0].endswith("; Ctrl-C ends it")
    with pytest.raises(ConnectionRefusedError):
        banner(cloud.topology.hosts[0].ssh_port)


def test_ctrl_c_is_the_orderly_end(
    make_cloud: MakeCloud, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = made(make_cloud, BASTION)
    program(programs, "ssh", WAY.format(python=sys.executable))

    def sleep(seconds: float) -> None:
        if cloud.said:
            raise KeyboardInterrupt
        time.sleep(seconds)

    # Only there: whoever waits for a program to end sleeps, too.
    own = SimpleNamespace(monotonic=time.monotonic, sleep=sleep)
    monkeypatch.setattr(tunnel, "time", own)
    tunnel.hold(cloud.platform, cloud.said.append)
    assert cloud.said[-1] == "the tunnel is closed"


def test_a_way_that_ends_says_why(make_cloud: MakeCloud, programs: Path) -> None:
    cloud = made(make_cloud, BASTION)
    with pytest.raises(CommandError, match=r"install OpenSSH's client"):
        tunnel.hold(cloud.platform, cloud.said.append)
    program(programs, "ssh", DEAD)
    with pytest.raises(LabError, match=r"`ssh` ended with 255: me@bastion: Permission denied"):
        tunnel.hold(cloud.platform, cloud.said.append)


def test_a_way_that_leads_nowhere_has_a_deadline(
    make_cloud: MakeCloud, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud = made(make_cloud, BASTION)
    program(programs, "ssh", f"#!{sys.executable}\nimport time\ntime.sleep(60)\n")
    monkeypatch.setattr(tunnel, "OPENED_S", 0.3)
    with pytest.raises(TimeoutExpired, match=r"no sshd through the tunnel after 0.3 s"):
        tunnel.hold(cloud.platform, cloud.said.append)


def test_a_lab_that_is_not_there_has_no_way(make_cloud: MakeCloud) -> None:
    with pytest.raises(LabError, match="no host of the lab runs in AWS"):
        tunnel.hold(make_cloud(aws=BASTION).platform, print)


def test_brokers_and_services_are_where_the_tunnel_leads_from(make_cloud: MakeCloud) -> None:
    cloud = made(make_cloud, BASTION)
    platform = cloud.platform
    context = platform.context({}, platform.instances())
    for host in cloud.topology.hosts:
        assert platform.instances()[host.name].ssh_port == host.ssh_port
        if host.external_port:
            assert context.reached[host.name, 9094] == ("127.0.0.1", host.external_port)
    locals_ = [one.local for one in tunnel.forwards(cloud.topology, platform.machines())]
    assert len(locals_) == len(set(locals_))
    assert "`fab tunnel` run" in platform.steps.silent


def test_from_the_command_line(make_cloud: MakeCloud) -> None:
    said = make_cloud().fab("tunnel", expect=2)
    assert "hosts are reached without a tunnel (session_manager = true or bastion in [aws])" in said
