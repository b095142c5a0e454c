"""A sink's drill: what it has for itself, what it finds, what it refuses, what it leaves behind."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from lab.drills.log import CAUGHT_UP, END, FAULT, HEALTHY, START, STEP, Acked, Log, Refused, Seen
from lab.drills.sink import NAMES, content, malformed, name
from lab.file import parse
from lab.options.sinks import Sink
from lab.services.local import local_context
from lab.topology import Topology, build
from scripts.clients.http import HttpError
from scripts.drills import carried, outage, rehearsal, sink as module, stock, topics
from scripts.drills.carried import LETTERS, Carrier, Finder
from scripts.drills.clients import Place
from scripts.drills.outage import Blow, Load
from scripts.drills.sink import Plan, SinkDrill, chosen
from scripts.drills.stock import INDEX
from scripts.drivers.driver import Site, sites
from scripts.drivers.stores import Documents
from scripts.errors import LabError, UsageError
from scripts.workstation import waiting
from tests.conftest import LAB, Fab
from tests.fakes import FakeFleet
from tests.scripts.drills.test_outage import Clock

RUN = "0a1b2c3d"
KEYED = {"kind": "elasticsearch", "at": "dc2", "topics": ["customers"], "name": "keyed",
         "id": "key", "tasks": 2, "config": {
             "batch.size": 500, "value.converter": "theirs", "topic.key.ignore": "customers",
             "transforms": "one", "transforms.one.type": "Drop"}}


ROWS = {"kind": "hbase", "at": "dc2", "topics": ["dc1.orders"], "config": {
    "table.column.family": "theirs", "topic.table.map": "dc1.orders:theirs"}}


def topology() -> Topology:
    return build(parse({
        "owner": "ann",
        "datacenters": [{"name": f"dc{n}", "cidr": f"10.31.{n}.0/24"} for n in (1, 2, 3)],
        "links": [{"between": ["dc1", "dc2"]}], "mirrors": [{"from": "dc1", "to": "dc2"}],
        "sinks": [{"kind": "elasticsearch", "at": "dc2", "topics": ["dc1.orders"]}, KEYED, ROWS],
    }).lab)


def place() -> Place:
    return Place("dc2", cast(Any, "endpoint"), {"dc1": "dc1.kafkalab-drill"})


def site() -> Site:
    one = topology()
    return sites(FakeFleet([]), local_context(one, {}), one.datacenters)["dc2"]


@dataclass
class Store:
    """Operations in their order; what is searched for is found at once."""

    done: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    away: bool = False

    def write(self, *numbers: int, by_key: bool = False) -> None:
        for number in numbers:
            called = name(number) if by_key else str(number)
            self.done.append((called, number, json.loads(content(RUN, number, 1.0))))

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        self.heard.append(f"{method} {path.partition('?')[0]}")
        if self.away:
            raise HttpError(503, "away", where="store")
        if method == "DELETE":
            assert path == f"/{INDEX}?ignore_unavailable=true"
            self.done.clear()
            return {}
        if path.endswith(("/_refresh", "/_count")):
            return {"count": len(self.done)}
        assert path.startswith(f"/{INDEX}/_search?"), path
        assert body["sort"] == [{"_seq_no": "asc"}]
        newest = {called: place for place, (called, *_) in enumerate(self.done)}
        found = [
            {"_id": called, "_version": version, "_source": source, "sort": [place]}
            for place, (called, version, source) in enumerate(self.done)
            if place > body["query"]["range"]["_seq_no"]["gt"] and newest[called] == place
        ]
        return {"hits": {"hits": found[:body["size"]]}} if found else {}


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr(stock, "documents", lambda *_: Documents(made))
    monkeypatch.setattr(carried, "LOOK_S", 0)
    return made


def carrier(number: int = 0) -> Carrier:
    one = site()
    return Carrier(one.lab.sinks[number], one, place(), "dc1.kafkalab-drill", RUN)


def finder(number: int = 0) -> Finder:
    return Finder(Log(keys=6), carrier(number), "dc1")


def test_each_document_is_noted_once_when_it_is_found(store: Store) -> None:
    look = finder()
    look.work()
    assert look.log.indexed == [], "without an index there is nothing"
    store.write(4, 2, 11)
    look.work()
    look.work()
    assert [(one.number, one.key, one.cluster, one.origin) for one in look.log.indexed] == [
        (4, 4, "elasticsearch", "dc1"), (2, 2, "elasticsearch", "dc1"),
        (11, 5, "elasticsearch", "dc1"),
    ]
    assert look.holds(11) and look.holds(100) and malformed(100) and not look.holds(3)


def test_a_store_that_was_killed_is_searched_from_the_beginning(store: Store) -> None:
    """What it had not secured it forgets, and numbers the next operations as it had those."""
    look = finder()
    store.write(1, 2, 3)
    look.work()
    store.away = True
    look.work()
    store.away = False
    del store.done[2:]
    store.write(7)
    look.work()
    assert [one.number for one in look.log.indexed] == [1, 2, 3, 7]


def test_by_key_a_document_stands_for_the_earlier_records_of_its_key(store: Store) -> None:
    look = finder(1)
    store.write(5, 5 + NAMES, 5 + 2 * NAMES, by_key=True)
    look.work()
    assert [one.number for one in look.log.indexed] == [5, 5 + NAMES, 5 + 2 * NAMES]
    store.write(100 + NAMES, 5 + NAMES, by_key=True)
    look.work()
    assert look.log.indexed[-1].number == 100 + NAMES, "and for none that is no document"
    assert len(look.log.indexed) == 4, "nor for any twice"


def test_documents_are_read_to_the_last_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.drivers.stores.PAGE", 2)
    monkeypatch.setattr(Documents.after, "__defaults__", (2,))
    store.write(1, 2, 3, 4)
    found = carrier().kept()
    assert [(one.number, one.version, one.intact) for one in found] == [
        (number, number, True) for number in (1, 2, 3, 4)
    ]


def test_it_does_what_the_sink_does_with_another_topic() -> None:
    one = site()
    config = carried.rehearsed(
        one.lab.sinks[1], one.context, name="n", topic="t", index=INDEX, letters=LETTERS,
    )
    assert config.items() >= {
        "name": "n", "topics": "t", "topic.index.map": f"t:{INDEX}", "batch.size": "500",
        "key.ignore": "false", "topic.key.ignore": "", "tasks.max": "2",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "errors.deadletterqueue.topic.name": LETTERS, "behavior.on.malformed.documents": "report",
        "connection.url": "http://ann-dc2-ctl01.lab.internal:9200",
    }.items()
    assert not [key for key in config if key.startswith("transforms")]


def test_of_hbase_too() -> None:
    one = site()
    config = carried.rehearsed(
        one.lab.sinks[2], one.context, name="n", topic="t", index=INDEX, letters=LETTERS,
    )
    assert config.items() >= {
        "name": "n", "topics": "t", "topic.table.map": f"t:{INDEX}", "table.column.family": "d",
        "key.ignore": "false", "errors.deadletterqueue.topic.name": LETTERS,
        "behavior.on.malformed.records": "report",
    }.items()
    assert "topic.index.map" not in config


@dataclass
class Rest:
    """Connect: connectors that run as soon as they are put."""

    heard: list[str] = field(default_factory=list)
    bodies: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        self.heard.append(f"{method} {path}")
        if method == "PUT":
            self.bodies.append(body)
        if path.endswith("?expand=status"):
            status = {"connector": {"state": "RUNNING"}, "type": "sink",
                      "tasks": [{"id": 0, "state": "RUNNING"}]}
            return {body["name"]: {"status": status} for body in self.bodies}
        if path.endswith("/status"):
            return {"tasks": [{"worker_id": "ann-dc2-ctl01.lab.internal:8083"}]}
        return None


def test_what_was_left_behind_goes_before_it_begins(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connector bears the lab's mark, so `fab up` would have removed it, too."""
    one, did = carrier(), []
    rest = Rest()
    one._workers.rest = cast(Any, rest)
    monkeypatch.setattr(carried, "keep_topic", lambda *_, **how: did.append(how["partitions"]))
    monkeypatch.setattr(carried, "forget_group", lambda _, group: did.append(group))
    answers = iter([[5] * 6, [-1] * 6])
    monkeypatch.setattr(carried, "committed", lambda *_: next(answers))
    monkeypatch.setattr(waiting, "time", Clock())
    store.write(1)
    one.prepare()
    assert store.done == []
    path = f"/connectors/{one.name}"
    assert rest.heard[:2] == [f"DELETE {path}", f"PUT {path}/config"]
    assert rest.bodies[0]["kafkalab.lab"] == "kafkalab"
    assert did == [1, f"connect-{one.name}", f"connect-{one.name}"]
    assert one.worker().name == "ann-dc2-ctl01"


