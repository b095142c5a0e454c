"""Mirrors that are set back, against a Connect that rejects what it does not expect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.file import parse
from lab.options.mirrors import Mirror
from lab.services.local import local_context
from lab.topology import build
from scripts.clients.http import HttpError
from scripts.drivers import anew
from scripts.drivers.connectors import ConnectorState
from scripts.drivers.driver import Site
from scripts.errors import LabError
from tests.fakes import FakeFleet

TOPOLOGY = build(parse({
    "owner": "ann", "datacenters": [
        {"name": "a", "cidr": "10.1.0.0/24"}, {"name": "b", "cidr": "10.2.0.0/24"},
    ],
    "links": [{"between": ["a", "b"]}], "mirrors": [{"from": "a", "to": "b"}],
}).lab)
SOURCE = "a-to-b.source"


class FakePosition(dict[tuple[str, int], int]):
    """A mirror that has copied nothing."""

    def __call__(self) -> FakePosition:
        return self

    last = __call__


@dataclass
class FakeWorkers:
    """Workers whose connector stops after some looks, and takes offsets only then."""

    slow: int = 2
    refuses: bool = False
    names: frozenset[str] = frozenset({SOURCE, "a-to-b.heartbeat", "a-to-b.checkpoint"})
    calls: list[tuple[str, Any]] = field(default_factory=list)
    state: str = "RUNNING"
    tasks: tuple[str, ...] = ("RUNNING",)

    def position(self, mirror: Mirror) -> FakePosition:
        return FakePosition()

    def states(self) -> Iterator[ConnectorState]:
        if self.state == "STOPPED":
            self.slow -= 1
            if self.slow == 1:
                raise HttpError(409, "rebalancing", where="b")
            if self.slow < 0:
                self.tasks = ()
        yield ConnectorState(SOURCE, self.state, self.tasks, "")

    def patiently(self, method: str, path: str, body: object = None) -> Any:
        self.calls.append((f"{method} {path}", body))
        match method, path.rsplit("/", 1):
            case "PUT", ["/connectors/a-to-b.source", "stop"]:
                self.state = "STOPPED"
            case "PUT", ["/connectors/a-to-b.source", "resume"]:
                self.state, self.tasks = "RUNNING", ("RUNNING",)
            case "PATCH", ["/connectors/a-to-b.source", "offsets"]:
                assert (self.state, self.tasks) == ("STOPPED", ()), "Connect refuses it else"
                if self.refuses:
                    raise HttpError(400, "no", where="b")
            case _:
                raise AssertionError(f"unexpected {method} {path}")

    def wait_running(self) -> None:
        self.calls.append(("running", None))


@dataclass
class FakeCopies:
    answers: list[tuple[tuple[str, int], ...] | LabError]

    def lacking(self) -> tuple[tuple[str, int], ...]:
        answer = self.answers.pop(0)
        if isinstance(answer, LabError):
            raise answer
        return answer

    def close(self) -> None: ...


@pytest.fixture
def site() -> Site:
    return Site(FakeFleet([]), local_context(TOPOLOGY, {}), TOPOLOGY.datacenter("b"))


def lacks(
    monkeypatch: pytest.MonkeyPatch, *answers: tuple[tuple[str, int], ...] | LabError
) -> None:
    copies = FakeCopies(list(answers))
    monkeypatch.setattr(anew, "copies_of", lambda *_, **__: copies)


def test_where_nothing_lacks_nothing_is_stopped(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks(monkeypatch, (), ())
    workers = FakeWorkers()
    assert list(anew.lines(site, workers)) == []
    assert anew.set_back(site, workers, print) == 0
    assert workers.calls == []


def test_an_end_that_does_not_answer_is_no_reason_to_stop_a_mirror(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks(monkeypatch, LabError("no answer"), LabError("no answer"))
    workers = FakeWorkers()
    assert list(anew.lines(site, workers)) == []
    assert anew.set_back(site, workers, print) == 0
    assert workers.calls == []


def test_what_lacks_is_announced_and_forgotten_while_the_connector_is_stopped(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks(monkeypatch, (("t", 0),), (("t", 0),), (("t", 0), ("t", 1)))
    workers = FakeWorkers()
    assert list(anew.lines(site, workers)) == [
        "~ connector a-to-b.source: mirror t-0 from its beginning, its copy lacks records"
    ]
    assert workers.calls == []
    assert anew.set_back(site, workers, print) == 1
    assert workers.calls == [
        ("PUT /connectors/a-to-b.source/stop", None),
        ("PATCH /connectors/a-to-b.source/offsets", {"offsets": [
            {"partition": {"cluster": "a", "topic": "t", "partition": part}, "offset": None}
            for part in (0, 1)
        ]}),
        ("PUT /connectors/a-to-b.source/resume", None),
        ("running", None),
    ]


def test_what_a_mirror_mends_itself_before_it_stops_is_left_to_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks(monkeypatch, (("t", 0),), ())
    workers = FakeWorkers()
    assert anew.set_back(site, workers, print) == 0
    assert [call for call, _ in workers.calls] == [
        "PUT /connectors/a-to-b.source/stop", "PUT /connectors/a-to-b.source/resume",
    ]


def test_a_mirror_goes_on_whatever_connect_says(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks(monkeypatch, (("t", 0),), (("t", 0),))
    workers = FakeWorkers(refuses=True)
    with pytest.raises(HttpError):
        anew.set_back(site, workers, print)
    assert workers.state == "RUNNING"
