"""A container engine: its command line with typed answers.

    engine = find()                     # of `finding`; `choice` knows in which one a lab is
    engine.containers("kafkalab.lab=kafkalab")

Podman is used as root (through `sudo -n` for others): without root its containers have addresses
that the workstation cannot reach, and limits that a broker outgrows. Docker is used as it is.
"""

from __future__ import annotations

import json
import resource
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Any, BinaryIO

from scripts.errors import CommandError
from scripts.platforms.local.reason import reason
from scripts.workstation import process

ENGINES = ("podman", "docker")
IMAGE_GONE = "image not known"  # in Podman's own words
LISTINGS = 5  # of images, until it is no accident
AT_A_TIME = 4  # commands; an engine takes its own locks, so more at once gain nothing

# (resource, enough for it). Podman lowers its own number of processes, so a container that asks for
# all that a shell may have is refused where root lacks CAP_SYS_RESOURCE; 32768 was accepted.
_LIMITS = {
    "nofile": (resource.RLIMIT_NOFILE, 1048576),
    "nproc": (resource.RLIMIT_NPROC, 32768),
}


@dataclass(frozen=True)
class Container:
    """A container as `ps` lists it. One that never ran holds nothing anybody could miss.

    One that is `paused` does not run, and yet keeps its ports and its memory.
    """

    id: str
    name: str
    running: bool
    ever_ran: bool
    labels: Mapping[str, str]
    paused: bool = False


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
        """Run one command of the engine. Raises CommandError with the engine's own reason.

        It is shielded: a Podman that is killed half-way leaves mounts and bridges nobody removes.
        """
        try:
            return process.run(
                [*self.prefix, *args], timeout=timeout, stdin=stdin, check=check, shielded=True,
                stdout=stdout,
            )
        except CommandError as error:
            raise self._told(args, error) from error.__cause__

    def on(
        self, containers: Sequence[Container], *args: str, timeout: float = 120
    ) -> CompletedProcess[str]:
        """Run one command of the engine on containers. An error of it calls them by their names."""
        try:
            return self(*args, *(one.id for one in containers), timeout=timeout)
        except CommandError as error:
            stdout, stderr = error.stdout, error.stderr
            for one in containers:
                stdout, stderr = stdout.replace(one.id, one.name), stderr.replace(one.id, one.name)
            named = CommandError(error.command, error.status, stdout, stderr)
            raise self._told(args, named) from error.__cause__

    def _told(self, args: Sequence[str], error: CommandError) -> CommandError:
        """The error with the engine's reason. The run's log has the whole command and output: a
        command may be a script of a hundred lines, or ids of 64 digits."""
        words = args[:2] if args[0] in ("network", "image") else args[:1]
        return CommandError(
            [self.name, *words], error.status, error.stdout, error.stderr, hint=error.hint,
            said=reason(error.stderr) or reason(error.stdout),
        )

    def lines(self, *args: str) -> list[str]:
        """The lines of a command's output without the empty ones."""
        return [line for line in self(*args).stdout.splitlines() if line.strip()]

    def containers(self, label: str, timeout: float = 120) -> list[Container]:
        """Every container with the label, running or not."""
        return self.listed(f"label={label}", timeout)

    def listed(self, chosen: str, timeout: float = 120) -> list[Container]:
        """Every container, running or not, that a filter chooses: "label=L", "network=NAME",
        "ancestor=IMAGE" (made from it, or from one that is made from it)."""
        listed = ("ps", "--all", "--no-trunc", "--filter", chosen, "--format")
        if self.name == "podman":
            said = self(*listed, "json", timeout=timeout).stdout
            return [_from_podman(entry) for entry in json.loads(said)]
        said = self(*listed, "{{json .}}", timeout=timeout).stdout
        return [_from_docker(json.loads(line)) for line in said.splitlines() if line.strip()]

    def image_lines(self, *args: str) -> list[str]:
        """The lines of `images`. Podman fails in it where somebody removes an image just then, as
        it lists them first and looks at each after that: so it is asked again."""
        for _ in range(LISTINGS - 1):
            try:
                return self.lines("images", *args)
            except CommandError as error:
                if IMAGE_GONE not in error.stderr:
                    raise
        return self.lines("images", *args)

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

    def addresses(self, network: str, ids: Sequence[str]) -> dict[str, str]:
        """The address on a network of each of these containers that runs, by id."""
        found = {id: end.get("IPAddress") for id, end in self.ends(network, ids).items()}
        return {id: address for id, address in found.items() if address}

    def ends(self, network: str, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What each of these containers knows of its end of a network, by id; none of those that
        are not on it."""
        if not ids:
            return {}
        found = {
            one["Id"]: (one["NetworkSettings"].get("Networks") or {}).get(network)
            for one in json.loads(self("inspect", *ids).stdout)
        }
        return {id: end for id, end in found.items() if end}

    def images(self, label: str) -> dict[str, set[str]]:
        """The images with the label by id, and their names; none of those that have no tag."""
        found: dict[str, set[str]] = {}
        for line in self.image_lines(
            "--all", "--no-trunc", "--filter", f"label={label}",
            "--format", "{{.ID}} {{.Repository}}:{{.Tag}}",
        ):
            id, _, name = line.partition(" ")
            found.setdefault(id, set()).update(() if "<none>" in name else (name,))
        return found

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

        Podman knows systemd; for Docker the same has to be spelled out, and the module cgroups has
        the rest of it.
        """
        if self.name == "podman":
            runtime = ("--runtime", self.runtime) if self.runtime else ()
            # `--dns none`: hosts ask no name server. k8s-file: journald may be absent.
            return (
                *runtime, "--systemd=always", "--cap-add", "NET_ADMIN", *self.limits(),
                # Docker's own default: whoever is on a host may ping without a raw socket.
                "--sysctl", "net.ipv4.ping_group_range=0 2147483647",
                "--dns", "none", "--log-driver", "k8s-file",
            )
        return (
            "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN",
            "--security-opt", "seccomp=unconfined",
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


def _ulimits() -> tuple[str, ...]:
    """Limits within our own: Podman asks for more and fails where it may not have it."""
    flags: list[str] = []
    for name, (number, enough) in _LIMITS.items():
        hard = resource.getrlimit(number)[1]
        most = enough if hard == resource.RLIM_INFINITY else min(hard, enough)
        flags += ["--ulimit", f"{name}={most}:{most}"]
    return tuple(flags)


def _from_podman(entry: Mapping[str, Any]) -> Container:
    # The time and not the state: after a reboot Podman calls a container that ran "created" again.
    return Container(
        entry["Id"], entry["Names"][0], entry["State"] == "running", entry["StartedAt"] > 0,
        entry.get("Labels") or {}, entry["State"] == "paused",
    )  # fmt: skip


def _from_docker(entry: Mapping[str, str]) -> Container:
    # Docker joins labels with commas, so no label of ours has one in its value.
    pairs = (pair.partition("=") for pair in entry["Labels"].split(",") if pair)
    labels = {key: value for key, _, value in pairs}
    state = entry["State"]
    return Container(
        entry["ID"], entry["Names"], state == "running", state != "created", labels,
        state == "paused",
    )
