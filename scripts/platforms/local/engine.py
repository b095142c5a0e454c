"""The container engine: which one, installing it, and its command line with typed answers.

    engine = find()                     # Podman, else Docker, else Podman is installed
    engine.containers("kafkalab.lab=kafkalab")

Podman is used as root (through `sudo -n` for others): without root its containers have addresses
that the workstation cannot reach, and limits that a broker outgrows. Docker is used as it is.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, BinaryIO

from scripts.errors import CommandError, LabError, UsageError
from scripts.workstation import process

ENGINES = ("podman", "docker")
VARIABLE = "LAB_ENGINE"
# What Podman and the image need from Debian. runc: crun refuses hybrid cgroups. iptables: netavark
# publishes no port without it, and does not say so.
PACKAGES = (
    "podman", "runc", "iptables", "netavark", "aardvark-dns", "conmon", "nftables",
    "mmdebstrap", "openssh-client",
)
OTHER_SYSTEMS = {
    "fedora": "sudo dnf install -y podman openssh-clients",
    "arch": "sudo pacman -S --needed podman openssh",
    "suse": "sudo zypper install -y podman openssh-clients",
    "darwin": "brew install podman && podman machine init --rootful --now",
}

# (resource, enough for it). Podman lowers its own number of processes, so a container that asks for
# all that a shell may have is refused where root lacks CAP_SYS_RESOURCE; 32768 was accepted.
_LIMITS = {
    "nofile": (resource.RLIMIT_NOFILE, 1048576),
    "nproc": (resource.RLIMIT_NPROC, 32768),
}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Container:
    """A container as `ps` lists it. One that never ran holds nothing anybody could miss."""

    id: str
    name: str
    running: bool
    ever_ran: bool
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Engine:
    """One engine's command line: Podman and Docker differ in a few flags and in their JSON."""

    name: str
    prefix: tuple[str, ...]
    runtime: str | None = None

    def __call__(
        self, *args: str, timeout: float = 120, stdin: bytes | None = None, check: bool = True,
        stdout: BinaryIO | None = None,
    ) -> CompletedProcess[str]:
        """Run one command of the engine; raises CommandError as `process.run` does.

        It is shielded: a Podman that is killed half-way leaves mounts and bridges nobody removes.
        """
        return process.run(
            [*self.prefix, *args], timeout=timeout, stdin=stdin, check=check, shielded=True,
            stdout=stdout,
        )

    def lines(self, *args: str) -> list[str]:
        """The lines of a command's output without the empty ones."""
        return [line for line in self(*args).stdout.splitlines() if line.strip()]

    def containers(self, label: str) -> list[Container]:
        """Every container with the label, running or not."""
        listed = ("ps", "--all", "--no-trunc", "--filter", f"label={label}", "--format")
        if self.name == "podman":
            return [_from_podman(entry) for entry in json.loads(self(*listed, "json").stdout)]
        return [_from_docker(json.loads(line)) for line in self.lines(*listed, "{{json .}}")]

    def networks(self, label: str | None = None) -> list[str]:
        """Names of networks, those with the label or all."""
        chosen = () if label is None else ("--filter", f"label={label}")
        return self.lines("network", "ls", *chosen, "--format", "{{.Name}}")

    def subnets(self, names: Sequence[str]) -> dict[str, list[str]]:
        """The IPv4 and IPv6 subnets of each of these networks, in CIDR notation."""
        if not names:
            return {}
        found = json.loads(self("network", "inspect", *names).stdout)
        if self.name == "podman":
            return {
                net["name"]: [entry["subnet"] for entry in net.get("subnets") or []]
                for net in found
            }
        return {
            net["Name"]: [entry["Subnet"] for entry in net["IPAM"].get("Config") or []]
            for net in found
        }

    def addressing(self, name: str) -> tuple[str, str] | None:
        """Subnet and gateway of one network, in the engine's own words; None for an unusual one."""
        (net,) = json.loads(self("network", "inspect", name).stdout)
        if self.name == "podman":
            pairs = [(one["subnet"], one.get("gateway")) for one in net.get("subnets") or []]
        else:
            pairs = [(one["Subnet"], one.get("Gateway")) for one in net["IPAM"].get("Config") or []]
        return next(((subnet, gateway) for subnet, gateway in pairs if gateway), None)

    def images(self, label: str) -> list[str]:
        """Ids of the images with the label, each once, also of those that have no tag."""
        listed = self.lines(
            "images", "--all", "--quiet", "--no-trunc", "--filter", f"label={label}"
        )
        return sorted(set(listed))

    def consoles(self, containers: Sequence[Container]) -> dict[str, str]:
        """What each container has printed, by its name; "" for one that is gone.

        Podman tells several in one call, each line with the container's name before it.
        """
        if self.name == "docker" or len(containers) == 1:
            return {one.name: self("logs", one.id, check=False).stdout for one in containers}
        said = self("logs", "--names", *(one.id for one in containers), check=False).stdout
        texts: dict[str, str] = {one.name: "" for one in containers}
        # Not splitlines: a host that prints a carriage return must not speak for another one.
        for line in said.split("\n"):
            name, _, text = line.partition(" ")
            if name in texts:
                texts[name] += f"{text}\n"
        return texts

    def has_image(self, name: str) -> bool:
        return self("image", "inspect", name, check=False).returncode == 0

    def host_flags(self) -> tuple[str, ...]:
        """What lets systemd be the first process of a container, and nft work inside it.

        Podman knows systemd; for Docker the same has to be spelled out.
        """
        if self.name == "podman":
            runtime = ("--runtime", self.runtime) if self.runtime else ()
            # `--dns none`: hosts ask no name server. k8s-file: journald may be absent.
            return (
                *runtime, "--systemd=always", "--cap-add", "NET_ADMIN", *self.limits(),
                "--dns", "none", "--log-driver", "k8s-file",
            )
        return (
            "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN",
            "--security-opt", "seccomp=unconfined",
            "--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw",
            # Java's libraries unpack their native parts into /tmp and run them there.
            "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec",  # noqa: S108
            "--stop-signal", "SIGRTMIN+3",
            # Docker's own resolver forwards to this address, where nobody answers.
            "--dns", "127.0.0.1", "--log-driver", "json-file",
        )  # fmt: skip

    def limits(self) -> tuple[str, ...]:
        """Resource limits to ask for; Docker hands out its daemon's own."""
        return _ulimits() if self.name == "podman" else ()

    def network_flags(self) -> tuple[str, ...]:
        return ("--disable-dns",) if self.name == "podman" else ()


