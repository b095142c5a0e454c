"""What `make test` and `make test-full` run.

    python -m tests.run                 the whole affordable suite, within its quotas
    python -m tests.run full            every part of what does not fit, one after the other
    python -m tests.run full PART …     these parts; `list` shows them
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.budget import PARTS, RECORDS

# Targets of the Makefile that need no hosts, the longest first. The tests come after them: those
# without hosts on both cores, then those that share labs; the closing line of these is the end.
STEPS = ("test-checkov", "test-other-engine", "workflow-tools", "lint")
PYTEST = (sys.executable, "-m", "pytest", "tests")
WITHOUT_HOSTS = ("-q", "-n", "2", "--dist", "loadfile", "-m", "not host")
WITH_HOSTS = ("-m", "host")
PROJECT = Path(__file__).parents[1]
Call = Callable[[Sequence[str]], int]


def affordable(call: Call) -> int:
    """The steps, two at a time, then every test if no step fails. The exit status."""
    def step(name: str) -> tuple[int, float]:
        return _timed(call, ["make", "--no-print-directory", name])

    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        done = dict(zip(STEPS, pool.map(step, STEPS), strict=True))
    together = time.monotonic() - began
    if failed := next((status for status, _ in done.values() if status), 0):
        return failed
    seconds = {f"make {name}": taken for name, (_, taken) in done.items()}
    with tempfile.TemporaryDirectory() as folder:
        before = Path(folder) / "before.json"
        status, taken = _timed(call, [*PYTEST, *WITHOUT_HOSTS, "--record", str(before)])
        steps = Path(folder) / "steps.json"
        steps.write_text(json.dumps({
            "together": together + taken,
            "steps": {**seconds, "tests without hosts": taken}, **_tests(before),
        }))
        return call([*PYTEST, *WITH_HOSTS, "--steps", str(steps)]) or status


def _tests(record: Path) -> dict[str, Any]:
    """What the tests of a run took, by their ids; nothing where it came to none."""
    try:
        return {"before": json.loads(record.read_text())["tests"]}
    except FileNotFoundError:
        return {}


def full(names: Sequence[str], call: Call) -> int:
    """Each of these parts whole, whatever becomes of the others. The exit status."""
    lines, worst = [], 0
    for name in names:
        status, seconds = _timed(call, [*PYTEST, "--part", name])
        worst = worst or status
        lines.append(f"{name:12} {'failed' if status else 'passed'} {seconds / 60:6.1f} min")
    print("\n".join(lines), flush=True)
    return worst


def listed(records: Path) -> list[str]:
    """A line a part: what it is, and what it took when it was last run here."""
    return [f"{name:12} {_last(records / f'durations-{name}.json'):>8}  {what}"
            for name, what in PARTS.items()]


def _last(path: Path) -> str:
    try:
        tests: Mapping[str, Mapping[str, float]] = json.loads(path.read_text())["tests"]
    except OSError:
        return "not run"
    total = sum(sum(v for v in test.values() if isinstance(v, float)) for test in tests.values())
    return f"{total / 60:.1f} min"


def _timed(call: Call, argv: Sequence[str]) -> tuple[int, float]:
    began = time.monotonic()
    status = call(argv)
    return status, time.monotonic() - began


def main(words: Sequence[str]) -> int:
    match list(words):
        case []:
            return affordable(subprocess.call)
        case ["full"]:
            return full(list(PARTS), subprocess.call)
        case ["full", "list"]:
            print("\n".join(listed(PROJECT / RECORDS)))
            return 0
        case ["full", *names]:
            unknown = next((name for name in names if name not in PARTS), None)
            if unknown is None:
                return full(names, subprocess.call)
            print(f"error: no part {unknown!r} (known: {', '.join(PARTS)})", file=sys.stderr)
        case _:
            print(f"error: {' '.join(words)} (known: full, full list, full PART …)",
                  file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
