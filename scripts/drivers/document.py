"""Proof of a sink: what is written into a topic is found in its store."""

from __future__ import annotations

import json
import secrets
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from lab.options.sinks import DOCUMENT
from lab.services.topics import replication
from scripts.clients.kafka import client_settings, keep_topic
from scripts.drivers.driver import Report, Site
from scripts.errors import LabError, TimeoutExpired, one_line
from scripts.workstation.waiting import wait_until

PROVE_SECONDS = 90.0
PROOF_RETENTION_MS = 600_000


class Holding(Protocol):
    """What a store has, as far as a proof asks it. Raises HttpError."""

    def count(self, place: str) -> int:
        """How much is in an index or a table; none where that is not there."""

    def find(self, place: str, run: str) -> str | None:
        """The name of what a proof wrote there, if it is there."""

    def remove(self, place: str, name: str) -> None:
        """Take that away."""


Store = Callable[[], Holding]
AVRO_SCHEMA = (
    '{"type": "record", "name": "Proof", "namespace": "kafkalab", '
    '"fields": [{"name": "proof", "type": "string"}]}'
)


def in_json(text: str) -> bytes:
    """A record's value whose field `proof` is a text."""
    return json.dumps({"proof": text}).encode()


def in_avro(text: str, number: int) -> bytes:
    """The same in Avro, by AVRO_SCHEMA, of which this is the id; of at most 63 letters, whose count
    is one byte then (Avro specification, "Binary Encoding")."""
    data = text.encode()
    return struct.pack(">bI", 0, number) + bytes([len(data) << 1]) + data


class Proof:
    """That what is written into one cluster becomes a document or row, perhaps through a mirror."""

    def __init__(
        self, connector: str, *, store: Store, source: Site, index: str, topic: str,
        becomes: str = DOCUMENT, encoded: Callable[[str], bytes] = in_json,
    ) -> None:
        """topic: where it is written. encoded: a record's value whose field `proof` is a text."""
        self.store, self.source, self.becomes = store, source, becomes
        self._topic, self._encoded = topic, encoded
        self.name = f"{connector} from {source.name}"
        self._index = index
        self._run = f"proof{secrets.token_hex(6)}"

    @property
    def what(self) -> str:
        """What it proves, in words."""
        return f"record to {self.becomes}"

    def prepare(self) -> None:
        """Its topic: mirrors look for new ones only now and then."""
        keep_topic(
            self.source.kafka.endpoint, self._topic, partitions=1,
            replication=replication(self.source.lab, self.source.datacenter),
            config={"retention.ms": str(PROOF_RETENTION_MS)}, where=self.source.name,
        )

    def prove(self, report: Report) -> None:
        report.check("sinks", self.what, self.document)

    def document(self) -> str:
        """Write a record and search for it; what was seen. Raises LabError."""
        self.prepare()
        value = self._encoded(self._run)
        began = time.monotonic()
        self._write(value)
        last = f"the store has no such {self.becomes}"
        found: list[str] = []

        def there() -> bool:
            nonlocal last
            try:
                name = self.store().find(self._index, self._run)
            except LabError as error:
                last = error.what
                return False
            found[:] = [] if name is None else [name]
            return bool(found)

        try:
            wait_until(there, timeout=PROVE_SECONDS)
        except TimeoutExpired:
            raise LabError(
                f"a record of {self.source.name} is no {self.becomes} of {self._index} after "
                f"{PROVE_SECONDS:g} s: {last}", where=self.source.name,
                hint="see `fab sink.status` and `fab connect.status`",
            ) from None
        seconds = time.monotonic() - began
        with suppress(LabError):  # it has served
            self.store().remove(self._index, found[0])
        return f"one of {self.source.name} was found in {self._index} after {seconds:.1f} s"

    def _write(self, value: bytes) -> None:
        from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

        failures: list[str] = []
        producer = Producer(client_settings(self.source.kafka.endpoint, acks="all", **{
            "message.timeout.ms": int(PROVE_SECONDS * 1000), "linger.ms": 0,
        }))
        producer.produce(
            self._topic, value, key=self._run, partition=0,
            on_delivery=lambda error, _: failures.append(one_line(error)) if error else None,
        )
        if producer.flush(PROVE_SECONDS) or failures:
            raise LabError(
                f"{self._topic} cannot be written ({failures[0] if failures else 'no answer'})",
                where=self.source.name, hint="see `fab status`",
            )

    def forget(self) -> None:
        """The topic stays: one that comes and goes makes every mirror rebalance."""
