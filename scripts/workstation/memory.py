"""Whether the lab fits into this machine's memory, before anything is created."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lab.topology import Host
from scripts.errors import LabError

# Resident size beside the heap, measured on running hosts: a JVM's own, and systemd with sshd.
JVM_MB = 110
HOST_MB = 30


def needed_mb(hosts: Iterable[Host]) -> int:
    """What `hosts` take when their heaps are full, in MB."""
    return sum(HOST_MB + (host.heap_mb + JVM_MB if host.heap_mb else 0) for host in hosts)


def available_mb(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """The memory that can be had, in MB; None where the kernel does not say (macOS)."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(x.split()[1]) // 1024 for x in lines if x.startswith("MemAvailable:")), None)


def check_memory(hosts: Iterable[Host], meminfo: Path = Path("/proc/meminfo")) -> None:
    """Raise LabError when `hosts`, which are to be created, do not fit."""
    need, have = needed_mb(hosts), available_mb(meminfo)
    if have is not None and need > have:
        raise LabError(
            f"the lab needs about {need} MB of memory, {have} MB are free",
            hint="LAB=labs/minimal.toml is the smallest lab; or lower heap_mb in the lab file",
        )
