"""Work that goes on until somebody has enough of it, and then ends in order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets, or another signal to end; a second one interrupts.

    Only on the main thread, as Python wants it of whoever hears signals.
    """
    asked = threading.Event()

    def heard(number: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {kind: signal.signal(kind, heard) for kind in SIGNALS}
    try:
        yield asked
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
