"""What a plan says, for people: pure functions from terraform's JSON to Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lab.counted import counted
from scripts.platforms.aws.terraform import difference
from scripts.platforms.aws.terraform.difference import Difference, Mark, looked_for

SHOWN = 200  # resources of a stack that are listed; the rest is counted
TAGS = ("tags", "tags_all", "volume_tags")
GONE = ("destroy", "replace")
# Terraform, "JSON Output Format", change.actions and action_reason.
KINDS = {
    ("create",): "add", ("update",): "change", ("delete",): "destroy",
    ("delete", "create"): "replace", ("create", "delete"): "replace", ("forget",): "forget",
}
REASONS = {
    "replace_because_tainted": "its making had failed",
    "replace_by_request": "asked for",
    "replace_by_triggers": "what it depends on changes",
    "delete_because_no_resource_config": "no longer in the lab",
    "delete_because_no_module": "no longer in the lab",
    "delete_because_wrong_repetition": "no longer in the lab",
    "delete_because_count_index": "no longer in the lab",
    "delete_because_each_key": "no longer in the lab",
}


@dataclass(frozen=True)
class Change:
    """What becomes of one resource.

    `fields` are what differs in its attributes, as `name: before -> after`, `tags` in its tags.
    """

    address: str
    kind: str
    why: str
    fields: tuple[str, ...]
    tags: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The address without the resource's own name: aws_instance."""
        return self.address.removesuffix(f".{self.name}")

    @property
    def name(self) -> str:
        """Its own name within the stack, with its index where it has one."""
        path, bracket, index = self.address.partition("[")
        return path.rpartition(".")[2] + bracket + index

    @property
    def alike(self) -> tuple[object, ...]:
        """What is the same for resources of one type that change in the same way."""
        return (self.type, self.kind, self.why, self.fields, self.tags)


@dataclass(frozen=True)
class Counts:
    """How many resources are made, changed, replaced and destroyed."""

    add: int = 0
    change: int = 0
    replace: int = 0
    destroy: int = 0

    def __str__(self) -> str:
        return (f"{self.add} to add, {self.change} to change, {self.replace} to replace, "
                f"{self.destroy} to destroy")


@dataclass(frozen=True)
class Part:
    """One stack in the summary: its status is that of `record.StackPlan`."""

    name: str
    status: str
    note: str = ""
    removed: bool = False
    changes: tuple[Change, ...] = ()

    @property
    def counts(self) -> Counts:
        kinds = [change.kind for change in self.changes]
        return Counts(*(kinds.count(kind) for kind in ("add", "change", "replace", "destroy")))


def changes(
    shown: Mapping[str, Any], arguments: Mapping[str, Any] | None = None, later: str = ""
) -> tuple[Change, ...]:
    """What a plan changes, from `terraform show -json`.

    `arguments` are the resources of a stack that waits for others, as they are synthesized: what
    they set is shown of those that are added, too, and of what comes from the others, `later` says
    when it will be known.
    """
    found = []
    for one in shown.get("resource_changes", ()):
        if one.get("mode", "managed") == "managed" and (kind := kind_of(one)):
            given = (arguments or {}).get(one.get("type"), {}).get(one.get("name"), {})
            differs = [_dated(place, given, later) for place in _differences(one, kind, given)]
            found.append(changed(one["address"], kind, differs, why=_why(one, kind)))
    return tuple(found)


def kind_of(one: Mapping[str, Any]) -> str | None:
    """What becomes of a resource in a plan's resource_changes; None where nothing does."""
    return KINDS.get(tuple(one["change"]["actions"]))


def changed(
    address: str, kind: str, differences: Iterable[Difference], *, why: str = ""
) -> Change:
    """A change in words; tags stand apart, and each once."""
    fields, tags = [], []
    found = {one.path: one for one in differences}
    for one in found.values():
        if not any(step in TAGS for step in one.path):
            fields.append(str(one))
        elif not _repeats(one, found):
            tags.append(str(one))
    return Change(address, kind, why, tuple(fields), tuple(tags))


def _repeats(one: Difference, found: Mapping[difference.Path, Difference]) -> bool:
    """Whether a difference in `tags_all` (a resource's own tags and the provider's) is in `tags`.
    """
    own = tuple("tags" if step == "tags_all" else step for step in one.path)
    other = found.get(own) if own != one.path else None
    return other is not None and (other.old, other.new) == (one.old, one.new)


def managed(shown: Mapping[str, Any]) -> int:
    """How many resources a stack had before its plan: 0 when it was never applied."""
    values = shown.get("prior_state", {}).get("values", {})
    return sum(1 for one in resources(values) if one.get("mode") == "managed")


