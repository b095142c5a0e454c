"""What is seen of a lab at one moment: records, each of which stands by itself under a key.

What changes seldom and is worth a word (who leads, who is in sync) and figures that change all the
time (offsets, lag) are records of their own. There are never values of records in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

REBALANCING = frozenset({"preparing rebalance", "completing rebalance", "assigning", "reconciling"})
DOWN = "down"
ENSEMBLE, QUORUM = "ensemble", "quorum"
LEADS = frozenset({"leader", "standalone"})
Key = tuple[str | int, ...]  # the kind of a record, and what it is called


@dataclass(frozen=True)
class Thing:
    """A record of the picture. KEY: the fields that name it. FIGURES: it changes all the time."""

    KIND: ClassVar[str] = ""
    KEY: ClassVar[tuple[str, ...]] = ()
    FIGURES: ClassVar[bool] = False

    @property
    def key(self) -> Key:
        return (self.KIND, *(getattr(self, name) for name in self.KEY))

    def as_json(self) -> dict[str, Any]:
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self)}


@dataclass(frozen=True)
class Datacenter(Thing):
    """place: where it stands in the lab file. answers: whether any broker of it does."""

    KIND: ClassVar[str] = "datacenter"
    KEY: ClassVar[tuple[str, ...]] = ("name",)
    name: str
    place: int
    answers: bool = True


@dataclass(frozen=True)
class Broker(Thing):
    """label: the host's name as it is said within its datacenter."""

    KIND: ClassVar[str] = "broker"
    KEY: ClassVar[tuple[str, ...]] = ("datacenter", "id")
    datacenter: str
    id: int
    host: str
    label: str
    alive: bool = True
    controller: bool = False


@dataclass(frozen=True)
class Topic(Thing):
    """internal: it is Kafka's, Connect's or the lab's own. origin: the datacenter it is copied
    from, "" where it is none's copy."""

    KIND: ClassVar[str] = "topic"
    KEY: ClassVar[tuple[str, ...]] = ("datacenter", "name")
    datacenter: str
    name: str
    internal: bool = False
    origin: str = ""


@dataclass(frozen=True)
class Partition(Thing):
    """leader None: it is offline. replicas and isr: ids of brokers, replicas in Kafka's order."""

    KIND: ClassVar[str] = "partition"
    KEY: ClassVar[tuple[str, ...]] = ("datacenter", "topic", "number")
    datacenter: str
    topic: str
    number: int
    leader: int | None
    replicas: tuple[int, ...]
    isr: tuple[int, ...]


@dataclass(frozen=True)
class Log(Thing):
    """The first and the next offset of each partition of a topic; None where it is not known."""

    KIND: ClassVar[str] = "log"
    KEY: ClassVar[tuple[str, ...]] = ("datacenter", "topic")
    FIGURES: ClassVar[bool] = True
    datacenter: str
    topic: str
    starts: tuple[int | None, ...]
    ends: tuple[int | None, ...]


@dataclass(frozen=True)
class Behind(Thing):
    """How many records each replica lacks of what its leader has written, by partition of a topic,
    in the order of its replicas; None: not known."""

    KIND: ClassVar[str] = "behind"
    KEY: ClassVar[tuple[str, ...]] = ("datacenter", "topic")
    FIGURES: ClassVar[bool] = True
    datacenter: str
    topic: str
    records: tuple[tuple[int | None, ...], ...]


@dataclass(frozen=True)
class Room(Thing):
    """What a broker takes, in bytes: of its heap, and on its disk. None: not known.

    heap: what objects take, the dead ones, too. logs: all that lies in its log directory. free and
    disk: of the file system that it lies in.
    """

    KIND: ClassVar[str] = "room"
    KEY: ClassVar[tuple[str, ...]] = ("datacenter", "id")
    FIGURES: ClassVar[bool] = True
    datacenter: str
    id: int
    heap: int | None = None
    heap_most: int | None = None
    logs: int | None = None
    free: int | None = None
    disk: int | None = None


@dataclass(frozen=True)
class Member:
    """A consumer of a group. label: a letter, which it keeps as long as it is a member."""

    id: str
    label: str
    client: str
    host: str
    partitions: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Group(Thing):
    """A group of consumers. since: when its state began, in seconds since the epoch."""

    KIND: ClassVar[str] = "group"
    KEY: ClassVar[tuple[str, ...]] = ("datacenter", "name")
    datacenter: str
    name: str
    state: str
    since: float
    generation: int | None = None
    members: tuple[Member, ...] = ()

    @property
    def rebalancing(self) -> bool:
        return self.state in REBALANCING

    @property
    def assignment(self) -> dict[tuple[str, int], str]:
        """The member that has each partition."""
        return {place: one.id for one in self.members for place in one.partitions}


