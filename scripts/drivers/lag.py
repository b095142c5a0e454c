"""How far a mirror is behind: what its source connector has carried against what the source has."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.mirrors.connectors import SOURCE
from lab.options.mirrors import Mirror
from scripts.clients.partitions import Partitions

At = tuple[str, int]


@dataclass(frozen=True)
class PartitionLag:
    """One partition: the source's end, the next offset to mirror, and how old what waits is.

    `waits`: whether a record stands there, and not only the markers of transactions. `before`: the
    offset that the connector has of a topic that bore this name before, where it is further on.
    """

    topic: str
    partition: int
    source_end: int
    mirrored: int
    seconds: float
    waits: bool = False
    before: int | None = None

    @property
    def records(self) -> int:
        """Offsets from the next one to the end, markers included; 0 where no record waits."""
        return self.source_end - self.mirrored if self.waits else 0


def mirrored(rest: Callable[[str, str], Any], mirror: Mirror) -> dict[At, int]:
    """The next offset to mirror of each partition, from the source connector's own record.

    `rest` asks the workers of the target. Raises HttpError.
    """
    found = rest("GET", f"/connectors/{mirror.name}.{SOURCE}/offsets")
    return {
        (one["partition"]["topic"], int(one["partition"]["partition"])):
            int(one["offset"]["offset"]) + 1
        for one in found["offsets"] if one.get("offset")
    }


def behind(
    source: Partitions, offsets: Mapping[At, int], lows: Mapping[At, int], ends: Mapping[At, int],
) -> tuple[PartitionLag, ...]:
    """The lag in each partition that has a low and an end: all of it where the mirror has carried
    nothing, and where its offset is that of a topic that was longer and is gone.

    MirrorMaker, too, begins anew at an offset that is behind the end.
    """
    known = sorted(lows.keys() & ends.keys())
    before = {at: offsets[at] for at in known if offsets.get(at, 0) > ends[at]}
    start = {at: lows[at] if at in before else max(offsets.get(at, 0), lows[at]) for at in known}
    waiting = source.firsts({at: start[at] for at in known if start[at] < ends[at]})
    now = time.time()
    return tuple(
        PartitionLag(
            *at, ends[at], start[at] if at in before else offsets.get(at, lows[at]),
            max(round(now - waiting[at].timestamp / 1000, 3), 0.0) if at in waiting else 0.0,
            at in waiting, before.get(at),
        ) for at in known
    )
