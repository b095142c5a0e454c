"""What an exercise may know of a cluster: questions with answers that fit into JSON.

Who asks a live lab and who asks a recorded answer gets the same, so claims and hints are tested
without a lab.

    facts = Facts(ask)
    facts.topic("orders")       # None, or its partitions
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.learning.batches import Batch
from lab.learning.metadata import Entry

# (what, its arguments) -> what the cluster answers, as JSON has it.
Ask = Callable[[str, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Partition:
    """A partition: its number, and brokers by their ids; leader None while there is none."""

    number: int
    leader: int | None
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


@dataclass(frozen=True)
class Span:
    """The first offset that a partition keeps, and the next one that it gives."""

    low: int
    end: int


@dataclass(frozen=True)
class Member:
    """One member of a group, with its partitions as TOPIC-N."""

    client: str
    partitions: tuple[str, ...]
    instance: str = ""


@dataclass(frozen=True)
class Group:
    """A consumer group. state: Kafka's own word in lower case. offsets: committed, by TOPIC-N."""

    state: str
    assignor: str
    members: tuple[Member, ...]
    offsets: Mapping[str, int]


@dataclass(frozen=True)
class Record:
    """One record. timestamp: ms. key, value: text, bytes that are none as hex; None for none."""

    partition: int
    offset: int
    timestamp: int
    key: str | None
    value: str | None


@dataclass(frozen=True)
class Transaction:
    """What the coordinator keeps of a transactional id. state: Kafka's own word ("Ongoing",
    "CompleteCommit", …). producer, epoch: those that it gave out."""

    state: str
    producer: int
    epoch: int

    @property
    def settled(self) -> bool:
        """Whether none is open: what was committed or aborted has its markers."""
        return self.state in ("Empty", "CompleteCommit", "CompleteAbort")


@dataclass(frozen=True)
class Quorum:
    """A KRaft quorum: the node id that leads, its epoch, and the ids that vote."""

    leader: int
    epoch: int
    voters: tuple[int, ...]


@dataclass(frozen=True)
class Connector:
    """A connector of Kafka Connect. kind: "source" or "sink". state, tasks: Connect's own words.
    problem: what is wrong, in words; "" where all of it runs."""

    kind: str
    state: str
    tasks: tuple[str, ...]
    problem: str


@dataclass(frozen=True)
class Share:
    """What a broker has of all topics: replicas, and partitions that it leads."""

    replicas: int
    leads: int


@dataclass(frozen=True)
class Start:
    """A start of a broker that came to its end: when (ms since 1970), and of which version of
    Kafka."""

    at: int
    version: str


@dataclass(frozen=True)
class Lived:
    """What a broker with ZooKeeper has run: its starts, the oldest first, as far as its log goes
    back, and the inter-broker protocol that it speaks now, as "3.9"."""

    starts: tuple[Start, ...]
    protocol: str


@dataclass(frozen=True)
class Version:
    """A version of a subject: its number, the id that records name it by, and its schema."""

    number: int
    id: int
    schema: str


@dataclass(frozen=True)
class Subject:
    """What is registered under a name. level: what is asked of its next version."""

    level: str
    versions: tuple[Version, ...]

    def version(self, number: int) -> Version | None:
        """The one of this number; None where there is none."""
        return next((one for one in self.versions if one.number == number), None)


@dataclass(frozen=True)
class Measured:
    """One value of what Prometheus answers, and of what it is."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class File:
    """A file of a partition's folder on its leader: name and bytes. Only those of a segment have
    a base."""

    name: str
    size: int

    @property
    def base(self) -> int:
        """The first offset that it may hold (its name)."""
        return int(self.name.partition(".")[0])


@dataclass(frozen=True)
class Shown:
    """The certificate that a broker shows now. names: all in it. left: s until it ends, negative
    after that. refusal: what a client of the lab's says of it; "" where it believes it."""

    names: tuple[str, ...]
    left: int
    refusal: str


