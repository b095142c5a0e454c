"""What must be free on the workstation before hosts are made: ports, a subnet, inotify instances.

Each check finds what is in the way and says what to change.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, ip_network
from pathlib import Path

from lab.counted import counted
from lab.standing import Obstacle
from scripts.errors import TimeoutExpired
from scripts.platforms.local.engine import ENGINES
from scripts.platforms.local.installing import elevation
from scripts.workstation import process

# systemd takes six inotify instances a host; others on the machine need some, too.
INOTIFY_PER_HOST = 6
INOTIFY_SLACK = 64
SETTLE_S = 60.0
_SETTING = "fs.inotify.max_user_instances"
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


def settled(label: str) -> None:
    """Wait until no command of an engine that gives something this `label` is under way.

    Such a command outlives a create that was killed, and may make its container only afterwards.
    Raises TimeoutExpired when one does not end.
    """
    deadline = time.monotonic() + SETTLE_S
    while (pid := _running(label)) is not None:
        if time.monotonic() > deadline:
            raise TimeoutExpired(
                f"an earlier run still makes something of {label} after {SETTLE_S:g} s",
                hint=f"process {pid}",
            )
        time.sleep(0.05)


def ports(wanted: Mapping[int, str]) -> list[Obstacle]:
    """The first port of `wanted` (port: whose it is) that cannot be bound on 127.0.0.1."""
    for port, owner in sorted(wanted.items()):
        with socket.socket() as listener:
            # A connection that was just closed does not keep a port from being published.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
            except OSError as error:
                return [Obstacle(
                    "", f"port {port} of 127.0.0.1 ({owner}) is taken: {error.strerror}",
                    "stop what listens there, or change port_base in [local] of the lab file",
                )]
    return []


def subnet(
    wanted: IPv4Network, networks: Mapping[str, Iterable[str]], own: IPv4Network | None = None
) -> list[Obstacle]:
    """A network of the engine (name: its subnets) or a route of the machine that is in the way.

    A route to a larger network, as a VPN has, is not: the lab's own is the more specific one. Nor
    is the one to the network that the lab has now, its `own`.
    """
    hint = "change the cidr of the datacenters in the lab file, or destroy the other lab"
    found = [
        f"{text} of network {name}" for name, subnets in networks.items() for text in subnets
        if _overlaps(wanted, text)
    ]
    found += [
        f"the route {text} ({device})" for text, device in _routes()
        if (there := ip_network(text, strict=False)) != own
        and there.prefixlen >= wanted.prefixlen and _overlaps(wanted, text)
    ]
    return [Obstacle("", f"the network {wanted} overlaps {what}", hint) for what in found[:1]]


def inotify(hosts: int) -> list[Obstacle]:
    """A limit of inotify instances that is too low for `hosts` more hosts, and not ours to raise.

    Hosts that lack them come up without working units, and nothing says why.
    """
    needed, limit = _inotify_needed(hosts)
    if needed <= limit or elevation() is not None:
        return []
    return [Obstacle(
        "", f"{counted(hosts, 'host needs', 'hosts need')} {needed} inotify instances, the limit "
            f"is {limit}",
        f"sudo sysctl -w {_SETTING}={max(needed, 1024)}",
    )]


def raise_inotify(hosts: int) -> None:
    """Raise the kernel's limit where `hosts` more hosts need it. Raises LabError."""
    needed, limit = _inotify_needed(hosts)
    if needed <= limit:
        return
    setting = f"{_SETTING}={max(needed, 1024)}"
    process.run(
        [*(elevation() or ()), "sysctl", "-w", setting], hint=f"as root: sysctl -w {setting}"
    )


def _inotify_needed(hosts: int) -> tuple[int, int]:
    """What the machine needs with `hosts` more, and what it allows."""
    if not hosts or not _INOTIFY.exists():
        return 0, 0
    return (
        _inotify_in_use() + INOTIFY_PER_HOST * hosts + INOTIFY_SLACK, int(_INOTIFY.read_text())
    )


def _inotify_in_use() -> int:
    """Inotify instances of root's processes (the hosts' user); 0 where /proc can't be read."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            links = [os.readlink(link) for link in folder.iterdir()]  # noqa: PTH115
        except OSError:
            continue
        count += links.count("anon_inode:inotify")
    return count


def _running(label: str) -> int | None:
    """The id of an engine's process with `label` as an argument; none where /proc is missing."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            argv = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if label.encode() in argv and any(name.encode() in argv[:3] for name in ENGINES):
            return int(folder.name)
    return None


def _routes() -> list[tuple[str, str]]:
    """(destination, device) of the machine's IPv4 routes; none where `ip` is missing."""
    if sys.platform != "linux" or shutil.which("ip") is None:
        return []
    said = process.run(["ip", "-json", "-4", "route", "show"], check=False).stdout
    found = json.loads(said or "[]")
    return [(route["dst"], route.get("dev", "?")) for route in found if route["dst"] != "default"]


def _overlaps(wanted: IPv4Network, text: str) -> bool:
    other = ip_network(text, strict=False)
    return isinstance(other, IPv4Network) and wanted.overlaps(other)
