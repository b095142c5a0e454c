"""Two schema registries, one of which leads: what each is held to, and how the lead changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import parse
from lab.model import Lab
from lab.services.leading import promoted
from lab.services.local import local_context
from lab.topology import Host, build
from scripts.drivers import promoting
from scripts.drivers.driver import Report, Site, sites
from scripts.drivers.following import look
from scripts.drivers.journal import Journal, Kept
from scripts.drivers.promoting import Lead, kind
from scripts.drivers.registry import driver
from scripts.errors import LabError
from tests.fakes import FakeFleet
from tests.scripts.drivers.test_schemas import FakeRegistry

REGISTRY = driver("registry")
FIRST, SECOND = "dc1", "dc2"


def lab() -> Lab:
    return parse({
        "owner": "ann", "registry": {"at": FIRST, "follower": SECOND},
        "datacenters": [{"name": f"dc{n}", "cidr": f"10.31.{n}.0/24"} for n in (1, 2)],
        "links": [{"between": [FIRST, SECOND]}],
        "mirrors": [{"from": FIRST, "to": SECOND, "topics": [".*", "_schemas"]}],
    }).lab


def places(made: Lab | None = None) -> dict[str, Site]:
    topology = build(made or lab())
    return sites(FakeFleet([]), local_context(topology, {}), topology.datacenters)


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeRegistry]:
    """The follower tells what the leader tells, as if all had come across."""
    leader = FakeRegistry(levels={"": "BACKWARD"})
    made = {FIRST: leader, SECOND: Mirrored(leader, file=True)}

    def http(_: Site, host: Host, *rest: Any) -> FakeRegistry:
        return made[host.datacenter]

    monkeypatch.setattr(Site, "http", http)
    monkeypatch.setattr(Journal, "look", lambda self: {
        name: Kept(3, 3, 5, {}) for name in self.names})
    monkeypatch.setattr("scripts.drivers.following._behind", lambda *_: 2)
    return made


class Mirrored(FakeRegistry):
    """One that has what another has."""

    def __init__(self, leader: FakeRegistry, *, file: bool) -> None:
        super().__init__(
            subjects=leader.subjects, levels=leader.levels, ids=leader.ids, file=file)
        self.leader = leader

    def _group(self, method: str, path: str, body: Any) -> Any:
        self.note = self.leader.note
        return super()._group(method, path, body)


def problems(site: Site) -> tuple[str, ...]:
    return REGISTRY.status(site, [host.name for host in site.carriers("registry")]).problems


def verified(site: Site) -> dict[str, str]:
    report = Report(site.name)
    REGISTRY.verify(site, report)
    return {line.what: line.seen for line in report.lines if not line.held}


def test_each_does_its_part(both: dict[str, FakeRegistry]) -> None:
    found = places()
    assert [problems(found[name]) for name in (FIRST, SECOND)] == [(), ()]
    assert [verified(found[name]) for name in (FIRST, SECOND)] == [{}, {}]
    (span,) = REGISTRY.spans(found)
    report = Report(span.name)
    span.prove(report)
    assert report.ok, report.lines
    assert REGISTRY.differences(found[SECOND], {}, there=True).lines == ()


def test_two_that_take_schemas_are_a_problem(both: dict[str, FakeRegistry]) -> None:
    both[SECOND].said = "false"
    (problem,) = problems(places()[SECOND])
    assert problem == "the schema registry of dc2 takes schemas, and that of dc1 leads; run " \
                      "`fab up`"
    assert verified(places()[SECOND])["schemas"] == "it is not in the lead, and took a schema"
    assert both[SECOND].subjects == {}


def test_none_that_takes_schemas_is_a_problem_that_up_mends(
    both: dict[str, FakeRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = places(promoted(lab(), SECOND))
    both[FIRST].file = True
    assert "is to lead, and takes no schemas" in problems(found[SECOND])[0]
    assert problems(found[FIRST]) == ()
    assert REGISTRY.differences(found[SECOND], {}, there=True).lines == (
        "~ schema registry of dc2: takes no schemas -> takes them",)
    monkeypatch.setattr(Journal, "mend", lambda _: 0)
    assert REGISTRY.reconcile(found[SECOND], {}, lambda _: None) == 1
    assert REGISTRY.reconcile(found[FIRST], {}, lambda _: None) == 0
    assert (both[SECOND].said, both[FIRST].said) == ("false", None)
    assert REGISTRY.differences(found[SECOND], {}, there=True).lines == ()
    assert list(REGISTRY.spans(found)) == [], "nothing follows any more"


def test_what_was_promoted_elsewhere_is_not_undone_unawares(
    both: dict[str, FakeRegistry]
) -> None:
    found, changed = places(), {}
    assert list(REGISTRY.obstacles(found[FIRST], changed)) == []
    both[SECOND].said = "false"
    for name in (FIRST, SECOND):
        (obstacle,) = REGISTRY.obstacles(found[name], changed)
        assert "`fab registry.promote dc2` notes it" in str(obstacle)
    at_first: Any = {"x": SimpleNamespace(host=found[FIRST].datacenter.hosts[0])}
    assert list(REGISTRY.obstacles(found[SECOND], at_first)) == [], "the other site tells it"
    assert list(REGISTRY.obstacles(places(promoted(lab(), SECOND))[FIRST], changed)) == []


def test_other_ids_are_no_copy(
    both: dict[str, FakeRegistry]
) -> None:
    both[FIRST].subjects["a-value"] = ["{}"]
    both[FIRST].ids = ["{}"]
    both[SECOND].ids = ["x", "{}"]
    (span,) = REGISTRY.spans(places())
    report = Report(span.name)
    span.prove(report)
    assert [line.seen for line in report.lines] == [
        "a-value: the newest schema has the id 1 in one, and 2 in the other"]


def test_a_look_tells_who_leads_and_who_follows_how_far_behind(
    both: dict[str, FakeRegistry]
) -> None:
    first, second = look(places(), {})
    assert (first.datacenter, second.datacenter) == (FIRST, SECOND)
    assert first.line(FIRST).startswith("leads: BACKWARD where nothing else is said; a change is")
    assert second.line(FIRST).startswith("follows dc1, 2 records behind; a change is across in")
    assert first.problems == second.problems == ()
    assert (second.name, second.as_json()["part"]) == ("dc1._schemas", "follows")
    led, aside = look(places(promoted(lab(), SECOND)), {"ann-dc1-ctl01": "does not run"})
    assert (led.datacenter, aside.problems) == (
        SECOND, ("registry on ann-dc1-ctl01: does not run",))
    assert led.took is None and "is to lead" in led.problems[0]


@dataclass
class FakeWorkers:
    said: list[Any]
    moves: list[int] = field(default_factory=list)

    def __call__(self, *_: Any) -> FakeWorkers:
        return self

    def ask(self, name: str) -> None:
        self.said.append(("settings", name))

    def patiently(self, method: str, path: str, body: Any = None) -> None:
        self.said.append((method, path, body))

    def position(self, _: Any) -> Any:
        return lambda: {("_schemas", 0): self.moves.pop(0)}


def message(name: str, value: bytes = b"") -> Any:
    key = f'{{"uuid": "1", "messageType": "{name}"}}'.encode()
    return SimpleNamespace(key=lambda: key, value=lambda: value or name.encode())


@pytest.fixture
def lead(monkeypatch: pytest.MonkeyPatch, both: dict[str, FakeRegistry]) -> Any:
    """A change of the lead whose steps are noted, with journals of three records and of two."""
    said: list[Any] = []
    journals = {"_schemas": [message("Bootstrap1"), message("A"), message("Lost")],
                "dc1._schemas": [message("Bootstrap2"), message("A")]}
    workers = FakeWorkers(said)

    @contextmanager
    def still(*_: Any) -> Iterator[str]:
        said.append("mirror stops")
        yield "dc1-to-dc2.source"
        said.append("mirror goes on")

    monkeypatch.setattr(promoting, "Workers", workers)
    monkeypatch.setattr(promoting, "standing_still", still)
    monkeypatch.setattr(Lead, "records", lambda _, site, topic: journals[topic])
    monkeypatch.setattr(Lead, "_anew", lambda _: said.append("journal empty"))
    monkeypatch.setattr(Lead, "_write", lambda _, found: said.append(len(found)))
    found = places(promoted(lab(), SECOND))
    fleet: Any = {host.name: SimpleNamespace(
        script=lambda text, **_: said.append(text.strip())
    ) for host in found[FIRST].datacenter.hosts}
    first = Site(fleet, found[FIRST].context, found[FIRST].datacenter)
    made: Any = Lead(first, found[SECOND])
    made.said, made.journals, made.workers = said, journals, workers
    return made


def test_the_follower_takes_over(lead: Any, both: dict[str, FakeRegistry]) -> None:
    lead.hold()
    lead.take()
    lead.take()
    assert lead.said == ["mirror stops", ("settings", "dc1-to-dc2.source"), "mirror goes on"]
    assert not both[SECOND].closed


def test_one_that_has_not_read_its_journal_takes_nothing_over(
    lead: Any, both: dict[str, FakeRegistry]
) -> None:
    both[SECOND].reads = False
    with pytest.raises(LabError, match="it says 503"):
        lead.take()
    assert both[SECOND].closed


def test_the_journal_comes_home_and_the_mirror_goes_on_behind_it(
    lead: Any, both: dict[str, FakeRegistry]
) -> None:
    both[SECOND].said = "false"
    lead.close()
    assert both[SECOND].closed and not both[SECOND].kept, "another one goes by its own file"
    assert lead.unsent() == ["Lost"]
    assert lead.bring() == 2
    spot = {"cluster": "dc1", "partition": 0, "topic": "_schemas"}
    assert lead.said == [
        "mirror stops", "systemctl stop registry.service", "journal empty", 2,
        ("PATCH", "/connectors/dc1-to-dc2.source/offsets",
         {"offsets": [{"partition": spot, "offset": {"offset": 1}}]}),
        "mirror goes on",
    ]


def test_a_registry_that_stays_open_keeps_its_journal(
    lead: Any, both: dict[str, FakeRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mirrored, "closed", False)
    with pytest.raises(LabError, match="does not become read-only"):
        lead.close()


def test_an_empty_journal_replaces_none(lead: Any) -> None:
    lead.journals["dc1._schemas"] = []
    with pytest.raises(LabError, match="_schemas is empty"):
        lead.bring()
    assert lead.said == []


def test_nothing_is_left_behind_where_there_is_time_to_wait(
    lead: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = SimpleNamespace(ends=lambda _: {("_schemas", 0): 3}, close=lambda: None)
    monkeypatch.setattr(Lead, "_partitions", lambda *_: ends)
    lead.workers.moves = [1, 2, 3]
    lead.arrived()
    assert lead.workers.moves == []


def test_a_record_of_the_journal_names_its_kind() -> None:
    assert kind(message("CreateArtifact10")) == "CreateArtifact10"
    assert [kind(SimpleNamespace(key=lambda one=one: one)) for one in (None, b"x", b"[]")] == [
        "", "", ""]


