"""A group: a row for each partition, with the member that has it and what is before it."""

from __future__ import annotations

from lab.learning.drawn.crowd import Crowd, Seat
from scripts.learning.drawn.paper import Paper, Said, Shown, cut, room

ROW, BAR = 34, 18
MOST = 60  # partitions that are drawn


def show(crowd: Crowd, paper: Paper) -> Shown:
    said = paper.said
    seats = crowd.seats[:MOST]
    names = {one: f"{one.topic}-{one.partition}" for one in seats}
    left = min(max(map(room, names.values()), default=0) + 12, paper.width * 0.36)
    lags = [said("lag", lag=one.lag) for one in seats if one.lag is not None]
    right = max(map(room, lags), default=0) + 12
    bar = paper.width - left - 44 - right
    most = max((one.end or 0 for one in seats), default=0) or 1
    paper.y = 2
    for one in seats:
        middle = paper.y + ROW / 2
        paper.text(0, middle + 4.5, cut(names[one], left - 8))
        if one.chip is not None:
            paper.chip(left + 16, middle, str(one.chip))
        else:
            paper.text(left + 16, middle + 4.5, "-", "middle soft")
        _bar(paper, one, left + 40, middle - BAR / 2, bar / most)
        if one.lag is not None:
            paper.text(paper.width, middle + 4.5, said("lag", lag=one.lag),
                       "end strong" if one.lag else "end soft")
        paper.y += ROW
    if len(crowd.seats) > len(seats):
        paper.text(0, paper.y + 14, said("more_rows", count=len(crowd.seats) - len(seats)), "soft")
        paper.y += ROW
    _idle(paper, crowd, left)
    paper.legend([("chip", said("member")), ("committed", said("committed")),
                  ("lag", said("before"))])
    return Shown(
        said("crowd", group=crowd.group), said("crowd_about"),
        (said("head_partition"), said("head_member"), said("head_committed"), said("head_end"),
         said("head_lag")),
        tuple(_row(crowd, one, said) for one in crowd.seats)
        + tuple((said("idle"), _name(crowd, one.number), "-", "-", "-") for one in crowd.idle),
        (_state(crowd, said),),
    )


def _state(crowd: Crowd, said: Said) -> str:
    text = said("crowd_state", state=crowd.state, members=len(crowd.chips))
    return f"{text}, {crowd.assignor}" if crowd.assignor else text


def _bar(paper: Paper, seat: Seat, x: float, y: float, scale: float) -> None:
    """What is committed, and what is before it, of the offsets that the partition keeps."""
    if seat.end is None:
        return
    paper.path(f"M{x:g} {y + BAR / 2:g}h{max(seat.end * scale, 8):.5g}", "rule")
    at = max(seat.low, seat.committed or 0)
    for first, end, kind, name in (
        (seat.low, at, "committed", "committed"), (at, seat.end, "lag", "before"),
    ):
        if end > first:
            paper.box(x + first * scale, y, (end - first) * scale, BAR, kind,
                      title=f"{paper.said(name)}: {paper.said.range(first, end - 1)}")


def _idle(paper: Paper, crowd: Crowd, left: float) -> None:
    """The members that have nothing to read, below a line."""
    if not crowd.idle:
        return
    paper.path(f"M0 {paper.y + 2:g}H{paper.width}", "rule")
    paper.y += 6
    text = paper.said("idle")
    paper.text(0, paper.y + ROW / 2 + 4.5, text, "soft")
    start = max(left, room(text) + 10) + 16
    x = start
    for one in crowd.idle:
        if x + 16 > paper.width:
            x, paper.y = start, paper.y + 28
        paper.chip(x, paper.y + ROW / 2, str(one.number))
        x += 34
    paper.y += ROW


def _row(crowd: Crowd, seat: Seat, said: Said) -> tuple[str, ...]:
    numbers = (seat.committed, seat.end, seat.lag)
    return (
        f"{seat.topic}-{seat.partition}",
        said("nobody") if seat.chip is None else _name(crowd, seat.chip),
        *("-" if one is None else f"{one:,}" for one in numbers),
    )


def _name(crowd: Crowd, number: int) -> str:
    chip = crowd.chips[number - 1]
    return f"{number} ({chip.instance or chip.client})"
