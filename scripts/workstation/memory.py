"""Whether the lab fits into this machine's memory, before anything is created."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lab.services.registry import SERVICES, memory_mb
from lab.topology import Host, Topology
from scripts.errors import LabError

MEMINFO = Path("/proc/meminfo")
HOST_MB = 30  # systemd with sshd, measured on running hosts


def needed_mb(hosts: Iterable[Host], topology: Topology) -> int:
    """What `hosts` take when their services work, in MB."""
    return sum(HOST_MB + memory_mb(host, topology) for host in hosts)


def available_mb(meminfo: Path = MEMINFO) -> int | None:
    """The memory that can be had, in MB; None where the kernel does not say (macOS)."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(x.split()[1]) // 1024 for x in lines if x.startswith("MemAvailable:")), None)


def check_memory(
    hosts: Iterable[Host], topology: Topology, meminfo: Path = MEMINFO, *,
    freed_mb: int = 0,
) -> None:
    """Raise LabError when `hosts`, which are to be created, do not fit.

    freed_mb: what will be free beside what is free now.
    """
    need, have = needed_mb(hosts, topology), available_mb(meminfo)
    have = None if have is None else have + freed_mb
    if have is not None and need > have:
        raise LabError(
            f"the lab needs about {need} MB of memory, {have} MB are free",
            hint="LAB=labs/minimal.toml is the smallest lab; or lower heap_mb in the lab file",
        )


def check_added(count: int, service: str, topology: Topology, meminfo: Path = MEMINFO) -> None:
    """Raise LabError when a service on so many hosts more does not fit."""
    need, have = count * SERVICES[service].memory_mb(topology.config), available_mb(meminfo)
    if have is not None and need > have:
        raise LabError(
            f"{count} more of {service} need about {need} MB of memory, {have} MB are free",
            hint=f"or lower heap_mb in [{service}] of the lab file",
        )
