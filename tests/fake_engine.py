"""An engine's command line in memory. It knows only what the local platform says to it.

Anything else (another command, another flag where flags matter) fails the test.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from itertools import pairwise
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, BinaryIO

from scripts.errors import CommandError
from scripts.platforms.local.access import GREETS
from scripts.platforms.local.keys import ADMIT

KEY = "ssh-ed25519 AAAA{}"
NO_MONITOR = (  # recorded
    'container create failed (no logs from conmon): conmon bytes "": readObjectStart: expect '
    "{ or n, but found , error found in #0 byte of ...||..., bigger context ...||..."
)


@dataclass
class FakeContainer:
    id: str
    name: str
    labels: dict[str, str]
    argv: list[str]
    state: str = "running"
    started: bool = True
    silent: bool = False  # nothing on its console
    published: bool = True  # its ports lead to it
    sshd: str = "runs"  # or "dead", or "broken": then it does not start
    authorized: list[str] = field(default_factory=list)  # the login keys that it takes
    joined: str = ""  # the id of the network that it is on, as far as the container remembers
    begun: list[list[str]] = field(default_factory=list)  # commands with all rights

    @property
    def network(self) -> str:
        return _values(self.argv, "--network")[0] if "--network" in self.argv else ""

    @property
    def image(self) -> str:
        """The last word but the command's, as our hosts and guests are run."""
        return self.argv[-2] if self.argv else ""


