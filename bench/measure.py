"""Timing one process: wall, CPU of the whole machine, CPU and memory of the process itself.

Linux only: the machine's CPU time comes from /proc/stat.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import launch
from bench.launch import machine_cpu

QUIET_CORES = 0.25  # the machine counts as quiet below this; 14 idle hosts with brokers stay below
LOOK_S = 2.0
KEPT_LINES = 15
LAUNCHER = Path(launch.__file__)


class BenchError(Exception):
    """A run that cannot count: what it was, and why."""


@dataclass(frozen=True)
class Before:
    """The machine just before a timed run: cores at work, load of one minute, and whether it was
    quiet (it is waited for, but not for ever)."""

    busy_cores: float
    load1: float
    quiet: bool


@dataclass(frozen=True)
class Sample:
    """One timed run. Seconds; memory in MB (10**6 bytes).

    `cpu` is of the whole machine. `controller_cpu` is of the process and the children it waited
    for, `controller_mb` the peak of the largest of these. None where it was not measured.
    """

    wall: float
    cpu: float | None = None
    controller_cpu: float | None = None
    controller_mb: float | None = None
    before: Before | None = None


@dataclass(frozen=True)
class Ran:
    """A process that ended well: figures, what it printed, its id, when it began (epoch)."""

    sample: Sample
    output: str
    pid: int
    began: float


def wait_quiet(limit_s: float) -> Before:
    """Wait until little runs on the machine, at most `limit_s` seconds."""
    deadline = time.monotonic() + limit_s
    while True:
        worked, began = machine_cpu(), time.monotonic()
        time.sleep(LOOK_S)
        busy = (machine_cpu() - worked) / (time.monotonic() - began)
        if busy < QUIET_CORES or time.monotonic() >= deadline:
            return Before(round(busy, 2), round(os.getloadavg()[0], 2), busy < QUIET_CORES)


def timed(
    argv: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path,
    before: Before | None = None, timeout: float = 900,
) -> Ran:
    """Run `argv` to its end and measure it; what it prints goes to `log`.

    Raises BenchError with the last lines when its status is not 0. The output is a file and not
    a pipe: what a program leaves in the background would hold a pipe open.
    """
    figures = log.with_suffix(".figures")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), str(figures), *argv],
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            env=dict(env), cwd=cwd, start_new_session=True,
        )
        try:
            process.wait(timeout)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                raise BenchError(f"`{' '.join(argv)}`: no end after {timeout:g} s") from error
            raise
    output = log.read_text(errors="replace")
    if process.returncode:
        raise BenchError(f"`{' '.join(argv)}` could not be run:\n{tail(output)}")
    pid, status, began, wall, cpu, own, peak_kib = figures.read_text().split()
    if int(status):
        raise BenchError(f"`{' '.join(argv)}` ended with {status}:\n{tail(output)}")
    sample = Sample(
        wall=float(wall), cpu=float(cpu), controller_cpu=float(own),
        controller_mb=int(peak_kib) * 1024 / 1e6, before=before,
    )
    return Ran(sample, output, int(pid), float(began))


def tail(output: str) -> str:
    """The end of what a program printed, as much as a person reads."""
    return "\n".join(output.rstrip().splitlines()[-KEPT_LINES:])
