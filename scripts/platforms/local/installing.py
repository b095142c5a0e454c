"""Installing what the local platform needs from the distribution, and the right to do so."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts.errors import CommandError, LabError, one_line
from scripts.workstation import process

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

Say = Callable[[str], None]


def elevation() -> tuple[str, ...] | None:
    """What to put before a command that needs root: nothing for root, else sudo, None without."""
    found = elevated()
    return None if isinstance(found, str) else found


def elevated() -> tuple[str, ...] | str:
    """The same, or in a few words why there is no way to it."""
    if os.geteuid() == 0:
        return ()
    if shutil.which("sudo") is None:
        return "there is no sudo"
    asked = process.run(["sudo", "-n", "true"], check=False)
    if asked.returncode == 0:
        return ("sudo", "-n")
    return one_line(asked.stderr).removeprefix("sudo: ") or f"exit status {asked.returncode}"


def install(packages: Sequence[str], *, say: Say = print, why: str = "") -> None:
    """Install Debian packages; raises LabError with the command to run where that can't be done.

    `why` is what needs them; by default that there is no container engine.
    """
    lacking = f"{why} needs {' '.join(packages)}" if why else (
        "there is no container engine on this machine"
    )
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


def program(name: str) -> str | None:
    """A program's path, also in the directories that are on root's PATH only."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


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
