"""Replicas: a row for each broker, a box for each partition that it has."""

from __future__ import annotations

from lab.learning.drawn.placement import FOLLOWER, LEADER, OUT, Placement, Placements, Strip
from scripts.learning.drawn.paper import BOLD, Paper, Said, Shown, cut, room

BOX, GAP, TALL = 40, 6, 28
KINDS = (LEADER, FOLLOWER, OUT)


def show(placements: Placements, paper: Paper) -> Shown:
    said, topics = paper.said, placements.topics
    left = max((room(_name(strip, said)) for one in topics for strip in one.strips), default=0)
    paper.y = 2
    for one in topics:
        if len(topics) > 1:
            paper.text(0, paper.y + 14, cut(one.topic, paper.width / BOLD), "strong")
            paper.y += 22
        _topic(paper, one, left * BOLD + 12)
    paper.legend([(kind, said(kind)) for kind in KINDS])
    return Shown(
        said("placement", topic=topics[0].topic) if len(topics) == 1 else said("placements"),
        said("placement_about"),
        tuple(map(said, ("head_topic", "head_broker", "leads", "follows", "lacks"))),
        tuple(_row(one, strip, said) for one in topics for strip in one.strips),
        tuple(
            f"{one.topic}: " + said("leaderless", partitions=", ".join(map(str, one.leaderless)))
            for one in topics if one.leaderless
        ),
    )


def _name(strip: Strip, said: Said) -> str:
    name = said("broker", number=strip.broker)
    return name if strip.there else f"{name} ({said('away')})"


def _topic(paper: Paper, placement: Placement, left: float) -> None:
    box = max(BOX, max((room(f"{one}") for one in placement.partitions), default=0) + 14)
    in_a_row = max(1, int((paper.width - left) // (box + GAP)))
    for strip in placement.strips:
        paper.text(0, paper.y + 19, _name(strip, paper.said),
                   "strong" if strip.there else "strong bad")
        for index, number in enumerate(placement.partitions):
            if (kind := strip.cells.get(number)) is not None:
                x = left + index % in_a_row * (box + GAP)
                y = paper.y + index // in_a_row * (TALL + GAP)
                paper.box(x, y, box, TALL, kind,
                          title=f"{placement.topic}-{number}: {paper.said(kind)}")
                _number(paper, str(number), kind, x + box / 2, y)
        rows = -(-len(placement.partitions) // in_a_row)
        paper.y += max(1, rows) * (TALL + GAP) + 2
    paper.y += 8


def _number(paper: Paper, number: str, kind: str, x: float, y: float) -> None:
    if kind == OUT:  # on stripes it needs a ground
        half = room(number) / 2 + 4
        paper.box(x - half, y + 5, 2 * half, TALL - 10, "ground")
    paper.text(x, y + 19, number, f"middle in-{kind}")


def _row(placement: Placement, strip: Strip, said: Said) -> tuple[str, ...]:
    return placement.topic, _name(strip, said), *(
        ", ".join(str(number) for number, found in sorted(strip.cells.items())
                  if found == kind) or "-"
        for kind in KINDS
    )
