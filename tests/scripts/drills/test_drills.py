"""Drills as far as they go without a lab: what is refused, what a fault is made of."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from lab.drills.log import DETECTED, FAULT, HEALTHY, REPAIR, Acked, Log
from lab.endpoint import Endpoint
from lab.file import parse
from lab.services.local import local_context
from lab.topology import Topology, build
from scripts.drills import rehearsal, topics
from scripts.drills.clients import Client, Place
from scripts.drills.failover import Failover, Plan, mirrors_of
from scripts.drills.faults import Hosts, Link, Services, kill_service, refuse_writes
from scripts.drills.outage import disk
from scripts.drills.rehearsal import Every, terminable
from scripts.drivers.driver import sites
from scripts.drivers.health import Health
from scripts.drivers.mirrors import MirrorView
from scripts.errors import LabError, UsageError
from scripts.platforms import Platform
from tests.conftest import LAB, Fab
from tests.fakes import FakeFleet, FakeHost

pytestmark = pytest.mark.programs

MIRRORED = f"""\
{LAB}
[[links]]
between = ["dc1", "dc2"]
[[mirrors]]
from = "dc1"
to = "dc2"
"""


@pytest.fixture
def topology() -> Topology:
    return build(parse({
        "owner": "ann",
        "datacenters": [{"name": f"dc{n}", "cidr": f"10.31.{n}.0/24"} for n in (1, 2)],
        "links": [{"between": ["dc1", "dc2"]}], "mirrors": [{"from": "dc1", "to": "dc2"}],
    }).lab)


@pytest.mark.parametrize(("words", "said"), [
    ("failover --to dc2", "--from has to name one datacenter (known: dc1, dc2)"),
    ("failover --from dc1", "--to has to name one datacenter (known: dc1, dc2)"),
    ("failover --from dc1,dc2 --to dc2", "--from has to name one datacenter (known: dc1, dc2)"),
    ("failover --from dc1 --to dc22", "no datacenter 'dc22' in the lab (did you mean dc2?)"),
    ("failover --from dc2 --to dc1",
     "nothing is mirrored from dc2 to dc1 (mirrors in the lab file: dc1-to-dc2; "
     "see docs/mirrors.md)"),
    ("failover --from dc1 --to dc2 --failback",
     "nothing is mirrored from dc2 to dc1 (mirrors in the lab file: dc1-to-dc2; "
     "see docs/mirrors.md)"),
    ("failover --from dc1 --to dc2 --mode fire",
     "--mode fire (accepted: hosts, services, link)"),
    ("broker --rate 0", "--rate 0 (accepted: 1 to 20000 records per second)"),
    ("disk --duration 1", "--duration 1 (accepted: 3 to 3600 seconds)"),
    ("rolling --datacenter dc3", "no datacenter 'dc3' in the lab (did you mean dc2?)"),
])
def test_what_cannot_be_rehearsed_is_refused_in_one_line(
    fab: Fab, words: str, said: str
) -> None:
    task, *rest = words.split()
    done = fab(f"drill.{task}", *rest, text=MIRRORED)
    assert (done.returncode, done.stderr) == (2, f"error: {said}\n")


def test_on_aws_somebody_has_to_agree(fab: Fab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_PLATFORM", "aws")
    done = fab("drill.broker", text=MIRRORED)
    assert done.returncode == 2
    assert "say so with --yes" in done.stderr


def test_a_drill_takes_the_mirrors_it_needs(topology: Topology) -> None:
    (mirror,) = mirrors_of(topology, Plan("dc1", "dc2"))
    assert mirror.name == "dc1-to-dc2"
    with pytest.raises(UsageError, match="from dc2 to dc1"):
        mirrors_of(topology, Plan("dc1", "dc2", failback=True))


def test_services_are_killed_before_they_are_kept_down(topology: Topology) -> None:
    datacenter = topology.datacenter("dc1")
    running = [host for host in datacenter.hosts if host.role != "control"]
    hosts = [FakeHost(host.name, {"kill services": ""}) for host in running]
    repaired: list[str] = []
    fault = Services(FakeFleet(hosts), topology, datacenter, lambda: repaired.append("up"))
    fault.strike()
    for host, fake in zip(running, hosts, strict=True):
        ((_, text),) = fake.heard
        strict, kill, stop = text.splitlines()
        assert strict == "set -e", "what could not be killed would be stopped in order"
        assert "--signal=KILL" in kill
        assert stop == f"systemctl stop {host.role}.service"
    fault.repair()
    assert repaired == ["up"]


def test_a_link_is_cut_to_every_host_of_the_other_side_and_only_for_a_while(
    topology: Topology,
) -> None:
    here, there = topology.datacenter("dc1"), topology.datacenter("dc2")
    hosts = [
        FakeHost(host.name, {"cut the link": "", "heal the link": ""}) for host in here.hosts
    ]
    fault = Link(FakeFleet(hosts), here, there, seconds=42)
    fault.strike()
    fault.repair()
    for fake in hosts:
        assert fake.labels == ["cut the link", "heal the link"]
        rules = fake.heard[0][1]
        assert all(f"{host.address} timeout 42s" in rules for host in there.hosts)
        # Where the workstation's packets come from may lie in the other datacenter's network.
        assert str(topology.gateway) not in rules.replace(str(there.hosts[0].address), "")
        assert str(there.cidr) not in rules


def test_hosts_get_their_power_back_before_they_are_set_up(topology: Topology) -> None:
    heard: list[tuple[str, tuple[str, ...]]] = []

    class Fake:
        def kill(self, names: list[str]) -> None:
            heard.append(("kill", tuple(names)))

        def revive(self, names: list[str]) -> None:
            heard.append(("revive", tuple(names)))

    platform: Platform = Fake()  # type: ignore[assignment]
    datacenter = topology.datacenter("dc1")
    fault = Hosts(platform, datacenter, lambda: heard.append(("up", ())))
    fault.strike()
    fault.repair()
    names = tuple(host.name for host in datacenter.hosts)
    assert heard == [("kill", names), ("revive", names), ("up", ())]


def test_one_service_is_killed_and_nobody_keeps_it_down(topology: Topology) -> None:
    host = topology.datacenter("dc1").by_role("kafka")[0]
    fake = FakeHost(host.name, {"kill kafka": ""})
    kill_service(FakeFleet([fake]), host, "kafka")
    assert fake.heard == [
        ("kill kafka", "systemctl kill --kill-whom=all --signal=KILL kafka.service\n")
    ]


def test_how_many_processes_could_not_write_is_counted(topology: Topology) -> None:
    host = topology.datacenter("dc1").by_role("kafka")[0]
    fake = FakeHost(host.name, {"refuse writes": "120\n340\n"})
    assert refuse_writes(FakeFleet([fake]), host, 5) == 2


def test_a_clients_own_error_is_told_and_not_lost() -> None:
    class Broken(Client):
        def work(self) -> None:
            raise ValueError("out of luck")

    client = Broken("writer")
    client.start()
    client.join(10)
    with pytest.raises(LabError, match="drill-writer failed: ValueError: out of luck"):
        client.check()


def test_a_drill_that_is_told_to_end_is_interrupted_like_by_hand() -> None:
    import signal

    with pytest.raises(KeyboardInterrupt), terminable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_copies_are_named_as_the_mirror_names_them(topology: Topology) -> None:
    from lab.services.local import local_context

    context = local_context(topology, {})
    mirrors = topology.config.mirrors
    assert topics.place(topology, context, "dc1", mirrors).topics == {"dc1": "kafkalab-drill"}
    assert topics.place(topology, context, "dc2", mirrors).topics == {
        "dc2": "kafkalab-drill", "dc1": "dc1.kafkalab-drill",
    }
    assert Log(keys=topics.KEYS).when("fault") is None


def test_where_a_mirror_stands_still_no_drill_begins(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its tasks run: the drill would blame the failure for what does not cross anyway."""
    drill = object.__new__(Failover)
    drill.mirrors = mirrors_of(topology, Plan("dc1", "dc2"))
    drill.sites = sites(FakeFleet([]), local_context(topology, {}), topology.datacenters)
    drill.broken = lambda: []  # type: ignore[method-assign]
    stuck = Health("nothing moves at orders-0, offset 7, for 30 s now")
    looks = iter([stuck, Health()])
    monkeypatch.setattr(MirrorView, "health", lambda view: next(looks))
    drill.refuse_unhealthy()
    monkeypatch.setattr(rehearsal, "ASSIGNED_S", 0.2)
    monkeypatch.setattr(MirrorView, "health", lambda view: stuck)
    with pytest.raises(LabError, match="no drill on a lab that is not healthy: nothing moves at "):
        drill.refuse_unhealthy()