@dataclass(frozen=True)
class Refusal:
    """What a broker has refused somebody: an operation on something of a kind, as lab.rights calls
    them."""

    operation: str
    kind: str
    name: str


class Facts:
    """The facts of one datacenter's cluster; each is asked for once. `at(NAME)`: of another one."""

    def __init__(
        self, ask: Ask, others: Callable[[str], Facts] | None = None, datacenter: str = ""
    ) -> None:
        self._ask, self._others, self.datacenter = ask, others, datacenter
        self._known: dict[str, Any] = {}
        self._asked: list[tuple[str, Mapping[str, Any]]] = []
        self._met: dict[str, Facts] = {}

    def at(self, datacenter: str) -> Facts:
        """The facts of another datacenter."""
        if self._others is None or datacenter in ("", self.datacenter):
            return self
        if datacenter not in self._met:
            self._met[datacenter] = self._others(datacenter)
        return self._met[datacenter]

    def everywhere(self) -> tuple[Facts, ...]:
        """These, and those of other datacenters that were asked for."""
        return (self, *self._met.values())

    @property
    def asked(self) -> tuple[tuple[str, Mapping[str, Any]], ...]:
        """What was asked of this datacenter up to now, with arguments, in order."""
        return tuple(self._asked)

    def _fact(self, what: str, **arguments: Any) -> Any:
        key = question(what, arguments)
        if key not in self._known:
            self._known[key] = self._ask(what, arguments)
            self._asked.append((what, arguments))
        return self._known[key]

    def brokers(self) -> tuple[int, ...]:
        """The ids of the brokers that are registered."""
        return tuple(self._fact("brokers"))

    def topic(self, name: str) -> tuple[Partition, ...] | None:
        """The partitions of a topic, in order; None where there is no such topic."""
        found = self._fact("topic", name=name)
        return None if found is None else tuple(
            Partition(one["number"], one["leader"], tuple(one["replicas"]), tuple(one["isr"]))
            for one in found
        )

    def config(self, topic: str) -> Mapping[str, str]:
        """The settings of a topic, defaults included."""
        return dict(self._fact("config", topic=topic) or {})

    def spans(self, topic: str) -> Mapping[int, Span]:
        """First and next offset of each partition; empty where there is no such topic."""
        found = self._fact("spans", topic=topic) or {}
        return {int(number): Span(low, end) for number, (low, end) in found.items()}

    def records(self, topic: str, *, committed: bool = True) -> tuple[Record, ...]:
        """What can be read of a topic, in the order of partitions and offsets."""
        found = self._fact("records", topic=topic, committed=committed) or []
        return tuple(Record(*one) for one in found)

    def group(self, name: str) -> Group | None:
        """A consumer group; None where there is none, or one that never committed nor read."""
        found = self._fact("group", name=name)
        return None if found is None else Group(
            found["state"], found["assignor"],
            tuple(Member(one["client"], tuple(one["partitions"]), one.get("instance", ""))
                  for one in found["members"]),
            {place: int(offset) for place, offset in found["offsets"].items()},
        )

    def files(self, topic: str, partition: int) -> tuple[File, ...]:
        """The segments' files (.log) of a partition on its leader, in order."""
        return tuple(one for one in self.folder(topic, partition) if one.name.endswith(".log"))

    def folder(self, topic: str, partition: int) -> tuple[File, ...]:
        """Every file of a partition on its leader, by name."""
        found: Sequence[Sequence[Any]] = self._fact(
            "files", topic=topic, partition=partition) or []
        return tuple(sorted((File(*one) for one in found), key=lambda file: file.name))

    def batches(self, topic: str, partition: int) -> tuple[Batch, ...]:
        """The batches of a partition as they lie on its leader's disk, in order."""
        found = self._fact("batches", topic=topic, partition=partition) or []
        return tuple(Batch(*one) for one in found)

    def disk(self, topic: str, partition: int, broker: int) -> tuple[Batch, ...]:
        """The same on the disk of one broker, whether it runs or not."""
        found = self._fact("disk", topic=topic, partition=partition, broker=broker) or []
        return tuple(Batch(*one) for one in found)

    def quorum(self) -> Quorum | None:
        """The controllers' quorum; None where there is none, or none of them leads."""
        found = self._fact("quorum")
        return None if found is None else Quorum(found["leader"], found["epoch"],
                                                 tuple(found["voters"]))

    def metadata(self, topic: str) -> tuple[Entry, ...]:
        """What stands about a topic in KRaft's metadata log; empty where there is no such topic."""
        return tuple(Entry(*one) for one in self._fact("metadata", topic=topic) or [])

    def shares(self) -> Mapping[int, Share]:
        """What each broker that is registered has, by its id."""
        return {int(id): Share(*found) for id, found in self._fact("shares").items()}

    def releases(self) -> Mapping[int, Lived]:
        """What each broker of the lab file has run, by its id; none that says nothing of it."""
        return {
            int(id): Lived(tuple(Start(*one) for one in found["starts"]), found["protocol"])
            for id, found in self._fact("releases").items()
        }

    def connector(self, name: str) -> Connector | None:
        """A connector; None where there is none of this name, or no worker of Kafka Connect."""
        found = self._fact("connector", name=name)
        return None if found is None else Connector(
            found["kind"], found["state"], tuple(found["tasks"]), found["problem"])

    def documents(self, index: str, field: str) -> tuple[int, int]:
        """The documents of an index, and how many of them have a field."""
        found, having = self._fact("documents", index=index, field=field)
        return int(found), int(having)

    def measured(self, query: str) -> tuple[Measured, ...]:
        """What the lab's Prometheus answers to a query, of whichever datacenter."""
        return tuple(Measured(dict(labels), float(value))
                     for labels, value in self._fact("measured", query=query))

    def quotas(self, client: str) -> Mapping[str, float]:
        """The quotas of clients that say one id."""
        return dict(self._fact("quotas", client=client))

    def certificates(self) -> Mapping[int, Shown]:
        """What each broker shows, by its id; none of those that show none."""
        return {int(id): Shown(tuple(names), left, refusal)
                for id, (names, left, refusal) in self._fact("certificates").items()}

    def refusals(self, user: str) -> tuple[Refusal, ...]:
        """What brokers have refused a user, as far as their logs go back; the last one last."""
        return tuple(Refusal(*one) for one in self._fact("refusals", user=user))

    def rights(self, user: str) -> tuple[str, ...]:
        """What a user was granted or denied, as lines of lab.rights."""
        return tuple(self._fact("rights", user=user))

    def subject(self, name: str) -> Subject | None:
        """A subject of the schema registry; None where there is none of that name."""
        found = self._fact("subject", name=name)
        return None if found is None else Subject(
            found["level"], tuple(Version(*one) for one in found["versions"]))

    def transaction(self, id: str) -> Transaction | None:
        """What the coordinator keeps of a transactional id; None where it knows none."""
        found = self._fact("transaction", id=id)
        return None if found is None else Transaction(*found)


def question(what: str, arguments: Mapping[str, Any]) -> str:
    """A question as one line: the name under which its answer is recorded."""
    return " ".join([what, *(f"{key}={value}" for key, value in sorted(arguments.items()))])


def recorded(answers: Mapping[str, Mapping[str, Any]], datacenter: str) -> Facts:
    """Recorded facts, by datacenter and `question`. What was not asked then raises KeyError."""
    def of(name: str) -> Facts:
        return Facts(lambda what, said: answers[name][question(what, said)], of, name)

    return of(datacenter)


def recording(ask: Ask, answers: dict[str, Any]) -> Ask:
    """Asks, and keeps each answer in `answers`, for `recorded`."""
    def kept(what: str, arguments: Mapping[str, Any]) -> Any:
        found = ask(what, arguments)
        answers[question(what, arguments)] = found
        return found

    return kept
