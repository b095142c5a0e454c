"""What a plan says, for people: pure functions from terraform's JSON to Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SHOWN = 200  # resources of a stack that are listed; the rest is counted
LONGEST = 60  # characters of a value
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
    """What becomes of one resource. `fields` are its attributes as `name: before -> after`."""

    address: str
    kind: str
    why: str
    fields: tuple[str, ...]


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


def changes(shown: Mapping[str, Any]) -> tuple[Change, ...]:
    """What a plan changes, from `terraform show -json`."""
    return tuple(
        Change(one["address"], kind, _why(one, kind), _fields(one["change"], kind))
        for one in shown.get("resource_changes", ())
        if one.get("mode", "managed") == "managed"
        and (kind := KINDS.get(tuple(one["change"]["actions"])))
    )


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


def _fields(change: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    """The attributes that differ; what is sensitive is named and not shown."""
    if kind not in ("change", "replace"):
        return ()
    before, after = change.get("before") or {}, change.get("after") or {}
    unknown = change.get("after_unknown") or {}
    secret = [change.get("before_sensitive") or {}, change.get("after_sensitive") or {}]
    lines = []
    for name in sorted(before.keys() | after.keys() | unknown.keys()):
        old, new = before.get(name), after.get(name)
        later = _any(unknown.get(name))
        if old == new and not later:
            continue
        if any(mark is True or _any(mark.get(name)) for mark in secret):
            lines.append(f"{name}: (sensitive)")
        else:
            shown = "(known after apply)" if later else _value(new)
            lines.append(f"{name}: {_value(old)} -> {shown}")
    return tuple(lines)


def _any(mark: object) -> bool:
    """Whether anything below a mark of terraform's is true."""
    if isinstance(mark, Mapping):
        return any(map(_any, mark.values()))
    if isinstance(mark, list):
        return any(map(_any, mark))
    return mark is True


def _value(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


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
    yield (f"> **{destroyed} resources will be DESTROYED and {len(gone) - destroyed} REPLACED.** "
           "What is on a host that goes is lost.")
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
        status = {"changes": "", "unchanged": "no changes"}.get(part.status, f"**{part.status}**")
        told = "; ".join(filter(None, (
            status, "**removed from the lab file**" if part.removed else "", _cell(part.note)
        )))
        numbers = (counts.add, counts.change, counts.replace, counts.destroy)
        unknown = part.status in ("deferred", "failed")
        shown = " | ".join("?" if unknown else str(number) for number in numbers)
        yield f"| {_code(part.name)} | {shown} | {told} |"


def _details(part: Part) -> Iterator[str]:
    listed = [change for change in part.changes if change.kind not in GONE] + [
        change for change in part.changes if change.kind in GONE
    ]
    if not listed:
        return
    yield f"<details><summary>{part.name}: {part.counts}</summary>"
    yield ""
    for change in listed[:SHOWN]:
        yield f"- {change.kind} {_code(change.address)}"
        yield from (f"  - {_code(field)}" for field in change.fields)
    if len(listed) > SHOWN:
        yield f"- and {len(listed) - SHOWN} more"
    yield ""
    yield "</details>"
    yield ""


def _code(text: str) -> str:
    """`text` as code in a cell: what Markdown or HTML would take for its own is harmless there."""
    return "`" + _cell(text).replace("`", "'") + "`"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
