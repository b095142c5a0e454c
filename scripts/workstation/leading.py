"""Which schema registry was promoted, as the lab's state folder remembers it.

It has to be known where nothing answers: a datacenter that comes back must not take schemas.
"""

from __future__ import annotations

from lab import paths
from lab.paths import LEADER
from scripts.workstation.whole import write_whole


def leader(lab: str) -> str:
    """The datacenter of the one that was promoted; "" where the lab file's own leads."""
    try:
        return (paths.state(lab) / LEADER).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def remember(lab: str, datacenter: str) -> None:
    """Note who leads, at once and whole; "" for the lab file's own."""
    file = paths.state(lab) / LEADER
    if not datacenter:
        file.unlink(missing_ok=True)
        return
    write_whole(file, f"{datacenter}\n")