@pytest.mark.parametrize(("name_", "source", "found"), [
    ("", "", ("elasticsearch", "dc1")), ("keyed", "dc2", ("keyed", "dc2")),
])
def test_which_sink_from_where(name_: str, source: str, found: tuple[str, str]) -> None:
    one, where = chosen(topology().config, name_, source)
    assert (one.called, where) == found


@pytest.mark.parametrize(("name_", "source", "said"), [
    ("none", "", "no sink 'none' (known: elasticsearch, keyed, hbase; see docs/sinks.md)"),
    ("", "dc3", "nothing is mirrored from dc3 to dc2, where sink elasticsearch is "
                "(accepted: dc1, dc2)"),
])
def test_what_is_no_sink_or_no_way_to_it(name_: str, source: str, said: str) -> None:
    with pytest.raises(UsageError) as told:
        chosen(topology().config, name_, source)
    assert str(told.value) == said


@pytest.mark.programs
@pytest.mark.parametrize(("words", "said"), [
    ("", "the lab file has no sink (known: none; see docs/sinks.md)"),
    ("--from dc9", "no datacenter 'dc9' in the lab"),
])
def test_a_lab_without_one_says_so(fab: Fab, words: str, said: str) -> None:
    done = fab("drill.sink", *words.split(), text=LAB)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {said}")


