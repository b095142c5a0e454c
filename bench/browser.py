"""Debian's Chromium without a screen, driven over its own pipe (the DevTools protocol): for what is
measured of pages, for their pictures, and for tests."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.measure import BenchError

PACKAGES = ("chromium", "fonts-nanum")  # the browser, and a font with letters of Korea
ANSWER_S = 60.0
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-extensions",
    "--force-color-profile=srgb", "--remote-debugging-pipe",
)


@dataclass
class Browser:
    """One browser with a page of its own. `events`: what it told since the page was opened."""

    _send: int
    _receive: int
    events: list[dict[str, Any]] = field(default_factory=list)
    _session: str = ""
    _count: int = 0
    _rest: bytes = b""

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer to one command. Raises BenchError where it is refused, or none comes."""
        self._count += 1
        request: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            request["sessionId"] = self._session
        os.write(self._send, json.dumps(request).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_S
        while True:
            told = self._next(deadline, method)
            if told.get("id") == request["id"]:
                if "error" in told:
                    raise BenchError(f"{method}: {told['error'].get('message')}")
                return dict(told["result"])
            if "method" in told:
                self.events.append(told)

    def _next(self, deadline: float, what: str) -> dict[str, Any]:
        while b"\0" not in self._rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._receive], [], [], left)[0]:
                raise BenchError(f"the browser does not answer to {what}")
            piece = os.read(self._receive, 1 << 20)
            if not piece:
                raise BenchError(f"the browser ended before it answered to {what}")
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))

    def open(
        self, address: str, *, width: int = 1280, height: int = 800, dark: bool = False,
        calm: bool = False, density: float = 1.0,
    ) -> None:
        """Open a page, and wait until it is drawn. `calm`: the reader wants nothing to move.
        `density`: pixels of a picture for each of the page."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=density, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"},
        ])
        # Else a page that differs from the last one by its # alone would not be loaded anew.
        self.ask("Page.navigate", url="about:blank")
        self.events.clear()
        self.ask("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, script: str) -> Any:
        """The value of an expression in the page; of a promise, what it becomes."""
        found = self.ask("Runtime.evaluate", expression=script, awaitPromise=True,
                         returnByValue=True)
        if "exceptionDetails" in found:
            raise BenchError(f"{script}: {found['exceptionDetails']}")
        return found["result"].get("value")

    def until(self, script: str, seconds: float = ANSWER_S) -> Any:
        """Wait until an expression is true in the page. Raises BenchError after `seconds`."""
        deadline = time.monotonic() + seconds
        while not (found := self.run(script)):
            if time.monotonic() > deadline:
                raise BenchError(f"not so after {seconds:g} s: {script}")
            time.sleep(0.05)
        return found

    def picture(self, *, kind: str = "png", whole: bool = False) -> bytes:
        """What is on the screen, or on the `whole` page."""
        return base64.b64decode(self.ask(
            "Page.captureScreenshot", format=kind, captureBeyondViewport=whole,
            **({"quality": 82} if kind != "png" else {}),
        )["data"])

    def told(self, method: str) -> list[dict[str, Any]]:
        """The parameters of the events of a kind since the page was opened."""
        self.ask("Runtime.evaluate", expression="0")  # what came before is read with it
        return [one["params"] for one in self.events if one["method"] == method]

    def addresses(self) -> list[str]:
        """All that the page asked for since it was opened."""
        return [one["request"]["url"] for one in self.told("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """What the page wrote to its console, and what went wrong in it."""
        return [
            *(str(one["args"]) for one in self.told("Runtime.consoleAPICalled")),
            *(str(one["exceptionDetails"]) for one in self.told("Runtime.exceptionThrown")),
            *(one["entry"]["text"] for one in self.told("Log.entryAdded")),
        ]

    def fonts(self, selector: str) -> Mapping[str, int]:
        """How many characters of an element were drawn with which font."""
        for domain in ("DOM", "CSS"):
            self.ask(f"{domain}.enable")
        root = self.ask("DOM.getDocument")["root"]["nodeId"]
        node = self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        found = self.ask("CSS.getPlatformFontsForNode", nodeId=node)["fonts"]
        return {one["familyName"]: int(one["glyphCount"]) for one in found}

    def _begin(self) -> None:
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask(
            "Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that is gone afterwards with all that it kept. Raises BenchError without one."""
    program = shutil.which("chromium")
    if not program:
        raise BenchError(f"no chromium: apt-get install --no-install-recommends "
                         f"{' '.join(PACKAGES)}")
    to_read, to_send = _pipe()
    to_receive, to_write = _pipe()

    def arrange() -> None:
        """It reads from 3 and writes to 4."""
        os.dup2(to_read, 3)
        os.dup2(to_write, 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [program, *OPTIONS, f"--user-data-dir={folder}"], close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=arrange,  # noqa: PLW1509 - no other thread is about to fork
            env={**os.environ, "HOME": folder},
        )
        os.close(to_read)
        os.close(to_write)
        try:
            found = Browser(to_send, to_receive)
            found._begin()
            yield found
        finally:
            os.close(to_send)
            with suppress(subprocess.TimeoutExpired):
                process.wait(2)
            process.kill()
            process.wait()
            os.close(to_receive)


def _pipe() -> tuple[int, int]:
    """Neither end is 3 or 4, where the browser wants its own."""
    ends = os.pipe()
    found = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return found[0], found[1]


def save(data: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