def test_who_is_a_moment_behind_has_caught_up() -> None:
    """Records are acknowledged all the time: the last of them never have arrived already."""
    now = time.time()
    log, arrived = Log(keys=1), set(range(90))
    log.acked = [Acked(n, 0, at, at, "dc1", n) for n in range(100) for at in [now - 10 + n / 10]]
    asked: list[int] = []

    def holds(one: Acked) -> bool:
        asked.append(one.number)
        return one.number in arrived

    caught_up, complete = Every(log, holds, behind=2.0), Every(log, holds)
    assert caught_up() and not complete()
    asked.clear()
    assert caught_up() and not complete()
    assert asked == [90], "what held is looked at again"
    arrived |= set(range(91, 100))
    assert not complete(), "one is missing"
    arrived.add(90)
    assert complete()


class _Brokers:
    """An admin client whose brokers answer DeleteRecords as told, a round at a time."""

    def __init__(self, *rounds: dict[int, int]) -> None:
        """`rounds`: the error code of each partition that fails."""
        self.rounds, self.asked = list(rounds), list[list[int]]()

    def delete_records(self, spots: list[object], request_timeout: float) -> dict[object, object]:
        from concurrent.futures import Future

        from confluent_kafka import KafkaError, KafkaException

        errors = self.rounds.pop(0)
        self.asked.append([spot.partition for spot in spots])  # type: ignore[attr-defined]
        futures: dict[object, object] = {}
        for spot in spots:
            future = futures[spot] = Future[None]()
            code = errors.get(spot.partition)  # type: ignore[attr-defined]
            if code is None:
                future.set_result(None)
            else:
                future.set_exception(KafkaException(KafkaError(code)))
        return futures


