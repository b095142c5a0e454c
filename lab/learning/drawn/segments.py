"""A partition's log as the files it lies in, and the file of an offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.learning.facts import File, Span

LOG, INDEX, TIMEINDEX = ".log", ".index", ".timeindex"


@dataclass(frozen=True)
class Segment:
    """One segment. end: the first offset that is behind it. index, timeindex: None where there is
    no such file. open: whether it is the one that is written to."""

    base: int
    end: int
    log: File
    index: File | None
    timeindex: File | None
    open: bool

    @property
    def empty(self) -> bool:
        return self.end <= self.base


@dataclass(frozen=True)
class Log:
    """A partition's log on its leader. span: the offsets that it has. others: files that belong to
    no segment that is there."""

    topic: str
    partition: int
    span: Span
    segments: tuple[Segment, ...]
    others: tuple[File, ...]

    @property
    def size(self) -> int:
        """Bytes of the records."""
        return sum(one.log.size for one in self.segments)

    def holder(self, offset: int) -> Segment | None:
        """The segment that an offset lies in; None for an offset that the log has not."""
        return holder(self.segments, self.span, offset)


def log(topic: str, partition: int, span: Span, files: Sequence[File]) -> Log:
    """files: all of the partition's folder."""
    by_name = {one.name: one for one in files}
    logs = sorted((one for one in files if _of_a_segment(one.name, LOG)), key=lambda one: one.base)
    ends = [behind.base for _, behind in pairwise(logs)] + [span.end]
    segments = tuple(
        Segment(
            one.base, end, one, by_name.get(_beside(one, INDEX)),
            by_name.get(_beside(one, TIMEINDEX)), open=one is logs[-1],
        )
        for one, end in zip(logs, ends, strict=False)
    )
    taken = {one.name for part in segments for one in (part.log, part.index, part.timeindex) if one}
    return Log(topic, partition, span, segments,
               tuple(one for one in files if one.name not in taken))


def holder(segments: Sequence[Segment], span: Span, offset: int) -> Segment | None:
    """The last segment whose base offset is not greater (how a broker finds it, too)."""
    if not span.low <= offset < span.end:
        return None
    return next((one for one in reversed(segments) if one.base <= offset), None)


def _of_a_segment(name: str, kind: str) -> bool:
    return name.endswith(kind) and name.removesuffix(kind).isdecimal()


def _beside(file: File, kind: str) -> str:
    return file.name.removesuffix(LOG) + kind
