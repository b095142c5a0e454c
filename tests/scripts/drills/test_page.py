"""The page of a drill: whole, self-contained, and true to the timeline."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.drills.failover import failover
from lab.drills.figures import Score
from lab.drills.log import FAULT, Log
from lab.drills.outage import outage
from lab.drills.timeline import Mark, timeline
from lab.drills.verdict import judge
from lab.options.objectives import Objectives
from scripts.drills.chart import Canvas, extent, lay_out, linear_scale, panels, word
from scripts.drills.page import render, tiles
from tests.drill_logs import A, B, Shape, failover_log, outage_log

VOID = {"meta", "br", "link", "img", "input", "hr"}
HOSTILE = "<script>alert('x')</script>&\"]]>"


class Page(HTMLParser):
    """A page that is well formed, with its elements by name, each with its attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[dict[str, Any]] = []
        self.all: list[dict[str, Any]] = []
        self.feed(html)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = {"tag": tag, "text": "", **dict(attrs),
                   "within": [one["tag"] for one in self.open]}
        self.all.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1]["tag"] == tag, f"</{tag}> closes {self.open[-1]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element["text"] += data

    def find(self, tag: str, **attributes: str) -> list[dict[str, Any]]:
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        return [one for one in self.all if one["tag"] == tag
                and all(value in (one.get(key) or "").split() for key, value in wanted.items())]


def page(log: Log, score: Score, **meta: object) -> str:
    return render(title="A drill", meta=meta, log=log, score=score,
                  verdicts=judge(Objectives(), score))


def failed_over(shape: Shape) -> tuple[Log, str]:
    log = failover_log(shape).log
    return log, page(log, failover(log, source=A, target=B), rate="30/s")


def an_outage(log: Log) -> tuple[Log, str]:
    return log, page(log, outage(log), host="x")


def an_empty_failover(log: Log) -> tuple[Log, str]:
    return log, page(log, failover(log, source=A, target=B))


LOGS = {
    "there and back": failed_over(Shape(lacking=6, again=4, home=True)),
    "only there": failed_over(Shape(lacking=200, again=4)),
    "outage": an_outage(outage_log(gap=3).log),
    "nothing": an_empty_failover(Log(keys=2)),
    "nothing at all": an_outage(Log(keys=0)),
}
every = pytest.mark.parametrize(("log", "html"), LOGS.values(), ids=LOGS)


@every
def test_the_page_is_well_formed_and_needs_nothing_else(log: Log, html: str) -> None:
    found = Page(html)
    assert len(found.find("h1")) == len(found.find("title")) - 2 == 1, "each chart has a title"
    assert not found.find("script") + found.find("link") + found.find("img") + found.find("iframe")
    for element in found.all:
        assert not {"src", "href", "action", "onload", "style"} & element.keys(), element
    assert "@import" not in html
    addresses = set(re.findall(r"[a-z]+://[^\"' )]+", html))
    assert addresses <= {"http://www.w3.org/2000/svg"}, "the name of a namespace"
    assert set(re.findall(r"url\(([^)]*)\)", html)) <= {
        f"#{chart}-hatch{hue}" for chart in ("wide", "narrow") for hue in range(1, 4)
    }


@every
def test_ids_are_unique_and_charts_are_described(log: Log, html: str) -> None:
    found = Page(html)
    ids = [one["id"] for one in found.all if "id" in one]
    assert len(ids) == len(set(ids))
    for chart in found.find("svg"):
        assert chart["role"] == "img"
        assert set(chart["aria-labelledby"].split()) <= set(ids)


@every
def test_charts_have_a_point_for_each_bin(log: Log, html: str) -> None:
    line = timeline(log)
    areas = [one["d"] for one in Page(html).find("path") if one.get("d", "").endswith("Z")]
    assert len(areas) == 2 * len([*line.series, *line.behind]), "two widths of paper"
    assert all(area.count("H") == line.bins for area in areas)
    rows = [one for one in Page(html).find("tr") if "details" in one["within"]]
    assert len(rows) == line.bins + 1, "and the table has them, too"


@every
def test_every_event_is_in_the_charts_and_in_the_list(log: Log, html: str) -> None:
    found = Page(html)
    assert len(found.find("circle")) == 2 * len(log.events)
    badges = [one["text"] for one in found.find("span", class_="badge")]
    assert badges == [str(number) for number in range(1, len(log.events) + 1)]
    names = [one["text"] for one in found.find("text", class_="event")]
    assert names == [word(mark) for mark in timeline(log).marks]
    assert len(found.find("path", class_="fault")) == (2 if log.when(FAULT) else 0)


