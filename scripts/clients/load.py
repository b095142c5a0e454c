"""Writes a workload at its pace, as a careful application does: acks=all, and idempotent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from lab.endpoint import Endpoint
from lab.load import Load, Tally
from scripts.clients.kafka import client_settings, unknown
from scripts.errors import one_line

TICK_S = 0.01
# A record that was not acknowledged for so long has failed.
GIVE_UP_MS = 30_000
FLUSH_S = GIVE_UP_MS / 1000 + 5
# A producer that could not send makes up for no more than this; the rest of the pace is lost.
CATCH_UP_S = 1.0


class Writer:
    """`tally` says what became of the records so far. `clock` counts seconds."""

    def __init__(
        self, endpoint: Endpoint, topic: str, load: Load,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        from confluent_kafka import Producer  # noqa: PLC0415 - 50 ms

        self.topic, self.load, self.tally = topic, load, Tally()
        self.clock, self._given_up = clock, 0
        self.fatal = ""
        self._again: list[tuple[str, str, float]] = []
        self._unknown_since: float | None = None
        self._producer = Producer(client_settings(endpoint, **{
            "acks": "all", "enable.idempotence": True, "linger.ms": 5,
            "message.timeout.ms": GIVE_UP_MS, "client.id": "kafkalab-load",
            # Keys lie in the partitions where Java's producers have them, too.
            "partitioner": "murmur2_random",
        }))

    def run(self, duration: float | None, stopped: Callable[[], bool]) -> Iterator[tuple[int, int]]:
        """Send until `duration` is over (None: without end) or `stopped` says so.

        Yields after each second: its number, and how many records were sent in it.
        """
        began, second, before = self.clock(), 1, 0
        while not stopped() and not self.fatal:
            elapsed = self.clock() - began
            over = duration is not None and elapsed >= duration
            self._send(duration if over and duration is not None else elapsed)
            self._producer.poll(TICK_S)
            if elapsed >= second:
                yield second, self.tally.sent - before
                self.tally.next_second()
                second, before = int(elapsed) + 1, self.tally.sent
            if over:
                return

    def end(self) -> None:
        """Wait until every record is acknowledged or has failed."""
        self._producer.flush(FLUSH_S)
        if self._again and self._sent_again():
            self._producer.flush(FLUSH_S)

    def _send(self, elapsed: float) -> None:
        """Whatever is due by now; the numbers go on without a gap, whatever is given up."""
        due = self.load.due(elapsed)
        most = max(self.load.due(elapsed + CATCH_UP_S) - due, self.load.rate)
        self._given_up = max(self._given_up, due - self.tally.sent - most)
        if not self._sent_again():
            return
        while self.tally.sent + self._given_up < due:
            key, value = self.load.record(self.tally.sent)
            if not self._produced(key, value, self.clock()):
                return
            self.tally.sent += 1

    def _sent_again(self) -> bool:
        """Whether all went to the producer once more that it gave back without having sent it."""
        while self._again:
            if not self._produced(*self._again[0]):
                return False
            del self._again[0]
        return True

    def _produced(self, key: str, value: str, sent: float) -> bool:
        """Whether the producer took a record; else it does later, or never (`fatal`)."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - 50 ms

        try:
            self._producer.produce(
                self.topic, value, key, on_delivery=partial(self._delivered, key, value, sent),
            )
        except BufferError:  # its queue is full: the cluster takes nothing for the moment
            return False
        except KafkaException as error:
            self._unknown_since = self._unknown_since or self.clock()
            given_up = self.clock() - self._unknown_since >= GIVE_UP_MS / 1000
            if given_up or not unknown(error.args[0]):
                self.fatal = one_line(error)  # it will never send again
            return False
        self._unknown_since = None
        return True

    def _delivered(self, key: str, value: str, sent: float, error: Any, message: Any) -> None:
        del message
        if error is None:
            self.tally.acknowledged(self.clock() - sent)
        elif unknown(error):
            self._again.append((key, value, sent))
        else:
            self.tally.failed(one_line(error))
