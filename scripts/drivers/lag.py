"""How far a mirror is behind: what its source connector has carried against what the source has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.endpoint import Endpoint
from lab.mirrors.connectors import SOURCE
from lab.options.mirrors import Mirror
from scripts.clients.kafka import admin_client
from scripts.clients.records import time_at


@dataclass(frozen=True)
class PartitionLag:
    """One partition: the source's end, the next offset to mirror, and how old what waits is.

    `waits`: whether a record stands there, and not only the marker of a transaction.
    """

    topic: str
    partition: int
    source_end: int
    mirrored: int
    seconds: float
    waits: bool = False

    @property
    def records(self) -> int:
        return max(self.source_end - self.mirrored, 0)


def mirrored(rest: Callable[[str, str], Any], mirror: Mirror) -> dict[tuple[str, int], int]:
    """The next offset to mirror of each partition, from the source connector's own record.

    `rest` asks the workers of the target. Raises HttpError.
    """
    found = rest("GET", f"/connectors/{mirror.name}.{SOURCE}/offsets")
    return {
        (one["partition"]["topic"], int(one["partition"]["partition"])):
            int(one["offset"]["offset"]) + 1
        for one in found["offsets"] if one.get("offset")
    }


def lags(source: Endpoint, offsets: Mapping[tuple[str, int], int]) -> Iterable[PartitionLag]:
    """Each partition of `offsets` that the source has; one that is gone leaves its copy."""
    from confluent_kafka import TopicPartition  # noqa: PLC0415 - 50 ms
    from confluent_kafka.admin import OffsetSpec  # noqa: PLC0415 - 50 ms

    if not offsets:
        return
    admin = admin_client(source)
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    wanted = {TopicPartition(t, p): latest for t, p in sorted(offsets)}
    for place, future in admin.list_offsets(wanted, request_timeout=10).items():
        if future.exception(timeout=15) is not None:
            continue
        stop, next_one = future.result().offset, offsets[place.topic, place.partition]
        record = None
        if stop > next_one:
            record = time_at(source, place.topic, place.partition, next_one)
        age = max(time.time() - record / 1000, 0.0) if record else 0.0
        yield PartitionLag(
            place.topic, place.partition, stop, next_one, round(age, 3), record is not None
        )
