"""The lead among schema registries changes: in which order, and what is remembered when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.file import parse
from lab.model import Lab
from lab.services.leading import promoted
from lab.topology import build
from scripts.errors import LabError, UsageError
from scripts.operations import promoting
from scripts.operations.promoting import promote
from scripts.workstation import leading
from tests.scripts.drivers.test_leading import lab


@dataclass
class FakeSession:
    """said: everything that happened, in order. dead: a datacenter whose hosts do not run."""

    said: list[Any]
    lab: Lab
    dead: str = ""
    topology: Any = None

    def __post_init__(self) -> None:
        self.file = SimpleNamespace(lab=self.lab)
        self.topology = build(self.lab)
        self.platform = SimpleNamespace(instances=self.instances)

    def say(self, text: str) -> None:
        self.said.append(text)

    def lead(self, name: str) -> None:
        self.said.append(("remember", name))
        self.topology = build(promoted(self.lab, name))

    def instances(self) -> dict[str, Any]:
        return {host.name: SimpleNamespace(running=host.datacenter != self.dead)
                for host in self.topology.hosts}

    def running(self, names: list[str]) -> dict[str, Any]:
        found = self.instances()
        if down := [name for name in names if not found[name].running]:
            raise LabError("is stopped", where=down[0])
        return found

    @contextmanager
    def fleet(self, _: Any) -> Iterator[Any]:
        yield SimpleNamespace(closed=lambda names: {})


@dataclass
class FakeLead:
    """left: what the first registry alone was told. breaks: the step that fails."""

    said: list[Any]
    left: list[str] = field(default_factory=list)
    breaks: str = ""

    def __getattr__(self, step: str) -> Any:
        def act() -> Any:
            if step == self.breaks:
                raise LabError(f"{step} fails")
            if step == "unsent":
                return self.left
            self.said.append(step)
            return 7

        return act


@pytest.fixture
def said() -> list[Any]:
    return []


@pytest.fixture
def lead(said: list[Any], monkeypatch: pytest.MonkeyPatch) -> FakeLead:
    made = FakeLead(said)
    monkeypatch.setattr(promoting, "_lead", lambda *_: made)
    monkeypatch.setattr(promoting, "converge_existing", lambda session, hosts, only: said.append(
        ("converge", *sorted({host.datacenter for host in hosts}), *only)))
    return made


def never(question: str) -> None:
    raise UsageError(question)


def steps(said: list[Any]) -> list[Any]:
    return [one for one in said if not isinstance(one, str) or " " not in one]


def test_a_first_one_that_answers_stands_aside_before_the_other_takes_over(
    said: list[Any], lead: FakeLead
) -> None:
    session: Any = FakeSession(said, lab())
    promote(session, "dc2", never)
    assert steps(said) == [
        ("remember", "dc2"), ("converge", "dc1", "registry"), "arrived", "hold", "take"]
    assert said[-2:] == [
        "the schema registry of dc2 leads, it takes schemas",
        "note: the schema registry of dc2 was promoted: that of dc1 takes no schemas, and its "
        "journal is not mirrored, until `fab registry.promote dc1`"]


def test_one_that_is_gone_is_not_waited_for(said: list[Any], lead: FakeLead) -> None:
    session: Any = FakeSession(said, lab(), dead="dc1")
    promote(session, "dc2", never)
    assert steps(said) == [("remember", "dc2"), "hold", "take"]


def test_one_that_was_cut_off_is_completed(said: list[Any], lead: FakeLead) -> None:
    """The mirror does not copy the journal before the follower writes into it."""
    session: Any = FakeSession(said, lab(), dead="dc1")
    lead.breaks = "hold"
    with pytest.raises(LabError, match="hold fails"):
        promote(session, "dc2", never)
    lead.breaks = ""
    promote(session, "dc2", never)
    assert steps(said) == [("remember", "dc2"), ("remember", "dc2"), "hold", "take"]


def test_home_it_comes_with_the_journal_and_is_remembered_last(
    said: list[Any], lead: FakeLead
) -> None:
    session: Any = FakeSession(said, lab())
    session.lead("dc2")
    said.clear()
    promote(session, "dc1", never)
    assert steps(said) == ["close", "bring", ("remember", "dc1"),
                           ("converge", "dc1", "dc2", "registry", "connect")]
    said.clear()
    promote(session, "dc1", never)
    assert said == ["the schema registry of dc1 leads, nothing to do"]


@pytest.mark.parametrize("step", ["close", "bring"])
def test_until_it_is_home_the_other_one_counts(
    said: list[Any], lead: FakeLead, step: str
) -> None:
    session: Any = FakeSession(said, lab())
    session.lead("dc2")
    lead.breaks = step
    with pytest.raises(LabError, match=f"{step} fails"):
        promote(session, "dc1", never)
    assert session.topology.config.registry.leader == "dc2"


def test_nothing_is_left_behind_unasked(said: list[Any], lead: FakeLead) -> None:
    session: Any = FakeSession(said, lab())
    session.lead("dc2")
    said.clear()
    lead.left = ["CreateArtifact10", "CreateArtifactVersion9"]
    with pytest.raises(UsageError, match="Leave behind 2 changes that dc1 took before dc2 was"):
        promote(session, "dc1", never)
    assert said == []
    promote(session, "dc1", lambda question: None)
    assert ("remember", "dc1") in said


@pytest.mark.parametrize(("made", "name", "told"), [
    (lab(), "dc3", "dc3 has no schema registry"),
    (parse({"owner": "ann", "registry": {"at": "dc1"},
            "datacenters": [{"name": "dc1", "cidr": "10.31.1.0/24"}]}).lab, "dc1",
     "no registry that follows another one"),
])
def test_who_cannot_lead_is_told(
    said: list[Any], lead: FakeLead, made: Lab, name: str, told: str
) -> None:
    session: Any = FakeSession(said, made)
    with pytest.raises(UsageError, match=told):
        promote(session, name, never)
    assert said == []


def test_who_leads_is_remembered_by_lab_and_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert leading.leader("mine") == ""
    leading.remember("mine", "")  # of a lab that never had one
    (tmp_path / "kafkalab" / "mine").mkdir(parents=True)
    leading.remember("mine", "dc2")
    assert (leading.leader("mine"), leading.leader("other")) == ("dc2", "")
    leading.remember("mine", "")
    assert leading.leader("mine") == ""
