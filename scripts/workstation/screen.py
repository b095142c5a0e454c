"""What a person sees while hosts work: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lab.data.words import legible

log = logging.getLogger("kafkalab.run")
CELL_PADDING = 3  # characters between two columns of a table
INDENT = 4  # of what stands below the name of a row


@contextmanager
def phase(name: str, say: Callable[[str], None] | None = None) -> Iterator[None]:
    """A part of a run that takes long: its name and its seconds are a line in the run's log.

    With `say` they are also shown, the name already when it begins. Phases may lie side by side.
    One that fails has no line: its error says more.
    """
    if say:
        say(f"{name} ...")
    began = time.monotonic()
    yield
    seconds = time.monotonic() - began
    log.info("phase: %s -> 0, %.3f s", name, seconds)
    if say:
        say(f"{name}: {seconds:.1f} s")


class Progress:
    """One line a host. `step` says what it does now, `done` how it ended; safe in threads."""

    def __init__(self, title: str, hosts: Iterable[str]) -> None:
        self.title = title
        self._steps: dict[str, tuple[str, bool]] = dict.fromkeys(hosts, ("", False))
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._live: Any = None

    def __enter__(self) -> Progress:
        if sys.stdout.isatty() and self._steps:
            from rich.live import Live  # noqa: PLC0415 - 0.1 s that a pipe does not need

            self._live = Live(self, refresh_per_second=8, transient=True)
            self._live.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        if self._live is not None:
            self._live.__exit__(*details)
            self._live = None

    def step(self, host: str, text: str) -> None:
        with self._lock:
            self._steps[host] = (text, False)

    def done(self, host: str, text: str) -> None:
        """The host is finished; `text` is printed and stays when it says something."""
        with self._lock:
            self._steps[host] = (text, True)
        # Not under the lock: the live table's own thread holds rich's lock while it asks for ours.
        if text:
            self.say(f"  {host}: {text}")

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._live is not None:
            from rich.text import Text  # noqa: PLC0415 - 0.1 s

            self._live.console.print(Text(line))
        else:
            print(line, flush=True)

    def __rich__(self) -> Any:
        from rich.console import Group  # noqa: PLC0415 - 0.1 s
        from rich.text import Text  # noqa: PLC0415 - 0.1 s

        with self._lock:
            waiting = {name: text for name, (text, done) in self._steps.items() if not done}
            finished = len(self._steps) - len(waiting)
        seconds = time.monotonic() - self._began
        head = f"{self.title}  {finished}/{len(self._steps)}  {seconds:.0f} s"
        width = max(map(len, self._steps), default=0)
        rows = [Text(f"  {name:<{width}}  {text}", style="dim" if not text else "cyan")
                for name, text in waiting.items()]
        return Group(Text(head, style="bold"), *rows)


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, names: int = 2
) -> None:
    """Print a table; words that tell a state are coloured on a terminal, and what others wrote
    does nothing to it.

    On a terminal so narrow that words would have to be cut, a row's cells stand below each other:
    first those that name it, as many as `names`.
    """
    from rich import box  # noqa: PLC0415 - 0.1 s
    from rich.console import Console  # noqa: PLC0415 - 0.1 s
    from rich.table import Table  # noqa: PLC0415 - 0.1 s
    from rich.text import Text  # noqa: PLC0415 - 0.1 s

    console = Console() if sys.stdout.isatty() else Console(width=1000)
    rows = [tuple(map(legible, row)) for row in rows]
    widths = _widths([columns, *rows], console.width)
    if widths is None:
        console.print(_listed(title, columns, rows, console.width, names))
        return
    shown = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, title_style="bold")
    for column, width in zip(columns, widths, strict=True):
        shown.add_column(column, overflow="fold", width=width)
    for row in rows:
        shown.add_row(*(Text(cell, style=_style(cell)) for cell in row))
    console.print(shown)


def _widths(rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """How wide each column becomes, so that no word is cut; None where there is no room for that.

    Rich, left to itself, cuts a host's name as readily as it wraps a sentence.
    """
    cells = list(zip(*rows, strict=True))
    least = [max(map(_longest_word, column)) for column in cells]
    spare = room - 2 - sum(width + CELL_PADDING for width in least)
    if spare < 0:
        return None
    widths = []
    for width, column in zip(least, cells, strict=True):
        more = min(max(map(len, column)) - width, spare)
        spare -= more
        widths.append(width + more)
    return widths


def _longest_word(text: str) -> int:
    return max(map(len, text.split()), default=0)


def _listed(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, names: int
) -> Any:
    """A table's rows one below the other: the first cells, which name it, then the rest with the
    names of their columns; a number says nothing without."""
    from rich.console import Group  # noqa: PLC0415 - 0.1 s
    from rich.padding import Padding  # noqa: PLC0415 - 0.1 s
    from rich.text import Text  # noqa: PLC0415 - 0.1 s

    lines: list[Any] = [Text(title, style="bold"), Text("")]
    for row in rows:
        lines.append(Text("  ".join(
            f"{column} {cell}" if cell.isdigit() else cell
            for column, cell in zip(columns[:names], row[:names], strict=True)
        ), style="bold"))
        line = Text("")
        for column, cell in zip(columns[names:], row[names:], strict=True):
            pair = Text.assemble((f"{column} ", "dim"), (cell, _style(cell)))
            if cell in ("", "-"):
                continue
            if line and len(line) + len(pair) + 2 > width - INDENT:
                lines.append(Padding(line, (0, 0, 0, INDENT)))
                line = Text("")
            line = Text("  ").join([line, pair]) if line else pair
        lines.append(Padding(line, (0, 0, 0, INDENT)))
    return Group(*lines, Text(""))


def _style(cell: str) -> str:
    if cell in ("ok", "running", "active", "leader"):
        return "green"
    if cell.startswith(("failed", "stopped", "down", "missing", "no ")):
        return "red"
    return ""


def duration(began: float) -> str:
    """Seconds since `began` (time.monotonic) as people read them."""
    return f"{time.monotonic() - began:.1f} s"


def markdown(text: str) -> None:
    """Print a text in Markdown: formatted on a terminal, as it is elsewhere."""
    if not sys.stdout.isatty():
        print(text.rstrip())
        return
    from rich.console import Console  # noqa: PLC0415 - 0.1 s
    from rich.markdown import Markdown  # noqa: PLC0415 - 0.1 s

    Console().print(Markdown(text))
