"""Charts of a drill as inline SVG: panels over one time axis, with the events marked through all.

Built as a tree, so that no text needs quoting. Colours and type come from the page's style sheet;
a second datacenter is hatched as well as coloured, so that neither print nor eyes need the colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element, SubElement, tostring

from lab.drills.log import (
    CAUGHT_UP,
    DETECTED,
    END,
    FAULT,
    HEALTHY,
    HOME,
    MOVED,
    REPAIR,
    START,
    STEP,
)
from lab.drills.timeline import Delay, Mark, Timeline

WORDS = {
    START: "start", FAULT: "failure", DETECTED: "noticed", MOVED: "moved", REPAIR: "repair",
    STEP: "step", HEALTHY: "healthy", CAUGHT_UP: "caught up", HOME: "home", END: "end",
}
HUES = 4  # the style sheet's colours; a fifth datacenter gets the first again
PANEL, GAP, LANE = 104, 44, 24  # heights: of a panel, of what is between two, of a row of labels
BADGE = 9  # radius
LETTER = 6.6  # width of a letter of a label, on average; the labels are short
APART = 14  # so much at least between two labels in a row


@dataclass(frozen=True)
class Line:
    """One series of a panel: a value for each bin. `hue` counts datacenters."""

    label: str
    hue: int
    values: tuple[float, ...]


@dataclass(frozen=True)
class Spread:
    """One series of delays in a panel, drawn from the median to the longest, on a log scale."""

    label: str
    hue: int
    delay: Delay


@dataclass(frozen=True)
class Panel:
    """A title, what its axis counts, and the series; all of one kind."""

    title: str
    unit: str
    series: tuple[Line, ...] | tuple[Spread, ...]


@dataclass(frozen=True)
class Canvas:
    """Where things are, in the units of the view box.

    bin: seconds of a bin. names: whether marks have their names beside them, or only their numbers.
    ident: starts the ids of this chart.
    """

    width: int
    seconds: float
    bin: int = 1
    names: bool = True
    ident: str = "chart"
    left: int = 58
    right: int = 14

    def x(self, seconds: float) -> float:
        inner = self.width - self.left - self.right
        return round(self.left + inner * min(seconds / self.seconds, 1), 2)


def panels(timeline: Timeline) -> tuple[Panel, ...]:
    """What there is to see; kinds of which nothing was recorded have no panel."""
    hues = {name: index % HUES for index, name in enumerate(timeline.clusters)}
    found = []
    for kind, title, unit in (
        ("produced", "Produced", "records acknowledged per second"),
        ("mirrored", "Mirrored", "records per second, seen where they were copied to"),
        ("consumed", "Consumed", "records per second, read by the group"),
        ("indexed", "Searchable", "records per second, found in the store"),
    ):
        lines = tuple(
            Line(one.cluster, hues[one.cluster], tuple(n / timeline.width for n in one.counts))
            for one in timeline.series if one.kind == kind
        )
        found.append(Panel(title, unit, lines))
    stored = any(one.kind == "indexed" for one in timeline.series)
    absent = "Not yet searchable" if stored else "Not yet mirrored"
    found.append(Panel(absent, "records acknowledged, but not seen there", tuple(
        Line(f"{one.origin} → {one.cluster}", hues[one.cluster], one.counts)
        for one in timeline.behind
    )))
    if timeline.mirrors:
        late = "Searchable after" if stored else "Mirror latency"
        found.append(Panel(late, "from sending to sight: median to longest", tuple(
            Spread(f"{one.origin} → {one.cluster}", hues[one.cluster], one)
            for one in timeline.mirrors
        )))
    else:
        found.append(Panel("Write latency", "sending to acknowledgement: median to longest", tuple(
            Spread(one.cluster, hues[one.cluster], one) for one in timeline.acks
        )))
    return tuple(
        replace(panel, series=tuple(sorted(panel.series, key=lambda one: one.hue)))  # type: ignore[arg-type]
        for panel in found if panel.series
    )


def svg(timeline: Timeline, *, width: int, names: bool, ident: str, description: str) -> str:
    """All panels as one `<svg>`. `ident` keeps the ids of two charts on a page apart."""
    seconds = max(timeline.bins * timeline.width, *(mark.at for mark in timeline.marks), 1)
    canvas = Canvas(width, seconds, timeline.width, names, ident)
    found = panels(timeline)
    lanes = lay_out(timeline.marks, canvas)
    top = (max(lanes, default=0) + 1) * LANE + 6
    bottom = top + len(found) * (PANEL + GAP)
    root = Element("svg", {
        "viewBox": f"0 0 {width} {bottom + 30}", "role": "img", "class": "chart",
        "aria-labelledby": f"{ident}-title {ident}-desc", "xmlns": "http://www.w3.org/2000/svg",
    })
    SubElement(root, "title", id=f"{ident}-title").text = "The drill over time"
    SubElement(root, "desc", id=f"{ident}-desc").text = description
    _hatches(root, ident)
    _interruption(root, canvas, timeline.marks, top, bottom)
    places = [(canvas.x(mark.at), row * LANE + BADGE + 2)
              for mark, row in zip(timeline.marks, lanes, strict=True)]
    # The lines first: they stay behind the data and the words.
    for mark, (x, y) in zip(timeline.marks, places, strict=True):
        SubElement(root, "path", {"d": f"M{x:g} {y}V{bottom}", "class": _style(mark)})
    for index, panel in enumerate(found):
        _panel(root, canvas, panel, top + index * (PANEL + GAP) + GAP)
    _time_axis(root, canvas, bottom)
    _labels(root, canvas, timeline.marks, places)
    return tostring(root, encoding="unicode")


def _text(parent: Element, x: float, y: float, text: str, style: str) -> Element:
    found = SubElement(parent, "text", {"x": f"{x:g}", "y": f"{y:g}", "class": style})
    found.text = text
    return found


def _hatches(root: Element, ident: str) -> None:
    """A pattern for each further datacenter: lines of another slope."""
    defs = SubElement(root, "defs")
    for hue in range(1, HUES):
        pattern = SubElement(defs, "pattern", {
            "id": f"{ident}-hatch{hue}", "width": "6", "height": "6",
            "patternUnits": "userSpaceOnUse", "patternTransform": f"rotate({45 * hue})",
        })
        SubElement(pattern, "rect", {"width": "6", "height": "6", "class": f"tint hue{hue}"})
        SubElement(pattern, "path", {"d": "M0 0V6", "class": f"hatch hue{hue}"})


def _interruption(
    root: Element, canvas: Canvas, marks: Sequence[Mark], top: int, bottom: int
) -> None:
    """The time from the failure until the clients had moved, or all was well, as a shade."""
    times = {mark.kind: mark.at for mark in reversed(marks)}
    over = [times[kind] for kind in (MOVED, HEALTHY, END) if kind in times]
    if FAULT in times and over:
        left, right = canvas.x(times[FAULT]), canvas.x(max(over[0], times[FAULT]))
        SubElement(root, "rect", {
            "x": f"{left:g}", "y": str(top), "width": f"{right - left:g}",
            "height": str(bottom - top), "class": "interruption",
        })


def _panel(root: Element, canvas: Canvas, panel: Panel, top: int) -> None:
    group = SubElement(root, "g", {"class": "panel"})
    base = top + PANEL
    _heading(group, canvas, panel, top)
    spreads = [one for one in panel.series if isinstance(one, Spread)]
    scale = log_scale(spreads) if spreads else linear_scale(
        [max(one.values) for one in panel.series if isinstance(one, Line)]
    )
    for share, label in scale.ticks:
        y = base - share * PANEL
        SubElement(group, "path", {
            "d": f"M{canvas.left} {y:g}H{canvas.width - canvas.right}",
            "class": "axis" if share == 0 else "grid",
        })
        _text(group, canvas.left - 8, y + 4, label, "tick end")
    for one in panel.series:
        if isinstance(one, Spread):
            _draw_spread(group, canvas, one, base, scale)
        else:
            _draw_line(group, canvas, one, base, scale)


def _heading(group: Element, canvas: Canvas, panel: Panel, top: int) -> None:
    """`Title ■ dc1 ▨ dc2` at the left and, with room, the unit at the right, above the panel."""
    y = top - 12
    heading = _text(group, canvas.left, y, f"{panel.title} ", "heading")
    for one in panel.series:
        SubElement(heading, "tspan", {"class": f"key hue{one.hue}", "dx": "6"}).text = (
            "▨" if one.hue else "■"
        )
        SubElement(heading, "tspan", {"class": "name", "dx": "4"}).text = one.label
    if canvas.names:
        _text(group, canvas.width - canvas.right, y, panel.unit, "unit end")


@dataclass(frozen=True)
class Scale:
    """`ticks`: share of the panel's height and label; `log` tells how a value becomes a share."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def share(self, value: float) -> float:
        if self.log:
            value = math.log10(max(value, 10**self.low))
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def linear_scale(highest: Sequence[float]) -> Scale:
    """From 0 to a round number, with two to five steps of 1, 2 or 5 times a power of ten."""
    top = max([1.0, *highest])
    power = 10.0 ** math.floor(math.log10(top))
    step = next(power * one for one in (0.5, 1, 2, 5, 10) if math.ceil(top / (power * one)) <= 4)
    if step < 1:
        step = 1.0
    count = math.ceil(top / step)
    return Scale(0, step * count, tuple(
        (index / count, f"{step * index:,.0f}") for index in range(count + 1)
    ))


