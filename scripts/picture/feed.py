"""What looks find, put together: the history of the lab, for whoever reads along."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from lab.picture.history import SECONDS, History, Moment
from lab.picture.pace import Pace
from lab.picture.snapshot import Snapshot, Thing
from scripts.errors import LabError, foreign
from scripts.picture.looks import Look
from scripts.workstation.runlog import log

TOGETHER_SECONDS = 0.2  # what is found within is one moment
# How many times as long as it worked a look rests: what is large is looked at less often, and the
# machine stays the lab's.
REST = 25
HELD_SECONDS = 1.0  # how long figures that were held up wait for others to come
FIRST_SECONDS = 5.0  # how long what is found for the first time is where the history begins


class Feed:
    """Looks side by side, each in a thread of its own, so that one that waits holds up no other.

    run: what moments' numbers belong to. seconds: how much is kept. failed: a bug in a look, which
    ended the feed.
    """

    def __init__(
        self, looks: Sequence[Look], run: str = "", seconds: float = SECONDS
    ) -> None:
        self.run = run or f"{time.time():.0f}"
        self.failed: Exception | None = None
        self._looks = looks
        self._found: dict[str, Sequence[Thing]] = {}
        self._began = time.monotonic()
        self._new: set[str] = set()
        self._moved = False
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._listeners: list[Callable[[], None]] = []
        self._history = History.of(Snapshot(time.time()), seconds)
        self._pace = Pace()
        self._sent: dict[int, str] = {}

    @property
    def history(self) -> History:
        return self._history

    @property
    def closed(self) -> bool:
        return self._stop.is_set()

    def start(self) -> None:
        for one in self._looks:
            threading.Thread(target=self._watch, args=(one,), name=one.name, daemon=True).start()
        threading.Thread(target=self._compose, name="picture", daemon=True).start()

    def wait_first(self, timeout: float = FIRST_SECONDS) -> None:
        """Wait until every look has found something, at most `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.closed or (
                    len(self._found) == len(self._looks) and not self._new and self._history.number
                ), timeout,
            )

    def close(self) -> None:
        """Look no more, and let go who reads along."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
            listeners = tuple(self._listeners)
        _wake(listeners)

    @contextmanager
    def listening(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call `wake`, from another thread, whenever something changed, and at the end."""
        with self._changed:
            self._listeners.append(wake)
        try:
            yield
        finally:
            with self._changed:
                self._listeners.remove(wake)

    def after(self, number: int | None) -> tuple[list[str], int]:
        """The server-sent events after a moment's number, and the number of the last.

        The whole state where the number is None, or not kept any more.
        """
        history = self._history
        moments = None if number is None else history.since(number)
        if moments is None:
            state = {"id": history.number, "base": history.now.as_json()}
            return [self._event("state", history.number, state)], history.number
        return [self._once(one) for one in moments], history.number

    def number(self, text: str | None) -> int | None:
        """The number in an id that this feed has given; None for that of another one."""
        run, _, number = (text or "").rpartition("-")
        return int(number) if run == self.run and number.isdecimal() else None

    def _once(self, moment: Moment) -> str:
        """Encoded for the first who reads it."""
        if moment.number not in self._sent:
            kind = "event" if moment.lines else "tick"
            self._sent[moment.number] = self._event(kind, moment.number, moment.as_json())
        return self._sent[moment.number]

    def _event(self, kind: str, number: int, data: object) -> str:
        text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        return f"id: {self.run}-{number}\nevent: {kind}\ndata: {text}\n\n"

    def _watch(self, look: Look) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            began, worked = time.monotonic(), time.thread_time()
            try:
                found = self._asked(look)
            except Exception as error:
                self.failed = self.failed or error
                self.close()
                return
            with self._changed:
                if look.name not in self._found:
                    self._new.add(look.name)
                self._moved |= self._found.get(look.name) != found
                self._found[look.name] = found
                self._changed.notify_all()
            rest = (time.thread_time() - worked) * REST
            pause = max(look.seconds - (time.monotonic() - began), rest, 0.05)

    def _asked(self, look: Look) -> Sequence[Thing]:
        """What a look finds. Raises what is a bug, and no state of the lab."""
        try:
            return look.look()
        except Exception as error:
            told = error if isinstance(error, LabError) else foreign(error)
            if told is None:
                raise
            log.info("%s: %s", look.name, told)
            return look.gone()

    def _compose(self) -> None:
        while not self._stop.wait(TOGETHER_SECONDS):
            with self._changed:
                self._changed.wait_for(lambda: self.closed or self._moved,
                                       HELD_SECONDS if self._pace.holds else None)
                self._moved = False
                history = self._next(Snapshot.of(time.time(), (
                    one for found in self._found.values() for one in found
                )))
                moved = history is not self._history
                self._history = history
                self._new.clear()
                oldest = history.number - len(history.moments)
                for number in [one for one in self._sent if one <= oldest]:
                    del self._sent[number]
                self._changed.notify_all()
                listeners = tuple(self._listeners) if moved else ()
            _wake(listeners)

    def _next(self, snapshot: Snapshot) -> History:
        """The history with one more snapshot. It begins when every look has found something; what
        a slow one then finds for the first time is no news."""
        history = self._history
        if history.moments or time.monotonic() > self._began + FIRST_SECONDS:
            return history.plus(self._pace.through(history.now, snapshot), tell=not self._new)
        if len(self._found) == len(self._looks) and not self._new:
            return history.plus(snapshot)
        return replace(history, base=snapshot, now=snapshot, number=history.number + 1)


def _wake(listeners: Iterable[Callable[[], None]]) -> None:
    for wake in listeners:
        wake()
