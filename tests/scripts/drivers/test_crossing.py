"""The proof of a mirror, against clusters in memory: what crosses, late, not at all or badly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import confluent_kafka
import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from lab.endpoint import Endpoint
from lab.file import parse
from lab.mirrors.topics import CANARY
from lab.services.local import local_context
from lab.topology import build
from scripts.drivers import crossing as module
from scripts.drivers.crossing import CROSS_SECONDS, PROBE_PAUSE, PROBES, Crossing
from scripts.drivers.driver import Report, Site
from scripts.errors import LabError
from scripts.workstation import waiting
from tests.fakes import FakeFleet

TOPOLOGY = build(parse({
    "owner": "ann", "datacenters": [
        {"name": "a", "cidr": "10.1.0.0/24"}, {"name": "b", "cidr": "10.2.0.0/24"},
    ],
    "links": [{"between": ["a", "b"]}], "mirrors": [{"from": "a", "to": "b"}],
}).lab)
REMOTE = f"a.{CANARY}"
MIRROR = TOPOLOGY.config.mirrors[0]
DELAY = 0.3  # s until a record is copied
SLOW = {0: 5.0, 7: 0.4}  # of some: the mirror has yet to see that the topic is there, say
BEFORE = ["old-0", "old-1", "old-2"]  # what earlier proofs have left in both
TIMED_OUT = KafkaException(KafkaError(KafkaError._TIMED_OUT))


@dataclass
class World:
    """Partition 0 of the topic in a and of its copy in b, and the time. `translate` is what b has
    of the group, by what was committed in a and when."""

    translate: Callable[[int, float], int] = lambda committed, age: committed
    stuck: frozenset[int] = frozenset()  # numbers of probes that do not cross
    unheard: frozenset[int] = frozenset()  # that are not acknowledged
    beside: tuple[str, ...] = ()  # what somebody else writes between the first two probes
    behind: tuple[str, ...] = ()  # and behind the last one
    kept: Exception | None = None  # what keeps the topic from being made
    now: float = 1000.0
    source: list[str] = field(default_factory=lambda: list(BEFORE))
    copy: list[str] = field(default_factory=lambda: list(BEFORE))
    under_way: list[tuple[float, str]] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    commits: list[tuple[str, int, float]] = field(default_factory=list)
    did: list[str] = field(default_factory=list)
    open: int = 0  # clients that nobody has closed

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    def sleep(self, seconds: float) -> None:
        self.now = round(self.now + seconds, 3)


def crossing(world: World) -> Crossing:
    context = local_context(TOPOLOGY, {})
    sites = [Site(FakeFleet([]), context, one) for one in TOPOLOGY.datacenters]
    return Crossing(MIRROR, *sites)


@dataclass
class Message:
    content: str
    place: int

    def value(self) -> bytes:
        return self.content.encode()

    def offset(self) -> int:
        return self.place


def clients(world: World) -> Mapping[str, Any]:
    """The clients of the proof, as they are called in its module and in confluent_kafka."""
    servers = {crossing(world).source.servers: "a", crossing(world).target.servers: "b"}

    class Producer:
        def __init__(self, settings: dict[str, Any]) -> None:
            assert servers[settings["bootstrap.servers"]] == "a" and settings["acks"] == "all"
            self.waiting: list[tuple[Callable[..., None], KafkaError | None, Message]] = []

        def produce(
            self, topic: str, value: str, *, partition: int, on_delivery: Callable[..., None]
        ) -> None:
            assert (topic, partition) == (CANARY, 0)
            number = int(value.rpartition("-")[2])
            world.sent_at.append(world.now)
            if number == 1:
                world.source += world.beside
                world.copy += world.beside
            world.source.append(value)
            if number not in world.stuck:
                world.under_way.append((world.now + SLOW.get(number, DELAY), value))
            error = KafkaError(KafkaError._MSG_TIMED_OUT) if number in world.unheard else None
            self.waiting.append((on_delivery, error, Message(value, len(world.source) - 1)))

        def poll(self, timeout: float) -> None:
            assert timeout == 0, "who polls longer measures that"
            for tell, error, message in self.waiting:
                tell(error, message)
            self.waiting.clear()

    class Tail:
        def __init__(self, endpoint: Endpoint, topic: str) -> None:
            assert (servers[endpoint.servers], topic) == ("b", REMOTE)
            world.open += 1

        def read(self, timeout: float) -> list[str]:
            world.sleep(timeout)
            arrived = [value for at, value in world.under_way if at <= world.now]
            world.under_way = [one for one in world.under_way if one[0] > world.now]
            world.copy += arrived
            return arrived

        def close(self) -> None:
            world.open -= 1

    class Consumer:
        def __init__(self, settings: dict[str, Any]) -> None:
            self.cluster, self.group = servers[settings["bootstrap.servers"]], settings["group.id"]
            world.open += 1

        def assign(self, places: list[TopicPartition]) -> None:
            assert self.cluster == "a"

        def commit(self, *, offsets: list[TopicPartition], asynchronous: bool) -> None:
            (place,) = offsets
            assert (place.topic, place.partition, asynchronous) == (CANARY, 0, False)
            world.commits.append((self.group, place.offset, world.now))
            world.source += world.behind
            world.copy += world.behind
            world.behind = ()

        def get_watermark_offsets(
            self, place: TopicPartition, timeout: float
        ) -> tuple[int, int]:
            assert (self.cluster, place.topic, place.partition) == ("a", CANARY, 0)
            return 0, len(world.source)

        def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
            (place,) = places
            assert (self.cluster, place.topic, place.partition) == ("b", REMOTE, 0)
            group, offset, at = world.commits[-1]
            assert group == self.group, "another group"
            return [TopicPartition(REMOTE, 0, world.translate(offset, world.now - at))]

        def close(self) -> None:
            world.open -= 1

    def keep(endpoint: Endpoint, name: str, **more: Any) -> None:
        assert (servers[endpoint.servers], name, more["where"]) == ("a", CANARY, "a")
        assert more["replication"] == (3, 2)
        world.did.append("make topic")
        if world.kept:
            raise world.kept

    def value_at(endpoint: Endpoint, topic: str, offset: int) -> str:
        assert (servers[endpoint.servers], topic) == ("b", REMOTE)
        return world.copy[offset] if offset < len(world.copy) else ""

    def by_value(endpoint: Endpoint, topic: str, last: int) -> dict[str, int]:
        assert (servers[endpoint.servers], topic) == ("a", CANARY)
        return {value: offset for offset, value in enumerate(world.source[:last + 1])}

    def forget(endpoint: Endpoint, group: str) -> None:
        world.did.append(f"forget in {servers[endpoint.servers]}")

    return {
        "Producer": Producer, "Consumer": Consumer, "Tail": Tail, "keep_topic": keep,
        "value_at": value_at, "offsets_by_value": by_value, "forget_group": forget,
    }


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    for name, one in clients(made).items():
        owner = confluent_kafka if name in ("Producer", "Consumer") else module
        monkeypatch.setattr(owner, name, one)
    for one in (waiting, module):
        monkeypatch.setattr(one, "time", made)
    return made


def proven(world: World) -> str:
    """What `fab verify` shows: of a failure its line, with an exclamation mark."""
    report = Report("a-to-b")
    held = report.check("mirrors", "crossing", crossing(world).prove)
    assert world.open == 0, "clients stay open"
    (line,) = report.lines
    assert "\n" not in line.seen
    return line.seen if held else f"! {line.seen}"


def test_what_crosses_is_timed_and_the_offset_held_against_both_ends(world: World) -> None:
    last = len(BEFORE) + PROBES - 1
    assert proven(world) == (
        f"20 records in {REMOTE}, 300 ms median, 400 ms at most; "
        f"offset {last} became {last}, 0 records early"
    )
    assert [offset for _, offset, _ in world.commits] == [last]


def test_the_first_record_is_awaited_alone_and_the_others_keep_their_pace(world: World) -> None:
    """Until a mirror has seen that the topic is there is no latency of it."""
    proven(world)
    first, second, *more = world.sent_at
    assert second - first >= SLOW[0]
    between = [later - one for one, later in zip([second, *more], more, strict=False)]
    assert len(world.sent_at) == PROBES
    assert all(PROBE_PAUSE - 1e-6 < one < PROBE_PAUSE + 0.02 for one in between)


@pytest.mark.parametrize(("stuck", "unheard", "said"), [
    ({0}, (), "1 of 1 record did not cross within 90 s, 0 were not acknowledged"),
    ({7}, (), "1 of 20 records did not cross within 90 s, 0 were not acknowledged"),
    ({7, 8, 19}, {19}, "3 of 20 records did not cross within 90 s, 1 was not acknowledged"),
    ((), {4}, "0 of 20 records did not cross within 90 s, 1 was not acknowledged"),
    ({0}, {0}, "1 of 1 record did not cross within 90 s, 1 was not acknowledged"),
])
def test_records_that_do_not_cross_are_counted_and_nothing_is_committed_for_them(
    world: World, stuck: Any, unheard: Any, said: str
) -> None:
    world.stuck, world.unheard = frozenset(stuck), frozenset(unheard)
    assert proven(world) == f"! a-to-b: {said} (see `fab mirror.status`)"
    assert world.commits == []
    assert world.now == pytest.approx(1000 + CROSS_SECONDS, abs=1)


def test_a_record_of_another_run_is_not_taken_for_one_of_this(world: World) -> None:
    world.stuck = frozenset({3})
    world.under_way = [(1000 + n, f"other-{n}") for n in range(30)]
    assert proven(world).startswith("! a-to-b: 1 of 20 records did not cross")


@pytest.mark.parametrize("early", [1, 5, PROBES - 2])
def test_an_offset_may_be_translated_to_an_older_record(world: World, early: int) -> None:
    world.translate = lambda committed, age: committed - early
    last = len(BEFORE) + PROBES - 1
    records = "1 record" if early == 1 else f"{early} records"
    assert proven(world).endswith(f"offset {last} became {last - early}, {records} early")


def test_it_may_be_one_of_another_proof_that_is_written_meanwhile(world: World) -> None:
    world.beside = ("other-1", "other-2")
    world.translate = lambda committed, age: len(BEFORE) + 2
    assert "became 5, 19 records early" in proven(world)


def test_a_late_translation_is_waited_for(world: World) -> None:
    """First there is none, then that of what was committed in advance, and then the right one."""
    def translate(committed: int, age: float) -> int:
        return -1001 if age < 5 else (0 if age < 10 else (len(BEFORE) if age < 20 else committed))

    world.translate = translate
    assert "0 records early" in proven(world)
    assert 20 <= world.now - world.commits[-1][2] < 21


@pytest.mark.parametrize(("translate", "seen"), [
    (lambda committed, age: -1001, "nothing"),
    (lambda committed, age: committed + 1, "23, where nothing stands"),
    (lambda committed, age: 0, "0, where old-0 stands"),
])
def test_a_translation_that_skips_or_never_comes_is_told_with_what_stands_there(
    world: World, translate: Callable[[int, float], int], seen: str
) -> None:
    world.translate = translate
    said = proven(world)
    assert said.startswith("! a-to-b: offset 22 of group kafkalab-canary-")
    assert said.endswith(f" became {seen}, still after 90 s (see `fab mirror.status`)")


def test_a_translation_to_a_record_behind_the_committed_one_skips_it(world: World) -> None:
    """Another proof has gone on writing: a record stands there, but it is not an older one."""
    world.behind = ("other-late",)
    world.translate = lambda committed, age: committed + 1
    assert "became 23, where other-late stands, still after 90 s" in proven(world)


def test_a_note_of_another_proofs_last_record_is_made_use_of(world: World) -> None:
    """MirrorMaker had noted a pair of offsets for the last record that it had when it flushed, and
    that was another mirror's: what this proof had committed was translated by the note of before
    for ever, and `verify` failed after 90 s."""
    world.behind = ("other-1", "other-2")
    last = len(BEFORE) + PROBES + 1

    def translate(committed: int, age: float) -> int:
        note = last if committed >= last and age > 3 else len(BEFORE) - 1
        return note + (committed > note)

    world.translate = translate
    assert f"offset {last} became {last}, 0 records early" in proven(world)
    assert [offset for _, offset, _ in world.commits] == [22, last]


def test_where_nothing_is_translated_yet_what_is_last_is_committed(world: World) -> None:
    world.behind = ("other-1",)
    world.translate = lambda committed, age: committed if committed == 23 else -1001
    assert "offset 23 became 23, 0 records early" in proven(world)


@pytest.mark.parametrize("error", [
    LabError("no", where="a"), TIMED_OUT, TimeoutError(), ConnectionResetError("reset"),
])
def test_what_cannot_be_prepared_is_told_by_the_proof_at_once(
    world: World, error: Exception
) -> None:
    """Without the topic nothing is acknowledged, and the proof said only that, after 90 s."""
    world.kept = error
    one = crossing(world)
    one.prepare()
    assert world.commits == []
    report = Report("a-to-b")
    assert not report.check("mirrors", "crossing", one.prove)
    assert world.did == ["make topic", "make topic"]
    assert world.sent_at == [] and world.now == 1000
    world.kept = None
    assert report.check("mirrors", "crossing", one.prove), "it was only slow"


def test_what_is_prepared_is_not_prepared_again(world: World) -> None:
    one = crossing(world)
    one.prepare()
    assert one.prove().startswith("20 records")
    assert world.did == ["make topic"]
    assert [offset for _, offset, _ in world.commits] == [0, 22]
    assert len({group for group, _, _ in world.commits}) == 1
    one.forget()
    assert world.did[1:] == ["forget in a", "forget in b"]


def test_a_bug_is_no_reason_to_go_on(world: World) -> None:
    world.kept = cast(Any, KeyError("a bug"))
    with pytest.raises(KeyError):
        crossing(world).prepare()
