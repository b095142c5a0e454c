"""How much news there may be: many figures are told less often, so that a large lab's picture stays
as small as that of another."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from lab.picture.snapshot import Key, Snapshot, Thing

FIGURES = 600.0  # numbers a second, in the long run: 5 KB of what is sent and kept


@dataclass
class Pace:
    """Lets figures through as long as they are no more than `figures` a second on average.

    What is no figure, and what is new or gone, is never held up.
    """

    figures: float = FIGURES
    _left: float = field(default=0.0, init=False)
    _at: float | None = field(default=None, init=False)

    def through(self, before: Snapshot, after: Snapshot) -> Snapshot:
        """`after`, with the figures of `before` where it is too soon for others."""
        if self._at is not None:
            self._left = min(self._left + (after.at - self._at) * self.figures, self.figures)
        self._at = after.at
        moved = {
            key: one for key, one in after.things.items()
            if one.FIGURES and before.things.get(key, one) != one
        }
        if self._left < 0:
            return Snapshot(after.at, {**after.things, **_of(before, moved)})
        self._left -= sum(size(one) for one in moved.values())
        return after

    @property
    def holds(self) -> bool:
        """Whether there may be figures that were held up."""
        return self._left < 0


def size(one: Thing) -> int:
    """How many numbers a record has."""
    return sum(_count(getattr(one, each.name)) for each in fields(one)
               if each.name not in one.KEY)


def _count(value: Any) -> int:
    return sum(_count(one) for one in value) if isinstance(value, tuple) else 1


def _of(snapshot: Snapshot, keys: dict[Key, Thing]) -> dict[Key, Thing]:
    return {key: snapshot.things[key] for key in keys}
