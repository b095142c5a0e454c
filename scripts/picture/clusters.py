"""What is looked at in one cluster: brokers and leaders, offsets, followers, and groups."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lab.data.groups import Group as Found
from lab.mirrors.names import OWN
from lab.mirrors.topics import CANARY, HEARTBEATS
from lab.picture.members import letters
from lab.picture.snapshot import (
    Behind,
    Broker,
    Datacenter,
    Group,
    Key,
    Lag,
    Log,
    Member,
    Partition,
    Thing,
    Topic,
    labels,
)
from lab.services.connect import group as workers_of
from scripts.clients.markers import FEW, bare
from scripts.clients.watched import At, Metadata, Placed, Watched
from scripts.drivers.driver import Site

LEADERS_SECONDS, LOGS_SECONDS, GROUPS_SECONDS = 0.7, 1.25, 1.5
KNOWN_SECONDS = 5.0  # that others wait until brokers and partitions are known
STARTS_SECONDS = 10.0  # retention moves them, seldom
GONE_SECONDS = 5.0  # that a group is listed nowhere, until it is gone
STILL_SECONDS = 3.0  # that a partition says nothing, until it is not waited for
UNHEARD = 2  # looks in which a broker said nothing, until that is no accident
# While a group rebalances, which takes no longer than some of these, or leaders are about to move.
UNREST_SECONDS = 0.2


@dataclass(frozen=True)
class Held:
    """What the looks at one cluster have in common, and tell each other.

    watched: one client for all. What it asks for where partitions are, twice a second, is how it
    learns which brokers it need not ask for groups and offsets any more.
    """

    site: Site
    watched: Watched
    partitions: dict[At, Placed]  # of topics that people made
    ends: dict[At, int]
    alive: set[int] = field(default_factory=set)  # the brokers of which the cluster says so
    # Those of them that have said nothing for so many looks. ZooKeeper takes a broker that was
    # killed for alive until its session is over, and by then it may be back.
    unheard: Counter[int] = field(default_factory=Counter)
    known: threading.Event = field(default_factory=threading.Event)  # that is, all of this
    controllers: list[int] = field(default_factory=list)  # the one of KRaft, by its own word
    led: threading.Event = field(default_factory=threading.Event)  # whether they were asked
    # Where groups go on reading that are near the end, and that end; and where only markers follow.
    near: dict[tuple[At, int], int] = field(default_factory=dict)
    bare: dict[tuple[At, int], int] = field(default_factory=dict)

    def wait_known(self) -> None:
        """Until it was looked for the first time where everything is."""
        self.known.wait(KNOWN_SECONDS)


def own(topic: str) -> bool:
    """Whether Kafka, Connect, MirrorMaker or the lab made it for itself."""
    return bool(OWN.fullmatch(topic)) or topic.rpartition(".")[2] in (HEARTBEATS, CANARY)


class Leaders:
    """Brokers, and where each partition is."""

    def __init__(self, held: Held, place: int) -> None:
        self.seconds = LEADERS_SECONDS
        self._held, self._place, self._site = held, place, held.site
        self.name = f"leaders of {held.site.name}"
        self._watched = held.watched
        hosts = held.site.datacenter.by_role("kafka")
        said = labels(host.name for host in hosts)
        self._brokers = {host.number: (host.name, said[host.name]) for host in hosts}
        self._sources = [one.source for one in held.site.lab.mirrors
                         if one.target == held.site.name]
        self._seen: tuple[Thing, ...] = ()
        self._placed: Mapping[At, Placed] = {}

    def look(self) -> Sequence[Thing]:
        found = self._watched.metadata()
        where = self._site.name
        topics = {topic for topic, _ in found.partitions}
        for held in [at for at in self._held.partitions if at not in found.partitions]:
            del self._held.partitions[held]
        self._held.partitions.update({
            at: one for at, one in found.partitions.items() if not own(at[0])
        })
        self._held.alive.clear()
        self._held.alive.update(found.brokers)
        self._held.known.set()
        if self._site.datacenter.config.kraft:  # else that there is a controller would be news
            self._held.led.wait(KNOWN_SECONDS)
        if found.partitions != self._placed:  # mostly they are where they were
            self._placed = found.partitions
            self._seen = (
                *(Topic(where, name, own(name), self._origin(name)) for name in topics),
                *(Partition(where, *at, one.leader, one.replicas, one.isr)
                  for at, one in found.partitions.items()),
            )
        self.seconds = UNREST_SECONDS if self._unrest(found) else LEADERS_SECONDS
        return (Datacenter(where, self._place), *self._all(found), *self._seen)

    def gone(self) -> Sequence[Thing]:
        """The partitions stay where they were: a broker that is gone has none that serves."""
        return (Datacenter(self._site.name, self._place, answers=False), *self._all(None),
                *self._seen)

    def _unrest(self, found: Metadata) -> bool:
        """Whether a broker says nothing, or one is gone by whom a partition is, or was, led."""
        return any(self._held.unheard[id] for id in found.brokers) or any(
            one.leader is None or not found.brokers.issuperset(one.replicas)
            for one in found.partitions.values()
        )

    def _all(self, found: Metadata | None) -> Iterator[Broker]:
        there = found.brokers if found else frozenset()
        for id in sorted(self._brokers.keys() | there):
            host, label = self._brokers.get(id, (f"broker {id}", f"broker {id}"))
            yield Broker(self._site.name, id, host, label,
                         id in there and self._held.unheard[id] < UNHEARD,
                         found is not None and self._controls(found, id))

    def _controls(self, found: Metadata, id: int) -> bool:
        """A broker of KRaft names any broker as the controller (apache/kafka#16968)."""
        led = self._site.datacenter.config.led
        return id in self._held.controllers if led else found.controller == id

    def _origin(self, topic: str) -> str:
        return next((one for one in self._sources if topic.startswith(f"{one}.")), "")


class Logs:
    """Where each log begins and ends, of topics that people made, and how far each replica is
    behind its leader. All are asked at once: what a leader gets within the few milliseconds between
    two answers counts, too."""

    seconds = LOGS_SECONDS

    def __init__(self, held: Held) -> None:
        self._held, self.name = held, f"logs of {held.site.name}"
        self._watched = held.watched
        self._starts: dict[At, int] = {}
        self._ends: dict[tuple[int, At], int] = {}
        self._next = 0.0

    def look(self) -> Sequence[Thing]:
        self._held.wait_known()
        placed, alive = self._held.partitions.copy(), self._held.alive.copy()
        self._begin(placed)
        asked: dict[int, list[At]] = {broker: [] for broker in alive}
        for at, one in placed.items():
            for broker in alive.intersection(one.replicas):
                asked[broker].append(at)
        self._ends |= self._watched.ends(asked)
        for gone in [key for key in self._ends if key[1] not in placed]:
            del self._ends[gone]
        self._held.ends.update({
            at: self._ends[one.leader, at] for at, one in placed.items()
            if one.leader is not None and (one.leader, at) in self._ends
        })
        return self._found(placed)

    def gone(self) -> Sequence[Thing]:
        """What is known; offsets do not go back because nobody answers."""
        return self._found(self._held.partitions.copy())

    def _begin(self, placed: Mapping[At, Placed]) -> None:
        """Look where logs begin, now and then."""
        if time.monotonic() < self._next and all(at in self._starts for at in placed):
            return
        asked: dict[int, list[At]] = defaultdict(list)
        for at, one in placed.items():
            if one.leader is not None:
                asked[one.leader].append(at)
        self._starts |= {at: offset for (_, at), offset in self._watched.starts(asked).items()}
        self._next = time.monotonic() + STARTS_SECONDS

    def _found(self, placed: Mapping[At, Placed]) -> Sequence[Thing]:
        where, sizes = self._held.site.name, _sizes(placed)
        return tuple(
            one for topic, size in sizes.items() for one in (
                Log(where, topic,
                    tuple(self._starts.get((topic, number)) for number in range(size)),
                    tuple(self._held.ends.get((topic, number)) for number in range(size))),
                Behind(where, topic, tuple(
                    self._behind((topic, number), placed) for number in range(size))),
            )
        )

    def _behind(self, at: At, placed: Mapping[At, Placed]) -> tuple[int | None, ...]:
        """Of what was last known: a replica whose broker is silent does not get nearer."""
        one = placed.get(at)
        if one is None:
            return ()
        end = None if one.leader is None else self._ends.get((one.leader, at))
        return tuple(_lag(end, self._ends.get((broker, at))) for broker in one.replicas)


class Groups:
    """Groups of consumers, their members, and how far each is behind."""

    def __init__(self, held: Held) -> None:
        self._held, self.name = held, f"groups of {held.site.name}"
        self._watched = held.watched
        self.seconds = GROUPS_SECONDS
        self._before: dict[str, Group] = {}
        self._lagged: dict[Key, Lag] = {}
        self._seen: dict[str, float] = {}
        self._workers = workers_of(held.site.name)

    def look(self) -> Sequence[Thing]:
        self._held.wait_known()
        now, alive = time.time(), self._held.alive.copy()
        known = self._watched.groups(alive)
        for broker in alive:
            self._held.unheard[broker] = (
                self._held.unheard[broker] + 1 if broker in known.unheard else 0)
        found = [one for one in known.groups if one.name != self._workers]
        groups = {one.name: self._group(one, now) for one in found}
        self._held.near.clear()
        lags = {one.key: one for each in found
                for one in self._lags(each, known.committed[each.name])}
        self._seen |= dict.fromkeys(groups, now)
        # Whom nobody answers for is there all the same, as it was; so is for a while who is listed
        # nowhere, as a group is when it gets another coordinator.
        kept = {name: one for name, one in self._before.items()
                if known.silent or now - self._seen[name] < GONE_SECONDS}
        groups = {**kept, **groups}
        lags = {**{key: one for key, one in self._lagged.items() if one.group in kept}, **lags}
        self._before, self._lagged = groups, lags
        self.seconds = (UNREST_SECONDS if any(one.rebalancing for one in groups.values())
                        else GROUPS_SECONDS)
        return (*groups.values(), *lags.values())

    def gone(self) -> Sequence[Thing]:
        return (*self._before.values(), *self._lagged.values())

    def _group(self, found: Found, now: float) -> Group:
        before = self._before.get(found.name)
        said = letters(before, (one.id for one in found.members))
        members = tuple(sorted(
            (Member(one.id, said[one.id], one.client, one.host, tuple(sorted(one.partitions)))
             for one in found.members), key=lambda one: one.label,
        ))
        since = round(now, 3)
        if before and (before.state, before.members) == (found.state, members):
            since = before.since
        elif before and before.rebalancing and found.state.endswith("rebalance"):
            since = before.since  # of one rebalance, which has two states
        return Group(self._held.site.name, found.name, found.state, since, None, members)

    def _lags(self, found: Found, committed: Mapping[At, int]) -> Iterator[Lag]:
        topics = {at[0] for at in committed}
        topics |= {at[0] for one in found.members for at in one.partitions}
        sizes = _sizes(self._held.partitions.copy())
        for topic in sorted(topics & sizes.keys()):
            yield Lag(self._held.site.name, found.name, topic, tuple(
                self._unread((topic, one), committed.get((topic, one)))
                for one in range(sizes[topic])
            ))

    def _unread(self, at: At, committed: int | None) -> int | None:
        end = self._held.ends.get(at)
        lag = _lag(end, committed)
        if end is None or committed is None or not lag or lag > FEW:
            return lag
        self._held.near[at, committed] = end
        return 0 if self._held.bare.get((at, committed)) == end else lag


class Markers:
    """Whether what groups have not read is nothing but markers of transactions: where that has
    stood still from one look to the next, one reading tells, and holds up nothing."""

    seconds = GROUPS_SECONDS

    def __init__(self, held: Held) -> None:
        self._held, self.name = held, f"markers of {held.site.name}"
        self._before: dict[tuple[At, int], int] = {}
        self._told: dict[tuple[At, int], int] = {}

    def look(self) -> Sequence[Thing]:
        near = self._held.near.copy()
        same = near.items() & self._before.items()
        self._before = near
        self._told = dict(same & self._told.items())
        asked = dict(same - self._told.items())
        ends = bare(self._held.watched.reader, asked, STILL_SECONDS) if asked else set()
        self._told |= asked
        self._held.bare.update({place: end for place, end in asked.items() if place in ends})
        for place in self._held.bare.keys() - near.keys():
            del self._held.bare[place]
        return ()

    def gone(self) -> Sequence[Thing]:
        return ()


def _sizes(places: Iterable[At]) -> dict[str, int]:
    """How many partitions each topic has, as far as is known."""
    sizes: dict[str, int] = {}
    for topic, number in places:
        sizes[topic] = max(sizes.get(topic, 0), number + 1)
    return sizes


def _lag(end: int | None, offset: int | None) -> int | None:
    """The end was asked for before the offset, or at once: that may have passed it meanwhile."""
    return None if end is None or offset is None else max(end - offset, 0)
