"""What a broker has left of heap and disk, as its host says it."""

from __future__ import annotations

import base64

import pytest

from lab.picture.snapshot import Room
from scripts.errors import LabError
from scripts.picture.rooms import Rooms, room
from tests.fakes import FakeFleet, FakeHost
from tests.lab.picture.test_heap import SPACES, counters
from tests.scripts.picture.test_looks import site

COUNTED = base64.b64encode(counters(SPACES)).decode()
LABEL = "look at its room"


@pytest.mark.parametrize(("said", "found"), [
    (f"  700  1000\n42\n{COUNTED}", Room("dc1", 1, 5970, 100_000, 42, 700, 1000)),
    ("  700  1000\n42\n", Room("dc1", 1, None, None, 42, 700, 1000)),
    ("\n\n", Room("dc1", 1)), ("", Room("dc1", 1)),
    ("700 1000\n42\nno base64!", Room("dc1", 1, None, None, 42, 700, 1000)),
])
def test_what_is_not_told_is_not_known(said: str, found: Room) -> None:
    assert room("dc1", 1, said) == found


def test_a_broken_connection_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    here = site()
    first = here.datacenter.by_role("kafka")[0]
    closed = []
    monkeypatch.setattr(FakeHost, "close", lambda self: closed.append(self.name))
    answers = iter([LabError("the connection broke"), f"7 10\n3\n{COUNTED}"])

    def reply(text: str) -> str:
        found = next(answers)
        if isinstance(found, Exception):
            raise found
        return found

    assert isinstance(here.fleet, FakeFleet)
    here.fleet.hosts[first.name] = FakeHost(first.name, {LABEL: reply})  # type: ignore[index]
    look = Rooms(here, first)
    with pytest.raises(LabError):
        look.look()
    assert closed == [first.name]
    assert look.gone() == (Room("dc2", 1),)
    assert look.look() == (Room("dc2", 1, 5970, 100_000, 3, 7, 10),)
