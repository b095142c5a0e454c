"""The record of what the lab made in a cluster, and of what it set there.

It is a compacted topic of the cluster itself: whoever runs the lab finds it, wherever their state
folder is. A topic goes by its name, all else by its kind and its name, "user app": no topic has a
space in its name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lab.services.kafka import internal_factor
from scripts.clients.kafka import client_settings, keep_topic
from scripts.clients.records import read_partition
from scripts.drivers.driver import Site
from scripts.errors import LabError, one_line

RECORD = "__kafkalab"
FLUSH_SECONDS = 30.0


@dataclass(frozen=True)
class Noted:
    """One thing that the lab made: the names of what it set, and a digest where one is kept."""

    config: tuple[str, ...]
    digest: str = ""


class Record:
    """The record in one cluster."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def read(self) -> dict[str, Noted]:
        """All that the lab made."""
        found: dict[str, Noted] = {}
        for key, value in read_partition(self.site.kafka.endpoint, RECORD):
            if value is None:
                found.pop(key, None)
            else:
                said = json.loads(value)
                found[key] = Noted(tuple(said["config"]), said.get("digest", ""))
        return found

    def note(self, name: str, config: Iterable[str] | None, digest: str = "") -> None:
        """Write that something is the lab's; None takes it out. Raises LabError."""
        from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

        endpoint, factor = self.site.kafka.endpoint, internal_factor(self.site.datacenter)
        keep_topic(
            endpoint, RECORD, partitions=1, replication=(factor, max(1, factor - 1)),
            config={"cleanup.policy": "compact"}, where=self.site.name,
        )
        failures: list[str] = []

        def delivered(error: Any, message: Any) -> None:
            del message
            if error is not None:
                failures.append(one_line(error))

        producer = Producer(client_settings(endpoint, acks="all", **{
            "message.timeout.ms": int(FLUSH_SECONDS * 1000),
        }))
        said = None if config is None else {
            "config": sorted(config), **({"digest": digest} if digest else {}),
        }
        producer.produce(RECORD, None if said is None else json.dumps(said), key=name, partition=0,
                         on_delivery=delivered)
        if producer.flush(FLUSH_SECONDS) or failures:
            raise LabError(
                f"{RECORD} cannot be written ({failures[0] if failures else 'no answer'})",
                where=self.site.name, hint="see `fab status`",
            )
