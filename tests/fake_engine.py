"""An engine's command line in memory. It knows only what the local platform says to it.

Anything else (another command, another flag where flags matter) fails the test.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from itertools import pairwise
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, BinaryIO

from scripts.errors import CommandError

KEY = "ssh-ed25519 AAAA{}"


@dataclass
class FakeContainer:
    id: str
    name: str
    labels: dict[str, str]
    argv: list[str]
    state: str = "running"
    started: bool = True
    silent: bool = False  # nothing on its console


@dataclass
class FakeEngine:
    """Stands in for `workstation.run`; `calls` are the commands so far, without the prefix."""

    name: str = "podman"
    containers: dict[str, FakeContainer] = field(default_factory=dict)
    networks: dict[str, tuple[str, str]] = field(default_factory=dict)  # name: label, subnet
    images: dict[str, dict[str, str]] = field(default_factory=dict)  # name: labels
    broken: set[str] = field(default_factory=set)  # first words of commands that fail
    calls: list[list[str]] = field(default_factory=list)
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
            private.with_suffix(".pub").write_text("ssh-ed25519 LOGIN comment\n")
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

    def _ps(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert rest[:2] == ["--all", "--no-trunc"]
        found = [one for one in self.containers.values() if _has(one.labels, _label(rest))]
        if self.name == "podman":
            return 0, json.dumps([_podman_entry(one) for one in found])
        return 0, "".join(json.dumps(_docker_entry(one)) + "\n" for one in found)

    def _run(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert "--pull" in rest, "a host's image is never looked for in a registry"
        name = _value(rest, "--name")
        assert name not in self.containers, f"{name} exists"
        labels = dict(pair.split("=", 1) for pair in _values(rest, "--label"))
        self.containers[name] = FakeContainer(f"id-{name}-{len(self.calls)}", name, labels, rest)
        return 0, ""

    def _start(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        for one in self._by_id(rest):
            one.state, one.started = "running", True
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
        assert rest[2:] == ["tee", "/etc/ssh/authorized_keys/student"]
        assert stdin and stdin.startswith(b"ssh-ed25519 ")
        return 0, ""

    def _image_inspect(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        return (0, "") if rest[0] in self.images else (125, "no such image")

    def _images(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        found = [name for name, labels in self.images.items() if _has(labels, _label(rest))]
        return 0, "".join(f"{name}\n" for name in found)

    def _build(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert stdin, "only the lab's own image is built from standard input"
        parent = stdin.decode().removeprefix("FROM ").strip()
        assert parent in self.images, f"{parent} is not there"
        key, value = _value(rest, "--label").split("=")
        self.images[_value(rest, "--tag")] = {**self.images[parent], key: value}
        return 0, ""

    def _rmi(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        for name in rest[1:]:
            del self.images[name]
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
                {"name": name, "subnets": [{"subnet": net, "gateway": _gateway(net)}]}
                for name, net in subnets.items()
            ]
        else:
            entries = [
                {"Name": name, "IPAM": {"Config": [{"Subnet": net, "Gateway": _gateway(net)}]}}
                for name, net in subnets.items()
            ]
        return 0, json.dumps(entries)

    def _network_create(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        assert rest[-1] not in self.networks
        self.networks[rest[-1]] = (_value(rest, "--label"), _value(rest, "--subnet"))
        return 0, ""

    def _network_rm(self, rest: list[str], stdin: bytes | None) -> tuple[int, str]:
        for name in rest:
            del self.networks[name]
        return 0, ""

    def _by_id(self, ids: Sequence[str]) -> list[FakeContainer]:
        known = {one.id: one for one in self.containers.values()}
        return [known[id] for id in ids]


def _gateway(subnet: str) -> str:
    """What both engines choose by themselves, and what the lab tells them."""
    return str(IPv4Network(subnet)[1])


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
    key, _, value = wanted.partition("=")
    return labels.get(key) == value
