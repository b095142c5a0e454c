"""What a person sees while hosts work."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from scripts.workstation.screen import table

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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


WORDS = st.text(st.sampled_from("abcdefg:.-0"), min_size=1, max_size=23)
CELLS = st.lists(WORDS, max_size=6).map(" ".join)


@given(
    rows=st.lists(st.tuples(*[CELLS] * 5), min_size=1, max_size=4), width=st.integers(40, 160),
)
def test_no_word_of_a_table_is_cut_on_a_narrow_terminal(
    rows: list[tuple[str, ...]], width: int
) -> None:
    out = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(width))
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stdout", out)
        table("a table", ("where", "host", "state", "detail", "seen"), rows)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert max(map(len, plain.splitlines())) <= max(width, 2 * 23 * 6)
    words = Counter(plain.split())
    cells = Counter(cell for row in rows for cell in row if cell not in ("", "-"))
    for cell, count in cells.items():
        for word in cell.split():
            assert words[word] >= count, f"{word} in\n{plain}"


def test_on_a_narrow_terminal_a_number_has_its_columns_name(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    out = Terminal()
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stdout", out)
    row = ("orders", "3", "17", "a" * 30)
    for names, head in ((3, "orders  partition 3  offset 17"), (1, "orders")):
        table("t", ("topic", "partition", "offset", "value"), [row], names=names)
        lines = [line.rstrip() for line in out.getvalue().splitlines()]
        assert head in re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(lines)).splitlines()


def test_what_others_wrote_does_nothing_to_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """A group's name, say: Kafka takes any."""
    table("t", ("group", "state"), [("bill\x1b[2J\x07", "a\nb")])
    out = capsys.readouterr().out
    assert r"bill\x1b[2J\x07" in out
    assert r"a\nb" in out
    assert "\x1b" not in out
