"""diff and apply."""

from __future__ import annotations

import pytest
from hypothesis import given

from lab import state
from lab.state import KINDS, HostState, Key, apply, attainable, diff, digest, merge
from tests.strategies import host_states


@given(host_states(), host_states())
def test_applying_the_difference_gives_the_other_state(a: HostState, b: HostState) -> None:
    assert apply(diff(a, b), a) == b


@given(host_states())
def test_a_state_does_not_differ_from_itself(a: HostState) -> None:
    assert diff(a, a) == ()


@given(host_states(), host_states())
def test_changes_come_in_the_order_of_application(a: HostState, b: HostState) -> None:
    kinds = [KINDS.index(change.key.kind) for change in diff(a, b)]
    assert kinds == sorted(kinds)


@given(host_states(), host_states())
def test_what_the_host_does_not_let_us_set_is_no_difference(a: HostState, b: HostState) -> None:
    for change in diff(a, attainable(b, a)):
        if isinstance(change.before, state.Sysctl) and isinstance(change.after, state.Sysctl):
            assert change.before.settable


def test_a_setting_that_is_larger_than_asked_is_left() -> None:
    key = Key("sysctl", "vm.max_map_count")
    want = {key: state.Sysctl("262144", at_least=True)}
    for value, kept in (("1048576", True), ("65530", False), ("262144", True)):
        have = {key: state.Sysctl(value)}
        assert (diff(have, attainable(want, have)) == ()) is kept


def test_only_a_running_unit_with_another_digest_restarts() -> None:
    key, want = Key("unit", "kafka.service"), state.Unit("new")

    def restarts(before: state.Unit | None) -> bool:
        return state.Change(key, before, want).restarts

    assert restarts(state.Unit("old"))
    assert not restarts(state.Unit("old", running=False))
    assert not restarts(state.Unit("new", enabled=False))
    assert not restarts(None)


def test_services_must_agree_on_what_they_share() -> None:
    key = Key("directory", "/data")
    assert merge({key: state.Directory()}, {key: state.Directory()}) == {key: state.Directory()}
    with pytest.raises(ValueError, match="directory /data"):
        merge({key: state.Directory()}, {key: state.Directory(0o700)})


def test_a_digest_tells_where_one_part_ends() -> None:
    assert digest("ab", "c") != digest("a", "bc")
