"""Where groups of the source stand in the target, and which of them would suffer from a move."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.counted import counted
from lab.mirrors.connectors import INTERNAL_GROUPS, PROOF_GROUPS
from lab.mirrors.offsets import Spot
from lab.options.fixed import OFFSET_LAG_MAX
from lab.options.mirrors import Mirror, Mirroring

# What is early by more is far behind: as long as it writes its notes in time, MirrorMaker has one
# for every so many records, and its translation is early by no more. One that is earlier goes by
# notes that it held back or threw away, and no later one mends it.
FAR = OFFSET_LAG_MAX
# Whatever the intervals are, nobody waits longer for a translation before it is told.
LONGEST_S = 90.0
MARGIN_S = 2.0


def translated(mirror: Mirror, group: str) -> bool:
    """Whether the mirror translates a group's offsets (MirrorCheckpointConnector, group filter)."""
    def any_of(expressions: Iterable[str]) -> bool:
        return any(re.fullmatch(regex, group) for regex in expressions)

    return any_of((*mirror.groups, *PROOF_GROUPS)) and not any_of(INTERNAL_GROUPS)


def looked_after(mirror: Mirror, group: str) -> bool:
    """Whether it is a translated group of somebody's own. The lab's come and go with its proofs."""
    return translated(mirror, group) and not any(re.fullmatch(one, group) for one in PROOF_GROUPS)


def settle_seconds(mirroring: Mirroring) -> float:
    """How long the mirror may take to translate what a group commits: it has to see the group, note
    a checkpoint and write it; the last two may just have been missed."""
    each = mirroring.checkpoint_s + mirroring.sync_s
    return min(mirroring.refresh_s + 2 * each + MARGIN_S, LONGEST_S)


class Place(NamedTuple):
    """One partition of the source as one group reads it."""

    group: str
    topic: str
    partition: int


@dataclass(frozen=True)
class Standing:
    """A group in one partition. Offsets are the next ones to be read.

    committed: in the source. offset: the group's own in the target, None when it has none there.
    low, end: of the copy. spot: where the group should go on; None where nothing makes it worth
    looking for. active: the group has members in the target, so nobody else moves its offsets.
    """

    place: Place
    committed: int
    offset: int | None
    low: int
    end: int
    spot: Spot | None = None
    active: bool = False

    @property
    def held(self) -> int | None:
        """The offset in the target; one of which the records are deleted is as good as none."""
        return None if self.offset is None or self.offset < self.low else self.offset

    @property
    def suspicious(self) -> bool:
        """Whether it may be one that is worth looking for the right spot."""
        if self.held is None:
            return self.end > self.low
        return self.end - self.held > FAR and not self.active

    @property
    def unread(self) -> int:
        """Offsets of the copy behind the spot; all of them where the spot is not known."""
        known = self.spot.offset if self.spot else None
        return self.end - (self.low if known is None else max(known, self.low))

    @property
    def skips(self) -> int:
        """Offsets of unread records that are passed over by whoever begins at the copy's end, as
        `auto.offset.reset=latest` does for a group without an offset."""
        return self.unread if self.held is None else 0

    @property
    def again(self) -> int:
        """Offsets of records that would be read a second time; without an offset, from the copy's
        beginning."""
        if self.spot is None or self.spot.offset is None:
            return 0
        return max(self.spot.offset - (self.low if self.held is None else self.held), 0)

    @property
    def far(self) -> bool:
        return self.again > FAR and not (self.active and self.held is not None)

    @property
    def bad(self) -> bool:
        return self.suspicious and (self.skips > 0 or self.far)

    def reached(self, before: Standing) -> bool:
        """Whether the target has by now what an earlier look found missing there."""
        wanted = before.spot.offset if before.spot else None
        return self.held is not None and (wanted is None or wanted - self.held <= FAR)

    def refusal(self, target: str) -> str:
        """Why nothing can be committed in the target; "" when it can, or need not."""
        if self.spot is None or self.in_order:
            return ""
        if self.spot.offset is None:
            return self.spot.why
        return f"the group has members in {target}" if self.active else ""

    @property
    def in_order(self) -> bool:
        """Whether the group is at its spot in the target, or has gone on from there."""
        known = self.spot.offset if self.spot else None
        return known is not None and self.offset is not None and self.offset >= known

    def as_json(self) -> dict[str, object]:
        return {
            **self.place._asdict(), "committed": self.committed, "translated": self.offset,
            "expected": self.spot.offset if self.spot else None,
            "skipped": self.skips, "read_again": self.again,
            "why": self.spot.why if self.spot else "",
        }


@dataclass
class Patience:
    """Which of the bad standings are findings: those that are so still, `seconds` after the mirror
    could have known. A group that moves on is held to what it had committed then.
    """

    seconds: float
    _first: dict[Place, tuple[float, Standing]] = field(default_factory=dict)
    _decided: set[Place] = field(default_factory=set)

    def weigh(self, now: float, standings: Sequence[Standing]) -> tuple[Standing, ...]:
        """The findings of a look at a time in s; looks come in the order of their times."""
        found = []
        bad = {one.place: one for one in standings if one.bad}
        self._first = {place: first for place, first in self._first.items() if place in bad}
        for place, one in bad.items():
            since, before = self._first.setdefault(place, (now, one))
            if one.reached(before):
                self._first[place] = now, one
                if before is not one:
                    self._decided.add(place)
            elif now - since >= self.seconds:
                self._decided.add(place)
                found.append(one)
        return tuple(found)

    @property
    def waiting(self) -> bool:
        """Whether a later look may yet tell more of a place that the last one held to be bad."""
        return not self._first.keys() <= self._decided


def told(findings: Iterable[Standing], target: str) -> list[str]:
    """What is wrong, in words, a line for each group and kind of trouble."""
    kinds: dict[tuple[str, bool, bool], list[Standing]] = defaultdict(list)
    for one in findings:
        kinds[one.place.group, one.held is None, one.skips > 0].append(one)
    lines = []
    for (group, missing, skipping), places in sorted(kinds.items()):
        where = ", ".join(f"{one.place.topic}-{one.place.partition}" for one in places)
        skipped, again = sum(one.skips for one in places), sum(one.again for one in places)
        if skipping:
            text = (f"no offset in {target} for {where}: up to {counted(skipped, 'record')} that "
                    f"it has not read {'is' if skipped == 1 else 'are'} skipped when it begins "
                    "there with the latest")
        elif missing:
            text = (f"no offset in {target} for {where}: it has read all, but up to "
                    f"{counted(again, 'record')} again when it begins there with the earliest")
        else:
            text = (f"far behind in {target} for {where}: up to "
                    f"{counted(again, 'record is', 'records are')} read again")
        lines.append(f"group {group}: {text}")
        lines += [f"group {group}: {one.place.topic}-{one.place.partition}: {one.spot.why}"
                  for one in places if one.spot and one.spot.why]
    return lines
