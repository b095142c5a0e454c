"""Control groups of hosts under Docker: their own ones, where its daemon can give them no others.

systemd needs a tree of control groups that it may write to. Docker mounts the container's own one
read-only, so for long there was only the machine's tree, in the machine's namespace; then root on a
host could stop or starve whatever runs on the machine, and systemd left folders there. Podman gives
a container its own tree by itself.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.platforms.local.engine import Engine

OWN = "--cgroupns=private"
# The namespace alone shows the tree; this lets it be written to. Docker 28, with version 2 only.
WRITABLE, SINCE = ("--security-opt", "writable-cgroups=true"), 28
# An empty folder, in which systemd mounts what is there: within the namespace, its own part of it.
EMPTY = ("--tmpfs", "/sys/fs/cgroup")
OF_THE_MACHINE = ("--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw")


def flags(engine: Engine) -> tuple[str, ...]:
    """What to tell `run` of the engine, by what its daemon says of itself."""
    if engine.name == "podman":
        return ()
    info = json.loads(engine("info", "--format", "{{json .}}").stdout)
    return docker_flags(
        str(info.get("CgroupVersion", "1")), str(info.get("ServerVersion", "")),
        [word for one in info.get("SecurityOptions") or [] for word in str(one).split(",")],
    )


def docker_flags(version: str, server: str, security: Collection[str]) -> tuple[str, ...]:
    """For a daemon's version of control groups, its own version, and what it confines with."""
    major = server.partition(".")[0]
    remapped = {"name=userns", "name=rootless"} & {*security}  # there, Docker refuses the option
    if version == "2" and major.isdecimal() and int(major) >= SINCE and not remapped:
        return (OWN, *WRITABLE)
    # These keep a container from mounting anything, and to do without them would be worse.
    if remapped or {"name=apparmor", "name=selinux"} & {*security}:
        return OF_THE_MACHINE
    return (OWN, *EMPTY)
