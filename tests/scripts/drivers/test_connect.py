"""Connectors as desired state, against a Connect that rejects what it does not expect."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import parse
from lab.mirrors.held import HELD, Refused
from lab.mirrors.progress import At, Wait, told
from lab.resources import Connector
from lab.services.local import local_context
from lab.services.registry import SERVICES
from lab.topology import Topology, build
from scripts.clients.http import HttpError
from scripts.clients.kafka import Cluster
from scripts.drivers import (
    anew,
    connect as driving,
    flow as flows,
    holding,
    settling,
    workers as connectors,
)
from scripts.drivers.connect import Connect
from scripts.drivers.driver import Differences, Site
from scripts.drivers.flow import Flow
from scripts.drivers.limits import Limit
from scripts.drivers.workers import MARK, Workers
from scripts.errors import LabError
from scripts.workstation import waiting
from tests.fakes import FakeFleet


class Clock:
    """Time passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


pytestmark = pytest.mark.usefixtures("silent_internals")


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    for module in (connectors, flows, settling, waiting):
        monkeypatch.setattr(module, "time", made)
    return made


class FakeFlow(Flow):
    """What waits for a mirror, as the fake Connect has it."""

    def __init__(self, site: Site, name: str, rest: FakeConnect) -> None:
        (self.mirror,) = [one for one in site.lab.mirrors if name == f"{one.name}.source"]
        self.connector, self.mirroring, self.target = name, site.lab.mirroring, site
        self.rest = rest

    def look(
        self, but: Collection[str] = (), *, only: Collection[str] | None = None,
        most: int | None = None, younger: float | None = None,
    ) -> tuple[Wait, ...]:
        config = self.rest.configs[self.connector]
        if self.rest.task_states.get(self.connector, ["RUNNING"])[0] == "RUNNING":
            self.rest.move(config.get(HELD, "").split(","))
        return tuple(one for one in self.rest.waits.values() if one.at.topic not in but
                     and (only is None or one.at.topic in only))[:most]

    def why(self, standing: Collection[Wait]) -> str:
        return told(standing, self.mirroring.stall_s)

    def log(self) -> Iterator[str]:
        if "jammed" in self.rest.waits:
            yield self.rest.said

    def close(self) -> None: ...


class FakeLimits:
    """Records of 100 bytes; the fake Connect knows what the target takes."""

    def __init__(self, flow: Any) -> None:
        self.rest: FakeConnect = flow.rest

    def refused(self, waits: Iterable[Wait]) -> list[Refused]:
        return [
            Refused(one.at, one.offset, 100, self.rest.limit, "b", "raise it",
                    coming=self.rest.coming)
            for one in waits if self.rest.refuses(one.at.topic)
        ]

    def of(self, at: At) -> Limit:
        return Limit(self.rest.limit, "b", self.rest.limit, None)

    def bring(self, refused: Refused) -> None:
        assert refused.coming
        self.rest.limit, self.rest.coming = 1000, False


FENCED: list[str] = []  # transactions that were ended


@pytest.fixture(autouse=True)
def _fake_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def flow(workers: Workers, name: str) -> Iterator[Flow]:
        yield FakeFlow(workers.site, name, workers.rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Workers, "flow", flow)
    monkeypatch.setattr(connectors, "end_transaction", lambda endpoint, name: FENCED.append(name))
    FENCED.clear()
    for module in (holding, connectors):
        monkeypatch.setattr(module, "Limits", FakeLimits)
    # Copies that lack records are asked of Kafka; tests of `anew` do so.
    monkeypatch.setattr(anew, "_lacking", lambda *_: ())


