"""What looks find, put together; and what happens when a look finds nobody, or has a bug."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from lab.picture.events import replay_json
from lab.picture.snapshot import Broker, Datacenter, Snapshot, Thing
from scripts.errors import LabError
from scripts.picture.feed import Feed
from scripts.workstation.waiting import wait_until

HERE = Datacenter("dc1", 0)
BROKER = Broker("dc1", 1, "x-kafka01", "kafka01")
SECONDS = 10.0


@dataclass
class Fake:
    """A look whose answer the test changes."""

    found: Sequence[Thing] = ()
    name: str = "fake"
    error: Exception | None = None
    seconds: float = 0.0
    asked: threading.Event = field(default_factory=threading.Event)

    def look(self) -> Sequence[Thing]:
        self.asked.set()
        if self.error:
            raise self.error
        return self.found

    def gone(self) -> Sequence[Thing]:
        return [replace(one, alive=False) if isinstance(one, Broker) else one
                for one in self.found]


def texts(feed: Feed) -> list[str]:
    return [line.text for one in feed.history.moments for line in one.lines]


def events(messages: Sequence[str]) -> list[tuple[str, str, dict]]:  # type: ignore[type-arg]
    """(event, id, data) of each message."""
    found = []
    for message in messages:
        lines = dict(line.split(": ", 1) for line in message.strip().splitlines())
        found.append((lines["event"], lines["id"], json.loads(lines["data"])))
    return found


def test_who_does_not_answer_is_shown_as_gone_and_comes_back() -> None:
    look = Fake([HERE, BROKER])
    feed = Feed([look])
    feed.start()
    feed.wait_first(SECONDS)
    assert feed.history.now.things == {HERE.key: HERE, BROKER.key: BROKER}
    assert texts(feed) == []
    look.error = LabError("nobody there")
    wait_until(lambda: texts(feed), timeout=SECONDS)
    look.error = TimeoutError("what a socket raises")
    look.asked.clear()
    assert look.asked.wait(SECONDS)
    look.error = None
    wait_until(lambda: len(texts(feed)) == 2, timeout=SECONDS)
    assert texts(feed) == ["kafka01 gone", "kafka01 back"]
    feed.close()
    assert feed.failed is None


def test_a_bug_in_a_look_ends_the_feed_and_is_not_hidden() -> None:
    feed = Feed([Fake([HERE]), Fake(name="other", error=KeyError("a bug"))])
    feed.start()
    wait_until(lambda: feed.closed, timeout=SECONDS)
    assert isinstance(feed.failed, KeyError)


def test_the_history_begins_when_every_look_has_found_something() -> None:
    late = Fake([BROKER], name="late")
    held = threading.Event()
    late.look = lambda: (held.wait(SECONDS), [BROKER])[1]  # type: ignore[method-assign]
    feed = Feed([Fake([HERE]), late])
    feed.start()
    wait_until(lambda: feed.history.now.things, timeout=SECONDS)
    assert not feed.history.moments
    held.set()
    feed.wait_first(SECONDS)
    wait_until(lambda: len(feed.history.now.things) == 2, timeout=SECONDS)
    feed.close()
    assert texts(feed) == []


def test_what_is_sent_replayed_is_what_there_is() -> None:
    look = Fake([HERE, BROKER])
    feed = Feed([look], run="r7")
    feed.start()
    feed.wait_first(SECONDS)
    ((kind, ident, state),), number = (events(feed.after(None)[0]), feed.after(None)[1])
    assert (kind, ident) == ("state", f"r7-{number}")
    seen = Snapshot.from_json(state["base"])
    for alive in (False, True, False):
        count = feed.history.number
        look.found = [HERE, replace(BROKER, alive=alive)]
        wait_until(lambda count=count: feed.history.number > count, timeout=SECONDS)
    found = events(feed.after(number)[0])
    assert [one[0] for one in found] == ["event"] * 3
    assert replay_json(seen, [one[2] for one in found]) == feed.history.now
    assert feed.after(feed.history.number) == ([], feed.history.number)
    feed.close()


@pytest.mark.parametrize("text", [None, "", "other-1", "r7-x", "r7", "r7--1", "1"])
def test_the_id_of_another_run_is_no_place_in_this_one(text: str | None) -> None:
    feed = Feed([], run="r7")
    assert feed.number(text) is None
    assert feed.number("r7-12") == 12


def test_who_listens_is_woken_by_a_change_and_at_the_end() -> None:
    look = Fake([HERE])
    feed = Feed([look])
    woken = threading.Event()
    with feed.listening(woken.set):
        feed.start()
        assert woken.wait(SECONDS)
        feed.wait_first(SECONDS)
        woken.clear()
        look.found = [replace(HERE, answers=False)]
        assert woken.wait(SECONDS)
        woken.clear()
        feed.close()
        assert woken.wait(SECONDS)
