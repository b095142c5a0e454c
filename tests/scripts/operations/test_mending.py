"""What services keep in clusters for themselves is put right before their processes start anew."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, cast

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.topology import build
from scripts.drivers import connect
from scripts.drivers.connect import Connect
from scripts.drivers.driver import Differences, sites
from scripts.drivers.internals import Internals
from scripts.errors import LabError
from scripts.operations import up
from scripts.operations.clusters import differences
from scripts.operations.mending import foster, mend, unsound
from scripts.workstation.screen import Progress
from tests.fakes import FakeFleet

TOPOLOGY = build(parse({
    "owner": "ann", "datacenters": [
        {"name": "a", "cidr": "10.1.0.0/24"}, {"name": "b", "cidr": "10.2.0.0/24"},
    ],
    "links": [{"between": ["a", "b"]}], "mirrors": [{"from": "a", "to": "b"}],
}).lab)
PLACES = sites(FakeFleet([]), local_context(TOPOLOGY, {}), TOPOLOGY.datacenters)


@pytest.fixture
def progress() -> Iterator[Progress]:
    with Progress("test", []) as shown:
        yield shown


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The datacenters whose workers were looked at; something is wrong with all of them."""
    found: list[str] = []

    class Looked(Internals):
        def lines(self) -> tuple[str, ...]:
            found.append(self.site.name)
            return ("~ something",)

    monkeypatch.setattr(connect, "Internals", Looked)
    monkeypatch.setattr(Connect, "mend", lambda driver, site, tell: 2)
    return found


def test_a_plan_tells_it_before_all_else_and_up_looks_only_once(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Connect, "differences",
                        lambda *_, there: Differences(("+ connector",), at_rest=there))
    names = {host.name for host in TOPOLOGY.hosts}
    (told,) = [one for one in differences(PLACES, names) if one.lines]
    assert told == Differences(("~ something", "+ connector"), at_rest=True)
    assert asked == ["b"]
    (told,) = [one for one in differences(PLACES, names, sound=True) if one.lines]
    assert told.lines == ("+ connector",)
    assert asked == ["b"], "mending looks itself"


def test_who_has_something_wrong_mends_it(asked: list[str], progress: Progress) -> None:
    found = unsound(PLACES, TOPOLOGY.hosts)
    assert {name: [one.name for one in drivers] for name, drivers in found.items()} == {
        "b": ["connect"]
    }
    assert mend(PLACES, found, progress) == 2
    assert mend(PLACES, {}, progress) == 0


def test_fresh_brokers_other_services_and_other_hosts_are_not_asked(asked: list[str]) -> None:
    broker = TOPOLOGY.datacenter("b").by_role("kafka")[0]
    assert unsound(PLACES, TOPOLOGY.hosts, None, {broker.name}) == {}
    assert unsound(PLACES, TOPOLOGY.hosts, ("kafka",)) == {}
    assert unsound(PLACES, [broker]) == {}
    assert asked == []
    assert unsound(PLACES, TOPOLOGY.hosts, ("connect",)).keys() == {"b"}


def test_what_starts_for_the_first_time_is_fostered(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nobody else: what has been there has what it needs."""
    found: list[str] = []
    monkeypatch.setattr(Connect, "foster", lambda driver, site, over: found.append(site.name))
    (control,) = PLACES["b"].carriers("connect")
    foster(PLACES, TOPOLOGY.hosts, None, {host.name for host in TOPOLOGY.hosts}, bool)
    foster(PLACES, TOPOLOGY.hosts, ("connect",), {control.name}, bool)
    assert found == ["b", "b"]
    foster(PLACES, TOPOLOGY.hosts, None, set(), bool)
    foster(PLACES, TOPOLOGY.hosts, ("kafka",), {control.name}, bool)
    others = {host.name for host in TOPOLOGY.hosts} - {control.name}
    foster(PLACES, TOPOLOGY.hosts, None, others, bool)
    assert found == ["b", "b"]


class Run:
    """A run of `up` whose hosts converge as often as `failures` does not say otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failures: int, wrong: list[bool]) -> None:
        self.did: list[str] = []

        def converge(*_: object, woken: Collection[str]) -> None:
            self.did.append("converge")
            if self.did.count("converge") <= failures:
                raise LabError("connect.service ended 4 times")

        def look(*_: object) -> Any:
            return {"b": ["connect"]} if wrong and wrong.pop(0) else {}

        def put_right(places: object, found: object, progress: object) -> int:
            self.did += ["mend"] if found else []
            return 3 if found else 0

        def survey(*_: object) -> dict[str, Any]:
            self.did.append("survey")
            return {}

        for name, fake in (
            ("converge", converge), ("unsound", look), ("mend", put_right), ("survey", survey),
            ("_entered", lambda *_, **__: up.Ready({**PLACES}, {})),
        ):
            monkeypatch.setattr(up, name, fake)

    def go(self, progress: Progress, fresh: set[str]) -> int:
        return up._sound(
            cast(Any, FakeFleet([])), TOPOLOGY.hosts, PLACES, cast(Any, None), progress,
            looking=lambda: up.unsound(PLACES, TOPOLOGY.hosts, None, fresh), only=None,
            fresh=fresh,
        )[1]


@pytest.mark.parametrize("failures, wrong, did", [
    (0, [False], ["converge"]),
    (0, [True], ["mend", "survey", "converge"]),
    (1, [False, True], ["converge", "mend", "survey", "converge"]),
])
def test_it_is_put_right_before_or_as_soon_as_it_can_be_seen(
    failures: int, wrong: list[bool], did: list[str], monkeypatch: pytest.MonkeyPatch,
    progress: Progress,
) -> None:
    run = Run(monkeypatch, failures, wrong)
    assert run.go(progress, {"x"} if failures else set()) == did.count("mend") * 3
    assert run.did == did


@pytest.mark.parametrize("fresh", [set(), {"x"}])
def test_where_nothing_is_wrong_the_reason_stays(
    fresh: set[str], monkeypatch: pytest.MonkeyPatch, progress: Progress
) -> None:
    run = Run(monkeypatch, 1, [False, False])
    with pytest.raises(LabError, match="ended 4 times"):
        run.go(progress, fresh)
