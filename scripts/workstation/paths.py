"""Where things lie on the workstation: the folders of `lab.paths`, made where they are missing."""

from __future__ import annotations

from pathlib import Path

from lab import paths

PROJECT = Path(__file__).resolve().parents[2]


def cache_dir() -> Path:
    """Distributions and image roots, shared by all labs; safe to delete at any time."""
    path = paths.base("XDG_CACHE_HOME", ".cache")
    path.mkdir(parents=True, exist_ok=True)
    return path


def forget_certificates(state: Path) -> list[str]:
    """Remove a lab's certificates with their private keys; returns what there was."""
    folder = state / paths.CERTIFICATES
    if not folder.is_dir():
        return []
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    return [f"folder {folder}"]


def state_dir(lab: str) -> Path:
    """One lab's SSH key, known host keys, lock and run logs; mode 0700."""
    path = paths.state(lab)
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path
