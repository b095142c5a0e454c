"""Whether a plan is exactly the one that was shown: the same changes, and in them the same values.

Where the one that was shown had a value that was not known yet, any value is the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from scripts.platforms.aws.terraform import difference, summary
from scripts.platforms.aws.terraform.difference import Difference, Mark

# What may be left of a change after its stack's run was cut off: (shown, now).
REMAINS = {("add", "replace"), ("replace", "add"), ("replace", "destroy")}
Shown = Mapping[str, Any]


def unlike(shown: Shown, now: Shown, *, begun: bool = False) -> Iterator[str]:
    """In words, each thing in which two plans (`terraform show -json`) are not the same.

    With `begun`, some of what was shown may be done by now, or half done.
    """
    was, becomes = _changes(shown), _changes(now)
    for address in dict.fromkeys((*was, *becomes)):
        before, after = was.get(address), becomes.get(address)
        if after is None:
            if not begun:
                yield f"{address}: shown was {_kind(before)}, and now nothing is to be done"
        elif before is None:
            yield f"{address}: {_kind(after)}, which was not shown"
        elif (kinds := (_kind(before), _kind(after)))[0] != kinds[1]:
            if not (begun and kinds in REMAINS):
                yield f"{address}: shown was {kinds[0]}, and now it is {kinds[1]}"
        elif not begun and kinds[0] != "destroy":
            yield from (f"{address}: {words}" for words in _values(before, after))


def _changes(plan: Shown) -> dict[str, Mapping[str, Any]]:
    return {
        one["address"]: one for one in plan.get("resource_changes", ())
        if one.get("mode", "managed") == "managed" and summary.kind_of(one)
    }


def _kind(one: Mapping[str, Any] | None) -> str:
    return summary.kind_of(one) or "" if one else ""


def _values(shown: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What of a resource will be otherwise than was shown, and what it was before."""
    changes = (shown["change"], now["change"])
    for words, name, was, becomes in (
        *(("it is no longer", *one) for one in _sides(changes, "before", _moved(changes))),
        *(("shown was", *one) for one in _sides(changes, "after")),
    ):
        for one in _unlike(was, becomes, (name,)):
            if any(difference.secret(change, name) for change in changes):
                yield f"{name}: {Mark.HIDDEN.value}, another than was shown"
                break
            old, new = difference.sides(one.old, one.new)
            yield f"{one.where}: {words} {old}, and now it is {new}"


def _sides(
    changes: Sequence[Mapping[str, Any]], side: str, only: set[str] | None = None
) -> Iterator[tuple[str, Any, Any]]:
    """The name of each attribute with its value in both changes."""
    was, becomes = (difference.side(change, side) for change in changes)
    for name in sorted(was.keys() | becomes.keys()):
        if only is None or name in only:
            yield name, was.get(name), becomes.get(name)


def _moved(changes: Sequence[Mapping[str, Any]]) -> set[str]:
    """The attributes that either of two changes makes different; others are merely computed."""
    return {str(one.path[0]) for change in changes for one in difference.of(change)}


def _unlike(shown: Any, now: Any, path: difference.Path) -> Iterator[Difference]:
    """Where two values differ, and the one that was shown was known."""
    if shown is Mark.LATER:
        return
    if isinstance(shown, Mapping) and isinstance(now, Mapping):
        for key in sorted(shown.keys() | now.keys()):
            yield from _unlike(
                shown.get(key, Mark.NONE), now.get(key, Mark.NONE), (*path, key)
            )
    elif isinstance(shown, list) and isinstance(now, list):
        for index, (one, other) in enumerate(zip_longest(shown, now, fillvalue=Mark.NONE)):
            yield from _unlike(one, other, (*path, index))
    else:
        yield from difference.between(shown, now, path)