@dataclass
class World:
    """A drill's clients, store and worker as one: what is written is found until something is
    killed, and again 8 s after that."""

    clock: Clock
    did: list[str] = field(default_factory=list)
    until: float = 0.0
    fails: bool = False


class FakeWriter:
    def __init__(self, log: Log, run: str, place: Place, rate: int, *, becomes: str) -> None:
        self.log = log

    def start(self) -> None: ...

    def check(self) -> None:
        number, self.log.sent = self.log.sent, self.log.sent + 1
        now = rehearsal.time.time()
        self.log.acked.append(Acked(number, number % 6, now, now, "dc1", number))

    def end(self, timeout: float = 0) -> None: ...


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(Clock())
    for one in (waiting, rehearsal, outage):
        monkeypatch.setattr(one, "time", made.clock)

    class FakeFinder(FakeWriter):
        def __init__(self, log: Log, carrier: object, origin: str) -> None:
            self.log, self.there = log, set[int]()

        def check(self) -> None:
            if made.clock.now < made.until:
                return
            for one in self.log.acked[len(self.log.indexed):]:
                self.there.add(one.number)
                self.log.indexed.append(
                    Seen(one.number, one.key, made.clock.now, "store", "dc1", -1))

        def holds(self, number: int) -> bool:
            return number in self.there

    def killed(drill: object, site: object, host: Any, service: str, text: str) -> Blow:
        def strike() -> None:
            made.did.append(f"kill {service} on {host.name}")
            if made.fails:
                raise LabError("out of luck")
            made.until = made.clock.now + 8

        return Blow(text, strike, lambda: made.clock.now >= made.until - 4)

    def does(what: str, answer: Any = None) -> Any:
        return lambda *_, **__: made.did.append(what) or answer

    monkeypatch.setattr(module, "DocumentWriter", FakeWriter)
    monkeypatch.setattr(module, "Finder", FakeFinder)
    monkeypatch.setattr(module, "killed", killed)
    monkeypatch.setattr(topics, "prepare", does("prepare topics"))
    for word in ("prepare", "remove", "replay"):
        monkeypatch.setattr(Carrier, word, does(f"{word} carrier"))
    monkeypatch.setattr(Carrier, "kept", does("read all", []))
    monkeypatch.setattr(Carrier, "letters", does("read letters", [
        Refused(number, "why") for number in range(10_000) if malformed(number)
    ]))
    monkeypatch.setattr(Carrier, "worker", lambda one: one.site.carriers("connect")[0])
    monkeypatch.setattr(Carrier, "stock", lambda one: stock.Index(
        Documents(lambda *_: {"status": "green"}), RUN))
    monkeypatch.setattr(SinkDrill, "refuse_unhealthy", does("look at the lab"))
    monkeypatch.setattr(SinkDrill, "await_healthy", does("await health"))
    monkeypatch.setattr(rehearsal, "forget_group", does("forget group"))
    monkeypatch.setattr(topics, "empty", does("empty topics"))
    return made


