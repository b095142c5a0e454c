"""What the lab looked like while a drill ran, to be played back beside its score."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from lab.drills.log import DETECTED, FAULT, Log
from lab.picture.history import History
from lab.picture.words import BAD, GOOD, PLAIN, Line
from scripts.session import Session
from scripts.workstation.paths import PROJECT
from scripts.workstation.process import beside

TONES = {FAULT: BAD, DETECTED: PLAIN}


def recorded(
    session: Session, datacenters: Sequence[str], drill: Callable[[], Log]
) -> tuple[Log, History | None]:
    """A drill's log, and what was seen meanwhile of some datacenters: None where nothing was.

    A fault of who looks on ends no drill: it is said, and the replay ends with it.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "seen.json"
        argv = [sys.executable, "-m", "scripts.drills.recorder", str(file), *datacenters]
        log, done = beside(argv, drill, cwd=PROJECT)
        if done.returncode:
            why = (done.stdout.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
            session.say(f"warning: the replay lacks something: {why}")
        if not file.is_file():
            return log, None
        seen = History.from_json(json.loads(file.read_text(encoding="utf-8")))
    return log, played(seen, log)


def played(seen: History, log: Log) -> History | None:
    """What was seen, with the drill's own events; None where it was nothing."""
    return seen.telling(
        (one.at, Line("drill", one.text, TONES.get(one.kind, GOOD))) for one in log.events
    ) if seen.moments else None
