"""`python -m bench.shots`: the pictures of docs/, of the lab that is up (LAB).

Records flow and a group reads them; then a broker is killed, by the lab's own drill. What
`fab view` saves of that is opened in a browser at the moment that tells most, light and dark.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.browser import browser, save
from bench.lab import FAB
from bench.measure import BenchError, tail
from scripts.errors import LabError
from scripts.workstation.paths import PROJECT

FOLDER = PROJECT / "docs" / "pictures"
WIDTH, HEIGHT = 1360, 860
BEFORE_S, DRILL_S = 25.0, 5  # of records that flow before; of load around the failure
MEMBERS = 3
GONE_S = 1.0  # after its partitions have other leaders, they lack a replica


def main() -> int:
    try:
        with TemporaryDirectory() as folder:
            page = _recorded(Path(folder) / "view.html")
            _shoot(page)
    except (BenchError, LabError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _recorded(page: Path) -> Path:
    """The page that `fab view` saves while a broker of the first datacenter dies."""
    first, *others = json.loads(fab("status", "--json"))["datacenters"]
    with ExitStack() as stack:
        stack.enter_context(beside("load", "--rate", "400", "--datacenter", first["name"]))
        for number in range(MEMBERS):
            stack.enter_context(reading(
                first["kafka"]["bootstrap"], "billing", f"billing-{number + 1}", "orders"))
        for other in others[:1]:
            stack.enter_context(beside(
                "load", "--topic", "returns", "--rate", "40", "--partitions", "3",
                "--datacenter", other["name"]))
            stack.enter_context(reading(
                other["kafka"]["bootstrap"], "reports", "reports-1", f"{first['name']}.orders"))
        with beside("view", "--save", str(page)):
            time.sleep(BEFORE_S)  # what is to be seen of records that flow
            fab("drill.broker", "--rate", "200", "--duration", str(DRILL_S),
                "--datacenter", first["name"])
    if not page.is_file():
        raise BenchError("`fab view --save` has saved nothing")
    return page


def _shoot(page: Path) -> None:
    at = _telling(page.read_text(encoding="utf-8"))
    with browser() as chromium:
        for name, dark in (("view-light", False), ("view-dark", True)):
            chromium.open(f"{page.as_uri()}#at={at:.1f}", dark=dark, density=1.5,
                          width=WIDTH, height=HEIGHT)
            file = FOLDER / f"{name}.webp"
            save(chromium.picture(kind="webp"), file)
            print(f"{file}: {file.stat().st_size / 1000:.0f} KB")


def _telling(text: str) -> float:
    """Seconds from the history's begin until leaders move for a broker that is gone, and a little
    more."""
    found = re.search(r'id="history">(.*?)</script>', text, re.DOTALL)
    history: dict[str, Any] = json.loads(found[1])["history"] if found else {"moments": []}
    for moment in history["moments"]:
        if any(re.fullmatch(r"orders-[\d,]+ leader \d→\d", line["text"])
               for line in moment["lines"]):
            return float(moment["at"] - history["base"]["at"] + GONE_S)
    raise BenchError("no leader was seen to move")


def fab(*words: str) -> str:
    """What `fab` prints. Raises BenchError where it fails."""
    done = subprocess.run([FAB, *words], cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"`fab {' '.join(words)}` ended with {done.returncode}:\n"
                         f"{tail(done.stdout + done.stderr)}")
    return done.stdout


@contextmanager
def beside(
    *words: str, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A `fab` that runs meanwhile, and is ended as with Ctrl-C."""
    process = subprocess.Popen(
        [FAB, *words], cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        start_new_session=True, env=None if environ is None else dict(environ),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


@contextmanager
def reading(bootstrap: str, group: str, client: str, topic: str) -> Iterator[None]:
    """A member of a group that reads a topic meanwhile."""
    from confluent_kafka import Consumer  # noqa: PLC0415 - 50 ms

    stop = threading.Event()

    def read() -> None:
        consumer = Consumer({
            "bootstrap.servers": bootstrap, "group.id": group, "client.id": client,
            "broker.address.family": "v4", "auto.offset.reset": "latest", "log_level": 0,
            "auto.commit.interval.ms": 1000, "session.timeout.ms": 6000,
        })
        consumer.subscribe([topic])
        while not stop.is_set():
            consumer.consume(200, 0.2)
        consumer.close()

    thread = threading.Thread(target=read, name=client, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


if __name__ == "__main__":
    sys.exit(main())