class FakeConnect:
    """A group of workers. `tasks` gives each connector's task states in turn, the last for ever."""

    def __init__(self, configs: Mapping[str, Any], refusals: int = 0) -> None:
        self.configs = dict(configs)
        self.refusals = refusals
        self.task_states: dict[str, list[str]] = {}
        self.halted: dict[str, str] = {}
        # Where records wait for the mirror; those of topic `large` cross once the limit is raised,
        # those of `jammed` never do.
        self.waits: dict[str, Wait] = {}
        self.limit, self.coming = 10, False
        self.said = ""  # what the log says of a partition in which nothing moves
        self.calls: list[str] = []
        self.read = True  # its topic: until it is asked for a single connector it knows none
        self.on_restart: Callable[[str], None] = lambda name: None
        self.on_put: Callable[[str, Any], None] = lambda name, body: None

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise HttpError(409, "rebalancing", where="connect")
        if path == f"/connectors/{connectors.NOBODY}":
            self.read = True
            what = f"GET {path}: 404 Connector {connectors.NOBODY} not found"
            raise HttpError(404, what, where="connect")
        self.calls.append(f"{method} {path}")
        match method, path.split("/"):
            case "GET", [_, about] if about.startswith("connectors?"):
                return self._told(about)
            case "PUT", [_, "connectors", name, "config"]:
                self.configs[name] = body
                self.on_put(name, body)
                return None
            case "PUT", [_, "connectors", name, "resume"]:
                del self.halted[name]
                return None
            case "DELETE", [_, "connectors", name]:
                del self.configs[name]
                return None
        return self._more(method, path)

    def _told(self, about: str) -> dict[str, dict[str, Any]]:
        """What is asked of all connectors; before it has read its topic a worker knows none."""
        asked = about.removeprefix("connectors?").split("&")
        assert set(asked) <= {"expand=info", "expand=status"}, about
        known = self.configs if self.read or asked != ["expand=info"] else {}
        return {name: {
            **({"info": {"config": config}} if "expand=info" in asked else {}),
            **({"status": self._status(name)} if "expand=status" in asked else {}),
        } for name, config in known.items()}

    def _more(self, method: str, path: str) -> Any:
        if method == "POST" and "/restart?" in path:
            self.on_restart(path.split("/")[2])
            return None
        raise AssertionError(f"unexpected {method} {path}")

    def wait(self, topic: str, *, age: float = 3600) -> None:
        self.waits[topic] = Wait(At(topic, 0), 7, age)

    def refuses(self, topic: str) -> bool:
        return topic == "large" and self.limit < 100

    def move(self, held: Collection[str]) -> None:
        """The task copies whatever it can."""
        for topic in [*self.waits]:
            if topic not in held and topic != "jammed" and not self.refuses(topic):
                del self.waits[topic]

    def _status(self, name: str) -> Any:
        states = self.task_states.get(name, ["RUNNING"])
        state = states.pop(0) if len(states) > 1 else states[0]
        return {"connector": {"state": self.halted.get(name, "RUNNING")}, "tasks": [
            {"id": 0, "state": state, **({"trace": "Boom: no\n at x"} if state == "FAILED" else {})}
        ]}


@pytest.fixture
def topology() -> Topology:
    return build(parse({
        "owner": "ann", "datacenters": [
            {"name": "a", "cidr": "10.1.0.0/24"}, {"name": "b", "cidr": "10.2.0.0/24"},
        ],
        "links": [{"between": ["a", "b"]}], "mirrors": [{"from": "a", "to": "b"}],
    }).lab)


def workers(topology: Topology, rest: Any) -> Workers:
    site = Site(FakeFleet([]), local_context(topology, {}), topology.datacenter("b"))
    made = Workers(site)
    made.rest = rest
    return made


def set_up(topology: Topology, **more: Any) -> FakeConnect:
    """The workers of b with all connectors as the lab makes them, and others beside."""
    wanted = workers(topology, None).wanted
    return FakeConnect({
        **{key.name: {**config.config, MARK: "kafkalab"} for key, config in wanted.items()
           if isinstance(config, Connector)},
        **more,
    })


def test_what_is_in_order_is_asked_twice_and_never_put(topology: Topology) -> None:
    rest = set_up(topology)
    assert workers(topology, rest).converge(lambda text: None) == 0
    assert rest.calls == ["GET /connectors?expand=info", "GET /connectors?expand=status"]


def test_a_rebalance_is_waited_out_and_what_the_lab_wants_no_more_is_removed(
    topology: Topology
) -> None:
    rest = FakeConnect({"old": {"x": "1", MARK: "kafkalab"}}, refusals=2)
    made = workers(topology, rest)
    assert made.converge(lambda text: None) == 4
    assert rest.configs == set_up(topology).configs


def test_a_worker_that_has_just_started_is_not_believed(topology: Topology) -> None:
    """It lists no connector before it has read its topic: one to be removed would stay."""
    rest = set_up(topology, old={"x": "1", MARK: "kafkalab"})
    rest.read = False
    assert workers(topology, rest).converge(lambda text: None) == 1
    assert rest.configs == set_up(topology).configs


