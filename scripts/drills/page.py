"""The page of a drill: one HTML file that needs nothing else, not even a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lab.drills.failover import FailoverScore
from lab.drills.figures import Figure, Score
from lab.drills.log import Log
from lab.drills.sink import SinkScore
from lab.drills.timeline import Timeline, timeline
from lab.drills.verdict import Verdict, passed
from scripts.drills.chart import HUES, svg, word
from scripts.picture.page import template

# The figures that stand out, the most telling first; as many as there are tiles are shown.
TELLING = (
    "away_seconds", "home_seconds", "unacknowledged",
    "rto_seconds", "rpo_records", "rpo_seconds", "max_ack_gap_seconds", "duplicates",
    "lost", "home_rto_seconds", "catch_up_seconds", "mirror_p99_seconds", "recovery_seconds",
    "read_gap_seconds", "worst_key_gap_seconds", "ack_p99_seconds", "skipped", "order_violations",
    "write_gap_seconds",
    "missing", "extra", "wrong", "letters_missing", "letters", "searchable_p99_seconds",
    "back_seconds",
)
TILES = 8
WIDE, NARROW = 1080, 400  # of the charts, in CSS pixels: for a desk or paper, and for a phone


@dataclass(frozen=True)
class Played:
    """A replay: its file, which lies beside the page, and when it begins (seconds since the
    epoch)."""

    file: str
    began: float

    def at(self, at: float) -> str:
        """Where it shows the lab as it was at a time."""
        return f"{self.file}#at={max(at - self.began, 0):.1f}"


def render(
    *, title: str, meta: Mapping[str, object], log: Log, score: Score,
    verdicts: Sequence[Verdict], played: Played | None = None,
) -> str:
    """The page's HTML. `meta`: what was run on what, as names and values in their order. `played`:
    the replay that it leads to."""
    line = timeline(log)
    judged = {verdict.name: verdict for verdict in verdicts}
    return str(template(Path(__file__).parent).render(
        title=title, meta=meta, passed=passed(verdicts), sentence=score.sentence(),
        unmet=[verdict for verdict in verdicts if not verdict.met],
        verdicts=verdicts, figures=score.figures(), judged=judged,
        tiles=tiles(score.figures()),
        began=datetime.fromtimestamp(line.start, UTC),
        charts=_charts(line), steps=_steps(line, played), counts=_counts(line),
        play=played.at(line.start) + "&play" if played else "",
        failover=score if isinstance(score, FailoverScore) else None,
        sink=score if isinstance(score, SinkScore) else None, hues=range(HUES),
    ))


def tiles(figures: Sequence[Figure]) -> list[Figure]:
    """The most telling figures of a score."""
    found = {figure.name: figure for figure in figures}
    return [found[name] for name in TELLING if name in found][:TILES]


def _charts(line: Timeline) -> dict[str, Any]:
    """The same chart for each width of paper; the style sheet shows the one that fits."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    description = (
        f"Over {line.bins * line.width} seconds: records produced, mirrored, consumed and found "
        "by datacenter, and how long they took. The numbers are in the table below. "
        + " ".join(f"{word(mark)} at {mark.at:.1f} s." for mark in line.marks)
    )
    return {
        # The tree was serialized by ElementTree, which quotes what needs quoting.
        name: Markup(svg(  # noqa: S704
            line, width=width, names=name == "wide", ident=name, description=description,
        ))
        for name, width in (("wide", WIDE), ("narrow", NARROW))
    }


def _steps(line: Timeline, played: Played | None) -> list[dict[str, object]]:
    return [
        {
            "number": number, "kind": word(mark), "text": mark.text, "at": mark.at,
            "clock": datetime.fromtimestamp(line.start + mark.at, UTC),
            "shown": played.at(line.start + mark.at) if played else "",
        }
        for number, mark in enumerate(line.marks, start=1)
    ]


def _counts(line: Timeline) -> dict[str, Any]:
    """The chart's numbers as a table: heads, and a row for each bin."""
    return {
        "width": line.width,
        "heads": [f"{one.kind} {one.cluster}" for one in line.series]
        + [f"behind {one.origin} → {one.cluster}" for one in line.behind],
        "rows": [
            (index * line.width, [
                *(one.counts[index] for one in line.series),
                *(one.counts[index] for one in line.behind),
            ])
            for index in range(line.bins)
        ],
    }
