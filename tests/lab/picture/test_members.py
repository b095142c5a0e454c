"""Members of groups by letters."""

from __future__ import annotations

from hypothesis import given, strategies as st

from lab.picture.members import letters
from lab.picture.snapshot import Group, Member

some = st.lists(st.text("xyz", min_size=1, max_size=4), max_size=60, unique=True)


@given(some, some)
def test_who_stays_keeps_its_letter_and_no_two_have_the_same(a: list[str], b: list[str]) -> None:
    first = letters(None, a)
    group = Group("dc1", "g", "stable", 0.0, None, tuple(
        Member(one, label, "c", "h") for one, label in first.items()
    ))
    second = letters(group, b)
    assert second.keys() == set(b)
    assert len(set(second.values())) == len(b)
    assert all(second[one] == first[one] for one in set(a) & set(b))


def test_the_first_are_a_b_c() -> None:
    assert letters(None, ["m2", "m1", "m3"]) == {"m1": "a", "m2": "b", "m3": "c"}
