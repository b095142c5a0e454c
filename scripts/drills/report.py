"""What a drill leaves: a table on the terminal; JSON and a page in the lab's state folder."""

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
from scripts.drills.page import render
from scripts.session import Session
from scripts.workstation.screen import table

FOLDER = "drills"


def report(
    session: Session, *, name: str, title: str, done: Mapping[str, object], log: Log, score: Score
) -> bool:
    """Write the files, print the score; whether every objective was met. `done`: what was run."""
    verdicts = judge(session.topology.config.objectives, score)
    config = session.topology.config
    meta = {
        "lab": config.name, "platform": session.platform_name,
        "Kafka": config.kafka.version, "on": time.strftime("%Y-%m-%d %H:%M:%S %Z"), **done,
    }
    found = {
        "drill": name, "title": title, "passed": passed(verdicts), "sentence": score.sentence(),
        "meta": meta, "score": score.as_json(), "verdicts": [one.as_json() for one in verdicts],
        "events": [{"kind": e.kind, "at": round(e.at, 3), "text": e.text} for e in log.events],
        "timeline": timeline(log).as_json(),
    }
    page = _write(session.state / FOLDER, name, json.dumps(found, indent=2) + "\n", render(
        title=title, meta=meta, log=log, score=score, verdicts=verdicts,
    ))
    table(title, ("figure", "measured", "objective", "met"), rows(score, verdicts))
    print(score.sentence())
    for one in verdicts:
        if not one.met:
            print(f"failed: {one.label}: {one.measured_text}, accepted: {one.limit_text}")
    print(f"{'passed' if found['passed'] else 'FAILED'}; page: {page}")
    return bool(found["passed"])


def _write(folder: Path, name: str, data: str, page: str) -> Path:
    """Both files under the time of now; the page's path."""
    folder.mkdir(exist_ok=True)
    stem = f"{time.strftime('%Y%m%dT%H%M%S')}-{name}-{os.getpid()}"
    (folder / f"{stem}.json").write_text(data, encoding="utf-8")
    path = folder / f"{stem}.html"
    path.write_text(page, encoding="utf-8")
    return path
