"""Verifying: what one check finds hides no other, and what was made for the proof is taken away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.topology import build
from scripts.drivers.driver import Driver, Report, Site, Span, sites
from scripts.errors import CommandError, LabError
from scripts.operations import verify as module
from scripts.operations.surplus import Surplus
from scripts.operations.verify import verify
from scripts.workstation.screen import Progress
from tests.fakes import FakeFleet

TOPOLOGY = build(parse({"owner": "ann", "datacenters": [
    {"name": name, "cidr": f"10.{n}.0.0/24", "kafka": 1} for n, name in enumerate(("dc1", "dc2"))
]}).lab)
LEFT = Surplus("ann-dc1-kafka02", "dc1", "kafka", "10.0.0.32", True, 2, ("t-0",))
Work = Callable[[], object]


def fails(error: Exception) -> Work:
    def work() -> object:
        raise error
    return work


@dataclass
class FakeSpan:
    """A proof between two datacenters; `does` are its parts that do something else than succeed."""

    did: list[str]
    name: str = "dc1-to-dc2"
    does: dict[str, Work] = field(default_factory=dict)

    def prepare(self) -> None:
        self._do("prepare")

    def prove(self, report: Report) -> None:
        assert report.where == self.name
        report.check("mirrors", "crossing", lambda: str(self._do("prove")))

    def forget(self) -> None:
        self._do("forget")

    def _do(self, part: str) -> object:
        self.did.append(f"{part} {self.name}")
        return self.does.get(part, lambda: "well")()


@dataclass
class Bench:
    """Two drivers in each datacenter. `ill`: the checks that fail, as DATACENTER/DRIVER."""

    did: list[str] = field(default_factory=list)
    spans: list[FakeSpan] = field(default_factory=list)
    ill: dict[str, Exception] = field(default_factory=dict)
    places: dict[str, Site] = field(default_factory=lambda: sites(
        FakeFleet([]), local_context(TOPOLOGY, {}), TOPOLOGY.datacenters
    ))

    def run(self, *left: Surplus) -> list[Report]:
        with Progress("verify", self.places) as progress:
            return verify(self.places, progress, left)

    def lines(self, *left: Surplus) -> list[str]:
        """Every line as WHERE WHAT: SEEN, of those that do not hold with an exclamation mark."""
        return [f"{'' if line.held else '! '}{report.where} {line.what}: {line.seen}"
                for report in self.run(*left) for line in report.lines]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench()

    class Fake(Driver):
        def __init__(self, name: str) -> None:
            self.name = name

        def verify(self, site: Site, report: Report) -> bool:
            made.did.append(f"verify {self.name} of {site.name}")
            key = f"{site.name}/{self.name}"
            return report.check(self.name, self.name, lambda: str(
                fails(made.ill[key])() if key in made.ill else "well"
            ))

        def spans(self, places: Mapping[str, Site]) -> Iterator[Span]:
            assert places == made.places
            return iter(cast(Any, made.spans) if self.name == "b" else ())

    def stay(site: Site) -> str:
        key = f"{site.name}/systemd"
        return str(fails(made.ill[key])() if key in made.ill else "well")

    both = (Fake("a"), Fake("b"))
    monkeypatch.setattr(module, "drivers", lambda names: both)
    monkeypatch.setattr(module, "drivers_of", lambda site: both)
    monkeypatch.setattr(module, "services_stay", stay)
    return made


WELL = [f"{name} {what}: well" for name in ("dc1", "dc2") for what in ("services stay", "a", "b")]


def test_where_nothing_is_to_be_verified_nobody_is_asked() -> None:
    assert verify({}, Progress("verify", [])) == []


def test_datacenters_come_first_then_what_spans_them_and_last_it_is_taken_away(
    bench: Bench,
) -> None:
    bench.spans = [FakeSpan(bench.did), FakeSpan(bench.did, "dc2-to-dc1")]
    assert bench.lines() == [*WELL, "dc1-to-dc2 crossing: well", "dc2-to-dc1 crossing: well"]
    proven = [bench.did.index(f"prove {one.name}") for one in bench.spans]
    assert min(proven) > max(bench.did.index(f"verify b of {name}") for name in bench.places)
    assert max(bench.did.index(f"prepare {one.name}") for one in bench.spans) < min(proven)
    assert sorted(bench.did[-2:]) == ["forget dc1-to-dc2", "forget dc2-to-dc1"]


@pytest.mark.parametrize("error", [
    LabError("no leader", where="dc1"), ConnectionResetError("reset by peer"),
])
def test_a_check_that_fails_hides_no_other_but_the_proof_of_a_span(
    bench: Bench, error: Exception
) -> None:
    """What lies between two datacenters is not proven where one does not hold by itself."""
    bench.spans = [FakeSpan(bench.did)]
    bench.ill = {"dc1/systemd": LabError("kafka.service: restarted"), "dc1/a": error}
    found = bench.lines()
    assert found[0] == "! dc1 services stay: kafka.service: restarted"
    assert found[1].startswith("! dc1 a: ") and str(error) in found[1]
    assert found[2:] == WELL[2:]
    assert "prove dc1-to-dc2" not in bench.did
    assert bench.did[-1] == "forget dc1-to-dc2"


def test_a_span_that_does_not_hold_hides_no_other(bench: Bench) -> None:
    bench.spans = [
        FakeSpan(bench.did, does={"prove": fails(LabError("0 of 20 records"))}),
        FakeSpan(bench.did, "dc2-to-dc1"),
    ]
    assert bench.lines() == [
        *WELL, "! dc1-to-dc2 crossing: 0 of 20 records", "dc2-to-dc1 crossing: well",
    ]


@pytest.mark.parametrize("part", ["prepare", "forget"])
@pytest.mark.parametrize("error", [
    LabError("no broker answers"), TimeoutError(), ConnectionResetError("reset by peer"),
])
def test_what_goes_wrong_before_and_after_a_proof_hides_nothing(
    bench: Bench, part: str, error: Exception
) -> None:
    """One request that was not answered in time ended `fab verify` without a single line."""
    bench.spans = [FakeSpan(bench.did, does={part: fails(error)}), FakeSpan(bench.did, "back")]
    assert bench.lines(LEFT)[:3] == WELL[:3]
    assert {"prove dc1-to-dc2", "prove back", "forget back"} <= set(bench.did)


@pytest.mark.parametrize("part", ["prepare", "prove", "forget"])
def test_a_bug_in_a_proof_is_raised(bench: Bench, part: str) -> None:
    bench.spans = [FakeSpan(bench.did, does={part: fails(KeyError("a bug"))})]
    with pytest.raises(KeyError, match="a bug"):
        bench.run()


def test_a_surplus_broker_is_told_last_and_keeps_nothing_from_being_proven(bench: Bench) -> None:
    bench.spans = [FakeSpan(bench.did)]
    *lines, last = bench.lines(LEFT)[:4]
    assert lines == WELL[:3]
    assert last == f"! dc1 no surplus broker: {LEFT.problem}"
    assert "prove dc1-to-dc2" in bench.did
    assert [report.ok for report in bench.run(LEFT)] == [False, True, True]


def test_one_that_serves_nobody_is_no_finding(bench: Bench) -> None:
    stopped = Surplus("ann-dc1-kafka02", "dc1", "kafka", "10.0.0.32", False)
    gone = Surplus("ann-old-kafka01", "old", "kafka", "10.9.0.31", True, 1, ("t-0",), known=False)
    assert bench.lines(stopped, gone) == WELL


def test_a_check_on_hosts_is_told_in_one_line(bench: Bench) -> None:
    bench.ill = {"dc1/a": CommandError("read", 1, "", "one\ntwo\nerror: three", where="h")}
    (line,) = [one for one in bench.lines() if one.startswith("!")]
    assert line == "! dc1 a: h: `read` ended with 1: error: three"
