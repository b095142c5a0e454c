"""Sinks as they are: how many documents of each topic there are, are missing, or never came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from lab.data.sinks import Carried, Expected, Letter, Reach
from lab.options.sinks import Sink
from lab.services.hbase import KIND as HBASE
from lab.services.leading import NAME as REGISTRY
from lab.services.sinks import (
    AVRO_PROOF,
    index_of,
    place_of,
    proof,
    proof_index,
    proofs,
    store_host,
)
from scripts.clients.partitions import Partitions
from scripts.drivers.asked import Asked, Connectors, reaches
from scripts.drivers.connectors import CAUSED
from scripts.drivers.document import AVRO_SCHEMA, Holding, Proof, in_avro, in_json
from scripts.drivers.driver import Report, Site, Span
from scripts.drivers.rows import Counts, Rows, rows
from scripts.drivers.schemas import schemas
from scripts.drivers.stores import Documents, documents
from scripts.errors import LabError, one_line

# Offsets of a topic that are counted record by record; of more, nobody wants to wait for it.
MOST_COUNTED = 500_000
HEADER = "__connect.errors."


@dataclass(frozen=True)
class SinkStatus:
    """One sink: what is wrong with it ("" for nothing), its topics, its dead letters."""

    sink: Sink
    problem: str
    topics: tuple[Carried, ...] = ()
    letters: tuple[Letter, ...] = ()

    @property
    def healthy(self) -> bool:
        return not self.problem and not any(one.missing for one in self.topics)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.sink.called, "kind": self.sink.kind, "at": self.sink.at,
            "healthy": self.healthy, "problem": self.problem,
            "dead_letter_topic": self.sink.letters,
            "topics": [one.as_json() for one in self.topics],
        }


@dataclass(frozen=True)
class Total:
    """An index or a table. written: documents, each time counted that one was written again; of a
    table the changes that its regions had since they were opened, deletions among them. regions,
    size_mb: of a table; how many of its regions are served."""

    name: str
    documents: int
    written: int
    regions: int | None = None
    size_mb: float | None = None


class SinkView:
    """Looks at one sink: its connector, its store, and the topics that both are about."""

    def __init__(self, sink: Sink, site: Site) -> None:
        self.sink, self.site, self._counts = sink, site, Counts()

    @property
    def tabular(self) -> bool:
        """Whether it writes rows, which are read by their keys, and not documents to search in."""
        return self.sink.kind == HBASE

    def store(self) -> Holding:
        return self.tables() if self.tabular else self.documents()

    def documents(self) -> Documents:
        """Its store, where that is one to search in."""
        return documents(self.site, store_host(self.sink, self.site.datacenter), self.sink.kind)

    def tables(self) -> Rows:
        """Its store, where that is HBase."""
        return rows(self.site, store_host(self.sink, self.site.datacenter))

    def status(self) -> SinkStatus:
        """What does not answer is the problem, no error."""
        problem = ""
        try:
            asked = Asked(self.site, [self.sink.connector])
            state = asked.states()[self.sink.connector]
            problem = state.problem if state else f"{self.sink.connector} is not there"
            if state is None:
                return SinkStatus(self.sink, problem)
            found = reaches(self.site, asked.workers, [self.sink.connector])
            return self._looked(problem, found[self.sink.connector])
        except LabError as error:
            return SinkStatus(self.sink, problem or error.what)

    def _looked(self, problem: str, reach: tuple[Reach, ...]) -> SinkStatus:
        """Raises LabError where brokers or the store do not answer."""
        letters = self._letters()
        topics = tuple(
            self._carried(topic, [one for one in reach if one.topic == topic], letters)
            for topic in self.sink.topics
        )
        return SinkStatus(self.sink, problem, topics, letters)

    def _carried(
        self, topic: str, reach: list[Reach], letters: tuple[Letter, ...]
    ) -> Carried:
        mine = frozenset((one.partition, one.offset) for one in letters if one.topic == topic)
        expected = self._expected(reach, mine)
        return Carried(
            topic, sum(one.end for one in reach), sum(one.lag for one in reach),
            self.store().count(place_of(self.sink, topic)), expected, len(mine),
        )

    def _expected(self, reach: list[Reach], letters: frozenset[tuple[int, int]]) -> int | None:
        """Counted by reading what the sink has read."""
        spans = {one.place: (one.low, max(one.low, one.read or 0)) for one in reach}
        if sum(end - start for start, end in spans.values()) > MOST_COUNTED:
            return None
        counted = Expected(self.sink.by_key, self.sink.nulls == "delete", letters)
        with self._partitions() as partitions:
            for message in partitions.spans(spans):
                counted.add(message.partition(), message.offset(), message.key(),
                            empty=message.value() is None)
        return counted.documents

    def _letters(self) -> tuple[Letter, ...]:
        """The records of this sink in its dead letter topic, each place once."""
        topic, found = self.sink.letters, {}
        with self._partitions() as partitions:
            places = [(topic, number) for number in range(partitions.sizes().get(topic, 0))]
            for message in partitions.spans(partitions.extents(places)):
                one = letter(message.headers() or [])
                if one.connector == self.sink.connector:
                    found[one.topic, one.partition, one.offset] = one
        return tuple(found[place] for place in sorted(found))

    def _partitions(self) -> closing[Partitions]:
        return closing(Partitions(self.site.kafka.endpoint, self.site.name, committed=True))

    def proof(self, source: Site, topic: str) -> Proof:
        """That what is written into a cluster comes to be a document or row of `topic` here."""
        index = proof_index(self.sink, topic)
        return Proof(self.sink.connector, store=self.store, source=source, index=index,
                     topic=proof(self.sink), becomes=self.sink.becomes,
                     encoded=self._in_avro if self.sink.avro else in_json)

    def _in_avro(self, text: str) -> bytes:
        """By a schema that the registry knows, also from now on: what a sink reads again, it has to
        be able to read. Raises LabError."""
        context = self.site.context
        place = context.topology.datacenter(str(self.site.lab.registry.leader))
        leader = Site(self.site.fleet, context, place)
        (host,) = leader.carriers(REGISTRY)
        return in_avro(text, schemas(leader, host).register(f"{AVRO_PROOF}-value", AVRO_SCHEMA))

    def search(self, query: str, most: int) -> dict[str, Any]:
        """What the store finds in the documents of this sink. Raises HttpError."""
        return self.documents().search(map(index_of, self.sink.topics), query, most)

    def rows(self, topic: str, most: int, start: str) -> list[dict[str, Any]]:
        """The first rows of a topic's table from a key on, of a sink of HBase's. Raises HttpError.
        """
        return self.tables().rows(place_of(self.sink, topic), most, start)


    def totals(self) -> list[Total]:
        """What of this sink's indices or tables is there. Raises HttpError."""
        if not self.tabular:
            found = self.documents().totals(map(index_of, self.sink.topics))
            return [Total(name, *numbers) for name, numbers in sorted(found.items())]
        there = self.tables()
        states = {topic: there.state(place_of(self.sink, topic)) for topic in self.sink.topics}
        return [
            Total(place_of(self.sink, topic), self._counts.of(there, place_of(self.sink, topic)),
                  state["written"], state["regions"], state["size_mb"])
            for topic, state in sorted(states.items()) if state
        ]