def resources(values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All resources of planned_values or of a state's values, those in modules too."""
    module = values.get("root_module", {})
    modules = [module]
    while modules:
        module = modules.pop()
        modules += module.get("child_modules", [])
        yield from module.get("resources", ())


def _why(one: Mapping[str, Any], kind: str) -> str:
    if kind not in GONE:
        return ""
    paths = one["change"].get("replace_paths") or []
    if paths:
        return "cannot be changed in place: " + ", ".join(
            ".".join(map(str, path)) for path in paths
        )
    return REASONS.get(one.get("action_reason", ""), "")


def _differences(
    one: Mapping[str, Any], kind: str, given: Mapping[str, Any]
) -> tuple[Difference, ...]:
    """What differs in a resource; of one that is added, what `given` sets."""
    if kind not in ("add", "change", "replace"):
        return ()
    found = difference.of(one["change"])
    if kind != "add":
        return found
    return tuple(replace(place, old=Mark.MADE) for place in found if place.path[0] in given)


def _dated(place: Difference, given: Mapping[str, Any], later: str) -> Difference:
    """A difference that says when its value will be known, where that is not by its own apply."""
    waits = place.new is Mark.LATER and looked_for(given.get(str(place.path[0])))
    return replace(place, later=later) if waits else place


def render(
    lab: str, parts: Sequence[Part], *, price: Iterable[str], facts: Mapping[str, str]
) -> str:
    """The summary of a plan in Markdown: first what is lost, then a table, then the rest.

    `price` are lines; `facts` is what the plan was made from.
    """
    lines = [f"# Plan for the lab {_code(lab)}", "", *_loss(parts), *_table(parts), ""]
    lines += [*price, ""]
    for part in parts:
        lines += _details(part)
    lines += ["## Made from", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {_code(value)} |" for name, value in facts.items()]
    return "\n".join(lines) + "\n"


def _loss(parts: Sequence[Part]) -> Iterator[str]:
    gone = [(part, change) for part in parts for change in part.changes if change.kind in GONE]
    if not gone:
        return
    destroyed = sum(1 for _, change in gone if change.kind == "destroy")
    yield "> [!CAUTION]"
    yield (f"> **{counted(destroyed, 'resource')} will be DESTROYED and "
           f"{len(gone) - destroyed} REPLACED.** What is on a host that goes is lost.")
    yield ""
    yield "| stack | what | resource | why |"
    yield "|---|---|---|---|"
    for part, change in gone[:SHOWN]:
        yield (f"| {_code(part.name)} | **{change.kind.upper()}** | {_code(change.address)} "
               f"| {_cell(change.why)} |")
    if len(gone) > SHOWN:
        yield f"| | | and {len(gone) - SHOWN} more | |"
    yield ""


def _table(parts: Sequence[Part]) -> Iterator[str]:
    yield "| stack | add | change | replace | destroy | |"
    yield "|---|--:|--:|--:|--:|---|"
    for part in parts:
        counts = part.counts
        calm = {"changes": "", "waiting": "", "unchanged": "no changes"}
        status = calm.get(part.status, f"**{part.status}**")
        told = "; ".join(filter(None, (
            status, "**removed from the lab file**" if part.removed else "", _cell(part.note)
        )))
        numbers = (counts.add, counts.change, counts.replace, counts.destroy)
        unknown = part.status in ("deferred", "failed")
        shown = " | ".join("?" if unknown else str(number) for number in numbers)
        yield f"| {_code(part.name)} | {shown} | {told} |"


def _details(part: Part) -> Iterator[str]:
    """Every change of a stack: what only concerns tags after all else, and losses at the end."""
    listed = sorted(part.changes, key=lambda change: (
        change.kind in GONE, bool(change.tags) and not change.fields
    ))
    if not listed:
        return
    yield f"<details><summary>{part.name}: {part.counts}</summary>"
    yield ""
    for some in alike(listed[:SHOWN]):
        yield f"- {_named(some)}"
        yield from (f"  - {_span(field)}" for field in some[0].fields)
        if some[0].tags:
            yield f"  - tags: {', '.join(map(_span, some[0].tags))}"
    if len(listed) > SHOWN:
        yield f"- and {len(listed) - SHOWN} more"
    yield ""
    yield "</details>"
    yield ""


def alike(listed: Iterable[Change]) -> list[list[Change]]:
    """Resources of one type that change in the same way together, where the first of them stands.
    """
    groups: dict[tuple[object, ...], list[Change]] = {}
    for change in listed:
        groups.setdefault(change.alike, []).append(change)
    return list(groups.values())


def _named(some: Sequence[Change]) -> str:
    if len(some) == 1:
        return f"{some[0].kind} {_code(some[0].address)}"
    names = ", ".join(_code(change.name) for change in some)
    return f"{some[0].kind} {len(some)} {_code(some[0].type)}: {names}"


def _span(text: str) -> str:
    """`text` as code in a list, character by character."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    room = " " if longest or text != text.strip() else ""
    return f"{fence}{room}{text}{room}{fence}"


def _code(text: str) -> str:
    """`text` as code in a cell: what Markdown or HTML would take for its own is harmless there."""
    return "`" + _cell(text).replace("`", "'") + "`"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
