"""Connectors as desired state, against a Connect that rejects what it does not expect."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import parse
from lab.resources import Connector
from lab.services.local import local_context
from lab.topology import Topology, build
from scripts.clients.http import HttpError
from scripts.drivers import connect as connectors
from scripts.drivers.connect import MARK, Workers
from scripts.drivers.driver import Site
from scripts.drivers.lag import PartitionLag
from scripts.errors import LabError
from scripts.workstation import waiting
from tests.fakes import FakeFleet


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at a fake Connect moves it on: nothing is won by waiting between them."""
    for module in (connectors, waiting):
        monkeypatch.setattr(module, "time", SimpleNamespace(
            monotonic=time.monotonic, sleep=lambda seconds: None
        ))


class FakeConnect:
    """A group of workers. `tasks` gives each connector's task states in turn, the last for ever."""

    def __init__(self, configs: Mapping[str, Any], refusals: int = 0) -> None:
        self.configs = dict(configs)
        self.refusals = refusals
        self.task_states: dict[str, list[str]] = {}
        self.halted: dict[str, str] = {}
        # The next offset to mirror of a partition, as the source connector tells it in turn.
        self.mirrored: list[int] = []
        self.calls: list[str] = []

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise HttpError(409, "rebalancing", where="connect")
        self.calls.append(f"{method} {path}")
        match method, path.split("/"):
            case "GET", [_, "connectors?expand=info"]:
                return {name: {"info": {"config": c}} for name, c in self.configs.items()}
            case "GET", [_, "connectors?expand=status"]:
                return {name: {"status": self._status(name)} for name in self.configs}
            case "PUT", [_, "connectors", name, "config"]:
                self.configs[name] = body
                return None
            case "PUT", [_, "connectors", name, "resume"]:
                del self.halted[name]
                return None
            case "DELETE", [_, "connectors", name]:
                del self.configs[name]
                return None
        return self._more(method, path)

    def _more(self, method: str, path: str) -> Any:
        if method == "POST" and "/restart?" in path:
            return None
        if (method, path) == ("GET", "/connectors/a-to-b.source/offsets"):
            return {"offsets": [
                {"partition": {"cluster": "a", "topic": "t", "partition": 0},
                 "offset": {"offset": self.mirrored.pop(0) - 1}},
            ] if self.mirrored else []}
        raise AssertionError(f"unexpected {method} {path}")

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
    monkeypatch.setattr(connectors, "STEADY_SECONDS", 0)
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
    monkeypatch.setattr(
        connectors, "time", SimpleNamespace(monotonic=lambda: now, sleep=lambda seconds: None)
    )
    rest = set_up(topology)
    rest.task_states["a-to-b.source"] = ["FAILED", "RESTARTING", "RUNNING", "RUNNING", "RUNNING"]
    settling = connectors._Settling(workers(topology, rest), 3)
    seen = []
    for now in (0.0, 9.0, 11.0, 20.9, 21.0):  # noqa: B007 - read by the clock
        seen.append(settling.over())
    assert seen == [False, False, False, False, True]


def test_a_restarted_task_runs_only_when_what_waited_for_it_moves(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may take longer than any stated time to meet its old problem again."""
    def waiting(source: object, offsets: Mapping[tuple[str, int], int]) -> list[PartitionLag]:
        return [PartitionLag(t, p, 5, at, 1.0, waits=at < 5) for (t, p), at in offsets.items()]

    monkeypatch.setattr(connectors, "STEADY_SECONDS", 0)
    monkeypatch.setattr(connectors, "lags", waiting)
    rest = set_up(topology)
    rest.mirrored = [3, 3, 3, 4]
    rest.task_states["a-to-b.source"] = ["FAILED", "RUNNING"]
    settling = connectors._Settling(workers(topology, rest), 3)
    seen = [(settling.over(), settling.problem) for _ in range(4)]
    still = "a-to-b.source: nothing moves at t-0, offset 3"
    assert seen[1:] == [(False, still), (False, still), (True, "")]


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