class Sinks(Connectors):
    """Connectors, and a proof by way of them."""

    def names(self, site: Site) -> tuple[str, ...]:
        return tuple(one.connector for one in site.lab.sinks if one.at == site.name)

    def verify(self, site: Site, report: Report) -> bool:
        if not super().verify(site, report):
            return False
        mine = [SinkView(one, site).proof(site, proof(one))
                for one in site.lab.sinks if one.at == site.name]
        held = [report.check(self.name, one.what, one.document) for one in mine]
        return all(held)

    def spans(self, sites: Mapping[str, Site]) -> Iterator[Span]:
        for sink in next(iter(sites.values())).lab.sinks:
            if sink.at not in sites:
                continue
            here = sites[sink.at]
            for source, topic in proofs(here.lab, sink).items():
                if source != sink.at and source in sites:
                    yield SinkView(sink, here).proof(sites[source], topic)


def letter(headers: list[tuple[str, bytes | None]]) -> Letter:
    """What Connect writes into a dead letter's headers (KIP-298)."""
    said = {name.removeprefix(HEADER): (value or b"").decode(errors="replace")
            for name, value in headers if name.startswith(HEADER)}
    # A converter's own message says no more than that it failed; the innermost cause says why.
    causes = [line.removeprefix(CAUSED) for line in said.get("exception.stacktrace", "").split("\n")
              if line.startswith(CAUSED)]
    reason = causes[-1] if causes else said.get("exception.message", "")
    return Letter(
        said.get("connector.name", ""), said.get("topic", ""), int(said.get("partition", "-1")),
        int(said.get("offset", "-1")), one_line(reason or said.get("exception.class.name", "")),
    )
