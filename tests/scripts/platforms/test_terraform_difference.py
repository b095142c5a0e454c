"""Two values that differ never look alike, and what is shown is what differs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from scripts.platforms.aws.terraform import difference, summary
from scripts.platforms.aws.terraform.difference import AROUND, LONGEST, Mark, between, sides
from scripts.platforms.aws.terraform.summary import Change, Part

texts = st.one_of(
    st.text(max_size=5),
    # Long ones that are mostly the same, which is where a cut hides what differs.
    st.builds(
        lambda head, middle, tail: "a" * head + middle + "b" * tail,
        st.integers(0, 3 * LONGEST), st.text(max_size=3), st.integers(0, 3 * LONGEST),
    ),
)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), texts)
values = st.recursive(scalars, lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)
), max_leaves=12)


def json(value: Any) -> str:
    """What JSON tells apart: true is not 1."""
    return difference.text(value)


@given(values, values)
@example(["a", "b", "c"], ["b", "c"])
@example({"a": None}, {})
@example([True], [1])
def test_there_is_a_difference_exactly_where_two_values_differ(old: Any, new: Any) -> None:
    found = list(between(old, new, ("x",)))
    assert bool(found) == (json(old) != json(new))
    for one in found:
        shown = sides(one.old, one.new)
        assert shown[0] != shown[1]
        assert json(one.old) != json(one.new)


@given(values, values)
def test_what_is_the_same_is_not_shown(old: Any, new: Any) -> None:
    """Whatever stands beside it."""
    alike = {"same": old, "other": [1, 2, {"same": old}]}
    changed = {"same": old, "other": [1, 2, {"same": old, "added": new}]}
    (one,) = between(alike, changed, ("x",))
    assert (one.path, one.old) == (("x", "other", 2, "added"), Mark.NONE)
    assert list(between(changed, changed, ("x",))) == []


@given(texts, texts)
def test_of_two_texts_the_first_difference_is_shown(old: str, new: str) -> None:
    if old == new:
        return
    shown = sides(old, new)
    for side in shown:
        assert len(re.sub(r"\\ud[89ab]..\\u....|\\u....|\\.", "?", side)) <= LONGEST + len('…""…')
    same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b),
                min(len(old), len(new)))
    for whole, side in zip((old, new), shown, strict=True):
        # What stands there with all that fits of what stands before it.
        assert difference._quoted(whole[max(0, same - AROUND):same + 1])[1:-1] in side


@given(texts, texts)
def test_the_summary_shows_both_character_by_character(old: str, new: str) -> None:
    """Markdown's own signs included: neither a cell nor a code span changes what is read."""
    if old == new:
        return
    change = {"actions": ["update"], "before": {"x": old}, "after": {"x": new}}
    (one,) = summary.changes({"resource_changes": [{"address": "a.b", "change": change}]})
    text = summary.render("lab", [Part("s", "changes", changes=(one,))], price=[], facts={})
    was, becomes = sides(old, new)
    assert f"x: {was} -> {becomes}" in text


@pytest.mark.parametrize(("old", "new", "told"), [
    ("a" * 300 + "x", "a" * 300 + "y", f'…"{"a" * AROUND}x" -> …"{"a" * AROUND}y"'),
    ("a" * 300, "a" * 301, f'…"{"a" * AROUND}" -> …"{"a" * (AROUND + 1)}"'),
    ("no\u00a0break", "no break", r'"no\u00a0break" -> "no break"'),
    ("é", "e\u0301", r'"é" -> "e\u0301"'),
    ("x\n", "x", r'"x\n" -> "x"'),
    ("1", 1, '"1" -> 1'),
    ("(none)", Mark.NONE, '"(none)" -> (none)'),
    (None, {"a": "", "b": [{"c": None}], "d": False}, 'null -> {"b": [{}], "d": false}'),
])
def test_what_looks_alike_is_told_apart(old: Any, new: Any, told: str) -> None:
    assert " -> ".join(sides(old, new)) == told


def test_of_lists_the_elements_are_shown_and_of_maps_the_keys() -> None:
    def told(old: Any, new: Any) -> list[str]:
        return [str(one) for one in between(old, new, ("x",))]

    assert told(["a", "b", "c"], ["b", "c", "d"]) == ['x[0]: "a" -> (none)', 'x[2]: (none) -> "d"']
    assert told([{"a": 1, "b": 2}], [{"a": 1, "b": 3}]) == ["x[0].b: 2 -> 3"]
    assert told({"a b": 1}, {"a.b": 1}) == ['x["a b"]: 1 -> (none)', 'x["a.b"]: (none) -> 1']


def test_what_is_known_later_is_marked_where_it_is() -> None:
    found = difference.of({
        "before": {"disk": [{"id": "vol-1", "size": 20}], "tags": {"a": "1"}},
        "after": {"disk": [{"size": 20}], "tags": {"a": "1"}},
        "after_unknown": {"disk": [{"id": True}], "tags": {"a": False}, "ip": True},
    })
    assert [str(one) for one in found] == [
        'disk[0].id: "vol-1" -> (known after apply)', "ip: null -> (known after apply)",
    ]


def test_tags_stand_apart_and_once() -> None:
    """The provider's `tags_all` are a resource's own tags and its default ones."""
    change = {
        "actions": ["update"],
        "before": {"size": 1, "tags": {"a": "1"}, "tags_all": {"a": "1", "lab": "x"}},
        "after": {"size": 2, "tags": {"a": "2"}, "tags_all": {"a": "2", "lab": "y"}},
    }
    (one,) = summary.changes({"resource_changes": [{"address": "a.b", "change": change}]})
    assert one.fields == ("size: 1 -> 2",)
    assert one.tags == ('tags.a: "1" -> "2"', 'tags_all.lab: "x" -> "y"')


def test_resources_that_change_alike_are_one_change_with_their_names() -> None:
    def details(*listed: Change) -> list[str]:
        part = Part("s", "changes", changes=listed)
        lines = summary.render("lab", [part], price=[], facts={}).splitlines()
        return [line for line in lines if line.startswith(("- ", "  - "))]

    larger = ('instance_type: "t3.small" -> "t3.large"',)
    tagged = ('tags.x: (none) -> "y"',)
    assert details(
        Change("aws_vpc.vpc", "change", "", (), tagged),
        Change("aws_instance.a", "change", "", larger),
        Change("aws_instance.b", "change", "", larger, tagged),
        Change("aws_instance.c", "change", "", larger),
        Change('aws_eip.d["x.y"]', "add", "", ()),
        Change("aws_eip.e", "add", "", ()),
    ) == [
        "- change 2 `aws_instance`: `a`, `c`", f"  - `{larger[0]}`",
        "- change `aws_instance.b`", f"  - `{larger[0]}`", f"  - tags: `{tagged[0]}`",
        '- add 2 `aws_eip`: `d["x.y"]`, `e`',
        "- change `aws_vpc.vpc`", f"  - tags: `{tagged[0]}`",
    ]