@dataclass
class FakeEngine:
    """Stands in for `workstation.run`; `calls` are the commands so far, without the prefix."""

    name: str = "podman"
    containers: dict[str, FakeContainer] = field(default_factory=dict)
    networks: dict[str, tuple[str, str]] = field(default_factory=dict)  # name: label, subnet
    images: dict[str, dict[str, str]] = field(default_factory=dict)  # name: labels
    broken: set[str] = field(default_factory=set)  # first words of commands that fail
    calls: list[list[str]] = field(default_factory=list)
    pairs: int = 0  # of login keys that were made
    made_networks: int = 0
    monitors_lost: int = 0  # how many containers are left half-made, as Podman does at times
    network_ids: dict[str, str] = field(default_factory=dict)  # of those that were made here
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 120,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
        hint: str = "",
        shielded: bool = False,
        stdout: BinaryIO | None = None,
    ) -> CompletedProcess[str]:
        with self._lock:
            status, out = self._answer(list(argv), stdin, shielded)
        if check and status:
            raise CommandError(argv, status, "", f"Error: {out}", hint=hint)
        return CompletedProcess(list(argv), status, out, "")

    def _answer(self, argv: list[str], stdin: bytes | None, shielded: bool) -> tuple[int, str]:
        if argv[0] == "ssh-keygen":
            private = Path(argv[argv.index("-f") + 1])
            private.write_text("private")
            self.pairs += 1
            private.with_suffix(".pub").write_text(f"ssh-ed25519 LOGIN{self.pairs} comment\n")
            return 0, ""
        if argv[:2] == ["ip", "-json"]:
            return 0, '[{"dst": "default"}, {"dst": "192.168.77.0/24", "dev": "eth7"}]'
        assert argv[0] == self.name, f"unexpected program: {argv}"
        assert shielded, f"an engine's command must not be cut off: {argv}"
        self.calls.append(argv[1:])
        words = [word for word in argv[1:3] if not word.startswith("-")]
        if argv[1] in self.broken:
            return 125, f"{argv[1]} is broken"
        for length in (2, 1):
            method = getattr(self, f"_{'_'.join(words[:length])}".replace("-", "_"), None)
            if method and len(words) >= length:
                return method(argv[1 + length :], stdin)
        raise AssertionError(f"unexpected command: {argv}")

    def made(self, command: str) -> list[list[str]]:
        return [call for call in self.calls if call[0] == command]

    # One method a command: what follows it, and its standard input -> exit status and output.

    def _version(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        return 0, "4.3.1\n"

    def _info(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert self.name == "docker" and rest == ["--format", "{{json .}}"]
        return 0, json.dumps({"CgroupVersion": "1", "ServerVersion": "20.10.24",
                              "SecurityOptions": ["name=seccomp,profile=default"]})

    def _ps(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert rest[:2] == ["--all", "--no-trunc"]
        kind, _, wanted = _value(rest, "--filter").partition("=")
        chosen: Callable[[FakeContainer], bool] = {
            "label": lambda one: _has(one.labels, wanted),
            "network": lambda one: one.network == wanted,
            "ancestor": lambda one: one.image == wanted,
        }[kind]
        found = [one for one in self.containers.values() if chosen(one)]
        if self.name == "podman":
            return 0, json.dumps([_podman_entry(one) for one in found])
        return 0, "".join(json.dumps(_docker_entry(one)) + "\n" for one in found)

    def _run(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert "--pull" in rest, "a host's image is never looked for in a registry"
        name = _value(rest, "--name")
        if "--replace" in rest:
            assert self.name == "podman", "Docker knows no --replace"
            del self.containers[name]
        assert name not in self.containers, f"{name} exists"
        labels = dict(pair.split("=", 1) for pair in _values(rest, "--label"))
        one = FakeContainer(f"id-{name}-{len(self.calls)}", name, labels, rest)
        one.authorized += [
            word.partition("=")[2] for word in _values(rest, "--env")
            if word.startswith("KAFKALAB_LOGIN_KEY=")
        ]
        if (network := _value(rest, "--network")) not in self.networks:
            return 125, f"network {network} not found"
        one.joined = self._network_id(network)
        self.containers[name] = one
        if self.monitors_lost:
            self.monitors_lost -= 1
            one.state = "created"
            return 126, NO_MONITOR
        return 0, ""

    def prune(self) -> None:
        """`network prune`: networks go that no running container is on, with Docker's own rule."""
        running = {one.network for one in self.containers.values() if one.state != "exited"}
        for name in self.networks.keys() - running - {self.name}:
            del self.networks[name]

    def _network_id(self, name: str) -> str:
        """Podman knows networks by name alone, Docker gives each a new id."""
        return name if self.name == "podman" else self.network_ids.get(name, f"id-of-{name}")

    def answers(self, host: str, port: int) -> bool:
        """Stands in for sshd.answers: whether a port of this machine leads to an sshd."""
        assert host == "127.0.0.1"
        (one,) = [one for one in self.containers.values()
                  if one.labels.get("kafkalab.ssh-port") == str(port)]
        return one.state == "running" and one.published and one.sshd == "runs" and (
            not one.argv or bool(one.joined)
        )

    def _start(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        for one in self._by_id(rest):
            if one.state == "paused":
                return 125, "container state improper"
            if one.joined and one.joined not in map(self._network_id, self.networks):
                return 1, f"network {one.joined} not found"
            one.state, one.started = "running", True
        return 0, ""

    def _stop(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert rest[0] == "--time"
        for one in self._by_id(rest[2:]):
            one.state = "exited"
        return 0, ""

    def _unpause(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        for one in self._by_id(rest):
            assert one.state == "paused"
            one.state = "running"
        return 0, ""

    def _rm(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert rest[:2] == ["--force", "--volumes"]
        ids = rest[4:] if rest[2:4] == ["--time", "0"] else rest[2:]
        for one in self._by_id(ids):
            del self.containers[one.name]
        return 0, ""

    def _logs(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        ids = [word for word in rest if word != "--names"]
        names = "--names" in rest and len(ids) > 1  # as Podman does
        lines = ""
        for one in self._by_id(ids):
            before = f"{one.name} " if names else ""
            lines += f"{before}noise\r\n"
            if not one.silent:
                lines += f"{before}kafkalab host key: {KEY.format(one.name[-1])} {one.name}\r\n"
        return 0, lines

    def _exec(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        if rest[:2] == ["--detach", "--privileged"]:
            (one,) = self._by_id(rest[2:3])
            assert one.state == "running"
            one.begun.append(rest[3:])
            return 0, ""
        if rest[0] == "--interactive":
            assert rest[2:] == ["sh", "-c", ADMIT, "admit", "/etc/ssh/authorized_keys/student"]
            assert stdin and stdin.startswith(b"ssh-ed25519 ")
            (one,) = self._by_id(rest[1:2])
            if (key := stdin.decode().strip()) not in one.authorized:
                one.authorized.append(key)
            return 0, ""
        (one,) = self._by_id(rest[:1])
        if rest[1:] == ["timeout", "5", "bash", "-c", GREETS]:
            return (0, "") if one.sshd == "runs" else (1, "")
        restart = "systemctl reset-failed ssh.service; systemctl restart ssh.service"
        assert rest[1:] == ["sh", "-c", restart]
        if one.sshd == "broken":
            return 1, "Job for ssh.service failed"
        one.sshd = "runs"
        return 0, ""

    def _image_inspect(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        return (0, "") if rest[0] in self.images else (125, "no such image")

    def _images(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        if rest == ["--format", "{{.Repository}}:{{.Tag}} {{.Size}}"]:
            return 0, "".join(f"{name} 1.05 GB\n" for name in self.images)
        assert _value(rest, "--format") == "{{.ID}} {{.Repository}}:{{.Tag}}"
        found = [name for name, labels in self.images.items() if _has(labels, _label(rest))]
        return 0, "".join(f"{name} {name}\n" for name in found)

    def _build(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert stdin, "only the lab's own image is built from standard input"
        parent = stdin.decode().removeprefix("FROM ").strip()
        assert parent in self.images, f"{parent} is not there"
        key, value = _value(rest, "--label").split("=")
        self.images[_value(rest, "--tag")] = {**self.images[parent], key: value}
        return 0, ""

    def _rmi(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        for name in rest[1:]:  # --force takes the containers with it
            del self.images[name]
            for one in [one for one in self.containers.values() if one.image == name]:
                del self.containers[one.name]
        return 0, ""

    def _load(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        self.images[f"loaded:{_value(rest, '--input')}"] = {}
        return 0, ""

    def _network_ls(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        wanted = _label(rest) if "--filter" in rest else None
        names = [name for name, (label, _) in self.networks.items() if wanted in (None, label)]
        return 0, "".join(f"{name}\n" for name in names)

    def _network_inspect(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        subnets = {name: self.networks[name][1] for name in rest}
        if self.name == "podman":
            entries: list[dict[str, Any]] = [
                {"name": name, "id": "ab" * 32,
                 "subnets": [{"subnet": net, "gateway": _gateway(net)}]}
                for name, net in subnets.items()
            ]
        else:
            entries = [
                {"Name": name, "Id": self._network_id(name),
                 "IPAM": {"Config": [{"Subnet": net, "Gateway": _gateway(net)}]}}
                for name, net in subnets.items()
            ]
        return 0, json.dumps(entries)

    def _network_create(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert rest[-1] not in self.networks
        assert _value(rest, "--gateway") == _gateway(_value(rest, "--subnet"))
        self.networks[rest[-1]] = (_value(rest, "--label"), _value(rest, "--subnet"))
        self.made_networks += 1
        self.network_ids[rest[-1]] = f"id-of-{rest[-1]}-{self.made_networks}"
        return 0, ""

    def _network_rm(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        for name in rest:
            if any(one.network == name for one in self.containers.values()):
                return 2, "network is being used"
            del self.networks[name]
        return 0, ""

    def _inspect(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        return 0, json.dumps([
            {"Id": one.id, "NetworkSettings": {"Networks": {one.network: {
                "IPAddress": _address(one) if one.state == "running" else "",
                "NetworkID": one.joined,
            }}} if one.network else {}} for one in self._by_id(rest)
        ])

    def _network_reload(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert self.name == "podman", "Docker has no such command"
        for one in self._by_id(rest):
            assert one.joined, "it has no ports to publish"
            one.published = True
        return 0, ""

    def _network_disconnect(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert rest[0] == "--force", "a network that is gone is left by force alone"
        (one,) = self._by_id(rest[2:])
        if rest[1] not in self.networks or one.network != rest[1]:
            return 1, f"container {one.name} is not connected to the network {rest[1]}"
        self.forget(one)
        return 0, ""

    def forget(self, one: FakeContainer) -> None:
        """A container is on no network any more."""
        one.argv[one.argv.index("--network") + 1] = one.joined = ""

    def _network_connect(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert rest[0] == "--ip"
        if self.name == "podman":
            mac = f"02:4b:{':'.join(f'{int(part):02x}' for part in rest[1].split('.'))}"
            assert rest[2:4] == ["--mac-address", mac], "its neighbours know it by that"
        name, id = rest[-2:]
        (one,) = self._by_id([id])
        assert one.labels["kafkalab.address"] == rest[1], "a host keeps its address"
        if one.network:
            return 125, f"container {one.name} is already connected to network {one.network}"
        if name not in self.networks:
            return 125, f"network {name} not found"
        one.argv[one.argv.index("--network") + 1] = name
        one.joined, one.published = self._network_id(name), True
        return 0, ""

    def _by_id(self, ids: Sequence[str]) -> list[FakeContainer]:
        known = {one.id: one for one in self.containers.values()}
        return [known[id] for id in ids]


def _gateway(subnet: str) -> str:
    """What both engines choose by themselves, and what the lab tells them."""
    return str(IPv4Network(subnet)[1])


def _address(one: FakeContainer) -> str:
    return (_values(one.argv, "--ip") or ["10.66.0.2"])[0]


def _podman_entry(one: FakeContainer) -> dict[str, Any]:
    return {
        "Id": one.id, "Names": [one.name], "State": one.state, "Labels": one.labels,
        "StartedAt": 1700000000 if one.started else -62135596800,
    }  # fmt: skip


def _docker_entry(one: FakeContainer) -> dict[str, str]:
    labels = ",".join(f"{key}={value}" for key, value in one.labels.items())
    state = one.state if one.started else "created"
    return {"ID": one.id, "Names": one.name, "State": state, "Labels": labels}


def _values(argv: list[str], flag: str) -> list[str]:
    return [after for word, after in pairwise(argv) if word == flag]


def _value(argv: list[str], flag: str) -> str:
    return _values(argv, flag)[0]


def _label(rest: list[str]) -> str:
    return _value(rest, "--filter").removeprefix("label=")


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    key, found, value = wanted.partition("=")
    return labels.get(key) == value if found else key in labels
