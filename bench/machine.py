"""What was measured, and on what: the facts that belong beside every figure."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import time
from pathlib import Path

from scripts.platforms.local import finding
from scripts.workstation.paths import PROJECT

PACKAGES = ("fabric", "paramiko", "confluent-kafka", "pydantic")


def facts() -> dict[str, object]:
    """Machine, engine, versions, date and commit."""
    found = finding.find(say=lambda line: None)
    version = found("--version").stdout.strip()
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _field(Path("/proc/cpuinfo"), "model name"),
        "memory_gb": round(int(_field(Path("/proc/meminfo"), "MemTotal").split()[0]) / 1e6, 1),
        "kernel": platform.release(),
        "system": _field(Path("/etc/os-release"), "PRETTY_NAME", "=").strip('"'),
        "engine": version,
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "load1_at_start": round(os.getloadavg()[0], 2),
    }


def commit() -> str:
    """The commit that was measured, "+" after it when tracked files differed; "" without git."""
    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=PROJECT, capture_output=True, check=False)
        return done.stdout.decode().strip()

    try:
        dirty = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD") + ("+" if dirty else "")
    except FileNotFoundError:
        return ""


def _field(path: Path, name: str, separator: str = ":") -> str:
    """The value of a `name: value` line; "unknown" where there is none."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        lines = []
    pairs = (line.partition(separator) for line in lines)
    return next((value.strip() for key, _, value in pairs if key.strip() == name), "unknown")
