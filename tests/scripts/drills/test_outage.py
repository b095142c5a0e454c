"""A drill of one cluster: what comes when, whom it hits, and that it leaves no fault behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from lab.drills.log import END, FAULT, HEALTHY, REPAIR, START, Acked, Log, Seen
from lab.file import parse
from lab.services.local import local_context
from lab.topology import build
from scripts.clients.kafka import Cluster, View
from scripts.drills import outage, rehearsal, topics
from scripts.drills.clients import Client, Place
from scripts.drills.outage import DISK_S, Blow, Load, Outage
from scripts.drivers.driver import Driver
from scripts.errors import LabError, TimeoutExpired, UsageError
from scripts.hosts.fleet import Answer
from scripts.workstation import waiting
from tests.conftest import LAB, Fab
from tests.fakes import FakeFleet, FakeHost

TOPOLOGY = build(parse({"owner": "ann", "datacenters": [
    {"name": "dc1", "cidr": "10.1.0.0/24"}, {"name": "dc2", "cidr": "10.2.0.0/24"},
]}).lab)
DC1 = TOPOLOGY.datacenters[0]
KAFKA = [host.name for host in DC1.by_role("kafka")]
LOAD = Load(rate=100, duration=10)
DENIED = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    def sleep(self, seconds: float) -> None:
        assert seconds > 0, "an endless loop in a moment"
        self.now += seconds


@dataclass
class FakeLab:
    """A session whose hosts, cluster and drill clients are one: a process has a number, which a
    kill changes after `back` s. `did` is what happened, in order, with the time."""

    clock: Clock
    did: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # of the lab, at each look
    controller: int = 2
    back: float = 3.0
    unhurt: bool = False  # processes that are killed go on
    full: str = "120\n"  # the processes that met a full disk
    dies: Callable[[], bool] = lambda: False  # when the load fails
    lost: frozenset[int] = frozenset()  # records that the group never reads
    unclean: Exception | None = None
    closed: int = 0
    killed: dict[str, float] = field(default_factory=dict)
    topology: Any = TOPOLOGY

    @property
    def platform(self) -> FakeLab:
        return self

    def instances(self) -> dict[str, Any]:
        return {}

    def context(self, software: object, instances: object, *_: object) -> Any:
        return local_context(TOPOLOGY, {})

    def fleet(self, instances: object) -> FakeFleet:
        lab = self

        class Fleet(FakeFleet):
            def close(self) -> None:
                lab.closed += 1

        def srvr(name: str) -> Callable[[int, bytes], str]:
            return lambda port, question: (
                "" if self.down(name) else f"Mode: {'leader' if 'zk02' in name else 'follower'}\n"
            )

        return Fleet([
            FakeHost(host.name, {
                "pid": lambda _, name=host.name: self.pid(name),
                f"kill {host.role}": lambda text, name=host.name: self.kill(name, text),
                "refuse writes": lambda text, name=host.name: self.fill(name, text),
            }, srvr(host.name)) for host in DC1.hosts
        ])

    def say(self, line: str) -> None:
        self.said.append(line.split("s  ", 1)[1])

    def note(self, text: str) -> None:
        self.did.append(text)

    def down(self, name: str) -> bool:
        return self.clock.now < self.killed.get(name, 0.0) + self.back

    def pid(self, name: str) -> Answer | str:
        return "0\n" if self.down(name) else f"{100 + int(self.killed.get(name, 0))}\n"

    def kill(self, name: str, text: str) -> Answer | str:
        assert "--signal=KILL" in text
        self.note(f"kill {name}")
        if self.unhurt:
            return ""
        self.killed[name] = self.clock.now
        return ""

    def fill(self, name: str, text: str) -> Answer | str:
        self.note(f"fill {name}")
        self.clock.now += DISK_S
        if self.full:
            self.killed[name] = self.clock.now
        return self.full


class FakeClient(Client):
    """What a drill's client does, each time that somebody looks: no thread, no cluster."""

    def __init__(self, name: str, lab: FakeLab, log: Log) -> None:
        super().__init__(name)
        self.lab, self.log = lab, log
        self.seen: set[int] = set()

    def start(self) -> None:
        self.lab.note(f"{self.name} begins")

    def end(self, timeout: float = 1) -> None:
        self.lab.note(f"{self.name} ends")

    def check(self) -> None:
        if self.lab.dies():
            raise LabError(f"{self.name} failed: ValueError: out of luck")
        now = self.lab.clock.now
        if self.name == "drill-writer":
            number, self.log.sent = self.log.sent, self.log.sent + 1
            self.log.acked.append(Acked(number, number % topics.KEYS, now, now, "dc1", number))
        else:
            for one in self.log.acked[len(self.log.consumed):]:
                if one.number not in self.lab.lost:
                    self.seen.add(one.number)
                self.log.consumed.append(Seen(one.number, one.key, now, "dc1", "dc1", one.offset))


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> FakeLab:
    clock = Clock()
    made = FakeLab(clock)
    for module in (waiting, rehearsal, outage):
        monkeypatch.setattr(module, "time", clock)

    def writer(log: Log, run: str, place: Place, rate: int) -> FakeClient:
        assert (place.name, place.topics, rate) == ("dc1", {"dc1": topics.TOPIC}, LOAD.rate)
        return FakeClient("writer", made, log)

    def reader(log: Log, run: str, group: str, place: Place) -> FakeClient:
        assert run in group
        return FakeClient("reader", made, log)

    def broken(drill: Outage) -> list[str]:
        return [made.problems.pop(0)] if made.problems else []

    def clean(what: str) -> Callable[..., None]:
        def work(*_: object) -> None:
            made.note(what)
            if made.unclean:
                raise made.unclean
        return work

    def healthy(cluster: Cluster, timeout: float = 0) -> View:
        made.note("cluster whole")
        return cast(Any, None)

    monkeypatch.setattr(outage, "Writer", writer)
    monkeypatch.setattr(outage, "Reader", reader)
    monkeypatch.setattr(outage, "read_all", lambda run, place, keys: made.note("read all") or [])
    monkeypatch.setattr(Outage, "broken", broken)
    monkeypatch.setattr(topics, "prepare", lambda topology, places: made.note("prepare topics"))
    monkeypatch.setattr(topics, "empty", clean("empty topics"))
    monkeypatch.setattr(rehearsal, "forget_group", clean("forget group"))
    monkeypatch.setattr(
        rehearsal, "spread_leaders", lambda endpoint, where: made.note(f"spread leaders of {where}")
    )
    monkeypatch.setattr(Driver, "silent", lambda driver, site, host: "")
    monkeypatch.setattr(Cluster, "wait_healthy", healthy)
    monkeypatch.setattr(Cluster, "view", lambda cluster: View((1, 2, 3), made.controller, ()))
    return made


