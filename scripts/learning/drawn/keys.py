"""What is kept: a row for each partition over its offsets, and one for each key in it."""

from __future__ import annotations

from collections.abc import Iterator

from lab.learning.drawn.kept import Kept, Key, Part, Run
from scripts.learning.drawn.paper import BOLD, Paper, Said, Shown, cut, room

BAND, ROW = 24, 22


def show(kept: Kept, paper: Paper) -> Shown:
    said = paper.said
    names = [f"{kept.topic}-{one.number}" for one in kept.parts]
    named = [_name(key, said) for one in kept.parts for key in one.keys]
    left = min(max(map(room, (*names, *named)), default=0) * BOLD + 26, paper.width * 0.36)
    right = max((room(f"{one.records:,}") for one in kept.parts), default=0) * BOLD + 10
    most = max((one.span.end for one in kept.parts), default=0) or 1
    scale = (paper.width - left - right - 2) / most
    paper.y = 2
    for name, one in zip(names, kept.parts, strict=True):
        paper.text(0, paper.y + 17, cut(name, left / BOLD - 8), "strong")
        paper.text(paper.width, paper.y + 17, f"{one.records:,}", "end strong")
        _band(paper, one, left, scale)
        paper.y += BAND + 4
        for key in one.keys:
            _key(paper, key, left, scale)
        if one.more:
            paper.text(14, paper.y + 15, said("more_keys", count=one.more), "soft")
            paper.y += ROW
        paper.y += 8
    kinds = [("kept", said("kept_here"))]
    if any(one.span.low for one in kept.parts):
        kinds.append(("gone", said("deleted")))
    if any(one.runs is not None and one.records < one.span.end - one.span.low
           for one in kept.parts):
        kinds.append(("empty", said("gone")))
    if any(one.open is not None for one in kept.parts):
        kinds.append(("opened", said("written_to")))
    paper.legend(kinds)
    return Shown(
        said("kept", topic=kept.topic),
        said("kept_about", records=kept.records, written=kept.written),
        (said("head_partition"), said("head_key"), said("head_records"), said("head_where"),
         said("head_last")),
        tuple(row for one in kept.parts for row in _rows(one, said)),
    )


def _band(paper: Paper, part: Part, left: float, scale: float) -> None:
    """The partition's offsets from 0: what is deleted, empty, or kept; and the open segment."""
    y, span = paper.y, part.span
    if not span.end:
        paper.path(f"M{left:g} {y + BAND / 2:g}h8", "rule")
    if span.low:
        paper.box(left, y, span.low * scale, BAND, "gone",
                  title=f"{paper.said('deleted')}: {paper.said.range(0, span.low - 1)}")
    if span.end > span.low:
        paper.box(left + span.low * scale, y, (span.end - span.low) * scale, BAND, "empty")
    runs = ((span.low, span.end - 1),) if part.runs is None and span.end > span.low else part.runs
    _runs(paper, runs or (), left=left, y=y, tall=BAND, scale=scale)
    if part.open is not None and part.open < span.end:
        first = max(part.open, span.low)
        paper.box(left + first * scale, y + BAND + 1, (span.end - first) * scale, 3, "opened",
                  title=paper.said("written_to"))
        paper.y += 4


def _key(paper: Paper, key: Key, left: float, scale: float) -> None:
    paper.text(14, paper.y + 15, cut(_name(key, paper.said), left - 22))
    _runs(paper, key.runs, left=left, y=paper.y + 3, tall=ROW - 6, scale=scale)
    paper.text(paper.width, paper.y + 15, f"{key.records:,}", "end soft")
    paper.y += ROW


def _runs(
    paper: Paper, runs: tuple[Run, ...], *, left: float, y: float, tall: float, scale: float
) -> None:
    """Runs of offsets as boxes; each can be seen, however narrow, so those that would lie on each
    other are one."""
    shown: list[tuple[float, float, Run]] = []
    for first, last in runs:
        x = left + first * scale
        end = max(left + (last + 1) * scale, x + 2)
        if shown and x < shown[-1][1]:
            x, _, (earlier, _) = shown.pop()
            shown.append((x, end, (earlier, last)))
        else:
            shown.append((x, end, (first, last)))
    for x, end, (first, last) in shown:
        paper.box(x, y, end - x, tall, "kept", title=paper.said.range(first, last))


def _name(key: Key, said: Said) -> str:
    return said("without_key") if key.key is None else key.key


def _rows(part: Part, said: Said) -> Iterator[tuple[str, ...]]:
    span = part.span
    where = said("empty") if span.low >= span.end else said.range(span.low, span.end - 1)
    yield str(part.number), said("all_keys"), f"{part.records:,}", where, ""
    for key in part.keys:
        yield (str(part.number), _name(key, said), f"{key.records:,}", _where(key.runs, said),
               cut(key.last or "-", 240))
    if part.more:
        yield str(part.number), said("more_keys", count=part.more), "", "", ""


def _where(runs: tuple[Run, ...], said: Said, most: int = 6) -> str:
    """Runs in a line; of many the first, and the last."""
    texts = [said.range(first, last) for first, last in runs]
    if len(texts) > most:
        texts[most - 1:-1] = ["…"]
    return ", ".join(texts)
