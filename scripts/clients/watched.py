"""A cluster that is looked at again and again: each answer as it came, none waited for for long."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.endpoint import Endpoint
from scripts.clients import replicas
from scripts.clients.brokers import Brokers
from scripts.clients.coordinators import Known, known
from scripts.clients.kafka import admin_client, silent
from scripts.errors import LabError, one_line

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

    from scripts.clients.partitions import Partitions

ANSWER_SECONDS = 2.0
AGAIN_SECONDS = 1.0  # for brokers that are there, when another was silent
# A broker is silent that takes so many times as long as the one before, and this at least: whoever
# waits longer for one that was killed shows late where its partitions have gone.
PATIENCE, PATIENCE_SECONDS = 5, 0.5
At = tuple[str, int]


@dataclass(frozen=True)
class Placed:
    """Where a partition is; leader None: nobody leads it."""

    leader: int | None
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


@dataclass(frozen=True)
class Metadata:
    """One answer to a metadata request: brokers that serve, the controller, every partition."""

    brokers: frozenset[int]
    controller: int
    partitions: Mapping[At, Placed]


class Watched:
    """One cluster through its endpoint. What is of the whole cluster (metadata, groups) raises
    LabError where nobody answers; of offsets those that nobody tells are left out."""

    def __init__(self, endpoint: Endpoint, where: str) -> None:
        self.endpoint, self.where = endpoint, where
        self.brokers = Brokers(endpoint)
        self._admin: AdminClient | None = None
        self._reader: Partitions | None = None
        self._took = ANSWER_SECONDS

    @property
    def admin(self) -> AdminClient:
        if self._admin is None:
            self._admin = admin_client(self.endpoint)
        return self._admin

    @property
    def reader(self) -> Partitions:
        """Who reads records; a client of its own, made when it is first asked for one."""
        from scripts.clients.partitions import Partitions  # noqa: PLC0415 - most labs need none

        if self._reader is None:
            self._reader = Partitions(self.endpoint, self.where, committed=False, patient=True,
                                      admin=self.admin)
        return self._reader

    def metadata(self) -> Metadata:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        try:
            found = self._listed()
        except KafkaException as error:
            raise LabError(f"no broker answers ({one_line(error)})", where=self.where) from error
        return Metadata(frozenset(found.brokers), found.controller_id, {
            (name, part.id): Placed(
                part.leader if part.leader >= 0 else None, tuple(part.replicas), tuple(part.isrs),
            )
            for name, topic in found.topics.items() for part in topic.partitions.values()
        })

    def _listed(self) -> Any:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        patience = min(max(PATIENCE * self._took, PATIENCE_SECONDS), ANSWER_SECONDS)
        began = time.monotonic()
        try:
            found = self.admin.list_topics(timeout=patience)
        except KafkaException as error:
            if not silent(error):
                raise
            self._admin, self._took = None, ANSWER_SECONDS  # the next client has to connect
        else:
            self._took = time.monotonic() - began
            return found
        return self.admin.list_topics(timeout=AGAIN_SECONDS)

    def ends(self, wanted: Mapping[int, Iterable[At]]) -> dict[tuple[int, At], int]:
        """The offset after the last record of each broker's log of its partitions."""
        return replicas.ends(self.brokers, wanted)

    def starts(self, wanted: Mapping[int, Iterable[At]]) -> dict[tuple[int, At], int]:
        """The first offset that each broker's log keeps."""
        return replicas.starts(self.brokers, wanted)

    def groups(self, among: Collection[int]) -> Known:
        """Every group of consumers that one of these brokers coordinates."""
        return known(self.brokers, self.where, among=among)