@pytest.mark.parametrize("mark", [{}, {MARK: "another-lab"}])
def test_somebodys_own_connector_is_left_alone(topology: Topology, mark: dict[str, str]) -> None:
    rest = set_up(topology, mine={"x": "1", **mark})
    assert workers(topology, rest).converge(lambda text: None) == 0
    assert rest.configs["mine"] == {"x": "1", **mark}


def test_a_connector_of_a_mirrors_name_that_is_not_the_labs_is_refused_and_kept(
    topology: Topology
) -> None:
    rest = set_up(topology, **{"a-to-b.source": {"x": "1"}})
    del rest.configs["a-to-b.heartbeat"]
    with pytest.raises(LabError, match=r"connector a-to-b\.source was not made by the lab"):
        workers(topology, rest).converge(lambda text: None)
    assert rest.configs["a-to-b.source"] == {"x": "1"}
    assert "a-to-b.heartbeat" in rest.configs, "all else is done"


def test_a_failed_task_is_restarted(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "STEADY_SECONDS", 0)
    rest = set_up(topology)
    rest.task_states["a-to-b.source"] = ["FAILED", "RUNNING"]
    assert workers(topology, rest).converge(lambda text: None) == 1, "it is no `nothing to do`"
    restarts = [call for call in rest.calls if call.startswith("POST")]
    assert restarts == [
        "POST /connectors/a-to-b.source/restart?includeTasks=true&onlyFailed=true"
    ]


@pytest.mark.parametrize("state", ["PAUSED", "STOPPED"])
def test_what_somebody_halted_is_resumed(topology: Topology, state: str) -> None:
    rest = set_up(topology)
    rest.halted["a-to-b.source"] = state
    assert workers(topology, rest).states()[-1].repair == f"resume, it is {state}"
    assert workers(topology, rest).converge(lambda text: None) == 1
    assert "PUT /connectors/a-to-b.source/resume" in rest.calls


def test_a_proof_repairs_nothing(topology: Topology) -> None:
    rest = set_up(topology)
    rest.task_states["a-to-b.source"] = ["FAILED", "RUNNING"]
    with pytest.raises(LabError, match=r"a-to-b.source: a task is FAILED: Boom: no"):
        workers(topology, rest).wait_running(repair=False)
    assert {call.split()[0] for call in rest.calls} == {"GET"}


def test_a_strangers_failure_is_not_waited_for(topology: Topology) -> None:
    rest = set_up(topology, stranger={})
    rest.task_states["stranger"] = ["FAILED"]
    assert workers(topology, rest).wait_running() == ()


def test_a_task_that_runs_only_until_it_fails_again_does_not_run(topology: Topology) -> None:
    rest = set_up(topology)
    rest.task_states["a-to-b.source"] = ["FAILED", *(["RUNNING"] * 3 + ["FAILED"]) * 3]
    with pytest.raises(LabError, match="still after 3 restarts"):
        workers(topology, rest).wait_running()