def test_a_broker_that_does_not_know_of_the_topic_yet_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from confluent_kafka import KafkaError

    unknown, denied = KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_AUTHORIZATION_FAILED
    place = Place("dc1", "127.0.0.1:1", {"dc1": "kafkalab-drill"})
    brokers = _Brokers({2: unknown, 4: unknown}, {4: unknown}, {})
    monkeypatch.setattr(topics, "admin_client", lambda servers: brokers)
    topics.empty(place)
    assert brokers.asked == [[0, 1, 2, 3, 4, 5], [2, 4], [4]]

    monkeypatch.setattr(topics, "admin_client", lambda servers: _Brokers({1: denied}))
    with pytest.raises(LabError, match="dc1: kafkalab-drill cannot be emptied"):
        topics.empty(place)
    monkeypatch.setattr(topics, "EMPTY_S", -1.0)
    monkeypatch.setattr(topics, "admin_client", lambda servers: _Brokers({1: unknown}))
    with pytest.raises(LabError, match="cannot be emptied"):
        topics.empty(place)


@dataclass
class Slow:
    """A failure whose command returns `after` s after all is broken: host after host is killed."""

    after: float
    error: Exception | None = None
    text: str = "dc1 is gone"
    struck: float = 0.0
    ended: float = 0.0
    repaired: float = 0.0

    def strike(self) -> None:
        self.struck = time.time()
        time.sleep(self.after)  # what it takes is what is tried here
        self.ended = time.time()
        if self.error:
            raise self.error

    def repair(self) -> None:
        self.repaired = time.time()


