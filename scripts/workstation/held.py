"""Programs that run beside this one for as long as they are needed, and end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from scripts.errors import CommandError, LabError, one_line

END_S = 5.0  # to end when asked to, before it is made to


class Held:
    """Programs that have to go on. At the end all are ended, with what they have started."""

    def __init__(self) -> None:
        self._running: list[tuple[Sequence[str], subprocess.Popen[bytes], Path]] = []
        self._words = tempfile.TemporaryDirectory()

    def __enter__(self) -> Held:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            for _, program, _ in self._running:
                with suppress(ProcessLookupError):  # a group may outlive the one that leads it
                    os.killpg(program.pid, sent)
            for _, program, _ in self._running:
                with suppress(subprocess.TimeoutExpired):
                    program.wait(END_S)
        self._words.cleanup()

    def start(self, argv: Sequence[str], *, hint: str = "") -> None:
        """Start a program in a group of its own, out of reach of Ctrl-C. Raises CommandError where
        there is none."""
        words = Path(self._words.name) / str(len(self._running))
        try:
            with words.open("wb") as file:
                program = subprocess.Popen(
                    list(argv), stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                    process_group=0,
                )
        except FileNotFoundError as error:
            raise CommandError(argv, "not found", hint=hint) from error
        self._running.append((argv, program, words))

    def check(self) -> None:
        """Raise LabError where one has ended by itself, with its last words."""
        for argv, program, words in self._running:
            if program.poll() is not None:
                said = _last(words) or "it said nothing"
                raise LabError(f"`{argv[0]}` ended with {program.returncode}: {said}")

    @property
    def said(self) -> str:
        """The last words of the first that has said anything; ""."""
        return next((word for *_, words in self._running if (word := _last(words))), "")


def _last(words: Path) -> str:
    lines = [line for line in words.read_text(errors="replace").splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else ""
