"""When a host can be logged in to: its sshd says so itself, whichever platform it is on."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from scripts.errors import LabError

POLL_S = 0.1
BANNER_S = 5.0  # for a connection and the first words


def answers(host: str, port: int) -> bool:
    """Whether an SSH server talks there. Docker's proxy accepts before the host behind it does."""
    try:
        with socket.create_connection((host, port), timeout=BANNER_S) as stream:
            return stream.recv(8).startswith(b"SSH-")
    except OSError:
        return False


def wait_for(
    addresses: Mapping[str, tuple[str, int]], timeout: float, late: Callable[[str], LabError],
    *, pause: float = POLL_S,
) -> None:
    """Wait until sshd of every host (address and port by name) sends its banner.

    All share one deadline of `timeout` seconds; raises what `late` makes of the first name that
    did not answer by then.
    """
    deadline = time.monotonic() + timeout

    def one(name: str) -> None:
        while not answers(*addresses[name]):
            if time.monotonic() > deadline:
                raise late(name)
            time.sleep(pause)

    if addresses:
        with ThreadPoolExecutor(len(addresses)) as pool:
            list(pool.map(one, addresses))
