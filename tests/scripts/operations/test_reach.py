"""Hosts that let nobody in: told once, mended where the platform can, else an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from scripts.errors import Closed, HostKeyError, LabError, ReachError
from scripts.operations.reach import lines, problems, reach, refuse_hopeless, unreached
from scripts.platforms import Trouble
from tests.fakes import FakeFleet, FakeHost

LOST = Trouble("ports no longer published", "reconnect")
ODD = Trouble("odd")
NAMES = [f"h{n}" for n in range(1, 7)]


def silent(name: str) -> ReachError:
    return ReachError(Closed.SILENT, f"no SSH connection ({name})", where=name, hint="look")


@dataclass
class Lab:
    """A session and its platform in one, with hosts that are closed for a reason."""

    fleet: FakeFleet
    known: Mapping[str, Trouble] = field(default_factory=dict)
    helps: bool = True
    said: list[str] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)

    @property
    def platform(self) -> Lab:
        return self

    def say(self, line: str) -> None:
        self.said.append(line)

    def troubles(self, closed: Mapping[str, Closed]) -> dict[str, Trouble]:
        return {name: self.known[name] for name in closed if name in self.known}

    def mend(self, troubles: Mapping[str, Trouble]) -> None:
        assert troubles and all(one.step for one in troubles.values())
        self.mended += troubles
        for name in troubles if self.helps else ():
            self.fleet[name].closed = None

    def reach(self) -> None:
        reach(cast(Any, self), self.fleet, NAMES)


def lab(closed: Mapping[str, LabError], known: Mapping[str, Trouble], helps: bool = True) -> Lab:
    fleet = FakeFleet([FakeHost(name, closed=closed.get(name)) for name in NAMES])
    return Lab(fleet, known, helps)


def test_where_all_is_well_nothing_is_asked() -> None:
    one = lab({}, {})
    one.reach()
    assert one.said == one.mended == []


def test_what_can_be_mended_is_said_once_and_mended() -> None:
    one = lab({name: silent(name) for name in NAMES}, dict.fromkeys(NAMES, LOST))
    one.reach()
    assert one.said == ["6 hosts (h1, h2, h3 and 3 more): ports no longer published: reconnect"]
    assert one.mended == NAMES


def test_what_mending_does_not_help_is_one_error() -> None:
    one = lab({name: silent(name) for name in NAMES}, dict.fromkeys(NAMES, LOST), helps=False)
    with pytest.raises(ReachError) as caught:
        one.reach()
    assert str(caught.value) == "h1, h2, h3 and 3 more: no SSH connection (h1) (look)"


def test_the_others_are_mended_before_a_hopeless_one_is_told() -> None:
    wrong = HostKeyError("shows another key", where="h2")
    one = lab({"h1": silent("h1"), "h2": wrong}, {"h1": LOST})
    with pytest.raises(HostKeyError, match="h2: shows another key"):
        one.reach()
    assert one.mended == ["h1"]


def test_one_who_only_looks_is_told_what_up_would_mend() -> None:
    one = lab({"h1": silent("h1"), "h2": silent("h2"), "h3": silent("h3")},
              {"h1": LOST, "h2": ODD})
    found = unreached(cast(Any, one), one.fleet, NAMES)
    assert list(lines(found)) == ["h1: ports no longer published: reconnect"]
    assert list(problems(found)) == [
        "h1: ports no longer published (`fab up`: reconnect)",
        "h2, h3: no SSH connection (h2) (look)",
    ]
    with pytest.raises(ReachError, match="h2, h3"):
        refuse_hopeless(found)
    assert one.mended == []


def test_each_tells_one_reason_once() -> None:
    """A task that does not look for reasons has the same one for fourteen hosts."""
    fleet = FakeFleet([FakeHost(name) for name in NAMES])

    def fail(name: str) -> None:
        raise LabError("other", where=name) if name == "h4" else silent(name)

    with pytest.raises(LabError) as caught:
        fleet.each(fail, NAMES)
    assert [str(caught.value), *caught.value.__notes__] == [
        "h4: other", "h1, h2, h3 and 2 more: no SSH connection (h1) (look)",
    ]