def failing(fault: Slow, patience: float) -> Failover:
    """A drill whose records flow, as far as its failure needs it; one was just acknowledged."""
    drill = object.__new__(Failover)
    drill.plan = Plan("dc1", "dc2", patience=patience)  # type: ignore[arg-type]
    drill.log, drill.clients, drill.began = Log(keys=1), [], time.monotonic()
    drill.fault, drill.strike = fault, None
    drill.say = lambda text: None  # type: ignore[method-assign]
    drill.writer = SimpleNamespace(last_ack=time.time())  # type: ignore[assignment]
    return drill


def test_a_failure_begins_with_its_command_and_is_noticed_while_that_goes_on() -> None:
    """Its hosts are dead before it returns: clients that wait for it would be slow to move, and
    what they saw would have come before the failure."""
    fault = Slow(after=1.0)
    drill = failing(fault, patience=0.2)
    before = time.time()
    drill._fail()
    seen, noticed = drill.log.when(FAULT), drill.log.when(DETECTED)
    assert seen is not None and noticed is not None
    assert before <= seen <= fault.struck
    assert noticed - seen >= 0.2 - 0.05
    assert not fault.ended, "noticed only when the command had returned"
    drill._await_strike()
    assert fault.ended
    assert drill.log.strike_seconds == pytest.approx(fault.ended - fault.struck, abs=0.2)


def test_a_failure_that_cannot_be_brought_about_ends_the_drill_at_once() -> None:
    fault = Slow(after=0.1, error=LabError("no such container", where="dc1-kafka01"))
    drill = failing(fault, patience=60)
    began = time.monotonic()
    with pytest.raises(LabError, match="dc1-kafka01: no such container"):
        drill._fail()
    assert time.monotonic() - began < 5


def test_nothing_is_repaired_while_it_is_still_being_broken() -> None:
    fault = Slow(after=0.5, error=LabError("one of them could not be killed"))
    drill = failing(fault, patience=0.1)
    drill._fail()
    drill.look_again = lambda: None  # type: ignore[method-assign]
    drill._fault = lambda: fault  # type: ignore[method-assign]
    drill.await_healthy = time.time  # type: ignore[method-assign]
    drill._repair()
    assert fault.ended and fault.repaired >= fault.ended
    assert drill.log.when(REPAIR) >= fault.ended  # type: ignore[operator]


def test_a_cluster_is_whole_before_its_leaders_are_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which is the drill's own tidying, and no part of the recovery."""
    drill = failing(Slow(after=0), patience=1)
    spread: list[float] = []

    def spreading(endpoint: object, where: str) -> None:
        spread.append(time.time())

    monkeypatch.setattr(rehearsal, "spread_leaders", spreading)
    drill.datacenters = ("dc1",)
    drill.broken = drill.idle = list  # type: ignore[method-assign]
    drill.place = lambda name: Place(name, Endpoint("127.0.0.1:1"), {})  # type: ignore[method-assign]
    drill.look_again = lambda: None  # type: ignore[method-assign]
    drill._fault = lambda: drill.fault  # type: ignore[method-assign]
    drill._repair()
    (at,) = spread
    assert drill.log.when(HEALTHY) <= at  # type: ignore[operator]


def test_a_disk_takes_data_again_when_nothing_holds_it_back_any_more(topology: Topology) -> None:
    """And not when the host has been asked what became of its broker."""
    host = topology.datacenter("dc1").by_role("kafka")[0]
    asked: list[float] = []

    def pid(host: object, service: str) -> str:
        asked.append(time.time())
        return str(len(asked))

    drill = SimpleNamespace(
        datacenter=topology.datacenter("dc1"), pid=pid, say=lambda text: None,
        fleet=FakeFleet([FakeHost(host.name, {"refuse writes": "120\n"})]),
    )
    ended = disk(drill, host=host.name).strike()  # type: ignore[arg-type]
    assert ended is not None
    assert asked[0] <= ended <= asked[1]