@pytest.fixture
def drill(lab: FakeLab) -> Iterator[Outage]:
    yield Outage(cast(Any, lab), "dc1", LOAD)
    assert len(lab.did) == 0 or lab.closed == 1, "connections stay open"


def kinds(drill: Outage) -> list[str]:
    return [event.kind for event in drill.log.events]


LEFT = ["drill-writer ends", "drill-reader ends", "forget group", "empty topics",
        "spread leaders of dc1"]  # what a drill ends with, however it went


def test_a_broker_is_killed_in_the_midst_of_the_load(lab: FakeLab, drill: Outage) -> None:
    log = drill.rehearse(outage.broker)
    assert lab.did == [
        "prepare topics", "drill-writer begins", "drill-reader begins", f"kill {KAFKA[0]}",
        "cluster whole", "drill-writer ends", "drill-reader ends", "read all", *LEFT,
    ]
    assert kinds(drill) == [START, FAULT, HEALTHY, END]
    at = {event.kind: event.at for event in log.events}
    assert {seen.key for seen in log.consumed if seen.at <= at[START]} == set(range(topics.KEYS))
    assert at[FAULT] - at[START] == pytest.approx(LOAD.duration, abs=0.1)
    assert at[HEALTHY] - at[FAULT] == pytest.approx(lab.back, abs=0.3)
    assert at[END] - at[HEALTHY] == pytest.approx(LOAD.duration, abs=0.1)
    assert lab.said[-2:] == ["all was read", "the lab is healthy"]


def test_on_a_lab_that_is_not_healthy_nothing_is_begun(lab: FakeLab, drill: Outage) -> None:
    lab.problems = ["broker 3 not registered"]
    with pytest.raises(LabError, match="not healthy: broker 3 not registered"):
        drill.rehearse(outage.broker)
    assert (lab.did, lab.said) == ([], [])


def test_a_load_that_fails_before_lets_nothing_fail(lab: FakeLab, drill: Outage) -> None:
    lab.dies = lambda: lab.clock.now > 1005
    with pytest.raises(LabError, match="drill-writer failed: ValueError: out of luck"):
        drill.rehearse(outage.broker)
    assert kinds(drill) == [START]
    assert lab.did[3:] == LEFT


