"""Batches: a lane for each partition, a block for each batch."""

from __future__ import annotations

from lab.learning.drawn.lanes import ABORT, COMMIT, KINDS, MIXED, Lane, Lanes, blocks
from scripts.learning.drawn.paper import BOLD, Paper, Said, Shown, bytes_of, cut, room

TALL = 30
SEEN = 3  # pixels that a block needs
APART = 1  # pixels between two blocks
HIGHER = 4  # pixels by which a marker looks out above and below


def show(lanes: Lanes, paper: Paper) -> Shown:
    said = paper.said
    scale = (paper.width - 2) / max(1, lanes.records)
    kinds: set[str] = set()
    paper.y = 2
    for lane in lanes.lanes:
        _head(paper, lane)
        for one in blocks(lane.batches, SEEN / scale):
            kinds.add(one.kind)
            title = said("batch_title" if one.batches == 1 else "blocks_title", first=one.first,
                         last=one.last, records=one.records, batches=one.batches)
            style = _style(one.kind) + (" many" if one.batches > 1 and one.kind != MIXED else "")
            high = HIGHER if one.kind in (COMMIT, ABORT) else 0
            paper.box(1 + one.at * scale, paper.y - high, one.records * scale - APART,
                      TALL + 2 * high, style, title=title)
        paper.y += TALL + 16
    paper.legend([(_style(kind), said(f"batch_{kind}")) for kind in KINDS if kind in kinds])
    return Shown(
        said("lanes"), said("lanes_about"),
        tuple(said(name) for name in (
            "head_partition", "head_in", "head_batches", "head_each", "head_markers", "head_codec",
            "head_producers", "head_epochs", "bytes")),
        tuple(_row(one, said) for one in lanes.lanes),
    )


def _style(kind: str) -> str:
    return f"batch-{kind}"


def _head(paper: Paper, lane: Lane) -> None:
    """Its name, and beside it, or below where there is no room, what is in it."""
    paper.text(0, paper.y + 14, cut(lane.place, paper.width), "strong")
    told = _told(lane, paper.said)
    if room(lane.place) * BOLD + room(told) + 16 > paper.width:
        paper.y += 18
        paper.text(0, paper.y + 14, cut(told, paper.width), "soft")
    else:
        paper.text(room(lane.place) * BOLD + 12, paper.y + 14, told, "soft")
    paper.y += 22


def _told(lane: Lane, said: Said) -> str:
    parts = [said("lane", records=sum(one.records for one in lane.of_records),
                  batches=len(lane.of_records), bytes=bytes_of(lane.size))]
    parts += [one for one in lane.codecs if one != "none"]
    return " · ".join(parts)


def _row(lane: Lane, said: Said) -> tuple[str, ...]:
    batches = lane.of_records
    records = sum(one.records for one in batches)
    return (
        lane.place, f"{records:,}", f"{len(batches):,}",
        f"{records / len(batches):,.1f}" if batches else "-",
        ", ".join(said(f"marker_{one}", count=count) for one, count in lane.markers.items()) or "-",
        ", ".join(lane.codecs) or "-",
        ", ".join(map(str, lane.producers)) or "-", ", ".join(map(str, lane.epochs)),
        f"{lane.size:,}",
    )
