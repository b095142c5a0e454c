"""Where things lie on the workstation (XDG base directories)."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def cache_dir() -> Path:
    """Distributions and image roots, shared by all labs; safe to delete at any time."""
    return _base("XDG_CACHE_HOME", ".cache")


def state_dir(lab: str) -> Path:
    """One lab's SSH key, known host keys, lock and run logs; mode 0700."""
    path = _base("XDG_STATE_HOME", ".local/state") / lab
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def _base(variable: str, default: str) -> Path:
    root = os.environ.get(variable)
    path = (Path(root) if root else Path.home() / default) / "kafkalab"
    path.mkdir(parents=True, exist_ok=True)
    return path
