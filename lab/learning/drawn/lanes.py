"""Partitions as lanes of batches, each as wide as the records that are in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lab.learning.batches import MARKERS, OPEN, Batch, ends

PLAIN, MIXED = "plain", "mixed"
COMMITTED, ABORTED, UNENDED = "committed", "aborted", "unended"  # batches in a transaction
COMMIT, ABORT = "commit", "abort"  # markers, which end one
CONTROL = "control"  # what else a broker wrote
KINDS = (PLAIN, COMMITTED, COMMIT, ABORTED, ABORT, UNENDED, CONTROL, MIXED)


@dataclass(frozen=True)
class Block:
    """A batch, or neighbours drawn as one: one of KINDS, of several MIXED. at: how many records are
    before it in its lane."""

    kind: str
    at: int
    records: int
    batches: int
    first: int
    last: int


@dataclass(frozen=True)
class Lane:
    """A partition's batches, in order; markers are among them."""

    topic: str
    partition: int
    batches: tuple[Batch, ...]

    @property
    def place(self) -> str:
        return f"{self.topic}-{self.partition}"

    @property
    def records(self) -> int:
        """With one for each marker."""
        return sum(one.records for one in self.batches)

    @property
    def size(self) -> int:
        return sum(one.bytes for one in self.batches)

    @property
    def of_records(self) -> tuple[Batch, ...]:
        """The batches that are no markers."""
        return tuple(one for one in self.batches if not one.control)

    @property
    def markers(self) -> dict[str, int]:
        """How many of each kind, of those that are there."""
        counted = Counter(one.marker for one in self.batches)
        return {one: counted[one] for one in reversed(MARKERS) if counted[one]}

    @property
    def codecs(self) -> tuple[str, ...]:
        return tuple(sorted({one.codec for one in self.of_records}))

    @property
    def producers(self) -> tuple[int, ...]:
        """The ids of producers that have one."""
        return tuple(sorted({one.producer for one in self.of_records} - {-1}))

    @property
    def epochs(self) -> tuple[int, ...]:
        """Under which leaders they were written, each once, in order."""
        return tuple(sorted({one.epoch for one in self.batches}))


@dataclass(frozen=True)
class Lanes:
    """Lanes below each other, on one scale."""

    lanes: tuple[Lane, ...]

    @property
    def records(self) -> int:
        """Of the longest lane: what a scale has to have room for."""
        return max((one.records for one in self.lanes), default=0)


def blocks(batches: Sequence[Batch], least: float) -> tuple[Block, ...]:
    """A block for each batch; those with fewer records than `least`, which would be too narrow to
    be seen, are put together with their neighbours until they have as many."""
    found: list[Block] = []
    at = 0
    for one, end in zip(batches, ends(batches), strict=True):
        kind, before = _kind(one, end), found[-1] if found else None
        if before and max(before.records, one.records) < least:
            found[-1] = Block(
                kind if kind == before.kind else MIXED, before.at, before.records + one.records,
                before.batches + 1, before.first, one.last,
            )
        else:
            found.append(Block(kind, at, one.records, 1, one.offset, one.last))
        at += one.records
    return tuple(found)


def _kind(batch: Batch, end: str) -> str:
    if batch.control:
        return batch.marker or CONTROL
    return {COMMIT: COMMITTED, ABORT: ABORTED, OPEN: UNENDED}.get(end, PLAIN)
