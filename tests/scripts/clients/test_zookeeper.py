"""When an ensemble is whole enough to restart another of its servers."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from scripts.clients.zookeeper import Ensemble, Modes, modes
from scripts.errors import LabError
from tests.fakes import FakeFleet


class Answering(Ensemble):
    """Tells these modes in turn, and then the last for ever."""

    def __init__(self, *found: Modes) -> None:
        super().__init__(FakeFleet([]), (), "dc1")
        self.found = list(found)

    def ask(self, among: object = None) -> Modes:
        return self.found.pop(0) if len(self.found) > 1 else self.found[0]


WHOLE = Modes("c", ("a", "b"), ())
ONE_SILENT = Modes("c", ("b",), ("a",))
NO_LEADER = Modes(None, ("b",), ("a", "c"))


def test_one_that_is_silent_is_waited_for() -> None:
    assert Answering(NO_LEADER, ONE_SILENT, WHOLE).wait_quorum() == WHOLE


def test_but_not_where_too_few_are_left_for_it_to_follow() -> None:
    """3 grow to 4: of the longer list 3 must follow a leader, and 2 do until another restarts."""
    assert Answering(NO_LEADER, ONE_SILENT, WHOLE).wait_quorum(needed=3) == ONE_SILENT
    assert Answering(ONE_SILENT, WHOLE).wait_quorum(needed=2) == WHOLE


class Servers(Ensemble):
    """Each in a mode of its own."""

    def __init__(self, **found: str) -> None:
        super().__init__(FakeFleet([]), (), "dc1")
        self.found = found

    def ask(self, among: Collection[str] | None = None) -> Modes:
        return modes({name: mode for name, mode in self.found.items()
                      if among is None or name in among})


def test_a_new_server_may_lead_those_that_know_it() -> None:
    """2 grow to 3, one of the two has restarted: it follows the new one, which has caught up. The
    other does not know that one, and would be waited for in vain."""
    grown = Servers(a="", b="follower", c="leader")
    assert grown.wait_quorum(0, among=("a", "b"), needed=2).leader == "c"
    for few in (Servers(a="", b="", c="leader"), Servers(a="", b="follower", c="follower")):
        with pytest.raises(LabError, match="not serving"):
            few.wait_quorum(0, among=("a", "b"), needed=2)
    with pytest.raises(LabError, match="a not serving"):
        grown.wait_quorum(0)


def test_without_a_leader_nothing_is_enough() -> None:
    with pytest.raises(LabError, match="not whole after 0 s: a, c not serving"):
        Answering(NO_LEADER).wait_quorum(0, needed=4)
