"""The last minutes of a lab: where they began, what changed since, and how it is now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.picture.events import Delta, delta_of, diff, replay
from lab.picture.snapshot import Snapshot
from lab.picture.words import Line, told

SECONDS = 600.0  # that are kept
SLACK = 30.0  # that are kept beyond, so that what is too old is left out many at a time


@dataclass(frozen=True)
class Moment:
    """A delta with its number, counted from 1, and what is to be said of it."""

    number: int
    delta: Delta
    lines: tuple[Line, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"id": self.number, **self.delta.as_json(),
                "lines": [one.as_json() for one in self.lines]}


@dataclass(frozen=True)
class History:
    """`moments` lead from `base` to `now`. number: of the last of them, or of what went before.
    seconds: how much is kept."""

    base: Snapshot
    now: Snapshot
    moments: tuple[Moment, ...] = ()
    number: int = 0
    seconds: float = SECONDS

    @classmethod
    def of(cls, snapshot: Snapshot, seconds: float = SECONDS) -> History:
        return cls(snapshot, snapshot, seconds=seconds)

    def plus(self, snapshot: Snapshot, *, tell: bool = True) -> History:
        """With one more look at the lab; the same where nothing changed. `tell`: what changed is
        news."""
        delta = diff(self.now, snapshot)
        if not delta.changes:
            return self
        lines = told(delta, self.now, snapshot) if tell else ()
        moment = Moment(self.number + 1, delta, lines)
        return replace(
            self, now=snapshot, moments=(*self.moments, moment), number=moment.number
        ).trimmed()

    def telling(self, told: Iterable[tuple[float, Line]]) -> History:
        """With what was done to the lab, and when (seconds since the epoch), which no look at it
        could tell. The moments have other numbers then; what is older than the base is left out."""
        more = [Moment(0, Delta(at), (line,)) for at, line in told if at >= self.base.at]
        moments = sorted((*self.moments, *more), key=lambda one: one.delta.at)
        if not moments:
            return self
        return replace(
            self, now=replace(self.now, at=moments[-1].delta.at), number=len(moments),
            moments=tuple(replace(one, number=at) for at, one in enumerate(moments, start=1)),
        )

    def trimmed(self) -> History:
        """Without what is older than `seconds`."""
        if not self.moments or self.now.at - self.moments[0].delta.at <= self.seconds + SLACK:
            return self
        oldest = self.now.at - self.seconds
        count = sum(one.delta.at < oldest for one in self.moments)
        base = replay(self.base, (one.delta for one in self.moments[:count]))
        return replace(self, base=base, moments=self.moments[count:])

    def since(self, number: int) -> Sequence[Moment] | None:
        """What came after the moment of that number; None where that is not kept any more."""
        first = self.number - len(self.moments)
        if not first <= number <= self.number:
            return None
        return self.moments[number - first:]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> History:
        """What `as_json` made; it does not tell how things were before each change."""
        base = Snapshot.from_json(data["base"])
        moments = tuple(
            Moment(one["id"], delta_of(one), tuple(Line(**line) for line in one["lines"]))
            for one in data["moments"]
        )
        now = replay(base, (one.delta for one in moments))
        return cls(base, now, moments, data["id"], data["seconds"])

    def as_json(self) -> dict[str, Any]:
        return {"base": self.base.as_json(), "id": self.number, "seconds": self.seconds,
                "moments": [one.as_json() for one in self.moments]}
