"""Schemas: a row for each version, a box for each of its fields."""

from __future__ import annotations

from lab.learning.drawn.evolution import OPTIONAL, REQUIRED, Evolution, Step
from scripts.learning.drawn.paper import BOLD, Paper, Shown, cut, room

GAP, TALL, EDGE = 6, 28, 9
KINDS = (REQUIRED, OPTIONAL)


def show(evolution: Evolution, paper: Paper) -> Shown:
    said = paper.said
    names = [said("version", number=one.version) for one in evolution.steps]
    left = max(map(room, names), default=0) * BOLD + 12
    paper.y = 2
    for name, step in zip(names, evolution.steps, strict=True):
        paper.text(0, paper.y + 19, name, "strong")
        _fields(paper, step, left)
    paper.legend([(kind, said(kind)) for kind in KINDS])
    return Shown(
        said("evolution", subject=evolution.subject),
        said("evolution_about", level=evolution.level),
        tuple(map(said, ("head_version", "head_id", "required", "optional"))),
        tuple((str(one.version), str(one.id), *(", ".join(one.named(kind)) or "-"
                                                for kind in KINDS))
              for one in evolution.steps),
    )


def _fields(paper: Paper, step: Step, left: float) -> None:
    x = left
    for name, kind in step.fields:
        text = cut(name, (paper.width - left) / BOLD - 2 * EDGE)
        wide = room(text) * BOLD + 2 * EDGE
        if x > left and x + wide > paper.width:
            x, paper.y = left, paper.y + TALL + GAP
        paper.box(x, paper.y, wide, TALL, kind, title=f"{name}: {paper.said(kind)}")
        paper.text(x + wide / 2, paper.y + 19, text, f"middle in-{kind}")
        x += wide + GAP
    paper.y += TALL + GAP + 2
