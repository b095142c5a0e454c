"""The second run of a lab of a hundred hosts, as far as the workstation has a part in it.

A hundred hosts do not fit into one workstation, so these are none: one process beside speaks SSH on
a port for each (real key exchange, host key and login), and answers the read as a host in order
does. Whatever else it is asked fails the run. What is timed is a process of its own with the lab's
own code: connect to all, read all, compare with what the lab file means.

    python -m bench.many serve FOLDER     the hosts; prints a line when all ports are open
    python -m bench.many look FOLDER      the second run
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import paramiko

from bench.measure import BenchError, timed
from bench.scenarios import Bench, Scenario
from lab import state
from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import desired_state
from lab.state import HostState
from lab.topology import Topology, build
from scripts.hosts.converge import survey
from scripts.hosts.fleet import Fleet
from scripts.platforms import Instance, Steps
from scripts.workstation.paths import PROJECT

DATACENTERS, BROKERS = 4, 21  # with three servers and a control host each: a hundred hosts
READ = b"sudo -n bash -s"


def topology() -> Topology:
    return build(parse({"owner": "many", "datacenters": [
        {"name": f"dc{n}", "cidr": f"10.99.{n}.0/24", "control": 1, "zookeeper": 3,
         "kafka": BROKERS} for n in range(1, DATACENTERS + 1)
    ]}).lab)


def answer(have: HostState) -> str:
    """What the read prints on a host that has all of `have` (scripts.hosts.read)."""
    lines = [line for key, one in have.items() for line in _lines(key, one)]
    return "\n".join((*lines, "end\n"))


def _lines(key: state.Key, one: state.Resource) -> list[str]:  # noqa: PLR0911 - a line a kind
    match one:
        case state.Package(path):
            return [f"package\t{key.name}\t{path}"]
        case state.User(home):
            return [f"user\t{key.name}\t{home}"]
        case state.Archive(text) | state.Firewall(text):
            return [f"{key.kind}\t{key.name}\t{text}"]
        case state.Sysctl(value):
            return [f"sysctl\t{key.name}\tyes\t{value}"]
        case state.Block(content):
            return [f"marked\t{key.name}\tyes",
                    *(f"block\t{key.name}\t{line}" for line in content.splitlines())]
        case state.Directory(mode, owner):
            return [f"path\t{key.name}\tdirectory\t{mode:o}\t{owner}\t'{key.name}'"]
        case state.Link(target):
            return [f"path\t{key.name}\tsymbolic link\t777\troot\t'{key.name}' -> '{target}'"]
        case state.File(_, mode, owner):
            return [f"path\t{key.name}\tregular file\t{mode:o}\t{owner}\t'{key.name}'"]
        case state.Unit(digest):
            return [f"unit\t{key.name}\tactive\tenabled\t{digest or '-'}\t-\t"]
    raise BenchError(f"a host of the benchmark cannot have {key}")


class _Host(paramiko.ServerInterface):  # type: ignore[misc]
    """One host: lets the one key in, and answers the read."""

    def __init__(self, key: str, said: bytes) -> None:
        self.key, self.said = key, said

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        mine = username == "student" and key.get_base64() == self.key
        return int(paramiko.AUTH_SUCCESSFUL if mine else paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: Any, command: bytes) -> bool:
        if command != READ:
            return False
        threading.Thread(target=self._answer, args=(channel,), daemon=True).start()
        return True

    def _answer(self, channel: Any) -> None:
        script = b""
        while piece := channel.recv(1 << 20):
            script += piece
        known = script.rstrip().endswith(b"say end")
        channel.sendall(self.said if known else b"")
        channel.send_exit_status(0 if known else 1)
        channel.close()


def serve(folder: Path) -> None:
    """Listen on a port of 127.0.0.1 for each host, until killed; the ports go into ports.json."""
    context = local_context(topology(), {})
    host_key = paramiko.Ed25519Key(filename=str(folder / "host"))
    login = (folder / "login.pub").read_text().split()[1]
    ports: dict[str, int] = {}
    for host in context.topology.hosts:
        said = answer(desired_state(host, context)).encode()
        listener = socket.create_server(("127.0.0.1", 0))
        ports[host.name] = listener.getsockname()[1]
        threading.Thread(
            target=_accept, args=(listener, host_key, login, said), daemon=True
        ).start()
    (folder / "ports.json").write_text(json.dumps(ports))
    print("open", flush=True)
    threading.Event().wait()


def _accept(listener: socket.socket, key: paramiko.PKey, login: str, said: bytes) -> None:
    while True:
        connection, _ = listener.accept()
        transport = paramiko.Transport(connection)
        transport.add_server_key(key)
        transport.start_server(event=threading.Event(), server=_Host(login, said))


def look(folder: Path) -> None:
    """The second run: read every host and compare. Raises BenchError for any difference."""
    found = topology()
    ports = json.loads((folder / "ports.json").read_text())
    host_key = " ".join((folder / "host.pub").read_text().split()[:2])
    instances = {
        host.name: Instance(
            host.name, host.name, True, "127.0.0.1", ports[host.name], "student", host_key,
            str(host.address),
        )
        for host in found.hosts
    }
    with Fleet(instances, folder / "login", Steps()) as fleet:
        plans = survey(fleet, found.hosts, local_context(found, {}))
    for plan in plans.values():
        if plan.changes:
            raise BenchError(f"{plan.host.name} is not in order: {plan.changes[0].key}")
    print(f"{len(plans)} hosts in order")


def many(bench: Bench) -> None:
    """Time `look` as a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for key in ("host", "login"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key],
                           check=True)
        with subprocess.Popen(
            [sys.executable, "-m", "bench.many", "serve", name], cwd=PROJECT,
            stdout=subprocess.PIPE, text=True,
        ) as hosts:
            try:
                if not hosts.stdout or hosts.stdout.readline() != "open\n":
                    raise BenchError("the hosts of the benchmark did not come up")
                ran = timed(
                    [sys.executable, "-m", "bench.many", "look", name], cwd=PROJECT,
                    env=os.environ, log=folder / "look.log",
                )
            finally:
                hosts.kill()
    bench.results.add("many.second", ran.sample)


SCENARIO = Scenario(many)


if __name__ == "__main__":
    {"serve": serve, "look": look}[sys.argv[1]](Path(sys.argv[2]))
