"""The topics of one mirror and their copies: how far each is behind, and what is not as one would
think: topics that wait, are gone, were made anew or never cross, and copies that lack records."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.endpoint import Endpoint
from lab.mirrors.names import collisions, left_out, too_long
from lab.mirrors.topics import LONGEST_TOPIC, REGISTRY, matches, remote_name
from lab.mirrors.whole import Heads, Start, lacking
from lab.options.mirrors import Mirror
from scripts.clients.partitions import Part, Partitions, Stamp
from scripts.drivers.lag import At, PartitionLag, behind

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

# What looks wrong is looked at again after this: between two answers a mirror may have moved.
AGAIN_SECONDS = 1.0


@dataclass(frozen=True)
class Look:
    """What was seen of a mirror's topics.

    lacking: partitions of which the mirror is past records that are not in the copy. faults: what
    is lost or mixed, and notes: what else a person should know, both in words.
    """

    partitions: tuple[PartitionLag, ...] = ()
    lacking: tuple[At, ...] = ()
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Copies:
    """Looks from the workstation. `mirrored` tells the next offset to mirror of each partition;
    `mirrors` are all of the lab, `others` the sources of those whose copies may meet these;
    `admins` are clients of source and target, where there are some.

    Keeps connections: `close` it.
    """

    def __init__(
        self, mirror: Mirror, source: Endpoint, target: Endpoint,
        mirrored: Callable[[], Mapping[At, int]], *,
        mirrors: Iterable[Mirror], others: Mapping[str, Endpoint],
        admins: tuple[AdminClient, AdminClient] | None = None,
    ) -> None:
        self.mirror, self.mirrors = mirror, tuple(mirrors)
        self._mirrored, self._others = mirrored, others
        here, there = admins or (None, None)
        self._source = Partitions(
            source, mirror.source, committed=mirror.exactly_once, patient=True, admin=here
        )
        # A copy is there before the mirror says so; that its transaction is over comes later.
        self._copy = Partitions(
            target, mirror.target, committed=False, patient=True, admin=there
        )

    def close(self) -> None:
        self._source.close()
        self._copy.close()

    def look(self) -> Look:
        """All of it, with few requests: it waits only where records seem to be missing. Raises
        LabError."""
        offsets = self._mirrored()
        here, there = self._source.sizes(), self._copy.sizes()
        places = [(topic, part) for topic, count in sorted(here.items())
                  if matches(self.mirror, topic) for part in range(count)]
        lows, ends = self._source.lows(places), self._source.ends(places)
        partitions = behind(self._source, offsets, lows, ends)
        found, strange = self._doubted(offsets, lows, there)
        if found:
            time.sleep(AGAIN_SECONDS)
            still, _ = self._doubted(self._mirrored(), self._source.lows(found), there)
            found = tuple(at for at in found if at in still)
        seen = Look(
            partitions, found, tuple(self._faults(found, here)),
            tuple(self._notes(offsets, partitions, here, there, strange)),
        )
        for one in (self._source, self._copy):
            one.unreadable.clear()  # the next look has its own
        return seen

    def newest(self, place: tuple[str, int]) -> Stamp | None:
        """The youngest record of a partition of the target; None where there is none."""
        found = self._copy.newest(place)
        self._copy.unreadable.pop(place, None)  # it is not one of the copies
        return found

    def lacking(self) -> tuple[At, ...]:
        """The partitions of which the mirror is past records that are not in the copy, as they are
        now: of a mirror that does not run. Raises LabError."""
        offsets = self._mirrored()
        here = self._source.sizes() if offsets else {}
        lows, first = self._source.heads([
            at for at in offsets if at[1] < here.get(at[0], 0) and matches(self.mirror, at[0])
        ])
        return self._doubted(offsets, lows, self._copy.sizes(), first)[0] if lows else ()

    def _heads(
        self, offsets: Mapping[At, int], lows: Mapping[At, int], there: Mapping[str, int],
        first: Mapping[At, Stamp],
    ) -> dict[At, Heads]:
        """The first records of mirrored partitions that have one, and of their copies."""
        copies = {at: self._there(at) for at in first}
        kept = [copy for copy in copies.values() if copy[1] < there.get(copy[0], 0)]
        low, head = self._copy.heads(kept)
        found = self._copy.since_each({
            copies[at]: one.timestamp for at, one in first.items() if copies[at] in low
        })
        known = self._source.since_each({
            at: head[copy].timestamp for at, copy in copies.items() if copy in head
        })
        return {
            at: Heads(
                offsets[at], Start(lows[at], *one),
                Start(low[copies[at]], *head.get(copies[at], ())) if copies[at] in low else None,
                found[copies[at]].timestamp if copies[at] in found else None,
                known[at].timestamp if at in known else None,
            )
            for at, one in first.items()
            if copies[at] not in self._copy.unreadable and at not in self._source.unreadable
        }

    def _doubted(
        self, offsets: Mapping[At, int], lows: Mapping[At, int], there: Mapping[str, int],
        first: Mapping[At, Stamp] | None = None,
    ) -> tuple[tuple[At, ...], tuple[At, ...]]:
        """Partitions whose copy lacks their first record, and those whose copy begins with a record
        that they do not have. Records are read only where times tell that it may be so. `first`:
        the first records of the source, where they are known."""
        if first is None:
            first = self._source.oldest([at for at in lows if at in offsets])
        heads = {at: one for at, one in self._heads(offsets, lows, there, first).items()
                 if one.doubtful or one.strange}
        if not heads:
            return (), ()
        compacted = self._source.compacted({topic for topic, _ in heads})
        heads = {at: one for at, one in heads.items() if at[0] not in compacted}
        copies = [self._there(at) for at, one in heads.items() if one.copy]
        ends, copy_ends = self._source.ends(heads), self._copy.ends(copies)
        missing, strange = [], []
        for at, one in heads.items():
            there_at = self._there(at)
            copy = None
            if one.copy and there_at in copy_ends:
                copy = Part(self._copy, there_at, one.copy.low, copy_ends[there_at])
            if one.doubtful and at in ends and (copy or not one.copy) and lacking(
                one.mirrored, Part(self._source, at, one.source.low, ends[at]), copy
            ):
                missing.append(at)
            if one.strange and copy and (head := copy.first(copy.low)) and not head.stamped:
                strange.append(at)
        return tuple(missing), tuple(strange)

    def _there(self, at: At) -> At:
        return remote_name(self.mirror, at[0]), at[1]

    def _faults(self, found: Iterable[At], here: Mapping[str, int]) -> Iterator[str]:
        """What is lost or mixed, in words."""
        source, target = self.mirror.source, self.mirror.target
        for topic, parts in _by_topic(found).items():
            yield (
                f"{remote_name(self.mirror, topic)} lacks records of {_named(topic, parts)} that "
                f"the mirror is past: the topic was made anew in {source}, or its copy was deleted "
                f"in {target}; run `fab mirror`, which mirrors it from its beginning"
            )
        for topic in too_long(self.mirror, here):
            yield (f"{topic} is not mirrored: its copy's name would have more than {LONGEST_TOPIC} "
                   f"characters")
        topics = {source: tuple(here), **{
            name: tuple(self._topics(name, endpoint)) for name, endpoint in self._others.items()
        }}
        for (place, copy), came in collisions(self.mirrors, topics).items():
            if place == target and any(one.endswith(f" of {source}") for one in came):
                yield (f"{copy} in {place} is the copy of {' and of '.join(came)}: their records "
                       f"are mixed; give each mirror `topics` of its own")

    def _topics(self, name: str, endpoint: Endpoint) -> Iterable[str]:
        partitions = Partitions(endpoint, name, committed=False)
        try:
            return partitions.sizes()
        finally:
            partitions.close()

    def _notes(
        self, offsets: Mapping[At, int], partitions: Iterable[PartitionLag],
        here: Mapping[str, int], there: Mapping[str, int], strange: Iterable[At],
    ) -> Iterator[str]:
        """What else a person should know, in words."""
        source, target = self.mirror.source, self.mirror.target
        gone = sorted({topic for topic, _ in offsets if topic not in here})
        for topic in gone:
            copy = remote_name(self.mirror, topic)
            if copy in there:
                yield f"{topic} is gone from {source}; its copy {copy} stays"
        anew = _by_topic((one.topic, one.partition) for one in partitions
                         if one.before is not None)
        for topic, parts in anew.items():
            yield (f"{_named(topic, parts)} was made anew in {source}: it is mirrored from its "
                   "beginning, and its copy keeps what is there")
        for topic in sorted({one.topic for one in partitions}):
            if remote_name(self.mirror, topic) not in there:
                yield f"{topic} has no copy in {target} yet"
        for topic, parts in _by_topic(strange).items():
            # A schema registry that follows another one writes into its journal when it starts.
            if topic not in anew and topic not in REGISTRY:
                yield (f"{remote_name(self.mirror, topic)} begins with records that "
                       f"{_named(topic, parts)} in {source} does not have: somebody else wrote "
                       "them, or they are of a topic that was deleted")
        for topic, why in left_out(self.mirror, self.mirrors, here).items():
            yield f"{topic} is not mirrored: {why}"
        for (topic, part), why in sorted(self._source.unreadable.items()):
            yield f"{topic}-{part} in {source} cannot be read: {why}"
        for (topic, part), why in sorted(self._copy.unreadable.items()):
            yield f"{topic}-{part} in {target} cannot be read: {why}"


def _by_topic(places: Iterable[At]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for topic, part in sorted(places):
        found[topic].append(part)
    return found


def _named(topic: str, parts: list[int]) -> str:
    """One partition by its number; of several, the topic is enough."""
    return f"{topic}-{parts[0]}" if len(parts) == 1 else topic
