"""What a drill leaves: a score on the terminal, two files, and whether it was good enough."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from lab.drills.figures import Score
from lab.drills.log import FAULT, START, Log
from lab.drills.outage import outage
from lab.file import parse
from lab.picture.history import History
from lab.picture.snapshot import Datacenter, Snapshot
from lab.topology import Topology, build
from scripts.drills import report as module
from scripts.drills.replay import played
from scripts.drills.report import FOLDER, report
from tests.drill_logs import outage_log

DONE = {"failure": "broker ann-dc1-kafka01 killed (SIGKILL)", "load": "30 records/s"}


def topology(**objectives: float) -> Topology:
    return build(parse({
        "owner": "ann", "name": "drilled", "objectives": objectives,
        "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24"}],
    }).lab)


@dataclass
class FakeSession:
    state: Path
    topology: Topology = field(default_factory=topology)
    platform_name: str = "local"


@pytest.fixture
def session(tmp_path: Path) -> FakeSession:
    return FakeSession(tmp_path)


def told(
    session: FakeSession, log: Log, score: Score | None = None, replay: History | None = None
) -> bool:
    return report(
        cast(Any, session), name="broker", title="A broker of dc1 killed", done=DONE, log=log,
        score=score or outage(log), replay=replay,
    )


def files(session: FakeSession) -> list[Path]:
    return sorted((session.state / FOLDER).iterdir())


def test_objectives_that_are_met_pass_and_leave_two_files_of_one_name(
    session: FakeSession, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(session, outage_log().log) is True
    page, data = files(session)
    assert (page.suffix, data.suffix) == (".html", ".json") and page.stem == data.stem
    assert "-broker-" in page.stem
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f"passed; page: {page}"
    assert "failed: " not in out and "FAILED" not in out
    found = json.loads(data.read_text())
    assert (found["drill"], found["title"], found["passed"]) == (
        "broker", "A broker of dc1 killed", True
    )
    assert {"lab": "drilled", "platform": "local", "Kafka": "3.9.2", **DONE}.items() <= (
        found["meta"].items()
    )
    assert found["sentence"] in out
    kinds = [one["kind"] for one in found["events"]]
    assert kinds == ["start", "fault", "repair", "healthy", "end"]
    assert found["sentence"] in page.read_text()
    assert "A broker of dc1 killed" in page.read_text()


def test_the_page_leads_to_what_was_seen_meanwhile(session: FakeSession) -> None:
    log = outage_log().log
    start, fault = log.when(START), log.when(FAULT)
    assert start and fault
    seen = Snapshot.of(start - 2.5, [Datacenter("dc1", 0)])
    history = History.of(seen).plus(Snapshot.of(start + 1, [Datacenter("dc1", 0, False)]))
    assert told(session, log, replay=played(history, log)) is True
    kept, page, data = sorted(files(session), key=lambda path: -len(path.name))
    assert kept.name == f"{page.stem}-replay.html" == f"{data.stem}-replay.html"
    links = re.findall(r'href="([^"]*)"', page.read_text())
    assert links[0] == f"{kept.name}#at=2.5&amp;play"
    assert f"{kept.name}#at={fault - start + 2.5:.1f}" in links
    assert len(links) == 1 + len(log.events)
    shown = kept.read_text()
    assert "<h1>A broker of dc1 killed</h1>" in shown
    given = json.loads(re.findall(r'id="history">(.*?)</script>', shown, re.DOTALL)[0])
    lines = [line for one in given["history"]["moments"] for line in one["lines"]]
    assert [one["text"] for one in lines if one["where"] == "drill"] == [
        one.text for one in log.events if one.at >= seen.at]
    assert "no broker answers" in [one["text"] for one in lines]
    struck = next(one.text for one in log.events if one.kind == FAULT)
    assert next(one["tone"] for one in lines if one["text"] == struck) == "bad"


GAP = "failed: longest write gap: 4.033 s, accepted: at most 2 s"
RECOVERY = "failed: recovery: 5.000 s, accepted: at most 4 s"


@pytest.mark.parametrize(("objectives", "gap", "lines"), [
    ({"max_ack_gap_seconds": 2}, 4.0, [GAP]),
    ({"max_recovery_seconds": 4, "max_ack_gap_seconds": 2}, 4.0, [GAP, RECOVERY]),
    ({"max_ack_gap_seconds": 5}, 4.0, []),
])
def test_what_is_not_met_is_told_each_in_a_line(
    session: FakeSession, capsys: pytest.CaptureFixture[str], objectives: dict[str, float],
    gap: float, lines: list[str],
) -> None:
    session.topology = topology(**objectives)
    met = told(session, outage_log(gap=gap).log)
    out = capsys.readouterr().out.splitlines()
    assert [line for line in out if line.startswith("failed: ")] == lines
    assert met is (not lines)
    assert out[-1].startswith("FAILED; page: " if lines else "passed; page: ")
    found = json.loads(files(session)[1].read_text())
    assert found["passed"] is met
    assert [one["met"] for one in found["verdicts"]].count(False) == len(lines)


def test_a_record_that_is_lost_fails_whatever_the_file_allows(session: FakeSession) -> None:
    made = outage_log()
    made.log.stored.pop()
    assert told(session, made.log) is False


def test_where_nothing_was_tried_nothing_is_passed(session: FakeSession) -> None:
    assert told(session, Log(3)) is False


def test_a_drill_leaves_those_before_it(
    session: FakeSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are told apart by their time, and two in the same second by their process."""
    told(session, outage_log().log)
    monkeypatch.setattr(module.os, "getpid", lambda: 10**7)
    told(session, outage_log().log)
    assert len(files(session)) == 4


@pytest.mark.parametrize("part", ["json", "html"])
def test_a_score_is_shown_also_where_no_file_can_be_written(
    session: FakeSession, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    part: str,
) -> None:
    """On a full disk a drill of minutes was over without a figure."""
    write = Path.write_text

    def full(path: Path, *words: Any, **more: Any) -> int:
        if path.suffix == f".{part}":
            raise OSError(28, "No space left on device", str(path))
        return write(path, *words, **more)

    monkeypatch.setattr(Path, "write_text", full)
    session.topology = topology(max_ack_gap_seconds=2)
    with pytest.raises(OSError, match="No space left"):
        told(session, outage_log(gap=4.0).log)
    out = capsys.readouterr().out
    assert "longest write gap" in out and "failed: longest write gap: " in out
    assert "page: " not in out, "there is none"


def test_the_score_says_what_the_page_says(session: FakeSession) -> None:
    """A figure that JSON cannot tell would be found by whoever reads it, long after."""
    log = outage_log().log
    told(session, log, replace(outage(log), worst_key_gap_seconds=None, worst_key=None))
    found = json.loads(files(session)[1].read_text(), parse_constant=pytest.fail)
    assert found["score"]["worst_key_gap_seconds"] is None
    assert found["score"]["lost"] == 0
