"""Programs of the lab's own that hosts run as they are: the folder programs/."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "programs"


def program(name: str) -> str:
    """The text of one."""
    return (FOLDER / name).read_text(encoding="utf-8")
