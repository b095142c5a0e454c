"""What is seen while a drill runs: it ends no drill, and is there when the drill is over."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench.scene import Scene
from lab.drills.log import FAULT, Event, Log
from lab.picture.history import History
from lab.picture.snapshot import Datacenter
from scripts.drills import recorder, replay as module
from scripts.drills.replay import recorded
from scripts.errors import LabError
from scripts.picture.feed import Feed
from scripts.workstation.waiting import wait_until
from tests.scripts.picture.test_feed import HERE, SECONDS, Fake

SEEN = Scene(seconds=4, partitions=1).history()
# Writes what it is given once its standard input has ended, and ends as it is told.
PROGRAM = """\
import pathlib, sys
file, text, status = sys.argv[1:]
print("began")
sys.stdin.read()
if text:
    pathlib.Path(file).write_text(text)
print("the last line")
sys.exit(int(status))
"""


@dataclass
class Session:
    said: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.said.append(line)


def looked(monkeypatch: pytest.MonkeyPatch, text: str, status: int = 0) -> Session:
    """A drill of dc2 beside whom the program looks on."""
    real = module.beside

    def beside(argv: list[str], drill: Any, **more: Any) -> Any:
        assert argv[:3] == [sys.executable, "-m", "scripts.drills.recorder"]
        assert argv[4:] == ["dc2"]
        return real([sys.executable, "-c", PROGRAM, argv[3], text, str(status)], drill, **more)

    monkeypatch.setattr(module, "beside", beside)
    return Session()


def drill() -> Log:
    return Log(keys=1, events=[Event(FAULT, SEEN.base.at + 2.2, "killed")])


def test_what_was_seen_is_there_when_the_drill_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    session = looked(monkeypatch, json.dumps(SEEN.as_json()))
    log, seen = recorded(cast(Any, session), ["dc2"], drill)
    assert log == drill()
    assert seen is not None
    assert (seen.base, seen.now.things) == (SEEN.base, SEEN.now.things)
    assert [one.delta.at - SEEN.base.at for one in seen.moments if one.lines] == [
        pytest.approx(2.2)]
    assert session.said == []


@pytest.mark.parametrize("text", ["", json.dumps(SEEN.as_json())])
def test_who_looks_on_in_vain_ends_no_drill(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    session = looked(monkeypatch, text, status=3)
    log, seen = recorded(cast(Any, session), ["dc2"], drill)
    assert log == drill()
    assert (seen is not None) is bool(text)
    assert session.said == ["warning: the replay lacks something: the last line"]


def test_where_nothing_was_seen_there_is_nothing_to_play(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = json.dumps(History.of(SEEN.base).as_json())
    assert recorded(cast(Any, looked(monkeypatch, nothing)), ["dc2"], drill) == (drill(), None)


def test_a_drill_that_fails_is_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> Log:
        raise LabError("the drill itself")

    with pytest.raises(LabError, match="the drill itself"):
        recorded(cast(Any, looked(monkeypatch, "")), ["dc2"], fails)


@pytest.mark.parametrize("error", [None, KeyError("a bug")])
def test_the_recorder_writes_what_was_seen_until_its_input_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception | None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    look = Fake([HERE])

    @contextmanager
    def watching(session: Any, chosen: list[str], seconds: float) -> Iterator[Feed]:
        assert chosen == ["the datacenter dc1"]
        feed = Feed([look], seconds=seconds)
        feed.start()
        feed.wait_first(SECONDS)

        def ended() -> bytes:
            look.error, look.found = error, [replace(HERE, answers=False)]
            wait_until(lambda: feed.closed if error else feed.history.moments, timeout=SECONDS)
            return b""

        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=SimpleNamespace(read=ended)))
        yield feed
        feed.close()

    monkeypatch.setattr(recorder, "watching", watching)
    monkeypatch.setattr(recorder, "Session", lambda: SimpleNamespace(
        topology=SimpleNamespace(datacenter=lambda name: f"the datacenter {name}")))
    file = tmp_path / "seen.json"
    assert recorder.main(str(file), "dc1") == bool(error)
    seen = History.from_json(json.loads(file.read_text()))
    if error:
        assert "a bug" in capsys.readouterr().out
    else:
        assert seen.now.all(Datacenter) == (replace(HERE, answers=False),)


def test_the_recorder_says_why_there_is_nothing_to_see(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def watching(*_: Any) -> Any:
        raise LabError("no host of it exists", where="mylab")

    monkeypatch.setattr(recorder, "watching", watching)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(recorder, "Session", lambda: SimpleNamespace(
        topology=SimpleNamespace(datacenter=str)))
    assert recorder.main(str(tmp_path / "seen.json"), "dc1") == 1
    assert "mylab: no host of it exists" in capsys.readouterr().out
