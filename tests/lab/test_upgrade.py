"""A cluster comes to another release of Kafka wherever a run was cut off, and back until it is
finalised.

The model is Kafka's: a broker understands protocols up to its own release, and what was once spoken
to it in a newer one stays on disks, so that no older release reads it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from lab import kraft
from lab.file import parse
from lab.services.kafka import release, settings
from lab.services.local import local_context
from lab.topology import build
from lab.upgrade import (
    PROTOCOL,
    CannotBecome,
    Release,
    change,
    fits,
    older,
    order,
    own_protocol,
    raised,
    rolls,
    spoken,
)
from lab.versions import KRAFT, VERSIONS, ZOOKEEPER, with_metadata

OF_ZOOKEEPER, OF_KRAFT = with_metadata(ZOOKEEPER), with_metadata(KRAFT)
VERSION = st.sampled_from(OF_ZOOKEEPER)


def own(version: str) -> Release:
    return Release(version, own_protocol(version))


def understood(brokers: list[Release]) -> bool:
    """Whether every broker understands what any of them speaks."""
    return all(order(one.protocol) <= order(own_protocol(other.version))
               for one in brokers for other in brokers)


def up(brokers: list[Release], wanted: Release, turns: list[int], *, finalize: bool
       ) -> Iterator[list[Release]]:
    """What `fab up` does, a restart after the other; it may be cut off after any."""
    for roll in rolls(brokers, wanted, finalize=finalize):
        for turn in sorted(range(len(brokers)), key=lambda one: turns[one]):
            brokers[turn] = roll
            yield brokers


@st.composite
def lives(draw: st.DrawFn) -> tuple[list[Release], list[tuple[str, bool, int, list[int]]]]:
    """A cluster, and what a person asks of it: versions, by hand or not, cut off after so many."""
    count = draw(st.integers(1, 4))
    asked = st.tuples(VERSION, st.booleans(), st.integers(0, 9),
                      st.permutations(list(range(count))))
    return [own(draw(VERSION))] * count, draw(st.lists(asked, min_size=1, max_size=6))


@given(lives())
def test_brokers_always_understand_each_other_and_nothing_newer_is_ever_left_behind(
    life: tuple[list[Release], list[tuple[str, bool, int, list[int]]]]
) -> None:
    brokers, asked = [*life[0]], life[1]
    written = max(order(one.protocol) for one in brokers)
    for version, finalize, cut, turns in asked:
        try:
            steps = up(brokers, own(version), turns, finalize=finalize)
            for _, _ in zip(range(cut), steps, strict=False):
                written = max(written, *(order(one.protocol) for one in brokers))
                assert understood(brokers)
        except CannotBecome:
            assert written > order(own_protocol(version)), "only what cannot be is refused"
        assert all(written <= order(own_protocol(one.version)) for one in brokers), (
            "who runs now reads what was written"
        )


@given(lives())
def test_a_run_that_is_not_cut_off_ends_it_and_the_next_one_changes_nothing(
    life: tuple[list[Release], list[tuple[str, bool, int, list[int]]]]
) -> None:
    brokers, asked = [*life[0]], life[1]
    for version, finalize, cut, turns in asked[:-1]:
        try:
            for _ in zip(range(cut), up(brokers, own(version), turns, finalize=finalize),
                         strict=False):
                pass
        except CannotBecome:
            continue
    # The newest of the versions is always a way out.
    wanted = own(max((one.version for one in brokers), key=order))
    assert len(rolls(brokers, wanted)) <= 2
    for _ in up(brokers, wanted, asked[-1][3], finalize=False):
        pass
    held = {*brokers}
    assert len(held) == 1 and rolls(brokers, wanted, finalize=False) == ()
    for _ in up(brokers, wanted, asked[-1][3], finalize=True):
        pass
    assert {*brokers} == {wanted} and rolls(brokers, wanted) == ()


def test_a_newer_release_takes_two_rolls_and_a_patch_one() -> None:
    assert rolls([own("3.8.1")] * 3, own("3.9.2")) == (Release("3.9.2", "3.8"), own("3.9.2"))
    assert rolls([own("3.9.1")] * 3, own("3.9.2")) == (own("3.9.2"),)
    assert rolls([], own("3.9.2")) == (own("3.9.2"),)


def test_after_the_end_there_is_no_way_back_and_it_is_said_why() -> None:
    held = Release("3.9.2", "3.8")
    assert rolls([held] * 3, own("3.8.1")) == (own("3.8.1"),)
    for brokers in ([own("3.9.2")] * 3, [held, held, own("3.9.2")]):
        with pytest.raises(CannotBecome, match=r"speak \S+ 3\.9 since Kafka 3\.9 was finalised"):
            rolls(brokers, own("3.8.1"))
    with pytest.raises(CannotBecome, match=r"go back to no older one \(3\.8\)"):
        rolls([own("3.9.2")], held)


def test_brokers_that_a_roll_without_care_has_left_mixed_go_on_the_short_way() -> None:
    assert rolls([own("3.8.1"), own("3.9.2")], own("3.9.2")) == (own("3.9.2"),)


@pytest.mark.parametrize(("text", "protocol"), [
    ("broker.id=1\n", "3.9"), (f"{PROTOCOL}=3.8\n", "3.8"), (f"a=1\n{PROTOCOL}=3.8-IV0\n", "3.8"),
    (f"{PROTOCOL}=3.7\n{PROTOCOL}=3.8\n", "3.8"), (f"# {PROTOCOL}=3.7\n", "3.9"),
])
def test_a_brokers_settings_tell_what_it_speaks(text: str, protocol: str) -> None:
    assert spoken(text, "3.9.2") == protocol


@given(st.sampled_from(OF_KRAFT), st.sampled_from(OF_KRAFT))
def test_a_release_is_finalised_once_and_then_holds(before: str, after: str) -> None:
    levels = dict(kraft.features(before))
    if older(after, (before,)):
        with pytest.raises(CannotBecome, match=f"finalised, and Kafka {after} knows no more"):
            fits(levels, after, back=True)
        return
    fits(levels, after, back=False)
    found = raised(levels, after)
    levels |= {name: level for name, (_, level) in found.items()}
    assert levels == dict(kraft.features(after)) and raised(levels, after) == {}
    assert all(low < high for low, high in found.values())


@given(st.sampled_from(OF_KRAFT), st.sampled_from(OF_KRAFT))
def test_until_then_every_release_in_between_can_be_had_back(first: str, newest: str) -> None:
    levels = {**kraft.features(first), kraft.QUORUM_VERSION: 1}
    if not older(first, (newest,)):
        return
    fits(levels, newest, back=False)
    fits(levels, first, back=True)


def test_it_is_told_what_is_raised_the_metadata_first() -> None:
    found = raised(kraft.features("4.1.1"), "4.3.1")
    assert change(found) == (
        "metadata.version 27 to 30, share.version 0 to 1, streams.version 0 to 1"
    )


def test_levels_that_somebody_has_raised_stay() -> None:
    levels = {**kraft.features("4.1.1"), "share.version": 1}
    assert "share.version" not in raised(levels, "4.3.1")
    fits(levels, "4.1.1", back=False)


def test_kafka_4_takes_metadata_of_3_3_and_newer() -> None:
    with pytest.raises(CannotBecome, match=r"metadata\.version 6 is finalised, .* takes 7"):
        fits({kraft.VERSION: 6}, "4.1.1", back=False)
    fits({kraft.VERSION: 6}, "3.9.2", back=False)


def test_brokers_are_held_at_a_protocol_also_against_the_lab_file() -> None:
    lab = parse({"owner": "a", "kafka": {"config": {PROTOCOL: "3.9"}}, "datacenters": [
        {"name": "d", "cidr": "10.1.0.0/24"}, {"name": "e", "cidr": "10.1.1.0/24"},
    ]}).lab
    context = local_context(build(lab), {})
    first, other = context.topology.datacenters
    assert release(first, lab) == own("3.9.2")
    held = type(context)(**{**vars(context), "protocols": {"d": "3.8"}})
    assert settings(first.by_role("kafka")[0], held)[PROTOCOL] == "3.8"
    assert settings(other.by_role("kafka")[0], held)[PROTOCOL] == "3.9"
    assert all(own(version).protocol in version for version in VERSIONS)
