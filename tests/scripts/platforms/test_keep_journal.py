"""The journals of a local host's last starts, by the script that journald runs before it begins."""

from __future__ import annotations

import subprocess
from pathlib import Path

from scripts.platforms.local.recipe import FOLDER

SCRIPT = FOLDER / "files/usr/local/lib/kafkalab/keep-journal"


def start(root: Path, *, restarted: bool = False) -> Path:
    """A start of the host, whose /run is new, or of journald alone; the journal's folder."""
    journal = root / "run/log/journal"
    if not restarted:
        journal.unlink(missing_ok=True)
    subprocess.run(["sh", SCRIPT, journal, root / "kept"], check=True)
    return journal


def kept(root: Path) -> dict[str, str]:
    return {folder.name: (folder / "system.journal").read_text()
            for folder in sorted((root / "kept").iterdir())}


def test_the_last_three_starts_are_kept(tmp_path: Path) -> None:
    for number in range(5):
        (start(tmp_path) / "system.journal").write_text(f"start {number}")
    assert kept(tmp_path) == {"0": "start 4", "1": "start 3", "2": "start 2"}


def test_a_restart_of_journald_is_no_start_of_the_host(tmp_path: Path) -> None:
    (start(tmp_path) / "system.journal").write_text("one")
    again = start(tmp_path, restarted=True)
    assert (again / "system.journal").read_text() == "one"
    assert kept(tmp_path) == {"0": "one"}


def test_a_start_that_was_cut_off_between_two_moves_loses_no_more(tmp_path: Path) -> None:
    for number in range(3):
        (start(tmp_path) / "system.journal").write_text(f"start {number}")
    (tmp_path / "kept/1").rename(tmp_path / "kept/2-")  # 1 has gone, 0 has not moved yet
    (start(tmp_path) / "system.journal").write_text("start 3")
    found = {name: text for name, text in kept(tmp_path).items() if name in "012"}
    assert found == {"0": "start 3", "1": "start 2"}
