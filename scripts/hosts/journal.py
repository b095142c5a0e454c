"""The logs of many hosts, searched at once: each looks through its own, and sends what fits."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from scripts.errors import CommandError, UsageError, one_line
from scripts.hosts.fleet import Answer, Fleet

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
AGO = re.compile(r"([1-9]\d{0,5})([smhd])")
TIMEOUT_SECONDS = 60.0
LABEL = "search the logs"
BAD = 9
# grep ends with 1 where nothing fits, which is an answer, and with 2 where the pattern is none.
SEARCH = """\
set -o pipefail
journalctl --no-pager --quiet --output short-iso-precise --since -{seconds}s {units} |
  {{ LC_ALL=C.UTF-8 grep -E -e {pattern} || [ $? = 1 ] || exit {bad}; }} | tail -n {limit}
"""


def seconds_of(text: str) -> int:
    """How long ago "90s", "10m", "2h" or "1d" is. Raises UsageError."""
    match = AGO.fullmatch(text)
    if not match:
        raise UsageError(f"--since {text}", hint="accepted: such as 90s, 10m, 2h or 1d")
    return int(match[1]) * UNITS[match[2]]


def search(
    fleet: Fleet, units: Mapping[str, Sequence[str]], pattern: str, *, seconds: int, limit: int
) -> list[str]:
    """The newest lines, at most `limit`, of these hosts' units that fit an extended regular
    expression, the oldest first; each begins with its time and its host. Raises LabError, and
    UsageError for a pattern that grep cannot take.
    """
    def one(name: str) -> Answer:
        script = SEARCH.format(
            seconds=seconds, limit=limit, pattern=shlex.quote(pattern), bad=BAD,
            units=" ".join(f"--unit {shlex.quote(unit)}" for unit in units[name]),
        )
        answer = fleet[name].script(
            script, label=LABEL, timeout=TIMEOUT_SECONDS, check=False)
        if answer.status not in (0, BAD):
            raise CommandError(LABEL, answer.status, answer.stdout, answer.stderr, where=name)
        return answer

    found = fleet.each(one, [name for name, mine in units.items() if mine])
    for answer in found.values():
        if answer.status == BAD:  # on all of them: it is told once
            raise UsageError(f"{pattern!r}: {one_line(answer.stderr)}",
                             hint="accepted: an extended regular expression, as grep -E takes it")
    # All hosts have the lab's time zone, so that times can be compared as they are written.
    return sorted(line for one in found.values() for line in one.stdout.splitlines())[-limit:]
