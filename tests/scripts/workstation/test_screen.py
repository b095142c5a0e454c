"""What a person sees while hosts work."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[3]
PROGRAM = """
from concurrent.futures import ThreadPoolExecutor
from scripts.workstation.screen import Progress, table
names = [f"host{i}" for i in range(14)]
with Progress("lab", names) as progress, ThreadPoolExecutor(14) as pool:
    def work(name):
        for step in range(40):
            progress.step(name, f"step {step}")
            progress.done(name, "4 files" if step % 4 == 0 else "")
    list(pool.map(work, names))
table("end", ("host", "state"), [("host1", "running"), ("host2", "stopped")])
"""


def test_many_hosts_on_a_terminal_do_not_wait_for_each_other() -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=theirs, stderr=theirs, cwd=PROJECT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # a terminal whose other side has gone
            pass
        assert process.wait(timeout=30) == 0
    assert b"host13: 4 files" in shown
    assert b"\x1b[32mrunning" in shown
    assert b"\x1b[31mstopped" in shown


def test_elsewhere_only_what_stays_is_printed_and_plainly() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, cwd=PROJECT, check=True
    )
    assert "\x1b" not in done.stdout
    assert done.stdout.count("host7: 4 files") == 10