def test_the_verdict_is_told_at_once_and_with_its_reasons() -> None:
    good, bad = (Page(LOGS[name][1]) for name in ("there and back", "only there"))
    assert good.find("title")[0]["text"] == "Passed: A drill"
    assert "stood still for 4.0 s" in good.find("p", class_="sentence")[0]["text"]
    assert not good.find("ul", class_="unmet")
    assert bad.find("title")[0]["text"] == "Failed: A drill"
    reasons = bad.find("ul", class_="unmet")[0]["text"]
    assert "RPO: 6.663 s, objective: at most 5 s" in " ".join(reasons.split())
    assert [tile for tile in bad.find("div", class_="tile") if "bad" in tile["class"]]


def test_figures_objectives_and_translation_are_on_the_page() -> None:
    log = failover_log(Shape(lacking=6, again=4, home=True)).log
    score = failover(log, source=A, target=B)
    verdicts = judge(Objectives(), score)
    text = Page(LOGS["there and back"][1]).find("body")[0]["text"]
    for figure in score.figures():
        assert figure.label in text
        assert figure.text in text
        assert figure.meaning in text
    for verdict in verdicts:
        assert verdict.limit_text in text
    assert text.count("2 read again") == 3, "4 rounds before the committed one, 2 not mirrored"
    assert "Translated offsets" not in Page(LOGS["outage"][1]).find("body")[0]["text"]


def test_hostile_names_stay_text() -> None:
    log = failover_log(Shape()).log
    log.acked = [ack._replace(cluster=HOSTILE) if ack.cluster == B else ack for ack in log.acked]
    log.consumed = [s._replace(cluster=HOSTILE) if s.cluster == B else s for s in log.consumed]
    log.mirrored = [s._replace(cluster=HOSTILE) for s in log.mirrored]
    log.events = [event._replace(text=HOSTILE) for event in log.events]
    score = failover(log, source=A, target=HOSTILE)
    html = render(title=HOSTILE, meta={HOSTILE: HOSTILE}, log=log, score=score,
                  verdicts=judge(Objectives(), score))
    found = Page(html)
    assert not found.find("script")
    assert found.find("h1")[0]["text"] == HOSTILE
    assert HOSTILE in found.find("footer")[0]["text"]
    assert [one for one in found.find("tspan") if one["text"] == HOSTILE]


@given(st.lists(st.floats(0, 300), max_size=20), st.booleans())
def test_no_two_labels_touch(times: list[float], names: bool) -> None:
    canvas = Canvas(1080 if names else 400, 300, names=names)
    marks = [Mark("caught-up", at, "") for at in times]
    rows = lay_out(marks, canvas)
    placed = sorted((row, *extent(mark, canvas)) for row, mark in zip(rows, marks, strict=True))
    for (row, _, end), (other, start, _) in pairwise(placed):
        assert row != other or end + 10 < start
    assert all(extent(mark, canvas)[0] >= 0 for mark in marks)
    assert all(extent(mark, canvas)[1] <= canvas.width for mark in marks)


@given(st.lists(st.floats(0, 1e7), min_size=1, max_size=5))
def test_scales_hold_the_highest_value_with_few_lines(highest: list[float]) -> None:
    scale = linear_scale(highest)
    assert scale.high >= max(highest)
    assert 2 <= len(scale.ticks) <= 5
    assert scale.ticks[0] == (0, "0")
    assert scale.ticks[-1][0] == 1
    assert len({label for _, label in scale.ticks}) == len(scale.ticks)


def test_tiles_are_the_telling_figures() -> None:
    back = failover_log(Shape(home=True)).log
    names = [one.name for one in tiles(failover(back, source=A, target=B).figures())]
    assert names[:3] == ["rto_seconds", "rpo_records", "rpo_seconds"]
    assert {"lost", "home_rto_seconds", "mirror_p99_seconds"} <= set(names)
    assert len(names) == len(tiles(outage(outage_log().log).figures())) == 8


def test_panels_are_those_of_what_was_recorded() -> None:
    titles = {name: [one.title for one in panels(timeline(log))] for name, (log, _) in LOGS.items()}
    assert titles["there and back"] == [
        "Produced", "Mirrored", "Consumed", "Not yet mirrored", "Mirror latency",
    ]
    assert titles["outage"] == ["Produced", "Consumed", "Write latency"]
    assert titles["nothing"] == []
