"""A KRaft quorum, asked itself: each controller in Kafka's protocol, through the SSH connections.

Only the leader knows how far the others are, and only it answers that; the others say that they do
not lead, by which they are known to serve. A broker would hand the question on, but a quorum has to
be looked at where no broker runs, too.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lab.topology import CONTROLLER_PORT, Host
from scripts.errors import LabError, TimeoutExpired
from scripts.hosts.fleet import Fleet
from scripts.workstation.waiting import wait_until

T = TypeVar("T")
API, VERSION = 55, 1  # DescribeQuorumRequest.json
TOPIC = "__cluster_metadata"
STALE_MS = 5000  # a follower fetches at least twice a second
LOOK_SECONDS = 3.0


@dataclass(frozen=True)
class Replica:
    """One that has the quorum's log: records behind, and ms since it last had all (-1: never)."""

    behind: int
    stale_ms: int

    @property
    def current(self) -> bool:
        return 0 <= self.stale_ms <= STALE_MS


@dataclass(frozen=True)
class Described:
    """What the leader tells: its id and epoch, what a majority has, voters and brokers by id."""

    leader: int
    epoch: int
    committed: int
    voters: Mapping[int, Replica]
    observers: Mapping[int, Replica]


@dataclass(frozen=True)
class QuorumView:
    """A quorum by its members' own words, which are host names; `silent` serve nobody.

    `ids`: the node ids of all that should vote, by host.
    """

    leader: str | None = None
    followers: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    described: Described | None = None
    ids: Mapping[str, int] = field(default_factory=dict)

    @property
    def controller(self) -> int:
        """The node id of the one that leads; -1 for none."""
        return self.described.leader if self.described else -1

    @property
    def observers(self) -> tuple[str, ...]:
        """Who serves and has no vote, as far as a leader tells."""
        voters = self.described.voters if self.described else self.ids.values()
        return tuple(name for name in self.followers if self.ids[name] not in voters)

    @property
    def behind(self) -> int:
        """How many records the last of the voters lacks."""
        return max((one.behind for one in self.described.voters.values()), default=0) \
            if self.described else 0

    @property
    def problem(self) -> str:
        """What is wrong, in words; "" when one leads and all others follow closely."""
        if self.silent:
            return f"{', '.join(self.silent)} not serving"
        if self.described is None:
            return "no controller leads"
        voters, names = self.described.voters, {id: name for name, id in self.ids.items()}
        if voters.keys() != names.keys():
            there = ", ".join(map(str, sorted(voters)))
            return f"controllers {there} vote, and {', '.join(map(str, sorted(names)))} should"
        late = [names[id] for id, one in voters.items() if not one.current]
        return f"{', '.join(late)} does not follow" if late else ""


class Quorum:
    """The controllers of one datacenter, whose name is `where`, by host with their node ids."""

    def __init__(self, fleet: Fleet, ids: Mapping[Host, int], where: str) -> None:
        self.fleet, self.where = fleet, where
        self.hosts = tuple(ids)
        self.ids = {host.name: id for host, id in ids.items()}

    def ask(self) -> QuorumView:
        """Each controller's own word, all asked at once."""
        hosts = {host.name: host for host in self.hosts if host.name in self.fleet.hosts}

        def one(name: str) -> Described | bool:
            try:
                return self._one(hosts[name])
            except (LabError, OSError, EOFError, struct.error):
                return False

        found = self.fleet.each(one, hosts)
        leaders = {name: word for name, word in found.items() if isinstance(word, Described)}
        # One that was the leader until just now may not know yet that there is another.
        leader = max(leaders, key=lambda name: leaders[name].epoch, default=None)
        return QuorumView(
            leader=leader,
            followers=tuple(name for name, word in found.items() if word and name != leader),
            silent=tuple(name for name in self.ids if not found.get(name)),
            described=leaders[leader] if leader else None,
            ids=self.ids,
        )

    def wait(self, timeout: float = 90) -> QuorumView:
        """Wait until one leads and all others follow closely. Raises LabError."""
        last = QuorumView()

        def formed() -> QuorumView | None:
            nonlocal last
            last = self.ask()
            return None if last.problem else last

        try:
            found: QuorumView = wait_until(formed, timeout=timeout)
        except TimeoutExpired as error:
            raise LabError(
                f"the quorum is not whole after {timeout:g} s: {last.problem}", where=self.where,
                hint="see `fab status` and `fab logs HOST`",
            ) from error
        return found

    def _one(self, host: Host) -> Described | bool:
        """What the leader says; True from one that serves and does not lead, False for silence."""
        said = self.asked(host, question())
        return said is not None and (answered(said) or True)

    def asked(self, host: Host, request: bytes) -> bytes | None:
        """A controller's answer to a request, without its length; None where nobody listens.

        Raises LabError, OSError, EOFError, struct.error.
        """
        channel = self.fleet[host.name].open_channel(
            str(host.address), CONTROLLER_PORT, timeout=LOOK_SECONDS
        )
        if channel is None:
            return None
        with channel:
            channel.settimeout(LOOK_SECONDS)
            channel.sendall(request)
            return _exactly(channel, struct.unpack(">i", _exactly(channel, 4))[0])


