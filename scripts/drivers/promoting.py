"""The lead among two schema registries: handed over, and brought home with the journal.

Each step harms nothing where it is done already, so a hand-over that was cut off is completed by
the next one. Until the journal of the first one is whole again, the other's is the one that counts.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from lab.counted import counted
from lab.schemas import JOURNAL
from lab.services.leading import NAME, bridge, journal
from lab.services.schemas import topic_settings
from lab.services.topics import replication
from scripts.clients.kafka import client_settings, keep_topic, settle
from scripts.clients.partitions import Partitions
from scripts.clients.schemas import Schemas
from scripts.drivers.anew import past, standing_still
from scripts.drivers.driver import Site
from scripts.drivers.schemas import schemas
from scripts.drivers.workers import Workers
from scripts.errors import LabError
from scripts.workstation.waiting import wait_until

ARRIVE_SECONDS = 60.0
GONE_SECONDS = 60.0
STOP_SECONDS = 60.0
FLUSH_SECONDS = 60.0
START = "Bootstrap"  # what a registry writes when it starts, which says nothing of schemas


class Lead:
    """Both registries of a lab: `first` is the lab file's leader, `second` follows it."""

    def __init__(self, first: Site, second: Site) -> None:
        mirror = bridge(first.lab)
        if mirror is None:
            raise LabError(f"nothing is mirrored from {first.name} to {second.name}")
        self.first, self.second, self.mirror = first, second, mirror
        self.copy = journal(first.lab, second.name)

    def registry(self, site: Site) -> Schemas:
        return schemas(site, site.carriers(NAME)[0])

    # -- to the second

    def arrived(self) -> None:
        """Wait until the second one has all that the first one has written. Raises LabError."""
        at, position = (JOURNAL, 0), Workers(self.second).position(self.mirror)
        with closing(self._partitions(self.first)) as there:
            wait_until(
                lambda: position().get(at, 0) >= there.ends([at]).get(at, 0),
                timeout=ARRIVE_SECONDS, where=self.mirror.name,
                message=f"{JOURNAL} of {self.first.name} has not come across (see `fab "
                        "mirror.status`)",
            )

    def hold(self) -> None:
        """From here on the mirror does not copy the journal. Raises LabError.

        It is stopped for that: Connect gives a connector whose source is gone no other tasks, and
        the old ones would go on with the journal once the source is back.
        """
        workers = Workers(self.second)
        with standing_still(self.mirror, self.second, workers) as name:
            workers.ask(name)

    def take(self) -> None:
        """The second one takes schemas. Raises LabError."""
        registry = self.registry(self.second)
        registry.ready()
        if registry.closed():
            registry.open()

    # -- home to the first

    def close(self) -> None:
        """The second one takes schemas no more. Raises LabError."""
        registry = self.registry(self.second)
        registry.shut()
        if not registry.closed():
            raise LabError(f"the schema registry of {self.second.name} does not become read-only",
                           where=self.second.name, hint=f"`fab {NAME}`, then run it again")

    def unsent(self) -> list[str]:
        """What the first one was told and the second one never heard of, as the kinds of what its
        journal has. Raises LabError."""
        known = {one.value() for one in self.records(self.second, self.copy)}
        found = (kind(one) for one in self.records(self.first, JOURNAL)
                 if one.value() not in known)
        return [one for one in found if not one.startswith(START)]

    def bring(self) -> int:
        """Give the first one a journal that is made from the second one's; of how many records.

        Its registry stands still meanwhile, and until it is started as the lab file says. Raises
        LabError.
        """
        records = self.records(self.second, self.copy)
        if not records:
            raise LabError(f"{self.copy} is empty", where=self.second.name,
                           hint="see `fab registry.status`")
        workers = Workers(self.second)
        with standing_still(self.mirror, self.second, workers) as name:
            for host in self.first.carriers(NAME):
                stop = shlex.join(["systemctl", "stop", f"{NAME}.service"])
                self.first.fleet[host.name].script(
                    f"{stop}\n", label=f"stop {NAME}", timeout=STOP_SECONDS)
            self._anew()
            self._write(records)
            # What is there now came from the target: the mirror has to go on behind it.
            workers.patiently("PATCH", f"/connectors/{name}/offsets",
                              past(self.mirror, (JOURNAL, 0), len(records)))
        return len(records)

    def records(self, site: Site, topic: str) -> list[Any]:
        """All that a journal has, the oldest first. Raises LabError."""
        place = (topic, 0)
        with closing(self._partitions(site)) as there:
            if topic not in there.sizes():
                return []
            low, end = there.lows([place])[place], there.ends([place])[place]
            return list(there.messages(place, low, end))

    def _partitions(self, site: Site) -> Partitions:
        return Partitions(site.kafka.endpoint, site.name, committed=True)

    def _anew(self) -> None:
        """The first one's journal, empty. Raises LabError."""
        cluster, where = self.first.kafka, self.first.name

        def gone() -> bool:
            return JOURNAL not in cluster.admin.list_topics(timeout=10).topics

        if not gone():
            settle(cluster.admin.delete_topics([JOURNAL], request_timeout=30), where)
            wait_until(gone, timeout=GONE_SECONDS, where=where, message=f"{JOURNAL} does not go")
        keep_topic(
            cluster.endpoint, JOURNAL, partitions=1, where=where,
            replication=replication(self.first.lab, self.first.datacenter),
            config=topic_settings(self.first.lab, self.first.datacenter),
        )

    def _write(self, records: Sequence[Any]) -> None:
        from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

        failed: list[Any] = []

        def delivered(error: Any, message: Any) -> None:
            if error is not None:
                failed.append(error)

        producer = Producer(client_settings(self.first.kafka.endpoint, **{
            "acks": "all", "enable.idempotence": True, "message.timeout.ms": 60_000,
        }))
        for one in records:
            producer.produce(
                JOURNAL, one.value(), one.key(), partition=0, headers=one.headers() or [],
                timestamp=one.timestamp()[1], on_delivery=delivered,
            )
        left = producer.flush(FLUSH_SECONDS)
        if left or failed:
            raise LabError(f"{counted(left + len(failed), 'record')} of {JOURNAL} could not be "
                           "written", where=self.first.name, hint="run it again")


def kind(message: Any) -> str:
    """What a record of the journal is, by its key: `CreateArtifact10`, say."""
    try:
        key: Mapping[str, Any] = json.loads(message.key() or b"{}")
        return str(key.get("messageType", ""))
    except (ValueError, AttributeError):
        return ""