def log_scale(spreads: Sequence[Spread]) -> Scale:
    """From one power of ten of a second to another, at least two apart."""
    values = [value for one in spreads for value in (*one.delay.median, *one.delay.longest)
              if value is not None]
    low = math.floor(math.log10(max(min(values, default=0.01), 0.001)))
    high = max(low + 2, math.ceil(math.log10(max(*values, 0.001))))
    return Scale(low, high, tuple(
        ((power - low) / (high - low), _seconds(power)) for power in range(low, high + 1)
    ), log=True)


def _seconds(power: int) -> str:
    return f"{10 ** (power + 3)} ms" if power < 0 else f"{10**power:,} s"


def _draw_line(group: Element, canvas: Canvas, line: Line, base: int, scale: Scale) -> None:
    """Steps, as these are counts of whole bins: an area of one `H` a bin, and its edge, which
    leaves out the empty bins so that it does not hide the axis."""
    area = edge = f"M{canvas.x(0):g} {base}"
    for index, value in enumerate(line.values):
        step = f"V{base - scale.share(value) * PANEL:.5g}H{canvas.x((index + 1) * canvas.bin):g}"
        area += step
        last = index + 1 == len(line.values)
        if value:
            edge += step + (f"V{base}" if last or not line.values[index + 1] else "")
        else:
            edge += f"M{canvas.x((index + 1) * canvas.bin):g} {base}"
    look = ({"fill": f"url(#{canvas.ident}-hatch{line.hue})"} if line.hue
            else {"class": "area hue0"})
    SubElement(group, "path", {"d": f"{area}V{base}Z", **look})
    SubElement(group, "path", {"d": edge, "class": f"line hue{line.hue}"})


