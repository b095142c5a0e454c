"""Reading the run logs of the product's own commands: where the time between two moments goes."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass

_LINE = re.compile(r"(\d\d):(\d\d):(\d\d\.\d{3}) (?:(\S+): (.+) -> (\S+), (\d+\.\d+) s|fab .*)$")
_ROLES = {"ctl": "control", "zk": "zookeeper", "kafka": "kafka"}
DAY = 86400.0
WORKSTATION = "workstation"
PHASE = "phase"


@dataclass(frozen=True)
class Entry:
    """One line of a run log: who did what, for how many seconds, and when it ended, in seconds
    after the process began. The first line has no `who`: the task's own begin."""

    at: float
    who: str = ""
    what: str = ""
    status: str = ""
    seconds: float = 0.0


def parse(text: str, *, began: float) -> list[Entry]:
    """The entries of a run log whose process began at `began` (epoch, local day)."""
    local = time.localtime(began)
    midnight = local.tm_hour * 3600 + local.tm_min * 60 + local.tm_sec + began % 1
    entries = []
    for line in text.splitlines():
        if found := _LINE.match(line):
            hours, minutes, seconds, who, what, status, took = found.groups()
            at = int(hours) * 3600 + int(minutes) * 60 + float(seconds) - midnight
            at = (at + DAY / 2) % DAY - DAY / 2
            entries.append(Entry(at, who or "", what or "", status or "", float(took or 0)))
    return entries


def role(host: str) -> str:
    """The role that a host's name tells, in the benchmark's lab."""
    short = host.rpartition("-")[2].rstrip("0123456789")
    return _ROLES.get(short, short)


def count(entries: Iterable[Entry], what: str) -> int:
    return sum(1 for entry in entries if entry.what == what)


def phases(entries: Iterable[Entry]) -> dict[str, float]:
    """The seconds of each phase of a run, by its name, in the order of their ends. Phases may lie
    side by side: no sum."""
    return {entry.what: entry.seconds for entry in entries if entry.who == PHASE}


def breakdown(entries: Iterable[Entry]) -> list[dict[str, object]]:
    """What was done on how many hosts of a role, how long it took, and when the last had ended.

    All hosts work at the same time, so the seconds of the steps are not a sum.
    """
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if not entry.what or entry.who == PHASE:
            continue
        words = entry.what if entry.who != WORKSTATION else " ".join(entry.what.split()[:2])
        groups.setdefault((words, role(entry.who)), []).append(entry)
    return [
        {
            "step": what, "role": who, "count": len(found),
            "median": round(statistics.median(entry.seconds for entry in found), 3),
            "longest": round(max(entry.seconds for entry in found), 3),
            "ended": round(max(entry.at for entry in found), 3),
        }
        for (what, who), found in sorted(groups.items(), key=lambda item: item[1][-1].at)
    ]
