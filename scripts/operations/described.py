"""Changes of hosts for people: a diff for text, a line for all else, and what is equal on several
hosts once."""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from lab import state
from lab.altered import altered, long
from lab.state import Change
from scripts.hosts.converge import HostPlan

INDENT = "    "
WIDTH = 100
HEADER = ("--- ", "+++ ")


def describe_hosts(plans: Iterable[HostPlan]) -> Iterator[str]:
    """The changes of hosts. What several of them have in common stands once, under their names."""
    alike: dict[tuple[object, ...], list[tuple[str, list[str]]]] = {}
    for plan in plans:
        for change in plan.changes:
            text = list(describe_change(change))
            alike.setdefault((change.key, *_essence(text)), []).append((plan.host.name, text))
    sections: dict[tuple[str, ...], list[str]] = {}
    for found in alike.values():
        text = found[0][1]
        if any(other != text for _, other in found):
            text = _essence(text)
        sections.setdefault(tuple(name for name, _ in found), []).extend(text)
    for names, lines in sections.items():
        yield from _heading(names)
        yield from lines


def describe_host(plan: HostPlan) -> Iterator[str]:
    """The changes of one host, files as unified diffs."""
    yield from describe_hosts([plan])


def describe_change(change: Change) -> Iterator[str]:
    """One change: a diff for text, a line for all else."""
    before, after = change.before, change.after
    old, new = _text(before), _text(after)
    if new is not None and old != new:
        yield from (INDENT + line for line in _diff(change.key.name, old, new))
        return
    match after:
        case state.Unit() if isinstance(before, state.Unit) and before.trouble:
            yield f"{INDENT}repair {change.key.name}: {before.trouble}"
        case state.Unit():
            verb = "restart" if change.restarts else ("start" if not _running(before) else "enable")
            yield f"{INDENT}{verb} {change.key.name}"
        case None if change.key.kind == "unit":
            yield f"{INDENT}stop {change.key.name}"
        case None:
            yield f"{INDENT}- {change.key}"
        case state.Member(user):
            yield f"{INDENT}+ {user} in the group {change.key.name}"
        case state.Sysctl(value):
            yield f"{INDENT}{change.key} = {value}"
        case _:
            yield f"{INDENT}{'+' if before is None else '~'} {change.key}"


def _heading(names: Sequence[str]) -> list[str]:
    if len(names) == 1:
        return [f"~ host {names[0]}"]
    return textwrap.wrap(
        f"~ {len(names)} hosts: {', '.join(names)}", WIDTH, subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    )


def _essence(text: Sequence[str]) -> list[str]:
    """A change without what stands around it, which differs from host to host."""
    return [
        f"{INDENT}@@" if line.startswith(f"{INDENT}@@ ") else line
        for line in text if not line.startswith(f"{INDENT} ")
    ]


def _diff(name: str, old: str | None, new: str) -> Iterator[str]:
    """A unified diff; a long line of which only the value changed as what changed of it."""
    lines = list(difflib.unified_diff(
        (old or "").splitlines(), new.splitlines(),
        f"{name} (on the host)" if old is not None else "/dev/null", f"{name} (wanted)",
        lineterm="", n=1,
    ))
    gone, come = (_settings(line for line in lines[2:] if line.startswith(sign)) for sign in "-+")
    pairs = {
        key: (gone[key][1:].partition("=")[2], come[key][1:].partition("=")[2])
        for key in gone.keys() & come.keys() if long(gone[key], come[key])
    }
    yield from lines[:2]
    for line in lines[2:]:
        key = _setting(line) if line[:1] in ("-", "+") else ""
        if key not in pairs:
            yield line
        elif line.startswith("+"):
            yield f"~{key}: {altered(*pairs[key])}"


def _settings(lines: Iterable[str]) -> dict[str, str]:
    """The lines that are the only ones of their setting, by that."""
    found: dict[str, list[str]] = {}
    for line in lines:
        found.setdefault(_setting(line), []).append(line)
    return {key: those[0] for key, those in found.items() if key and len(those) == 1}


def _setting(line: str) -> str:
    """The setting of a line of a diff, "" where it is none."""
    key, found, _ = line[1:].partition("=")
    return key.strip() if found and " " not in key.strip() else ""


def _text(resource: object) -> str | None:
    """A resource's content as the plan shows it; None for one without text, or a secret one."""
    if isinstance(resource, state.Block):
        return resource.content
    if isinstance(resource, state.File) and not resource.secret:
        return resource.content if isinstance(resource.content, str) else None
    return None


def _running(before: object) -> bool:
    return isinstance(before, state.Unit) and before.running
