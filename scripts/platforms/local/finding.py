"""The container engines of this machine: which are there, which one is taken, and why not.

    engine = find()                     # Podman, else Docker, else Podman is installed
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from scripts.errors import CommandError, LabError, UsageError
from scripts.platforms.local import installing
from scripts.platforms.local.engine import ENGINES, Container, Engine
from scripts.platforms.local.installing import Say
from scripts.platforms.local.reason import reason
from scripts.workstation import process

VARIABLE = "LAB_ENGINE"
ANSWER_S = 20  # a daemon that hangs never answers
MOMENT_S = 1.0  # for so long a listing is as good as another one
_AS_DOCKER = re.compile(rb"\A#!.*^\s*exec\s+(?:\S*/)?podman\s", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Silent:
    """An engine whose program is here and which cannot be used: why, and what to do about it."""

    name: str
    what: str
    remedy: str


class NoEngineError(LabError):
    """This machine has no container engine at all."""


class Machine:
    """The engines of this machine, each asked once; `asked`: what is known already."""

    def __init__(self, asked: Mapping[str, Engine | Silent | None] | None = None) -> None:
        self._asked = dict(asked or {})
        self._listed: dict[tuple[str, str], tuple[float, list[Container]]] = {}

    @property
    def programs(self) -> list[str]:
        """The engines whose program is on the path."""
        return [name for name in ENGINES
                if (self._asked[name] if name in self._asked else shutil.which(name))]

    def ask(self, name: str) -> Engine | Silent | None:
        """The engine called `name`, as it is now; None where it is not on this machine."""
        if name not in self._asked:
            self._asked[name] = _ask(name) if shutil.which(name) else None
        return self._asked[name]

    def tried(self, name: str, label: str) -> Engine | Silent | None:
        """The same, of which nobody knows yet whether it answers by whether it lists the containers
        with a label: these are what is asked of it next (`containers`), so one question is saved.
        """
        likely = _likely(name) if name not in self._asked and shutil.which(name) else None
        if isinstance(likely, Engine):
            with suppress(CommandError):  # asked whether it answers, it says why not
                found = likely.containers(label, ANSWER_S)
                self._asked[name] = likely
                self._listed[name, label] = time.monotonic(), found
        return self.ask(name)

    def containers(self, engine: Engine, label: str, *, keep: bool = False) -> list[Container]:
        """The containers with a label, as an engine lists them, or did a moment ago to nobody but
        who `keep`s that for others. Raises CommandError."""
        place = engine.name, label
        since, found = self._listed.get(place, (0.0, []))
        if place not in self._listed or time.monotonic() - since > MOMENT_S:
            return engine.containers(label)
        if not keep:
            del self._listed[place]
        return found

    @property
    def answering(self) -> list[Engine]:
        return [one for one in map(self.ask, ENGINES) if isinstance(one, Engine)]

    @property
    def silent(self) -> list[Silent]:
        return [one for one in map(self.ask, ENGINES) if isinstance(one, Silent)]

    def pick(self, name: str | None, *, installs: bool, say: Say) -> Engine:
        """The engine called `name`, or the first that answers. With `installs` Podman is installed
        where there is none at all, or where it is named. Raises LabError with the next step."""
        found = [one for one in map(self.ask, (name,) if name else ENGINES) if one]
        for one in found:
            if isinstance(one, Engine):
                return one
        if found:
            other = ""
            if name is None and "podman" not in self.programs:
                other = f"with another engine: `{VARIABLE}=podman fab up` installs it"
            raise unusable([one for one in found if isinstance(one, Silent)], other)
        if name == "docker":
            raise LabError(
                "Docker is not on this machine",
                hint=f"install it, or leave {VARIABLE}=docker out",
            )
        if not installs:
            there = "Podman is not" if name and self.programs else "there is no container engine"
            raise NoEngineError(
                f"{there} on this machine", hint="`fab up` installs Podman, or says how"
            )
        installing.install(installing.PACKAGES, say=say)
        self._asked.clear()
        return self.pick("podman", installs=False, say=say)


def find(prefer: str | None = None, *, say: Say = print) -> Engine:
    """The engine for something new: the environment's LAB_ENGINE, else `prefer`, else Podman, else
    Docker. Where there is neither, Podman is installed.

    Only an engine that answers counts. Raises LabError with the next step where none does, and
    UsageError for a name that is no engine.
    """
    return Machine().pick(wanted() or _known(prefer), installs=True, say=say)


def with_others(engine: Engine, machine: Machine | None) -> list[Engine]:
    """An engine, and after it the others of its machine that answer."""
    more = machine.answering if machine else []
    return [engine, *(one for one in more if one.name != engine.name)]


def wanted() -> str | None:
    """What LAB_ENGINE names, None where it is not set. Raises UsageError for no engine."""
    return _known(os.environ.get(VARIABLE))


def _known(name: str | None) -> str | None:
    if name and name not in ENGINES:
        raise UsageError(f"{name}: no container engine", hint=f"use {' or '.join(ENGINES)}")
    return name or None


def unusable(silent: Sequence[Silent], other: str = "") -> LabError:
    """That none of the engines that are on this machine can be used. `other`: one more way out,
    beside the remedy of each."""
    ways = [*(one.remedy for one in silent), *([other] if other else [])]
    return LabError("; ".join(one.what for one in silent), hint="; or ".join(ways))


def _ask(name: str) -> Engine | Silent | None:
    likely = _likely(name)
    if not isinstance(likely, Engine):
        return likely
    return _docker(likely) if name == "docker" else _podman(likely)


def _likely(name: str) -> Engine | Silent | None:
    """An engine as it is if it answers."""
    return _likely_docker() if name == "docker" else _likely_podman()


def _likely_docker() -> Engine | Silent | None:
    if _is_podman(shutil.which("docker")):
        return None
    return _elsewhere("docker", "DOCKER_HOST") or Engine("docker", ("docker",))


def _docker(likely: Engine) -> Engine | Silent:
    # The client alone prints its own version; only the daemon knows the server's.
    answers, said = _says(*likely.prefix, "version", "--format", "{{.Server.Version}}")
    if answers:
        return likely
    if "permission denied" in said.lower():
        remedy = f"`sudo usermod -aG docker {getpass.getuser()}`, then log in again"
    elif address := os.environ.get("DOCKER_HOST"):
        remedy = f"is DOCKER_HOST={address} right?"
    else:
        remedy = (
            "`sudo systemctl start docker`" if sys.platform == "linux" else "start Docker Desktop"
        )
    return Silent("docker", f"Docker is installed and does not answer: {said}", remedy)


def _likely_podman() -> Engine | Silent:
    linux = sys.platform == "linux"
    before = installing.elevated() if linux else ()
    if isinstance(before, str):
        return Silent(
            "podman", f"Podman is used as root, and `sudo -n` may not here: {before}",
            "`sudo -v` first, or allow it without a password",
        )
    if not before and (elsewhere := _elsewhere("podman", "CONTAINER_HOST")):  # sudo keeps it back
        return elsewhere
    runtime = _runtime()
    needed = [one for one in ("iptables", runtime) if one] if linux else []
    if lacks := [one for one in needed if not installing.program(one)]:
        return Silent(
            "podman", f"Podman is installed and lacks {' and '.join(lacks)}",
            f"install {' and '.join(lacks)}",
        )
    return Engine("podman", (*before, "podman"), runtime)


def _podman(likely: Engine) -> Engine | Silent:
    answers, said = _says(*likely.prefix, "version", "--format", "{{.Client.Version}}")
    if answers:
        return likely
    linux = sys.platform == "linux"
    return Silent(
        "podman", f"Podman is installed and does not answer: {said}",
        f"see `{' '.join(likely.prefix)} info`" if linux else "`podman machine start`",
    )


def _elsewhere(name: str, variable: str) -> Silent | None:
    """What is wrong with an engine that its variable, set for other work, leads away from here."""
    address = os.environ.get(variable, "")
    try:
        host = urlsplit(address).hostname
    except ValueError:
        host = None  # no address: the engine itself says so
    if host is None or host in ("localhost", "127.0.0.1", "::1"):
        return None
    return Silent(
        name, f"{variable}={address} leads {name.capitalize()} to another machine, and the hosts' "
        "ports would be there", f"leave {variable} out",
    )


def _is_podman(path: str | None) -> bool:
    """Whether it is Podman under Docker's name (Debian's package podman-docker): no second engine,
    and one that answers in another form."""
    if path is None:
        return False
    file = Path(path).resolve()
    if file.name == "podman":
        return True
    try:
        with file.open("rb") as script:
            return bool(_AS_DOCKER.search(script.read(2000)))
    except OSError:
        return False


def _says(*argv: str) -> tuple[bool, str]:
    """Whether a command ends well, and what it says: the reason where it does not."""
    try:
        done = process.run(argv, timeout=ANSWER_S, check=False)
    except CommandError as error:
        return False, str(error.status)
    if done.returncode == 0:
        return True, done.stdout.strip()
    return False, reason(done.stderr) or reason(done.stdout) or f"exit status {done.returncode}"


def _runtime() -> str | None:
    """runc where the machine still has version 1 cgroups, else the engine's own choice."""
    if sys.platform != "linux" or Path("/sys/fs/cgroup/cgroup.controllers").exists():
        return None
    return "runc"
