"""What somebody has changed since it was applied.

Terraform tells every attribute that it reads otherwise than its state has it, and many are merely
computed: a route table lists the routes that other resources make, a peering tells that it was
accepted. Drift is only what the configuration sets, or what makes the next plan act.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.platforms.aws.terraform import difference, plan, removed, summary
from scripts.platforms.aws.terraform.binary import Terraform
from scripts.platforms.aws.terraform.plan import Planned
from scripts.platforms.aws.terraform.stacks import Project, Stack, initialize, names
from scripts.platforms.aws.terraform.summary import Change
from scripts.workstation.screen import Progress

WORDS = {"change": "changed", "destroy": "gone"}
# A step of a path as ignore_changes has it: ami, tags["expires"], root_block_device[0].iops.
STEP = re.compile(r'\["(?P<key>[^"]*)"\]|\[(?P<index>\d+)\]|(?P<name>[^.\[\]]+)')
# A reference within an expression: aws_instance.kafka-01.public_ip.
REFERENCE = re.compile(r"\b([A-Za-z]\w*\.[\w-]+)\.(\w+)")
Arguments = Mapping[str, Any]


def find(project: Project, terraform: Terraform) -> bool:
    """Say what has drifted; whether anything has. Changes nothing, not even the states.

    Raises the first error once every other stack is looked at. A stack that waits for what is not
    made yet is told, and neither drift nor an error.
    """
    _ = terraform.version
    stacks = project.stacks()
    drifted = False
    planned: dict[str, Planned] = {}
    with Progress("drift", names(stacks)) as progress, tempfile.TemporaryDirectory() as scratch:
        failed = initialize(terraform, stacks, progress.step)
        gone: Sequence[Stack] = () if failed else removed.find(project, terraform, stacks)
        for stack in (*stacks, *gone):
            progress.step(stack.name, "drift")
            done = planned[stack.name] = (
                plan.refused(stack, failed[stack.name]) if stack.name in failed
                else plan.of_stack(terraform, stack, Path(scratch), planned, lock=False)
            )
            lines = [] if done.error else list(_lines(stack, done))
            drifted = drifted or bool(lines)
            progress.done(stack.name, "" if lines or done.error else _calm(done))
            for line in lines:
                progress.say(f"  {stack.name}: {line}")
    plan.raise_first(planned.values())
    return drifted


def _calm(done: Planned) -> str:
    """Why there is no drift to tell."""
    if done.plan.status == "deferred":
        return done.plan.note
    made = done.plan.status == "unchanged" or summary.managed(done.shown)
    return "no drift" if made else "not made yet"


def _lines(stack: Stack, done: Planned) -> Iterator[str]:
    """One line for what has drifted in the same way."""
    if stack.removed:
        yield "gone from the lab file, and still there"
    for some in summary.alike(changes(done.shown, stack.config.get("resource", {}))):
        first = some[0]
        what = first.address if len(some) == 1 else (
            f"{len(some)} {first.type}: {', '.join(change.name for change in some)}"
        )
        told = [*first.fields, *first.tags]
        yield f"{WORDS.get(first.kind, first.kind)} {what}" + (
            f" ({', '.join(told)})" if told else ""
        )


def changes(
    shown: Mapping[str, Any], configured: Mapping[str, Mapping[str, Arguments]]
) -> list[Change]:
    """What of a plan's `resource_drift` is drift.

    `configured` are the resources of the stack as synthesized: by type, then by name.
    """
    acts = set(_acting(shown, configured))
    found = []
    for one in shown.get("resource_drift", ()):
        kind = summary.kind_of(one)
        if one.get("mode", "managed") != "managed" or kind is None:
            continue
        if kind != "change":
            found.append(summary.changed(one["address"], kind, ()))
            continue
        given = configured.get(one["type"], {}).get(one["name"], {})
        differs = [
            place for place in difference.of(one["change"])
            if (_given(given, place.path) and not _ignored(given, place.path))
            or any(_within(place.path, path) for address, path in acts if address == one["address"])
        ]
        if differs:
            found.append(summary.changed(one["address"], kind, differs))
    return found


def _given(block: Arguments, path: Sequence[str | int]) -> bool:
    """Whether a resource's arguments, or those of one of its blocks, set what is at `path`.

    A value or a map is set as a whole; of a block only what is written in it.
    """
    name, *rest = path
    value = block.get(str(name))
    if value is None:
        return False
    if not rest or not isinstance(rest[0], int):
        return True
    index, *inner = rest
    # A block that may stand only once is written without a list around it.
    blocks = value if isinstance(value, list) else [value]
    if not inner or int(index) >= len(blocks) or not isinstance(blocks[int(index)], Mapping):
        return True
    return _given(blocks[int(index)], inner)


def _ignored(arguments: Arguments, path: Sequence[str | int]) -> bool:
    """Whether the configuration says that it does not mind what is at `path`."""
    told = arguments.get("lifecycle", {}).get("ignore_changes", ())
    if told == "all":
        return True
    return any(tuple(path[:len(steps)]) == steps for steps in map(_steps, told))


def _steps(words: str) -> difference.Path:
    return tuple(
        int(step["index"]) if step["index"] else step["key"] or step["name"]
        for step in STEP.finditer(words)
    )


def _acting(
    shown: Mapping[str, Any], configured: Mapping[str, Mapping[str, Arguments]]
) -> Iterator[tuple[str, difference.Path]]:
    """Where the plan changes something: addresses with the attributes that it changes, and those
    from which their new values come. What is only known later is a consequence, and no reason."""
    for one in shown.get("resource_changes", ()):
        if summary.kind_of(one) not in ("change", "replace"):
            continue
        given = configured.get(one["type"], {}).get(one["name"], {})
        for place in difference.of(one["change"]):
            if place.new is difference.Mark.LATER:
                continue
            yield one["address"], place.path
            for address, name in REFERENCE.findall(json.dumps(given.get(str(place.path[0])))):
                yield address, (name,)


def _within(one: Sequence[str | int], other: Sequence[str | int]) -> bool:
    """Whether one of two paths is, or lies in, the other."""
    return all(this == that for this, that in zip(one, other, strict=False))


