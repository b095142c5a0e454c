"""What a drill of a sink has for itself: a connector, an index or table, dead letters, and who
looks.

The connector has the settings of the sink that is tried, but for its topic, its index and where
dead letters go, so nothing of what the lab's own sinks have written is touched. It bears the lab's
mark: `fab up` removes one that a drill has left behind.
"""

from __future__ import annotations

import time
from contextlib import closing, suppress
from typing import Any

from lab.drills.log import Kept, Log, Refused, Seen
from lab.drills.sink import NAMES, content, malformed, name, refused
from lab.options.sinks import Sink
from lab.services.sinks import rehearsed, store_host
from lab.services.topics import replication
from lab.topology import Host
from scripts.clients.http import HttpError
from scripts.clients.kafka import forget_group, keep_topic
from scripts.clients.partitions import Partitions
from scripts.drills.clients import Client, Place, Writer
from scripts.drills.stock import INDEX, Stock, stock
from scripts.drills.topics import RETENTION_MS, committed
from scripts.drivers.asked import reaches
from scripts.drivers.driver import Site
from scripts.drivers.sinks import letter
from scripts.drivers.workers import MARK, Workers
from scripts.errors import LabError
from scripts.workstation.waiting import wait_until

LETTERS = "kafkalab-drill.dead-letters"
LOOK_S = 0.1
RUN_S, LEFT_S, READ_S = 120.0, 60.0, 300.0


class DocumentWriter(Writer):
    """Writes what becomes documents (or rows, as `becomes` has it), and now and then what does not.
    """

    def __init__(self, log: Log, run: str, place: Place, rate: int, *, becomes: str) -> None:
        super().__init__(log, run, place, rate)
        self._becomes = becomes

    def key(self, number: int) -> str:
        return name(number)

    def value(self, number: int, sent: float) -> bytes:
        return content(self.run_id, number, sent, becomes=self._becomes)


class Finder(Client):
    """Looks into the store for what is new, ten times a second, as somebody would who waits for it;
    at most half of the time.

    `there` are the numbers of all records that were found. With documents by key, one stands for
    the earlier records of its key as well.
    """

    def __init__(self, log: Log, carrier: Carrier, origin: str) -> None:
        super().__init__("finder")
        self.log, self._carrier, self._origin = log, carrier, origin
        self.there: set[int] = set()
        self._next: dict[int, int] = {}  # by key: the first record that was not found yet
        self._stock, self._took = carrier.stock(), 0.0

    def work(self) -> None:
        self.stopping.wait(max(LOOK_S, self._took))
        began = time.monotonic()
        with suppress(LabError):
            found, now = self._stock.fresh(), time.time()
            for one in found:
                self._note(one, now)
        self._took = time.monotonic() - began

    def holds(self, number: int) -> bool:
        """Whether a record is where it belongs; dead letters are counted at the end."""
        return number in self.there or malformed(number)

    def _note(self, one: Kept, now: float) -> None:
        slot = one.number % NAMES
        first = self._next.get(slot, slot) if self._carrier.by_key else one.number
        for number in range(first, one.number + 1, NAMES):
            if number not in self.there and not malformed(number):
                self.there.add(number)
                self.log.indexed.append(Seen(
                    number, number % self.log.keys, now, self._carrier.sink.called, self._origin, -1
                ))
        self._next[slot] = max(first, one.number + NAMES)


class Carrier:
    """The drill's own connector, as `sink` in all but what it reads: `topic`, in `place`."""

    def __init__(self, sink: Sink, site: Site, place: Place, topic: str, run: str) -> None:
        self.sink, self.site, self.place, self.topic = sink, site, place, topic
        self._run = run
        self.name = f"kafkalab-drill-{sink.called}"
        self.by_key = sink.by_key
        self._workers = Workers(site)

    @property
    def host(self) -> Host:
        """The host of the store."""
        return store_host(self.sink, self.site.datacenter)

    def stock(self) -> Stock[Any]:
        """What the store has of this."""
        return stock(self.sink, self.site, self._run)

    def worker(self) -> Host:
        """The host of the worker that has the connector's first task. Raises LabError."""
        found = self._workers.patiently("GET", f"/connectors/{self.name}/status")
        tasks = [task["worker_id"].rsplit(":", 1)[0] for task in found["tasks"]]
        carriers = self.site.carriers("connect")
        return next((host for host in carriers if host.fqdn in tasks[:1]), carriers[0])

    def settings(self) -> dict[str, str]:
        """The connector's."""
        return rehearsed(
            self.sink, self.site.context, name=self.name, topic=self.topic, index=INDEX,
            letters=LETTERS,
        )

    def prepare(self) -> None:
        """Have all of it there, with nothing in it. Raises LabError."""
        keep_topic(
            self.place.endpoint, LETTERS, partitions=1, where=self.place.name,
            config={"retention.ms": str(RETENTION_MS)},
            replication=replication(self.site.lab, self.site.datacenter),
        )
        self.remove()
        self._begin()

    def remove(self) -> None:
        """The connector, how far it had come, and what it has written. Raises LabError."""
        self._end()
        self.stock().drop()

    def replay(self) -> None:
        """Let it read everything once more, and wait until it has. Raises LabError."""
        self._end()
        self._begin()
        wait_until(
            self.idle, timeout=READ_S, pause=0.5, where=self.site.name,
            message=f"{self.name} has not read {self.topic} again",
        )

    def idle(self) -> bool:
        """Whether it has read all that there is. Raises LabError."""
        found = reaches(self.site, self._workers, [self.name])[self.name]
        return bool(found) and not any(one.lag for one in found)

    def kept(self) -> list[Kept]:
        """Every document or row, in the order of names. Raises LabError."""
        return sorted(self.stock().every())

    def letters(self) -> list[Refused]:
        """The run's records in the dead letter topic. Raises LabError."""
        found = []
        with closing(Partitions(self.place.endpoint, self.place.name, committed=True)) as there:
            for message in there.spans(there.extents([(LETTERS, 0)])):
                number = refused(self._run, message.value())
                if number is not None:
                    found.append(Refused(number, letter(message.headers() or []).reason))
        return found

    def _begin(self) -> None:
        config = self.settings()
        self._workers.patiently(
            "PUT", f"/connectors/{self.name}/config", {**config, MARK: self.site.lab.name}
        )

        def runs() -> bool:
            try:
                found = {one.name: one for one in self._workers.states()}
            except HttpError:  # the group is handing out connectors
                return False
            state = found.get(self.name)
            return bool(state and state.tasks and not state.problem)

        wait_until(
            runs, timeout=RUN_S, pause=0.2, where=self.site.name,
            message=f"{self.name} does not run (see `fab connect.status`)",
        )

    def _end(self) -> None:
        """Its offsets go, too; Kafka refuses that while a task has not yet left the group."""
        self._workers.patiently("DELETE", f"/connectors/{self.name}")
        group = f"connect-{self.name}"

        def forgotten() -> bool:
            forget_group(self.place.endpoint, group)
            return all(offset < 0 for offset in committed(self.place, group, self.topic))

        wait_until(
            forgotten, timeout=LEFT_S, pause=0.2, where=self.place.name,
            message=f"the group {group} cannot be removed",
        )
