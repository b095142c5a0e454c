"""Work beside other work: begun now, asked for its end later."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
BESIDE = "beside"  # the name of the threads that `beside` makes


def beside(work: Callable[[], T]) -> Callable[[], T]:
    """Begin `work` in a thread; what is returned waits for its end and has its result or error.

    The thread holds nobody up: a run that ends before it, by an error or by hand, ends at once.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name=BESIDE, daemon=True)
    thread.start()

    def wait() -> T:
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    return wait
