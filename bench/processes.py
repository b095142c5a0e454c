"""All processes of a lab's hosts: the processor time that they have taken, and their memory.

    python -m bench.processes

tells the memory of the lab that LAB names: what `fab up` counts for it, and what is resident.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.measure import BenchError
from scripts.hosts.fleet import Fleet
from scripts.session import Session
from scripts.workstation.memory import needed_mb

# A process may end while it is looked at. (proc_pid_stat(5) has the fields.)
READ = "getconf CLK_TCK\ncat /proc/[0-9]*/stat 2>/dev/null || true\n"
STATE, USED, RESIDENT = 3, (14, 15, 16, 17), 24  # fields: with the children that it waited for
PAGE_MB = resource.getpagesize() / 1e6


@dataclass(frozen=True)
class Process:
    """One process. used_s: processor time until now, with that of the children that ended."""

    pid: int
    used_s: float
    resident_mb: float


def parse(text: str) -> dict[int, Process]:
    """What READ told, by the processes' ids. Raises BenchError."""
    ticks, _, rest = text.partition("\n")
    found = {}
    for line in rest.splitlines():
        named, end, told = line.rpartition(") ")  # a name may have spaces and brackets
        if not end:
            raise BenchError(f"this is of no process: {line!r}")
        pid, fields = int(named.split()[0]), told.split()
        used = sum(int(fields[one - STATE]) for one in USED) / int(ticks)
        found[pid] = Process(pid, used, int(fields[RESIDENT - STATE]) * PAGE_MB)
    return found


def processes(fleet: Fleet) -> Mapping[str, Mapping[int, Process]]:
    """Those of each host. Raises BenchError and LabError."""
    return fleet.each(
        lambda name: parse(fleet[name].script(READ, label="processes").stdout), list(fleet.hosts))


def resident_mb(hosts: Iterable[Mapping[int, Process]]) -> float:
    """All memory; what several processes share is counted for each of them."""
    return sum(one.resident_mb for host in hosts for one in host.values())


def main() -> None:
    session = Session()
    with session.fleet(session.platform.instances()) as fleet:
        found = resident_mb(processes(fleet).values())
    print(f"counted: {needed_mb(session.topology.hosts, session.topology)} MB")
    print(f"resident: {found:.0f} MB")


if __name__ == "__main__":
    try:
        main()
    except BenchError as error:
        sys.exit(f"error: {error}")