def _exactly(channel: Any, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = channel.recv(size - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received


def question() -> bytes:
    """A request for the state of the quorum, with its length in front."""
    name = TOPIC.encode()
    partitions = b"\x02" + struct.pack(">i", 0) + b"\0"
    topics = b"\x02" + bytes([len(name) + 1]) + name + partitions + b"\0"
    client = b"kafkalab"
    head = struct.pack(">hhih", API, VERSION, 1, len(client)) + client + b"\0"
    request = head + topics + b"\0"
    return struct.pack(">i", len(request)) + request


def answered(data: bytes) -> Described | None:
    """What an answer says; None where who answers does not lead."""
    reader = Reader(data)
    reader.take(">i")  # the request's number
    reader.tags()
    if reader.take(">h"):
        return None
    found = [one for topic in reader.array(_topic) for one in topic]
    return found[0] if found else None


def _topic(reader: Reader) -> list[Described | None]:
    reader.bytes(reader.varint() - 1)
    return reader.array(_partition)


def _partition(reader: Reader) -> Described | None:
    _, error, leader, epoch, committed = reader.take_all(">ihiiq")
    voters, observers = _living(reader.array(_replica)), _living(reader.array(_replica))
    if error or leader not in voters:
        return None
    end, _, now = voters[leader]

    def replica(seen: tuple[int, int, int]) -> Replica:
        offset, _, had_all = seen
        return Replica(max(end - offset, 0), max(now - had_all, 0) if had_all >= 0 else -1)

    return Described(
        leader, epoch, committed,
        {id: replica(one) for id, one in voters.items()},
        {id: replica(one) for id, one in observers.items()},
    )


def _living(found: Iterable[tuple[int, tuple[int, int, int]]]) -> dict[int, tuple[int, int, int]]:
    """By id. A node that was made anew, on an empty disk, is there twice until the leader has
    forgotten the former one (5 minutes): the one counts that has fetched since."""
    return dict(sorted(found, key=lambda one: one[1][1]))


def _replica(reader: Reader) -> tuple[int, tuple[int, int, int]]:
    id, end, fetched, had_all = reader.take_all(">iqqq")
    return id, (end, fetched, had_all)


class Reader:
    """Bytes in the flexible form of Kafka's protocol (KIP-482), from the beginning on."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take_all(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return found

    def take(self, form: str) -> Any:
        return self.take_all(form)[0]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = int(self.take(">B"))
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def bytes(self, count: int) -> bytes:
        self.at += count
        return self.data[self.at - count:self.at]

    def array(self, one: Callable[[Reader], T]) -> list[T]:
        """Items, each with its tagged fields, which are passed over."""
        found = []
        for _ in range(self.varint() - 1):
            found.append(one(self))
            self.tags()
        return found

    def tags(self) -> None:
        for _ in range(self.varint()):
            self.varint()
            self.bytes(self.varint())
