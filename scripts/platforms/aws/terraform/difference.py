"""Where two values of Terraform's JSON differ, in words: nothing that is the same on both sides.

Pure. A value is whole up to a length that one reads; of a longer text the part around the first
difference is shown, so that two values that differ never look alike.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum
from itertools import zip_longest
from typing import Any

from lab.altered import common

LONGEST = 200  # characters of a value
AROUND = 20  # characters of a longer text that are the same, before and after what differs
PLAIN = re.compile(r"[A-Za-z_][\w-]*")
# What a stack looks for, in an expression of its configuration: data.aws_vpc.vpc-dc1.
SOURCE = re.compile(r"\bdata\.([A-Za-z]\w*)\.([A-Za-z_][\w-]*)")
Path = tuple[str | int, ...]


class Mark(Enum):
    """What stands where there is no value to show."""

    NONE = "(none)"
    LATER = "(known after apply)"
    HIDDEN = "(sensitive)"
    MADE = "(not made yet)"  # what a whole resource was before


@dataclass(frozen=True)
class Difference:
    """One place in which two values differ. `path` begins with the attribute's name.

    `later` says when a value that is not known yet will be, if it is not by the apply itself.
    """

    path: Path
    old: Any
    new: Any
    later: str = ""

    @property
    def where(self) -> str:
        """The path as Terraform writes it: root_block_device[0].volume_size."""
        words = str(self.path[0])
        for step in self.path[1:]:
            if isinstance(step, str) and PLAIN.fullmatch(step):
                words += f".{step}"
            else:
                words += f"[{step if isinstance(step, int) else _quoted(step)}]"
        return words

    def __str__(self) -> str:
        if self.new is Mark.HIDDEN:
            return f"{self.where}: {self.new.value}"
        old, new = sides(self.old, self.new)
        if self.new is Mark.LATER and self.later:
            new = f"({self.later})"
        return f"{self.where}: {new}" if self.old is Mark.MADE else f"{self.where}: {old} -> {new}"


def of(change: Mapping[str, Any]) -> tuple[Difference, ...]:
    """What a change in a plan ("Change Representation") makes different, attribute by attribute.

    What is sensitive is named and not shown.
    """
    before, after = side(change, "before"), side(change, "after")
    found: list[Difference] = []
    for name in sorted(before.keys() | after.keys()):
        differs = tuple(between(before.get(name), after.get(name), (name,)))
        if differs and secret(change, name):
            differs = (Difference((name,), Mark.HIDDEN, Mark.HIDDEN),)
        found += differs
    return tuple(found)


def side(change: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The attributes `before` or `after` a change in a plan; marked where they are known later."""
    values: Mapping[str, Any] = change.get(name) or {}
    unknown: Mapping[str, Any] = (change.get("after_unknown") or {}) if name == "after" else {}
    return {
        one: _overlaid(values.get(one), unknown.get(one))
        for one in (*values, *(unknown.keys() - values.keys()))
        if one in values or _any(unknown[one])
    }


def secret(change: Mapping[str, Any], name: str) -> bool:
    """Whether anything of an attribute is not to be shown, before or after a change in a plan."""
    marks = [change.get(f"{one}_sensitive") or {} for one in ("before", "after")]
    return any(mark is True or _any(mark.get(name)) for mark in marks)


def looked_for(argument: Any) -> bool:
    """Whether an argument as it is synthesized comes from what its stack looks for."""
    return bool(SOURCE.search(text(argument)))


def between(old: Any, new: Any, path: Path) -> Iterator[Difference]:
    """Each place in which `old` and `new` differ: of maps the keys, of lists the elements."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from between(old.get(key, Mark.NONE), new.get(key, Mark.NONE), (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _elements(old, new, path)
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield Difference(path, old, new)


def _elements(old: list[Any], new: list[Any], path: Path) -> Iterator[Difference]:
    """What differs between lists: what is alike on both sides stays, wherever it stands."""
    matcher = SequenceMatcher(None, [*map(text, old)], [*map(text, new)], autojunk=False)
    for kind, first, last, begin, end in matcher.get_opcodes():
        if kind == "equal":
            continue
        pairs = zip_longest(old[first:last], new[begin:end], fillvalue=Mark.NONE)
        for number, (was, becomes) in enumerate(pairs):
            place = first + number if first + number < last else begin + number
            yield from between(was, becomes, (*path, place))


def _overlaid(value: Any, unknown: Any) -> Any:
    """`value` with a mark wherever it is known only later (a plan's `after_unknown`)."""
    if unknown is True:
        return Mark.LATER
    if not _any(unknown):
        return value
    if isinstance(unknown, Mapping):
        known = dict(value) if isinstance(value, Mapping) else {}
        return known | {key: _overlaid(known.get(key), mark) for key, mark in unknown.items()
                        if key in known or _any(mark)}
    elements = value if isinstance(value, list) else []
    return [_overlaid(one, mark) for one, mark in zip_longest(elements, unknown)]


def _any(mark: object) -> bool:
    """Whether anything below a mark of terraform's is true."""
    if isinstance(mark, Mapping):
        return any(map(_any, mark.values()))
    if isinstance(mark, list):
        return any(map(_any, mark))
    return mark is True


def sides(old: Any, new: Any) -> tuple[str, str]:
    """Both values as they are shown beside each other; two that differ never look alike."""
    if isinstance(old, str) and isinstance(new, str) and max(len(old), len(new)) > LONGEST:
        return _around(old, new)
    return _whole(old), _whole(new)


def _around(old: str, new: str) -> tuple[str, str]:
    """Of two long texts what differs, with a little of what stands before and after it."""
    same, tail = common(old, new)
    start = max(0, same - AROUND)

    def part(whole: str) -> str:
        end = min(len(whole) - tail + AROUND, len(whole), start + LONGEST)
        return ("…" if start else "") + _quoted(whole[start:end]) + (
            "…" if end < len(whole) else ""
        )

    return part(old), part(new)


def _whole(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value[:LONGEST]) + ("…" if len(value) > LONGEST else "")
    if isinstance(value, Mapping | list):
        shown = text(_filled(value))
        return shown if len(shown) <= LONGEST else shown[:LONGEST] + "…"
    return text(value)


def _filled(value: Any) -> Any:
    """Without what is empty: a block of the provider's holds every attribute that it might have."""
    if isinstance(value, Mapping):
        filled = {key: _filled(one) for key, one in value.items()}
        return {key: one for key, one in filled.items() if one not in (None, "", [], {})}
    return [_filled(one) for one in value] if isinstance(value, list) else value


def text(value: Any) -> str:
    """`value` as JSON in one line, its keys in order."""
    if isinstance(value, Mark):
        return value.value
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(k)}: {text(value[k])}" for k in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(text, value)) + "]"
    return json.dumps(value)


def _quoted(value: str) -> str:
    """A string as JSON has it; what could not be seen or told apart is escaped."""
    return '"' + "".join(
        one if one.isprintable() and one not in '"\\' and not unicodedata.combining(one)
        else json.dumps(one)[1:-1] for one in value
    ) + '"'
