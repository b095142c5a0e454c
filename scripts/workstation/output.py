"""What a command prints where the reader may leave before the end: `fab plan | head -1`.

A command that only looks has no reason to go on then, and ends as every program of Unix does. One
that changes something goes on without one: no lab is left half changed because nobody reads.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from typing import Any

GONE = 128 + signal.SIGPIPE  # the exit status by which a shell knows such an end


class Output:
    """A standard stream, but for writes that nobody reads. The rest is the stream's own."""

    goes_on = False  # of all streams: whether the command goes on when its reader has left

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return int(self._stream.write(text))
        except BrokenPipeError:
            self._left()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._left()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _left(self) -> None:
        """Let what is yet to come go nowhere. Raises SystemExit unless the command goes on.

        What could not be written is still in the stream's buffer, so the file itself is exchanged.
        """
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        if not Output.goes_on:
            raise SystemExit(GONE)


def shield() -> None:
    """Let standard output and error survive readers that leave, from now to the process's end."""
    if isinstance(sys.stdout, Output):
        return
    sys.stdout, sys.stderr = Output(sys.stdout), Output(sys.stderr)
    atexit.register(_end)


def go_on(goes_on: bool) -> None:
    """Whether the command that runs now goes on when its reader has left; by default it ends."""
    Output.goes_on = goes_on


def _end() -> None:
    """Write what is left. Nobody could act on an error that the interpreter's own flush raises."""
    go_on(True)
    sys.stdout.flush()
    sys.stderr.flush()
