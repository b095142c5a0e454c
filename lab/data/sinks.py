"""How far those have come who read topics to carry them elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Place = tuple[str, int]


@dataclass(frozen=True)
class Reach:
    """One partition as its reader has it. low, end: the first offset that is kept and the next one
    to be written. read: the next one to be read; None where nothing was read yet."""

    topic: str
    partition: int
    low: int
    end: int
    read: int | None

    @property
    def place(self) -> Place:
        return self.topic, self.partition

    @property
    def lag(self) -> int:
        """Offsets up to the end; markers of transactions are among them."""
        return max(0, self.end - max(self.low, self.read or 0))


def still(before: Mapping[Place, Reach], now: Iterable[Reach]) -> tuple[Reach, ...]:
    """Where records waited before, and nothing was read since."""
    return tuple(
        one for one in now
        if one.lag and (was := before.get(one.place)) and was.lag and was.read == one.read
    )
