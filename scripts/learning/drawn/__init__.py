"""Drawings of an exercise as inline SVG, and the same in tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.learning.drawn import Drawing
from lab.learning.drawn.crowd import Crowd
from lab.learning.drawn.evolution import Evolution
from lab.learning.drawn.kept import Kept
from lab.learning.drawn.lanes import Lanes
from lab.learning.drawn.placement import Placements
from lab.learning.drawn.segments import Log
from scripts.learning.drawn import crowds, keys, lanes, placements, segments, versions
from scripts.learning.drawn.paper import Paper, Said, Shown

WIDE, NARROW = 1080, 400  # of the drawings, in CSS pixels: for a desk or paper, and for a phone
KINDS: Mapping[type[Any], Callable[..., Shown]] = {
    Log: segments.show, Lanes: lanes.show, Crowd: crowds.show, Kept: keys.show,
    Placements: placements.show, Evolution: versions.show,
}


@dataclass(frozen=True)
class Panel:
    """One drawing on a page: wide and narrow are SVG, heads and rows the same as a table."""

    title: str
    about: str
    notes: tuple[str, ...]
    wide: str
    narrow: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def panel(drawing: Drawing, *, said: Said, ident: str, offset: int | None = None) -> Panel:
    """`ident` keeps the ids of a page's drawings apart. offset: to be pointed at in a log."""
    more = {"offset": offset} if isinstance(drawing, Log) else {}
    papers = [Paper(width, f"{ident}-{name}", said)
              for name, width in (("wide", WIDE), ("narrow", NARROW))]
    shown = [KINDS[type(drawing)](drawing, paper, **more) for paper in papers]
    one = shown[0]
    wide, narrow = (paper.svg(one.title, one.about) for paper in papers)
    return Panel(one.title, one.about, one.notes, wide, narrow, one.heads, one.rows)