@dataclass
class FakeSession:
    topology: Topology = field(default_factory=topology)

    @property
    def platform(self) -> Any:
        return self

    def instances(self) -> dict[str, Any]:
        return {}

    def context(self, software: object, instances: object, *_: object) -> Any:
        return local_context(self.topology, {})

    def fleet(self, instances: object) -> Any:
        class Fleet(FakeFleet):
            def close(self) -> None: ...

        return Fleet([])

    def say(self, line: str) -> None: ...


def drill(sink: Sink | None = None, **how: Any) -> SinkDrill:
    session = FakeSession()
    plan = Plan(sink or session.topology.config.sinks[0], "dc1", Load(100, 5), **how)
    return SinkDrill(cast(Any, session), plan)


def left() -> list[str]:
    return [*["forget group", "empty topics"] * 2, "remove carrier", "await health"]


def test_the_store_is_killed_in_the_midst_of_the_load(world: World) -> None:
    one = drill()
    assert one.carrier.topic == "dc1.kafkalab-drill"
    log = one.rehearse()
    assert world.did == [
        "look at the lab", "prepare topics", "prepare carrier",
        "kill elasticsearch on ann-dc2-ctl01", "read letters", "read all", *left(),
    ]
    at = {event.kind: event.at for event in log.events}
    assert [*at] == [START, FAULT, HEALTHY, CAUGHT_UP, END]
    assert at[FAULT] - at[START] == pytest.approx(5, abs=0.1)
    assert at[HEALTHY] - at[FAULT] == pytest.approx(4, abs=0.3)
    assert at[CAUGHT_UP] - at[FAULT] == pytest.approx(8, abs=0.3)
    assert at[END] - at[CAUGHT_UP] == pytest.approx(5, abs=0.1)


def test_of_hbase_its_region_server_is_killed(world: World) -> None:
    one = drill(topology().config.sinks[2])
    assert one.plan.failure == "HBase's region server killed (SIGKILL)"
    log = one.rehearse()
    assert [did for did in world.did if did.startswith("kill")] == [
        "kill hbase-regionserver on ann-dc2-ctl01"]
    fault = next(event for event in log.events if event.kind == FAULT)
    assert fault.text == "HBase's region server on ann-dc2-ctl01 killed (SIGKILL)"


def test_the_worker_is_killed_after_it_and_both_as_often_as_asked(world: World) -> None:
    log = drill(worker=True, times=2, replay=True).rehearse()
    host = "on ann-dc2-ctl01"
    assert [one for one in world.did if one.startswith("kill")] == [
        f"kill elasticsearch {host}", f"kill connect {host}",
    ] * 2
    assert [event.kind for event in log.events] == [
        START, FAULT, STEP, STEP, STEP, HEALTHY, CAUGHT_UP, END,
    ]
    assert world.did[-len(left()) - 4:-len(left())] == [
        "read all", "replay carrier", "read all", "read letters",
    ]
    assert log.again == []


def test_a_drill_that_is_broken_off_leaves_nothing_behind(world: World) -> None:
    world.fails = True
    with pytest.raises(LabError, match="out of luck"):
        drill().rehearse()
    assert world.did[-len(left()):] == left()


def test_a_connector_that_cannot_be_removed_is_said(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove(_: Carrier) -> None:
        raise LabError("no worker")

    said: list[str] = []
    monkeypatch.setattr(Carrier, "remove", remove)
    monkeypatch.setattr(FakeSession, "say", lambda _, line: said.append(line))
    drill().rehearse()
    assert [line for line in said if "warning: no worker; `fab up` removes" in line]