def test_a_load_that_fails_afterwards_leaves_a_lab_that_is_well_again(
    lab: FakeLab, drill: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of the drill comes when the lab is healthy, not before."""
    lab.dies = lambda: KAFKA[0] in lab.killed
    down: list[bool] = []

    def look() -> list[str]:
        down.append(lab.down(KAFKA[0]))
        return ["broker 1 not registered"] if down[-1] else []

    monkeypatch.setattr(drill, "broken", look)
    with pytest.raises(LabError, match="out of luck"):
        drill.rehearse(outage.broker)
    assert kinds(drill) == [START, FAULT]
    assert down[0] is False and down[1] is True and down[-1] is False
    assert lab.did[-5:] == LEFT
    assert "the lab is healthy" not in lab.said, "that is said of a drill that went to its end"


@pytest.mark.parametrize("error", [
    KeyboardInterrupt(), LabError("does not exist", where=KAFKA[0]), ValueError("a bug"),
])
def test_a_drill_that_is_broken_off_leaves_nothing_behind(
    lab: FakeLab, drill: Outage, error: BaseException
) -> None:
    def strike() -> None:
        raise error

    with pytest.raises(type(error)):
        drill.rehearse(lambda _: Blow("it fails", strike, lambda: True))
    assert lab.did[-5:] == LEFT


def test_what_does_not_come_back_is_named(lab: FakeLab, drill: Outage) -> None:
    lab.back = 10_000
    with pytest.raises(TimeoutExpired, match=f"not over: broker {KAFKA[0]} killed .* after 120 s"):
        drill.rehearse(outage.broker)
    assert kinds(drill) == [START, FAULT]
    assert lab.did[-5:] == LEFT


@pytest.mark.parametrize("error", [
    LabError("cannot be emptied", where="dc1"), DENIED, TimeoutError(),
])
def test_what_cannot_be_cleaned_up_is_said_and_keeps_nobody_from_looking_after_the_lab(
    lab: FakeLab, drill: Outage, error: Exception
) -> None:
    """A request that was not answered in time was the end of it, and of the score."""
    lab.unclean = error
    drill.rehearse(outage.broker)
    assert [line for line in lab.said if line.startswith("warning: ")] != []
    assert lab.did[-1] == LEFT[-1]
    assert lab.said[-1] == "the lab is healthy"


def test_a_lab_that_does_not_get_well_is_the_error_and_what_broke_the_drill_stands_beside_it(
    lab: FakeLab, drill: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.dies = lambda: KAFKA[0] in lab.killed
    monkeypatch.setattr(drill, "broken", lambda: ["broker 1 gone"] if lab.killed else [])
    with pytest.raises(TimeoutExpired, match="not healthy 300 s after the drill: broker 1") as told:
        drill.rehearse(outage.broker)
    assert told.value.__notes__ == ["drill-writer failed: ValueError: out of luck"]


def test_records_that_never_come_are_a_figure_and_no_error(lab: FakeLab, drill: Outage) -> None:
    lab.lost = frozenset({17})
    drill.rehearse(outage.broker)
    assert [line for line in lab.said if line.startswith("warning: ")] == [
        "warning: not so: all was read after 120 s"
    ]
    assert kinds(drill)[-1] == END


@pytest.mark.parametrize(("options", "controller", "hit"), [
    ({}, 1, KAFKA[1]), ({}, 2, KAFKA[0]), ({"controller": True}, 3, KAFKA[2]),
    ({"host": KAFKA[1]}, 1, KAFKA[1]),
])
def test_who_is_hit(
    lab: FakeLab, drill: Outage, options: dict[str, Any], controller: int, hit: str
) -> None:
    lab.controller = controller
    blow = outage.broker(drill, **options)
    also = ", the controller," if KAFKA.index(hit) + 1 == controller else ""
    assert blow.text == f"broker {hit}{also} killed (SIGKILL)"
    assert lab.did == [], "it is chosen, not done"
    blow.strike()
    lab.closed = 1
    assert lab.did == [f"kill {hit}"]
    assert not blow.over()
    lab.clock.now += lab.back
    assert blow.over()


@pytest.mark.parametrize(("controller", "said"), [
    (4, "dc1: broker 4 is the controller, and none of the lab file's"),
    (-1, "dc1: no broker is the controller just now"),
])
def test_a_controller_that_the_lab_file_does_not_mean_is_left_alone(
    lab: FakeLab, drill: Outage, controller: int, said: str
) -> None:
    """A surplus broker may be the controller."""
    lab.controller = controller
    with pytest.raises(LabError) as told:
        outage.broker(drill, controller=True)
    assert str(told.value).startswith(said)


def test_the_only_broker_is_hit_whatever_it_is(
    lab: FakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = build(parse({"owner": "ann", "datacenters": [
        {"name": "dc1", "cidr": "10.1.0.0/24", "kafka": 1},
    ]}).lab)
    lab.topology, lab.controller = small, 1
    blow = outage.broker(Outage(cast(Any, lab), "dc1", LOAD))
    assert blow.text == f"broker {KAFKA[0]}, the controller, killed (SIGKILL)"


def test_the_leader_of_the_ensemble_is_hit_and_all_of_it_is_waited_for(
    lab: FakeLab, drill: Outage
) -> None:
    blow = outage.zookeeper(drill)
    assert blow.text == "leader ann-dc1-zk02 killed (SIGKILL)"
    blow.strike()
    lab.closed = 1
    assert not blow.over()
    lab.killed["ann-dc1-zk03"] = lab.clock.now + lab.back  # another one follows no more
    lab.clock.now += lab.back
    assert not blow.over()
    lab.clock.now += lab.back
    assert blow.over()


@pytest.mark.parametrize("choose", [outage.broker, outage.zookeeper])
def test_a_process_that_was_not_killed_is_not_back(
    lab: FakeLab, drill: Outage, choose: Callable[[Outage], Blow]
) -> None:
    lab.unhurt = True
    blow = choose(drill)
    blow.strike()
    lab.closed = 1
    lab.clock.now += 100
    assert not blow.over()


def test_brokers_restart_one_at_a_time(
    lab: FakeLab, drill: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restart(driver: Driver, site: object, hosts: list[Any], progress: object) -> None:
        assert (driver.name, site) == ("kafka", drill.site)
        lab.did += [f"restart {host.name}" for host in hosts]

    monkeypatch.setattr(outage, "restart_in_turn", restart)
    drill.rehearse(outage.rolling)
    assert lab.did[3:6] == [f"restart {name}" for name in KAFKA]
    assert drill.log.events[1].text == "3 brokers restarted one at a time"


def test_a_full_disk_ends_by_itself_and_that_is_an_event(lab: FakeLab, drill: Outage) -> None:
    drill.rehearse(lambda one: outage.disk(one, host=KAFKA[2]))
    assert lab.did[3] == f"fill {KAFKA[2]}"
    assert kinds(drill) == [START, FAULT, REPAIR, HEALTHY, END]
    fault, repair = drill.log.events[1:3]
    assert repair.at - fault.at == pytest.approx(DISK_S)
    assert repair.text == f"{KAFKA[2]} can write again"
    assert "1 process of ann-dc1-kafka03 could not write" in lab.said


def test_a_broker_that_shrugs_a_full_disk_off_has_not_been_tried(
    lab: FakeLab, drill: Outage
) -> None:
    lab.full = ""
    with pytest.raises(LabError, match=f"{KAFKA[0]}: went on although it could not write"):
        drill.rehearse(outage.disk)
    assert kinds(drill) == [START, FAULT]
    assert lab.did[-5:] == LEFT


@pytest.mark.parametrize(("words", "said"), [
    ("broker --host no-dc1-kafka09",
     "no broker 'no-dc1-kafka09' in dc1 (known: ann-dc1-kafka01, ann-dc1-kafka02, "
     "ann-dc1-kafka03)"),
    ("disk --datacenter dc2 --host ann-dc1-kafka01",
     "no broker 'ann-dc1-kafka01' in dc2 (known: ann-dc2-kafka01, ann-dc2-kafka02, "
     "ann-dc2-kafka03)"),
    ("disk --datacenter dc2, --host x",
     "no broker 'x' in dc2 (known: ann-dc2-kafka01, ann-dc2-kafka02, ann-dc2-kafka03)"),
    ("broker --controller --host ann-dc1-kafka01",
     "--controller and --host name a broker each (say one of them)"),
])
def test_whom_it_cannot_hit_is_told_before_anything_is_looked_at(
    fab: Fab, words: str, said: str
) -> None:
    task, *rest = words.split()
    done = fab(f"drill.{task}", *rest, text=LAB)
    assert (done.returncode, done.stderr) == (2, f"error: {said}\n")


def test_who_is_not_there_is_told_with_those_that_are(lab: FakeLab, drill: Outage) -> None:
    with pytest.raises(UsageError, match=r"no broker 'x' in dc1 \(known: ann-dc1-kafka01, "):
        outage.disk(drill, host="x")
