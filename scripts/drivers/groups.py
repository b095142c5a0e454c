"""The groups of one mirror: where they stand at both ends, and offsets that are found for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from lab.endpoint import Endpoint
from lab.mirrors.groups import Patience, Place, Standing, looked_after
from lab.mirrors.offsets import Spot, locate
from lab.mirrors.topics import matches, remote_name
from lab.options.mirrors import Mirror
from scripts.clients import groups as clients
from scripts.clients.partitions import Part, Partitions
from scripts.errors import LabError

PAUSE = 0.5
# A transaction ends in one partition after the other: for a moment the mirror may say that it has
# copied what is not to be seen yet.
VISIBLE_SECONDS = 2.0
At = tuple[str, int]


class Groups:
    """Looks from the workstation. `mirrored` tells the next offset to mirror of each partition.

    Keeps connections: `close` it.
    """

    def __init__(
        self, mirror: Mirror, source: Endpoint, target: Endpoint,
        mirrored: Callable[[], Mapping[At, int]],
    ) -> None:
        self.mirror = mirror
        self._mirrored = mirrored
        # What the mirror reads is what there is: without transactions it takes what was aborted.
        self._source = Partitions(source, mirror.source, committed=mirror.exactly_once)
        self._copy = Partitions(target, mirror.target, committed=True)
        self._admins = self._source.admin, self._copy.admin
        self._known: dict[tuple[At, int], Spot] = {}

    def close(self) -> None:
        self._source.close()
        self._copy.close()

    def names(self) -> list[str]:
        """The groups of the source that the mirror translates, but for the lab's own."""
        return [name for name in clients.group_names(self._admins[0], self.mirror.source)
                if looked_after(self.mirror, name)]

    def look(self, names: Iterable[str], *, every: bool = False) -> list[Standing]:
        """Where groups stand in each mirrored partition that has a copy. Raises LabError.

        The right spot is looked for only where it may be missed, or for `every` place.
        """
        there = self._standings(list(names))
        asked = [one for one in there if every or one.suspicious]
        topics = {one.place.topic for one in asked}
        compacted = self._source.compacted(sorted(topics))
        # The order of these looks is what `locate` asks for.
        mirrored = self._mirrored() if asked else {}
        copies = {self._there(one) for one in asked}
        copy_lows, copy_ends = self._copy.lows(copies), self._copy.ends(copies)
        places = {(one.place.topic, one.place.partition) for one in asked}
        lows, ends = self._source.lows(places), self._source.ends(places)

        def seen(one: Standing) -> Standing:
            at, copied = (one.place.topic, one.place.partition), self._there(one)
            if not (every or one.suspicious) or at not in ends or copied not in copy_ends:
                return one
            copy = Part(self._copy, copied, copy_lows[copied], copy_ends[copied])
            spot = self._spot(
                one.committed, Part(self._source, at, lows[at], ends[at]), copy,
                mirrored.get(at), compacted=at[0] in compacted,
            )
            return replace(one, low=copy.low, end=copy.end, spot=spot)

        return [seen(one) for one in there]

    def placed(self, names: Sequence[str]) -> list[Standing]:
        """Where groups stand, and where each should go on. Raises LabError."""
        deadline = time.monotonic() + VISIBLE_SECONDS
        while True:
            found = self.look(names, every=True)
            hidden = any(one.spot is None or one.spot.offset is None for one in found)
            if not hidden or time.monotonic() > deadline:
                return found
            time.sleep(PAUSE)

    def findings(self, patience: Patience) -> tuple[Standing, ...]:
        """Those that the mirror has not translated, or badly, although it had its time: waits for
        that, but only while there are such. Raises LabError."""
        names = self.names()
        while True:
            found = patience.weigh(time.monotonic(), self.look(names))
            if not patience.waiting:
                return found
            time.sleep(PAUSE)  # a look costs both clusters requests

    def commit(self, chosen: Sequence[Standing]) -> list[Standing]:
        """Give groups their spots in the target; those that were given. Raises LabError.

        What has moved on meanwhile stays: no offset goes back.
        """
        by_group: dict[str, list[Standing]] = {}
        for one in chosen:
            by_group.setdefault(one.place.group, []).append(one)
        done = []
        for group, places in by_group.items():
            now = self._held(group)
            left = [one for one in places
                    if one.spot and one.spot.offset is not None
                    and now.get(self._there(one), -1) < one.spot.offset]
            wanted = {self._there(one): one.spot.offset for one in left
                      if one.spot and one.spot.offset is not None}
            if not wanted:
                continue
            clients.commit_for(self._admins[1], group, wanted, self.mirror.target)
            now = self._held(group)
            if any(now.get(at, -1) < offset for at, offset in wanted.items()):
                raise LabError(
                    f"somebody else has moved group {group} meanwhile", where=self.mirror.target,
                    hint="run it again",
                )
            done += left
        return done

    def _standings(self, names: Sequence[str]) -> list[Standing]:
        """Both ends' offsets, without spots. Those of the source first: an older one is safe."""
        source, target = self._admins
        own = clients.committed(source, names, self.mirror.source)
        found = {
            Place(group, *at): offset for group, offsets in own.items()
            for at, offset in offsets.items() if matches(self.mirror, at[0])
        }
        known = set(clients.group_names(target, self.mirror.target)) & {one.group for one in found}
        held = clients.committed(target, sorted(known), self.mirror.target)
        active = clients.with_members(target, sorted(known), self.mirror.target)
        sizes, there = self._source.sizes(), self._copy.sizes()
        found = {one: offset for one, offset in found.items()
                 if one.partition < sizes.get(one.topic, 0)
                 and one.partition < there.get(self._remote(one)[0], 0)}
        copies = {self._remote(one) for one in found}
        lows, ends = self._copy.lows(copies), self._copy.ends(copies)
        return [
            Standing(one, offset, held.get(one.group, {}).get(self._remote(one)),
                     lows[self._remote(one)], ends[self._remote(one)], active=one.group in active)
            for one, offset in sorted(found.items()) if self._remote(one) in ends
        ]

    def _held(self, group: str) -> clients.Places:
        return clients.committed(self._admins[1], [group], self.mirror.target)[group]

    def _remote(self, place: Place) -> At:
        return remote_name(self.mirror, place.topic), place.partition

    def _there(self, one: Standing) -> At:
        return self._remote(one.place)

    def _spot(
        self, committed: int, source: Part, copy: Part, mirrored: int | None, *, compacted: bool
    ) -> Spot:
        """What is found once stays so, but for what was not copied yet, or not to be seen."""
        key = source.place, committed
        if key in self._known:
            return self._known[key]
        spot = locate(committed, source, copy, mirrored, compacted=compacted)
        if spot.offset is not None and not spot.waits:
            self._known[key] = spot
        return spot