def find(prefer: str | None = None, *, say: Say = print) -> Engine:
    """The engine to use: the environment's LAB_ENGINE, else `prefer`, else Podman, else Docker.

    Only an engine that answers counts. Where none does, Podman is installed from the distribution
    if this is a Debian kind of Linux and we may; otherwise LabError names the one command to run.
    Raises UsageError for a name that is no engine.
    """
    wanted = os.environ.get(VARIABLE) or prefer
    if wanted and wanted not in ENGINES:
        raise UsageError(f"{wanted}: no container engine", hint=f"use {' or '.join(ENGINES)}")
    names = (wanted,) if wanted else ENGINES
    for name in names:
        if engine := _answering(name):
            return engine
    if names == ("docker",):
        raise LabError("Docker does not answer", hint="start its daemon, or use podman")
    install(PACKAGES, say=say)
    if engine := _answering("podman"):
        return engine
    raise LabError("Podman is installed but does not answer", hint="see `podman info`")


def elevation() -> tuple[str, ...] | None:
    """What to put before a command that needs root: nothing for root, else sudo, None without."""
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        return None
    allowed = process.run(["sudo", "-n", "true"], check=False).returncode == 0
    return ("sudo", "-n") if allowed else None


def install(packages: Sequence[str], *, say: Say = print, why: str = "") -> None:
    """Install Debian packages; raises LabError with the command to run where that can't be done.

    `why` is what needs them; by default that no container engine answers.
    """
    lacking = f"{why} needs {' '.join(packages)}" if why else "no container engine answers"
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    system = _system()
    if system != "debian":
        raise LabError(
            lacking,
            hint=f"install {' '.join(packages)}" if why
            else OTHER_SYSTEMS.get(system, "install Podman 4 or newer, or Docker"),
        )
    before = elevation()
    if before is None:
        raise LabError(
            f"{lacking}; installing takes root's rights",
            hint=" ".join(["sudo", *command]),
        )
    say(f"Installing {' '.join(packages)} from the distribution ...")
    quiet = (*before, "env", "DEBIAN_FRONTEND=noninteractive")
    try:
        process.run([*quiet, *command], timeout=600)
    except CommandError:
        # The package lists are missing or older than the archive; they are fetched only then.
        process.run([*quiet, "apt-get", "update"], timeout=300)
        process.run([*quiet, *command], timeout=600)


def _answering(name: str) -> Engine | None:
    if shutil.which(name) is None:
        return None
    if name == "docker":
        # The client alone prints its own version; only the daemon knows the server's.
        asked = process.run(
            ["docker", "version", "--format", "{{.Server.Version}}"], timeout=20, check=False
        )
        return Engine("docker", ("docker",)) if asked.returncode == 0 else None
    before = elevation() if sys.platform == "linux" else ()
    if before is None:
        return None
    runtime = _runtime()
    needed = ("iptables", runtime) if sys.platform == "linux" else ()
    if any(program and not _program(program) for program in needed):
        return None
    prefix = (*before, "podman")
    asked = process.run([*prefix, "version", "--format", "{{.Client.Version}}"], check=False)
    return Engine("podman", prefix, runtime) if asked.returncode == 0 else None


def _runtime() -> str | None:
    """runc where the machine still has version 1 cgroups, else the engine's own choice."""
    if sys.platform != "linux" or Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return None
    return "runc"


def _program(name: str) -> str | None:
    """A program's path, also in the directories that are on root's PATH only."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _ulimits() -> tuple[str, ...]:
    """Limits within our own: Podman asks for more and fails where it may not have it."""
    flags: list[str] = []
    for name, (number, enough) in _LIMITS.items():
        hard = resource.getrlimit(number)[1]
        most = enough if hard == resource.RLIM_INFINITY else min(hard, enough)
        flags += ["--ulimit", f"{name}={most}:{most}"]
    return tuple(flags)


def _system() -> str:
    """The kind of operating system: debian, fedora, arch, suse, darwin, or its own id."""
    if sys.platform != "linux":
        return sys.platform
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return "linux"
    fields = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    words = f"{fields.get('ID', '')} {fields.get('ID_LIKE', '')}".replace('"', "").split()
    known = [word for word in words if word in (*OTHER_SYSTEMS, "debian")]
    return known[0] if known else (words or ["linux"])[0]


def _from_podman(entry: Mapping[str, Any]) -> Container:
    # The time and not the state: after a reboot Podman calls a container that ran "created" again.
    return Container(
        entry["Id"], entry["Names"][0], entry["State"] == "running", entry["StartedAt"] > 0,
        entry.get("Labels") or {},
    )  # fmt: skip


def _from_docker(entry: Mapping[str, str]) -> Container:
    # Docker joins labels with commas, so no label of ours has one in its value.
    pairs = (pair.partition("=") for pair in entry["Labels"].split(",") if pair)
    labels = {key: value for key, _, value in pairs}
    state = entry["State"]
    return Container(entry["ID"], entry["Names"], state == "running", state != "created", labels)