@dataclass(frozen=True)
class Lag(Thing):
    """How many records of each partition of a topic a group has not read; None: never committed."""

    KIND: ClassVar[str] = "lag"
    KEY: ClassVar[tuple[str, ...]] = ("datacenter", "group", "topic")
    FIGURES: ClassVar[bool] = True
    datacenter: str
    group: str
    topic: str
    records: tuple[int | None, ...]


@dataclass(frozen=True)
class Server(Thing):
    """Who keeps a cluster's metadata. of: ENSEMBLE, for a server of ZooKeeper, or QUORUM, for a
    controller of KRaft; while one becomes the other there are both. state: "leader", "follower",
    "observer" (who has no vote), "standalone", …, or DOWN."""

    KIND: ClassVar[str] = "server"
    KEY: ClassVar[tuple[str, ...]] = ("datacenter", "of", "number")
    datacenter: str
    of: str
    number: int
    host: str
    label: str
    state: str


@dataclass(frozen=True)
class Mirror(Thing):
    """problem: what is wrong with it, "" where it runs."""

    KIND: ClassVar[str] = "mirror"
    KEY: ClassVar[tuple[str, ...]] = ("name",)
    name: str
    source: str
    target: str
    problem: str = ""


@dataclass(frozen=True)
class Flow(Thing):
    """What a mirror does: records a second, how far it is behind, its last checkpoint's age in s.

    None: not known.
    """

    KIND: ClassVar[str] = "flow"
    KEY: ClassVar[tuple[str, ...]] = ("name",)
    FIGURES: ClassVar[bool] = True
    name: str
    rate: float | None = None
    records: int | None = None
    seconds: float | None = None
    checkpoint_age: float | None = None


KINDS: Mapping[str, type[Thing]] = {
    one.KIND: one
    for one in (Datacenter, Broker, Room, Topic, Partition, Log, Behind, Group, Lag, Server, Mirror,
                Flow)
}
T = TypeVar("T", bound=Thing)


@dataclass(frozen=True)
class Snapshot:
    """A lab at one moment. at: seconds since the epoch, by the workstation's clock."""

    at: float
    things: Mapping[Key, Thing] = field(default_factory=dict)

    @classmethod
    def of(cls, at: float, things: Iterable[Thing]) -> Snapshot:
        return cls(at, {one.key: one for one in things})

    def all(self, kind: type[T], datacenter: str = "") -> tuple[T, ...]:
        """The records of a kind in the order of their keys, of one datacenter where it is named."""
        found = [
            one for one in self.things.values()
            if isinstance(one, kind) and (not datacenter or one.key[1] == datacenter)
        ]
        return tuple(sorted(found, key=lambda one: one.key))

    @property
    def datacenters(self) -> tuple[Datacenter, ...]:
        """In the order of the lab file."""
        return tuple(sorted(self.all(Datacenter), key=lambda one: one.place))

    def as_json(self) -> dict[str, Any]:
        """Pairs of key and record, in the order of their keys."""
        return {"at": self.at, "things": [
            [list(key), one.as_json()] for key, one in sorted(self.things.items())
        ]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Snapshot:
        return cls.of(data["at"], (thing(key[0], found) for key, found in data["things"]))


def thing(kind: str, data: Mapping[str, Any]) -> Thing:
    """A record from what `as_json` made of it."""
    found = {name: _frozen(value) for name, value in data.items()}
    if kind == Group.KIND:
        found["members"] = tuple(
            Member(**{name: _frozen(value) for name, value in one.items()})
            for one in data["members"]
        )
    return KINDS[kind](**found)


def labels(hosts: Iterable[str]) -> dict[str, str]:
    """Each host as it is said among these: without the words that the names of all begin with."""
    names = list(hosts)
    words = [name.split(".")[0].split("-") for name in names]
    shared = 0
    while all(len(one) > shared + 1 for one in words) and len(
        {one[shared] for one in words}
    ) == 1:
        shared += 1
    return {name: "-".join(one[shared:]) for name, one in zip(names, words, strict=True)}


def _plain(value: Any) -> Any:
    if isinstance(value, Member):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _frozen(value: Any) -> Any:
    return tuple(_frozen(one) for one in value) if isinstance(value, list | tuple) else value
