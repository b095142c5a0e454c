"""What waits for a mirror in its source, and whether it moves. Looks from the workstation."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from lab.counted import counted
from lab.mirrors.connectors import SOURCE
from lab.mirrors.progress import CLOCK_S, At, Progress, Wait, reason, told
from lab.mirrors.topics import matches, remote_name
from lab.options.mirrors import Mirror, Mirroring
from scripts.clients.partitions import Part, Partitions
from scripts.drivers.driver import Site
from scripts.errors import LabError

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

PAUSE = 0.5
METADATA_SECONDS = 3.0
# A look reads one record of each partition in which some wait. When nothing moves at all, the first
# ones are enough to tell.
LOOKED_AT = 64
# What a worker says of its clients. A producer that cannot go on may say so 300 times a second.
LOG = """\
log=$(journalctl -q -u connect -o cat --no-pager -n 20000)
grep -E '^(WARN|ERROR) ' <<< "$log" | tail -n 500 || true  # none is an answer, too
"""


class Flow:
    """The records of one mirror on their way. Keeps connections: `close` it.

    position: tells the next offset to mirror of each partition. admin: a client of the source,
    where there is one.
    """

    def __init__(
        self, mirror: Mirror, source: Site, target: Site,
        position: Callable[[], Mapping[tuple[str, int], int]], admin: AdminClient | None = None,
    ) -> None:
        self.mirror, self.connector = mirror, f"{mirror.name}.{SOURCE}"
        self.source, self.target, self._position = source, target, position
        self.mirroring: Mirroring = source.lab.mirroring
        # What a mirror with transactions reads ends where the first open one of the source begins.
        self.partitions = Partitions(
            source.kafka.endpoint, mirror.source, committed=mirror.exactly_once, admin=admin
        )
        self._every: Partitions | None = None  # also of what is not committed
        self._empty: set[tuple[At, int, int]] = set()  # where only markers of transactions wait

    def close(self) -> None:
        self.partitions.close()
        if self._every is not None:
            self._every.close()

    def copy(self, at: At) -> At:
        """The partition's copy in the target."""
        return At(remote_name(self.mirror, at.topic), at.partition)

    def progress(self, *, trusting: bool = True) -> Progress:
        """By which looks at this mirror are weighed."""
        # Who looks for new topics once in ten minutes is given so long, but nobody waits for that.
        return Progress.by(self.mirroring, trusting=trusting)

    def look(
        self, but: Collection[str] = (), *, only: Collection[str] | None = None,
        most: int | None = None, younger: float | None = None,
    ) -> tuple[Wait, ...]:
        """Where records wait, in at most so many partitions, in `only` these topics or all without
        `but`, and without those where a record that is `younger`, in s, is the next one or has been
        copied: there something moved since. Raises LabError."""
        sizes = self.partitions.sizes(METADATA_SECONDS)
        places = [At(topic, number) for topic, count in sizes.items()
                  if topic not in but and (only is None or topic in only)
                  and matches(self.mirror, topic) for number in range(count)]
        extents, moved = self._outline(places, younger)
        waiting = [at for at, (low, end) in extents.items() if low < end and not moved(at, low)]
        if not waiting:  # in a new lab all records are young: nobody has to say where it stands
            return ()
        done = self._position()
        starts = {at: max(done.get(at, 0), extents[at][0]) for at in sorted(waiting)}
        return tuple(self._waits(
            [(at, at in done, start, extents[at][1]) for at, start in starts.items()
             if start < extents[at][1] and not moved(at, start)][:most]
        ))

    def _outline(
        self, places: Sequence[At], seconds: float | None
    ) -> tuple[dict[At, tuple[int, int]], Callable[[At, int], bool]]:
        """From where to where the partitions have records, and whether a record that says that it
        is younger stands at an offset of one or before it. No record is read for that: it would
        take a client of its own."""
        now = time.time()
        since = None if seconds is None else round((now - seconds) * 1000)
        extents, young = self.partitions.outlines(places, since)

        def moved(at: At, start: int) -> bool:
            one = young.get(at)
            return bool(one and one.offset <= start and one.timestamp <= (now + CLOCK_S) * 1000)

        return {At(*at): extent for at, extent in extents.items()}, moved

    def _waits(self, behind: Sequence[tuple[At, bool, int, int]]) -> Iterator[Wait]:
        for at, begun, start, end in behind:
            if (at, start, end) in self._empty:
                continue
            record = Part(self.partitions, at, start, end).first(start)
            if record is None:
                self._empty.add((at, start, end))
            else:
                yield Wait(at, record.offset, time.time() - record.timestamp / 1000, begun)

    def standing(
        self, progress: Progress, but: Collection[str] = (), *, patient: bool = True
    ) -> tuple[Wait, ...]:
        """Where nothing moves for `stall_s`: waits for that, if `patient`, but only while it may be
        so. Raises LabError."""
        while True:
            found = progress.weigh(time.monotonic(), self.look(
                but, most=LOOKED_AT, younger=progress.seconds if progress.trusting else None
            ))
            if found or not (patient and self.worth_waiting(progress)):
                return found
            time.sleep(PAUSE)  # a look costs the source and the workers requests

    def worth_waiting(self, progress: Progress) -> bool:
        """Whether a later look may find that nothing moves, within `stall_s` or little more."""
        long = self.mirroring.refresh_s > self.mirroring.stall_s
        return any(one.begun or not long for one in progress.doubtful)

    def why(self, standing: Collection[Wait]) -> str:
        """Where and for how long nothing moves, in words, and what the workers' log says of it."""
        text = told(standing, self.mirroring.stall_s)
        names = [str(at) for one in standing for at in (self.copy(one.at), one.at)]
        said = reason(self.log(), self.connector, names)
        return f"{text}: {said}" if said else text

    def log(self) -> Iterator[str]:
        """Warnings and errors of all workers, of each the last ones."""
        for host in self.target.carriers("connect"):
            try:
                answer = self.target.fleet[host.name].script(LOG, label="log of connect")
            except LabError:  # that it does not answer is told elsewhere
                continue
            yield from answer.stdout.splitlines()

    def held_up(self, seconds: float) -> Iterator[str]:
        """Transactions of the source that are open for so long and hold records back, in words.

        Raises LabError. The mirror is not to blame: nobody may see what is behind them yet.
        """
        if not self.mirror.exactly_once:
            return
        if self._every is None:
            self._every = Partitions(
                self.source.kafka.endpoint, self.mirror.source, committed=False)
        every = self._every
        sizes = every.sizes()
        places = [At(topic, number) for topic, count in sizes.items()
                  if matches(self.mirror, topic) for number in range(count)]
        stable = self.partitions.ends(places)
        for place, end in every.ends(stable).items():
            first = stable[place]
            if first >= end:
                continue
            record = Part(every, place, first, end).first(first)
            age = time.time() - record.timestamp / 1000 if record else 0.0
            if age >= seconds:
                yield (f"{At(*place)}: a transaction of {self.mirror.source} that began at "
                       f"offset {first}, {age:.0f} s ago, is still open, and nobody may read "
                       f"what follows ({counted(end - first, 'offset')}); the mirror goes on when "
                       "it ends")
