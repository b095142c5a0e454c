"""Waiting for a condition, with a deadline and a message."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from scripts.errors import TimeoutExpired

POLL_SECONDS = 0.1


def wait_until(
    condition: Callable[[], Any], *, timeout: float, message: str = "", where: str = "",
    pause: float = POLL_SECONDS,
) -> Any:
    """The first true value of `condition()`, asked every `pause` seconds.

    Raises TimeoutExpired with `message` after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise TimeoutExpired(f"{message or 'not so'} after {timeout:g} s", where=where)
        time.sleep(pause)