def _draw_spread(
    group: Element, canvas: Canvas, spread: Spread, base: int, scale: Scale
) -> None:
    """Per bin a bar from the median (thick) to the longest."""
    thick = thin = ""
    step = canvas.x(canvas.bin) - canvas.x(0)
    for x, median, longest in _points(spread, canvas):
        y, top = (base - scale.share(value) * PANEL for value in (median, longest))
        thin += f"M{x:g} {y:.5g}V{top:.5g}"
        thick += f"M{x - step / 2:.5g} {y:.5g}h{step:.4g}"
    SubElement(group, "path", {"d": thin, "class": f"range hue{spread.hue}",
                               "stroke-width": f"{max(1, min(6, step * 0.45)):.3g}"})
    SubElement(group, "path", {"d": thick, "class": f"median hue{spread.hue}"})


def _points(spread: Spread, canvas: Canvas) -> Iterator[tuple[float, float, float]]:
    """Middle of the bin, median and longest, where there are some."""
    pairs = zip(spread.delay.median, spread.delay.longest, strict=True)
    for index, (median, longest) in enumerate(pairs):
        if median is not None and longest is not None:
            yield canvas.x((index + 0.5) * canvas.bin), median, longest


def _time_axis(root: Element, canvas: Canvas, bottom: int) -> None:
    most = 10 if canvas.names else 5
    step = next((one for one in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
                 if canvas.seconds / one <= most), 7200)
    group = SubElement(root, "g", {"class": "time"})
    for second in range(0, math.floor(canvas.seconds) + 1, step):
        x = canvas.x(second)
        SubElement(group, "path", {"d": f"M{x:g} {bottom}v4", "class": "axis"})
        _text(group, x, bottom + 18, f"{second} s", "tick middle")


def lay_out(marks: Sequence[Mark], canvas: Canvas) -> tuple[int, ...]:
    """The row of each mark's label, so that no two touch; row 0 is at the top."""
    ends: list[float] = []
    order = sorted(range(len(marks)), key=lambda index: marks[index].at)
    found: dict[int, int] = {}
    for index in order:
        left, right = extent(marks[index], canvas)
        row = next((row for row, end in enumerate(ends) if end + APART <= left), len(ends))
        ends[row:row + 1] = [right]
        found[index] = row
    return tuple(found[index] for index in range(len(marks)))


def extent(mark: Mark, canvas: Canvas) -> tuple[float, float]:
    """From where to where a mark's label goes: right of its badge, or left near the edge."""
    x = canvas.x(mark.at)
    words = len(word(mark)) * LETTER + 5 if canvas.names else 0
    if x + BADGE + words > canvas.width:
        return x - BADGE - words, x + BADGE
    return x - BADGE, x + BADGE + words


def word(mark: Mark) -> str:
    """A mark's kind for people."""
    return WORDS.get(mark.kind, mark.kind)


def _style(mark: Mark) -> str:
    return "mark fault" if mark.kind == FAULT else "mark"


def _labels(
    root: Element, canvas: Canvas, marks: Sequence[Mark], places: Sequence[tuple[float, int]]
) -> None:
    for number, (mark, (x, y)) in enumerate(zip(marks, places, strict=True), 1):
        group = SubElement(root, "g", {"class": _style(mark)})
        SubElement(group, "circle", {"cx": f"{x:g}", "cy": str(y), "r": str(BADGE)})
        _text(group, x, y + 4, str(number), "number middle")
        if canvas.names:
            left = extent(mark, canvas)[0] < x - BADGE
            _text(group, x + (-BADGE - 4 if left else BADGE + 4), y + 4, word(mark),
                  "event end" if left else "event")
