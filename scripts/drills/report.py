"""What a drill leaves: a table on the terminal; JSON, a page and its replay in the lab's state
folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from lab.drills.figures import Score
from lab.drills.log import Log
from lab.drills.timeline import timeline
from lab.drills.verdict import judge, passed, rows
from lab.picture.history import History
from scripts.drills.page import Played, render
from scripts.picture.page import render as picture
from scripts.session import Session
from scripts.workstation.screen import table

FOLDER = "drills"


def report(
    session: Session, *, name: str, title: str, done: Mapping[str, object], log: Log, score: Score,
    replay: History | None = None,
) -> bool:
    """Print the score, write the files; whether every objective was met. `done`: what was run.
    `replay`: what the lab looked like meanwhile."""
    verdicts = judge(session.topology.config.objectives, score)
    config = session.topology.config
    meta = {
        "lab": config.name, "platform": session.platform_name,
        "Kafka": ", ".join(config.versions), "on": time.strftime("%Y-%m-%d %H:%M:%S %Z"), **done,
    }
    found = {
        "drill": name, "title": title, "passed": passed(verdicts), "sentence": score.sentence(),
        "meta": meta, "score": score.as_json(), "verdicts": [one.as_json() for one in verdicts],
        "events": [{"kind": e.kind, "at": round(e.at, 3), "text": e.text} for e in log.events],
        "timeline": timeline(log).as_json(),
    }
    # The score first: where no file can be written, it is not lost with them.
    table(title, ("figure", "measured", "objective", "met"), rows(score, verdicts))
    print(score.sentence())
    for one in verdicts:
        if not one.met:
            print(f"failed: {one.label}: {one.measured_text}, accepted: {one.limit_text}")
    stem = f"{time.strftime('%Y%m%dT%H%M%S')}-{name}-{os.getpid()}"
    files = {f"{stem}.json": json.dumps(found, indent=2) + "\n"}
    played = None
    if replay:
        played = Played(f"{stem}-replay.html", replay.base.at)
        files[played.file] = picture(replay, lab=config.name, owner=config.owner, title=title)
    files[f"{stem}.html"] = render(
        title=title, meta=meta, log=log, score=score, verdicts=verdicts, played=played,
    )
    _write(session.state / FOLDER, files)
    page = session.state / FOLDER / f"{stem}.html"
    print(f"{'passed' if found['passed'] else 'FAILED'}; page: {page}")
    return bool(found["passed"])


def _write(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
