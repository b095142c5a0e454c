"""How far a mirror's source connector has come, by Connect's own record."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from lab.mirrors.connectors import SOURCE
from lab.options.mirrors import Mirror
from lab.services.connect import PORT, offsets_topic
from scripts.clients.http import HttpError
from scripts.clients.partitions import Partitions
from scripts.drivers.driver import Site
from scripts.drivers.lag import mirrored

ANSWER_SECONDS = 3.0
RECORD_SECONDS = 1.0  # most answers take a tenth; what is read past a worker is as good
REBALANCE_SECONDS = 1.0  # workers that have new connectors may go on for ten
PAUSE = 0.2
MOVING = 409  # workers hand connectors out anew
SILENT = (500, 503)  # no answer in time: from here, or from the worker that was to ask another


class Position:
    """The next offset to mirror of each partition, whenever it is called.

    A worker answers only when it can read its record to the end. It cannot while a task's
    transaction is open in there, and that of a task that tries one batch for ever stays open: then
    the record is read past the worker, as far as it is committed. So it is while workers hand out
    connectors anew, which answer nothing until that is over.
    """

    def __init__(self, mirror: Mirror, target: Site) -> None:
        self.mirror, self.target = mirror, target
        worker = target.carriers("connect")[0]
        self.rest = target.http(worker, PORT, "connect", ANSWER_SECONDS)
        self.record = target.http(worker, PORT, "connect", RECORD_SECONDS)
        self._past = False
        self._last: dict[tuple[str, int], int] | None = None

    def last(self) -> dict[tuple[str, int], int]:
        """The answer of the last call, or a first one: for who asks right after somebody else, and
        to whom an older answer is as good. Raises LabError."""
        return self() if self._last is None else self._last

    def __call__(self) -> dict[tuple[str, int], int]:
        """Raises LabError."""
        self._last = self._asked()
        return self._last

    def _asked(self) -> dict[tuple[str, int], int]:
        deadline = time.monotonic() + REBALANCE_SECONDS
        while not self._past:
            try:
                return mirrored(self.record, self.mirror)
            except HttpError as error:
                if error.status in SILENT:
                    self.rest("GET", "/connectors")  # whether it answers at all
                    self._past = True
                elif error.status != MOVING:
                    raise
                elif time.monotonic() > deadline:
                    break
            time.sleep(PAUSE)
        return self._read()

    def _read(self) -> dict[tuple[str, int], int]:
        topic, cluster = offsets_topic(self.target.name), self.target.kafka
        there = Partitions(cluster.endpoint, self.target.name, committed=True)
        found: dict[tuple[str, int], int] = {}
        try:
            places = [(topic, part) for part in range(there.sizes().get(topic, 0))]
            lows, ends = there.lows(places), there.ends(places)
            for place in places:
                messages = there.messages(place, lows[place], ends[place])
                found |= noted(
                    ((one.key(), one.value()) for one in messages), f"{self.mirror.name}.{SOURCE}"
                )
        finally:
            there.close()
        return found


def noted(
    records: Iterable[tuple[Any, Any]], connector: str
) -> dict[tuple[str, int], int]:
    """The next offset to mirror of each partition, by the keys and contents of Connect's record:
    `["NAME", {"topic": …, "partition": …}]` and `{"offset": …}`, the newest last."""
    found: dict[tuple[str, int], int] = {}
    for key, content in records:
        name, place = json.loads(key)
        if name != connector or "topic" not in place:
            continue
        at = place["topic"], int(place["partition"])
        if content is None:
            found.pop(at, None)
        else:
            found[at] = int(json.loads(content)["offset"]) + 1
    return found
