"""What a run passes through: each kind sees the run as those before it hold it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.topology import build
from scripts.drivers.driver import sites
from scripts.errors import LabError
from scripts.operations import up
from scripts.operations.plan import Plan
from scripts.passages import registry
from scripts.passages.passage import Passage, Run
from scripts.passages.registry import enter, unfit
from scripts.workstation.screen import Progress
from tests.fakes import FakeFleet

TOPOLOGY = build(parse({"owner": "ann", "datacenters": [{"name": "a", "cidr": "10.1.0.0/24"}]}).lab)
PLACES = sites(FakeFleet([]), local_context(TOPOLOGY, {}), TOPOLOGY.datacenters)
RUN = Run(PLACES, TOPOLOGY.hosts, {})


@dataclass(frozen=True)
class Held(Passage):
    """Holds back services: the run means all but `service` from then on."""

    seen: Run

    @classmethod
    def find(cls, run: Run) -> Held:
        return cls(run)

    @classmethod
    def unfit(cls, run: Run) -> list[LabError]:
        return [LabError("too old", where="a")]

    def hold(self, run: Run, progress: Progress | None = None) -> Run:
        return replace(run, only=("kafka",))

    def before(self, run: Run, deliverer: object, progress: object) -> tuple[Run, int]:
        return replace(run, woken=(*run.woken, "one")), 2

    @property
    def count(self) -> int:
        return 1

    @property
    def summary(self) -> str:
        return "1 thing to raise"

    def lines(self) -> Iterator[str]:
        yield "a: raised"


class Refused(Held):
    @classmethod
    def find(cls, run: Run) -> Refused:
        error = LabError("it cannot", where="a")
        error.add_note("b: neither")
        raise error


def kinds(monkeypatch: pytest.MonkeyPatch, *found: type[Passage]) -> None:
    monkeypatch.setattr(registry, "KINDS", found)


def test_each_sees_the_run_as_it_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds(monkeypatch, Held, Held)
    passages, run = enter(RUN)
    first, second = (cast(Held, one) for one in passages)
    assert (first.seen.only, second.seen.only, run.only) == (None, ("kafka",), ("kafka",))
    assert not run.means("zookeeper") and run.means("zookeeper", "kafka")


def test_what_one_refuses_up_raises_and_plan_tells_with_the_rest(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds(monkeypatch, Refused, Held)
    with pytest.raises(LabError, match="a: it cannot"):
        enter(RUN)
    refused: list[str] = []
    passages, _ = enter(RUN, refused=refused)
    assert refused == ["a: it cannot", "b: neither"] and len(passages) == 1
    assert [str(error) for error in unfit(RUN)] == ["a: too old", "a: too old"]


def test_up_goes_through_all_of_them_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds(monkeypatch, Held, Held)
    monkeypatch.setattr(up, "survey", lambda *_, early: {})
    ready = up._entered(TOPOLOGY.hosts, PLACES, cast(Any, None), cast(Any, None), only=None)
    assert ready.restarted == 4 and len(ready.passages) == 2


def test_the_plan_counts_and_tells_them() -> None:
    plan = Plan((), (), {}, passages=(Held(RUN), Passage()))
    assert plan.count == 1
    assert plan.summary() == (
        "plan: 0 hosts to create, 0 to change, 0 restarts, 1 thing to raise")
    assert Plan((), (), {}, passages=(Passage(),)).summary() == "plan: nothing to do"
