"""Running an app of the CDK in a process of its own, and what that takes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.aws_labs import KEY

PROJECT = Path(__file__).parent.parent
POLL_S = 0.02


@dataclass(frozen=True)
class Run:
    """One synthesis: each stack's JSON, and what it took. Memory is that of all its processes."""

    stacks: dict[str, Any]
    wall_s: float
    cpu_s: float
    memory_mb: float


def environment(lab: Path, **extra: str) -> dict[str, str]:
    """The environment in which an app finds the lab file and a key; nothing else of ours."""
    ours = ("KAFKALAB_", "AWS_", "NODE_OPTIONS", "JSII_", "CDKTF_", "XDG_STATE_HOME", "LAB")
    inherited = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    return {
        **inherited, "LAB": str(lab), "PYTHONPATH": str(PROJECT), "KAFKALAB_PUBLIC_KEY": KEY,
        **extra,
    }


def synthesize(
    python: str, module: str, lab: Path, folder: Path, extra: Mapping[str, str] | None = None
) -> Run:
    """Run an app in `folder` and read what it made. Raises CalledProcessError when it fails."""
    argv = [python, "-m", module]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(argv, cwd=folder, env=environment(lab, **(extra or {})))
    memory = watched(process)
    wall = time.monotonic() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, argv)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(read(folder), wall, cpu, memory)


def read(folder: Path) -> dict[str, Any]:
    """Each stack's JSON under its name, without what is meant to differ.

    That is which versions of the provider are allowed, how its source is spelled (`aws` is short
    for hashicorp/aws), and where the state lies.
    """
    found = {
        path.parent.name: json.loads(path.read_text())
        for path in sorted(folder.glob("cdktf.out/stacks/*/cdk.tf.json"))
    }
    for data in found.values():
        del data["terraform"]["required_providers"]["aws"]
        data["terraform"]["backend"].get("local", {}).pop("path", None)
    return found


def watched(process: subprocess.Popen[bytes]) -> float:
    """Follow the proportional memory of a process and its children to its end; the peak in MB."""
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, sum(_memory_mb(pid) for pid in _family(process.pid)))
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
    return peak


def _family(pid: int) -> list[int]:
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [pid, *(one for child in text.split() for one in _family(int(child)))]


def _memory_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
