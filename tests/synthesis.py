"""Running an app of the CDK in a process of its own, and what that takes."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import threading
import time
from collections.abc import Mapping
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
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    status = process.wait()
    wall = time.monotonic() - began
    watcher.join()
    if status:
        raise subprocess.CalledProcessError(status, argv)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(read(folder), wall, cpu, peak[0])


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


def _watch(process: subprocess.Popen[bytes], peak: list[float]) -> None:
    """Follow the proportional memory of a process and its children, in MB, to its peak."""
    while process.poll() is None:
        peak[0] = max(peak[0], sum(_memory_mb(pid) for pid in _family(process.pid)))
        time.sleep(POLL_S)


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