def test_a_restarted_task_is_given_its_time_from_when_it_runs(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from the restart: one that takes long to start would pass before it could fail again."""
    now = 0.0
    monkeypatch.setattr(settling, "time", SimpleNamespace(monotonic=lambda: now))
    rest = set_up(topology)
    rest.task_states["a-to-b.source"] = ["FAILED", "RESTARTING", "RUNNING", "RUNNING", "RUNNING"]
    one = settling.Settling(workers(topology, rest), 3)
    seen = []
    for now in (0.0, 9.0, 11.0, 20.9, 21.0):  # noqa: B007 - read by the clock
        seen.append(one.over())
    assert seen == [False, False, False, False, True]


def test_what_was_restarted_has_to_move_however_young_the_records_are(
    topology: Topology
) -> None:
    """It may take longer than any stated time to meet its old problem again."""
    rest = set_up(topology)
    rest.task_states["a-to-b.source"] = ["FAILED", "RUNNING"]
    rest.wait("jammed", age=1)
    with pytest.raises(LabError, match=r"a-to-b.source: nothing moves at jammed-0, offset 7, for "):
        workers(topology, rest).converge(lambda text: None)
    assert len([call for call in rest.calls if call.startswith("POST")]) == 1


def test_a_mirror_that_runs_has_to_move_where_records_wait_for_long(
    topology: Topology, clock: Clock
) -> None:
    rest = set_up(topology)
    rest.wait("jammed", age=1)
    assert workers(topology, rest).converge(lambda text: None) == 0, "it had no time yet"
    assert clock.now == 1000.0, "and nobody waits for it"
    rest.wait("jammed")
    with pytest.raises(LabError, match=r"source: nothing moves at jammed-0, offset 7, for 30"):
        workers(topology, rest).converge(lambda text: None)
    assert [call for call in rest.calls if call.startswith("POST")] == [
        "POST /connectors/a-to-b.source/restart?includeTasks=true&onlyFailed=false"
    ], "once"
    assert 60 <= clock.now - 1000 < 90
    assert differences(topology, rest) == ([
        "~ connector a-to-b.source: restart, nothing moves at jammed-0, offset 7, for 30 s now"
    ], [])


def test_a_mirror_whose_task_only_seems_to_run_is_restarted(topology: Topology) -> None:
    """As when the thread that sends a task's records has died."""
    rest = set_up(topology)
    rest.wait("jammed")
    rest.on_restart = lambda name: rest.waits.clear()
    assert workers(topology, rest).converge(lambda text: None) == 1
    assert differences(topology, rest) == ([], [])


def test_batches_that_a_copy_finds_too_large_become_smaller(topology: Topology) -> None:
    """A producer splits them into batches of its own size, for ever (KAFKA-8350)."""
    rest = set_up(topology)
    before = dict(rest.configs["a-to-b.source"])
    rest.wait("jammed")
    rest.limit = 1000
    rest.said = "WARN Got it on topic-partition a.jammed-0, splitting and retrying (9 left)."
    rest.on_put = lambda name, body: rest.waits.clear()
    smaller = "send batches of 1,000 bytes, since a copy takes no larger ones"
    assert differences(topology, rest) == ([f"~ connector a-to-b.source: {smaller}"], [])
    assert workers(topology, rest).converge(lambda text: None) == 1
    after = {**before, "producer.override.batch.size": "1000", "kafkalab.batch": "1000"}
    assert rest.configs["a-to-b.source"] == after
    assert not [call for call in rest.calls if call.startswith("POST")], "nothing is restarted"
    assert differences(topology, rest) == ([], [])
    assert workers(topology, rest).converge(lambda text: None) == 0
    assert rest.configs["a-to-b.source"] == after


def test_batches_become_smaller_also_where_a_topic_is_held_back(topology: Topology) -> None:
    """Two faults at once: what is held back must not hide the other one."""
    rest = set_up(topology)
    rest.wait("large")
    rest.wait("jammed")
    rest.said = "WARN Got it on topic-partition a.jammed-0, splitting and retrying (9 left)."

    def put(name: str, body: Any) -> None:
        if "kafkalab.batch" in body:
            rest.waits.pop("jammed", None)

    rest.on_put = put
    with pytest.raises(LabError, match="holds topic large back"):
        workers(topology, rest).converge(lambda text: None)
    source = rest.configs["a-to-b.source"]
    assert (source[HELD], source["kafkalab.batch"]) == ("large", "10")
    assert not [call for call in rest.calls if call.startswith("POST")], "nothing is restarted"


def seen(topology: Topology, rest: FakeConnect) -> Differences:
    made = workers(topology, rest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Site, "http", lambda *rest_: rest)
        return Connect(SERVICES["connect"]).differences(made.site, made.wanted, there=True)


def differences(topology: Topology, rest: FakeConnect) -> tuple[list[str], list[str]]:
    """What `plan` says of b's connectors: what would be done, and what would be refused."""
    found = seen(topology, rest)
    return list(found.lines), list(found.refused)


def test_connectors_are_at_rest_once_all_of_them_run(topology: Topology) -> None:
    """One that a worker has still to take needs nothing but time, for which `up` waits."""
    rest = set_up(topology)
    assert seen(topology, rest) == Differences(at_rest=True)
    rest.task_states["a-to-b.source"] = ["UNASSIGNED"]
    assert seen(topology, rest) == Differences()
    rest.refusals = 99
    assert not seen(topology, rest).at_rest


WHY = "large-0 at offset 7 has 100 bytes, and b takes 10"
HELD_BACK = f"a-to-b holds topic large back: {WHY}; raise it"


@pytest.mark.parametrize("states", [["FAILED"], ["RUNNING"]], ids=str)
def test_a_topic_whose_record_is_refused_is_held_back_until_it_is_taken(
    topology: Topology, states: list[str], clock: Clock
) -> None:
    rest = set_up(topology)
    plain = dict(rest.configs["a-to-b.source"])
    rest.task_states["a-to-b.source"] = list(states)
    rest.wait("large")
    rest.wait("other")
    hold = f"~ connector a-to-b.source: hold topic large back ({WHY})"
    assert differences(topology, rest) == ([hold], [HELD_BACK])
    assert rest.configs["a-to-b.source"] == plain, "a plan changes nothing"

    def put(name: str, body: Any) -> None:
        rest.task_states[name] = ["RUNNING"]

    rest.on_put = put
    with pytest.raises(LabError, match=re.escape(HELD_BACK)):
        workers(topology, rest).converge(lambda text: None)
    held = rest.configs["a-to-b.source"]
    assert held == {**plain, HELD: "large", "topics.exclude": f"{plain['topics.exclude']},large"}
    assert not [call for call in rest.calls if call.startswith("POST")], "nothing is restarted"
    assert set(rest.waits) == {"large"}, "the other topic goes on"

    rest.calls.clear()
    clock.now = 5000
    assert differences(topology, rest) == ([], [HELD_BACK])
    with pytest.raises(LabError, match=re.escape(HELD_BACK)):
        workers(topology, rest).converge(lambda text: None)
    assert {call.split()[0] for call in rest.calls} == {"GET"}, "what is held stays so"
    assert clock.now == 5000, "and nobody waits for it"

    rest.limit = 1000
    free = "~ connector a-to-b.source: hold topic large back no more"
    assert differences(topology, rest) == ([free], [])
    assert workers(topology, rest).converge(lambda text: None) == 1
    assert rest.configs["a-to-b.source"] == plain
    assert workers(topology, rest).converge(lambda text: None) == 0
    assert rest.waits == {}
    assert FENCED == ["connect-b-a-to-b.source-0"], "only of what was stuck"


def test_what_is_held_back_stays_so_when_other_settings_change(topology: Topology) -> None:
    rest = set_up(topology)
    wanted = dict(rest.configs["a-to-b.source"])
    held = {**wanted, HELD: "large", "topics.exclude": f"{wanted['topics.exclude']},large"}
    rest.configs["a-to-b.source"] = {**held, "tasks.max": "7"}
    rest.wait("large")
    with pytest.raises(LabError, match=re.escape(HELD_BACK)):
        workers(topology, rest).converge(lambda text: None)
    assert rest.configs["a-to-b.source"] == held


def test_a_limit_that_the_copy_would_get_anyway_is_brought_to_it(topology: Topology) -> None:
    """Connect copies settings now and then, and a task that failed before does not start again."""
    rest = set_up(topology)
    plain = dict(rest.configs["a-to-b.source"])
    rest.task_states["a-to-b.source"] = ["FAILED", "FAILED", "RUNNING"]
    rest.wait("large")
    rest.coming = True
    lines, refused = differences(topology, rest)
    assert lines == [
        "~ connector a-to-b.source: restart what failed",
        f"~ topic a.large of b: max.message.bytes as in a ({WHY})",
    ]
    assert refused == []
    assert workers(topology, rest).converge(lambda text: None) == 1
    assert rest.configs["a-to-b.source"] == plain, "nothing is held back"
    assert rest.waits == {}
    assert len([call for call in rest.calls if call.startswith("POST")]) == 1


def test_a_task_that_keeps_failing_is_told_with_its_reason(topology: Topology) -> None:
    rest = set_up(topology)
    rest.task_states["a-to-b.source"] = ["FAILED"]
    with pytest.raises(LabError, match=r"a-to-b.source: a task is FAILED: Boom: no, still after 3"):
        workers(topology, rest).wait_running()
    assert len([call for call in rest.calls if call.startswith("POST")]) == 3


def test_a_refusal_that_is_none_of_waiting_is_an_error_at_once(topology: Topology) -> None:
    def refuse(method: str, path: str, body: Any = None) -> Any:
        raise HttpError(400, "bad config", where="b")

    made = workers(topology, refuse)
    with pytest.raises(HttpError, match="bad config"):
        made.converge(lambda text: None)


def test_what_is_there_and_differs_is_changed_before_workers_restart(topology: Topology) -> None:
    """What is to be made or removed, and whether all runs, is seen to after that."""
    rest = set_up(topology, old={"x": "1", MARK: "kafkalab"}, mine={"x": "1"})
    del rest.configs["a-to-b.heartbeat"]
    rest.configs["a-to-b.source"] = {"x": "1", MARK: "kafkalab"}
    workers(topology, rest).change()
    assert rest.calls == ["GET /connectors?expand=info", "PUT /connectors/a-to-b.source/config"]
    assert rest.configs["a-to-b.source"] == set_up(topology).configs["a-to-b.source"]
    assert {"old", "mine"} < set(rest.configs) and "a-to-b.heartbeat" not in rest.configs


def driver_of(
    topology: Topology, rest: FakeConnect, monkeypatch: pytest.MonkeyPatch
) -> tuple[Connect, Site]:
    """Connect's driver, with the workers of b."""
    def made(site: Site, **more: Any) -> Workers:
        one = Workers(site, **more)
        one.rest = rest  # type: ignore[assignment]
        return one

    monkeypatch.setattr(driving, "Workers", made)
    site = Site(FakeFleet([]), local_context(topology, {}), topology.datacenter("b"))
    return Connect(SERVICES["connect"]), site


def test_workers_that_do_not_answer_restart_without_their_connectors_being_told(
    topology: Topology, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = FakeConnect({}, refusals=10**6)
    driver, site = driver_of(topology, rest, monkeypatch)
    driver.forewarned(site)
    assert clock.now - 1000 == pytest.approx(driving.TOLD_SECONDS, abs=0.5)


@pytest.mark.parametrize("answers", [True, False])
def test_a_worker_that_ended_is_not_left_in_its_group(
    topology: Topology, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    did: list[Any] = []

    class FakeMembership:
        def __init__(self, cluster: Cluster, group: str) -> None:
            assert (cluster.name, group) == ("b", "connect-b")

        def of(self, client: str) -> frozenset[str]:
            did.append(client)
            if not answers:
                raise LabError("timed out", where="b")
            new = {f"{client}-2"} if "restart" in did else set()
            return frozenset({f"{client}-1", *new})

        def remove(self, members: Collection[str]) -> None:
            did.append(sorted(members))

    monkeypatch.setattr(driving, "Membership", FakeMembership)
    driver, site = driver_of(topology, FakeConnect({}), monkeypatch)
    (host,) = site.carriers("connect")
    with driver.around(site, host):
        did.append("restart")
    called = f"connect-{host.fqdn}:8083"
    assert did == [called, "restart", called, *([[f"{called}-1"]] if answers else [])]


def test_a_worker_that_died_with_its_host_does_not_hold_up_its_successor(
    topology: Topology, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its session goes on after its host was killed: the group would wait for its end."""
    (host,) = Site(FakeFleet([]), local_context(topology, {}),
                   topology.datacenter("b")).carriers("connect")
    rest = FakeConnect({})
    known, removed = {"old", "new"}, list[Collection[str]]()

    class FakeMembership:
        def __init__(self, *_: object) -> None:
            self.began = clock.now

        def of(self, client: str) -> frozenset[str]:
            assert client == f"connect-{host.fqdn}:8083"
            assert clock.now - self.began >= driving.JOINED_SECONDS, "it may come without that"
            return frozenset(known)

        def remove(self, members: Collection[str]) -> None:
            removed.append(set(members))
            known.difference_update({"old"})
            rest.refusals = 1

    rest.refusals = 10**6
    monkeypatch.setattr(driving, "Membership", FakeMembership)
    monkeypatch.setattr(driving, "time", clock)
    monkeypatch.setattr(Connect, "_await", lambda *_: None)
    driver, site = driver_of(topology, rest, monkeypatch)
    driver.serving(site, [host], {host.name})
    assert removed == [{"old", "new"}] and rest.refusals == 0
    began = clock.now
    rest.refusals = 10**6  # for another reason: that is told by who needs the worker
    driver.serving(site, [host], {host.name})
    assert clock.now - began == pytest.approx(driving.JOIN_SECONDS, abs=1)
    assert len(removed) == 1


def test_workers_that_never_say_what_there_is_are_told_of(topology: Topology) -> None:
    rest = FakeConnect({}, refusals=10**6)
    said = r"b: .* 120 s after it was asked \(see `fab connect.status`"
    with pytest.raises(LabError, match=said):
        workers(topology, rest).converge(lambda text: None)
