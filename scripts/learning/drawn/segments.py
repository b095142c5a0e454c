"""A log as a row of segments, each with its indexes beneath."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lab.learning.drawn.segments import Log, Segment
from lab.learning.facts import File
from scripts.learning.drawn.paper import Paper, Said, Shown, bytes_of, cut

LEAST = 118  # width of a segment that has hardly anything in it
TALL, SMALL = 46, 22
MOST = 40  # segments that are drawn
ABOVE = 30  # room for what points at an offset


def show(log: Log, paper: Paper, *, offset: int | None = None) -> Shown:
    said = paper.said
    found = log.holder(offset) if offset is not None else None
    in_a_row = max(1, paper.width // LEAST)
    shown = list(chosen(log.segments, found))
    for first in range(0, len(shown), in_a_row):
        _row(paper, shown[first:first + in_a_row], found, offset)
    paper.legend([("segment", said("log")), ("index", said("index")),
                  ("timeindex", said("timeindex")), ("segment open", said("written_to"))])
    return Shown(
        said("segments", topic=log.topic, partition=log.partition), said("segments_about"),
        (said("file"), said("kind"), said("offsets"), said("bytes")),
        tuple(_rows(log, said)),
        () if offset is None else (where(log, offset, said),),
    )


def where(log: Log, offset: int, said: Said) -> str:
    """In which file an offset is, in words."""
    if (found := log.holder(offset)) is not None:
        return said("offset_in", offset=offset, file=found.log.name)
    if log.span.low >= log.span.end:
        return said("offset_none", offset=offset)
    return said("offset_out", offset=offset, low=log.span.low, last=log.span.end - 1)


def chosen(segments: Sequence[Segment], found: Segment | None) -> Iterator[Segment | int]:
    """The segments that are drawn; a number stands for as many that are not."""
    half = MOST // 2
    left_out = 0
    for index, one in enumerate(segments):
        if len(segments) <= MOST or index < half or index >= len(segments) - half or one is found:
            if left_out:
                yield left_out
                left_out = 0
            yield one
        else:
            left_out += 1


def _row(
    paper: Paper, row: Sequence[Segment | int], found: Segment | None, offset: int | None
) -> None:
    sizes = [0 if isinstance(one, int) else one.log.size for one in row]
    spare = paper.width - 2 - LEAST * len(row)
    pointed = found is not None and any(one is found for one in row)
    top = paper.y + (ABOVE if pointed else 2)
    x = 1.0
    for one, size in zip(row, sizes, strict=True):
        width = LEAST + (spare * size / sum(sizes) if sum(sizes) else spare / len(row)) - 6
        if isinstance(one, int):
            paper.text(x + 8, top + 28, paper.said("more_segments", count=one), "soft")
        else:
            _segment(paper, one, x, top, width, found=one is found)
            if one is found and offset is not None:
                share = (offset - one.base + 0.5) / max(1, one.end - one.base)
                _pointer(paper, x + width * share, top, offset)
        x += width + 6
    paper.y = top + TALL + 2 * (SMALL + 4) + 14


def _segment(
    paper: Paper, one: Segment, x: float, top: float, width: float, *, found: bool
) -> None:
    said = paper.said
    style = f"segment{' open' if one.open else ''}{' found' if found else ''}"
    paper.box(x, top, width, TALL, style, title=one.log.name)
    paper.text(x + 8, top + 19, f"{one.base:,}", "strong")
    note = bytes_of(one.log.size) + (f" · {said('written_to')}" if one.open else "")
    paper.text(x + 8, top + 37, cut(note, width - 12), "soft")
    y = top + TALL + 4
    for kind, file in (("index", one.index), ("timeindex", one.timeindex)):
        if file is not None:
            paper.box(x, y, width, SMALL, kind, title=file.name)
            paper.text(x + 8, y + 15, cut(f"{said(kind)} {bytes_of(file.size)}", width - 12))
        y += SMALL + 4


def _pointer(paper: Paper, at: float, top: float, offset: int) -> None:
    """An arrow at an offset, by its share of the segment's offsets."""
    paper.path(f"M{at:.5g} {top - 1:g}l-6 -10h12z", "pointer")
    text = paper.said("offset", offset=offset)
    style = "strong end" if at > paper.width - 120 else "strong"
    paper.text(at + (-10 if style.endswith("end") else 10), top - 8, text, style)


def _rows(log: Log, said: Said) -> Iterator[tuple[str, ...]]:
    for one in log.segments:
        offsets = said("empty") if one.empty else said.range(one.base, one.end - 1)
        state = f"{said('log')}, {said('written_to')}" if one.open else said("log")
        yield one.log.name, state, offsets, f"{one.log.size:,}"
        for kind, file in (("index", one.index), ("timeindex", one.timeindex)):
            if file is not None:
                yield _plain(file, said(kind))
    for file in log.others:
        yield _plain(file, said("other"))


def _plain(file: File, kind: str) -> tuple[str, ...]:
    return file.name, kind, "", f"{file.size:,}"
