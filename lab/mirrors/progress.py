"""Whether a mirror moves: where records wait for it, and for how long it has not come on there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.counted import counted
from lab.options.mirrors import Mirroring

# By how much the clock of whoever wrote a record may be ahead.
CLOCK_S = 5.0
# What a busy machine takes to give out a connector's tasks anew, which it does for a new topic.
HANDOVER_S = 5.0
# A line of a worker's log: level, client, message, class.
LINE = re.compile(r"[A-Z]+ (?:\[[^\]]*\] )?(?P<what>.*?)(?: \([\w.$]+\))?")

# What a producer says of a batch that a broker finds too large (Sender.completeBatch).
SPLIT = re.compile(r" on topic-partition (\S+), splitting and retrying ")


class At(NamedTuple):
    """A partition of the source."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


@dataclass(frozen=True)
class Wait:
    """A partition in which a record waits: the first one's offset, and its age in s.

    Whoever wrote the record may have chosen its age. begun: the mirror has copied records of the
    partition before; else it may not have seen yet that it is there.
    """

    at: At
    offset: int
    age: float
    begun: bool = True

    def __str__(self) -> str:
        return f"{self.at}, offset {self.offset}"


@dataclass
class Progress:
    """Where a mirror stands still: where the same record has been the next one for `seconds`.

    `more`: seconds besides that for a partition in which the mirror has not begun. `trusting`: a
    record that says that it is younger than `seconds` need not be looked at twice.
    """

    seconds: float
    more: float = 0.0
    trusting: bool = True
    _since: dict[At, tuple[int, float]] = field(default_factory=dict)
    _decided: set[At] = field(default_factory=set)
    _doubtful: tuple[Wait, ...] = ()

    @classmethod
    def by(cls, mirroring: Mirroring, *, trusting: bool = True) -> Progress:
        """As the lab file says; what is new may take until mirrors look for it."""
        more = mirroring.refresh_s + HANDOVER_S
        return cls(mirroring.stall_s, more, trusting=trusting)

    def weigh(self, now: float, waits: Iterable[Wait]) -> tuple[Wait, ...]:
        """Where it stands still, by a look at a time in s; looks come in the order of their
        times."""
        waits = tuple(waits)
        before, self._since = self._since, {}
        standing, doubtful = [], []
        for one in waits:
            offset, since = before.get(one.at, (one.offset, now))
            if offset != one.offset:
                since = now
                self._decided.add(one.at)
            self._since[one.at] = one.offset, since
            if now - since >= self.seconds + (0.0 if one.begun else self.more):
                standing.append(one)
            elif one.at not in self._decided and not (self.trusting and self._fresh(one)):
                doubtful.append(one)
        self._decided |= before.keys() - self._since.keys()
        self._doubtful = tuple(doubtful)
        return tuple(standing)

    def _fresh(self, one: Wait) -> bool:
        return -CLOCK_S <= one.age < self.seconds

    @property
    def doubtful(self) -> tuple[Wait, ...]:
        """Where a later look may yet find that the mirror stands still. Nothing moves there, but
        not for long enough; what has moved once since the first look is not among them."""
        return self._doubtful


def told(standing: Iterable[Wait], seconds: float) -> str:
    """Where a mirror stands still, in words; "" for nowhere."""
    standing = sorted(standing, key=lambda one: (-one.age, one.at))
    if not standing:
        return ""
    others = f" and {counted(len(standing) - 1, 'other place')}" if len(standing) > 1 else ""
    return f"nothing moves at {standing[0]}{others}, for {seconds:g} s now"


def reason(lines: Iterable[str], connector: str, names: Iterable[str]) -> str:
    """What a worker's log says of a connector that stands still; "" for nothing.

    The last warning or error that has one of `names` (a partition, say) as a word, else the last
    one of the connector; without the client and the class that wrote it.
    """
    said = [line for line in lines if line.startswith(("WARN ", "ERROR "))]
    words = [re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|[.]\w)") for name in names]
    near = [line for line in said if any(word.search(line) for word in words)]
    mine = [line for line in said if connector in line]
    found = LINE.fullmatch((near or mine or [""])[-1])
    return found["what"][:400] if found else ""


def split(lines: Iterable[str]) -> frozenset[str]:
    """The partitions (TOPIC-N) of batches that were too large, by a worker's log."""
    return frozenset(found[1] for line in lines if (found := SPLIT.search(line)))
