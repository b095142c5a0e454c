"""An ensemble that grows never lets servers decide that do not have what the others have.

The model is ZooKeeper's: a server leads with a majority of its own list behind it, and of those who
could the one that knows most wins. A server knows all once it has been part of a whole ensemble.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, combinations

import pytest
from hypothesis import given, strategies as st

from lab.ensemble import CannotGrow, Servers, growth


@dataclass
class Model:
    """Servers with the list in their file, the list that their process has, and what they know."""

    files: dict[int, Servers]
    running: dict[int, Servers]
    knowing: set[int] = field(default_factory=set)

    def safe(self) -> bool:
        """Whether no majority could form without a server that knows all."""
        ignorant = sorted(self.running.keys() - self.knowing)
        for group in chain.from_iterable(
            combinations(ignorant, size) for size in range(1, len(ignorant) + 1)
        ):
            for leader in group:
                known = self.running[leader]
                if 2 * len(known & set(group)) > len(known):
                    return False
        return True

    def sync(self, servers: Servers) -> None:
        """All of them run with one list and serve: they know the same."""
        assert all(self.running.get(one) == servers for one in servers)
        self.knowing |= servers

    def up(self, wanted: Servers, restarts: dict[int, int]) -> Iterator[str]:
        """What `fab up` does, one step after the other; it may be cut off at any of them.

        `restarts` gives the order in which servers restart.
        """
        for servers in growth(self.files, wanted):
            for one in sorted(servers):
                yield f"write the file of {one}"
                self.files[one] = servers
                if one not in self.running:
                    yield f"start {one}"
                    self.running[one] = servers
            stale = [one for one in servers if self.running[one] != servers]
            for one in sorted(stale, key=lambda number: restarts.get(number, number)):
                yield f"restart {one}"
                self.running[one] = servers
            yield "wait until all serve"
            self.sync(servers)
        # The last step again, which may have been cut off after the last file was written.
        for one in sorted(wanted - self.running.keys()):
            yield f"write the file of {one}"
            self.files[one] = wanted
            yield f"start {one}"
            self.running[one] = wanted
        for one in sorted(wanted):
            if self.running[one] != self.files[one]:
                yield f"restart {one}"
                self.running[one] = self.files[one]
        self.sync(wanted)


def made(count: int) -> Model:
    all_of_it = frozenset(range(1, count + 1))
    lists = dict.fromkeys(all_of_it, all_of_it)
    return Model(dict(lists), dict(lists), set(all_of_it))


@given(
    count=st.integers(1, 5), more=st.integers(1, 4), cuts=st.lists(st.integers(1, 12), max_size=5),
    order=st.dictionaries(st.integers(1, 9), st.integers(1, 9)),
)
def test_nobody_who_knows_nothing_decides_wherever_a_run_is_cut_off(
    count: int, more: int, cuts: list[int], order: dict[int, int]
) -> None:
    model, wanted = made(count), frozenset(range(1, count + more + 1))
    for steps in [*cuts, 10_000]:
        for _, _what in zip(range(steps), model.up(wanted, order), strict=False):
            assert model.safe()
        assert model.safe()
    assert growth(model.files, wanted) == ()
    assert set(model.running.values()) == {wanted} and model.knowing == wanted


def test_all_at_once_would_not_be_safe() -> None:
    """The model tells it: this is what the lab did before."""
    model = made(1)
    three = frozenset({1, 2, 3})
    model.running |= {2: three, 3: three}
    assert not model.safe()


def servers(*numbers: int) -> Servers:
    return frozenset(numbers)


def test_what_is_new_or_in_order_needs_no_steps() -> None:
    assert growth({}, servers(1, 2, 3)) == ()
    assert growth({2: servers(1, 2, 3)}, servers(1, 2, 3)) == ()


def test_each_step_adds_one() -> None:
    assert growth({1: servers(1)}, servers(1, 2, 3)) == (
        servers(1), servers(1, 2), servers(1, 2, 3),
    )
    assert growth({1: servers(1), 2: servers(1, 2)}, servers(1, 2)) == (servers(1, 2),)


@pytest.mark.parametrize("lists, wanted, words", [
    ({1: servers(1, 2, 3)}, servers(1), "its servers know servers 1, 2, 3, and servers 2, 3"),
    ({1: servers(1, 2, 3)}, servers(1, 2, 4), "server 3 would be missing"),
    ({1: servers(1), 2: servers(2)}, servers(1, 2), "one server knows"),
    ({1: servers(1), 2: servers(1, 2, 3)}, servers(1, 2, 3), "one server knows server 1, another"),
])
def test_what_could_lose_something_is_refused(
    lists: dict[int, Servers], wanted: Servers, words: str
) -> None:
    with pytest.raises(CannotGrow, match=words):
        growth(lists, wanted)
