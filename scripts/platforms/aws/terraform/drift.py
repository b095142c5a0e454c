"""What differs from the state although nobody applied anything."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.aws.tags import EXPIRES
from scripts.platforms.aws.terraform import removed, summary
from scripts.platforms.aws.terraform.binary import Terraform, TerraformError
from scripts.platforms.aws.terraform.stacks import Project, Stack, initialize, names
from scripts.workstation.screen import Progress

TAGS = ("tags", "tags_all", "volume_tags")


def find(project: Project, terraform: Terraform) -> bool:
    """Say what has drifted; whether anything has. Changes nothing, not even the states.

    Raises the first error once every other stack is looked at.
    """
    _ = terraform.version
    stacks = project.stacks()
    drifted = False
    errors: list[TerraformError] = []
    with Progress("drift", names(stacks)) as progress, tempfile.TemporaryDirectory() as scratch:
        failed = initialize(terraform, stacks, progress.step)
        gone: Sequence[Stack] = () if failed else removed.find(project, terraform, stacks)
        for stack in (*stacks, *gone):
            if stack.name in failed:
                errors.append(failed[stack.name])
                continue
            progress.step(stack.name, "drift")
            try:
                lines = _look(terraform, stack, Path(scratch) / f"{stack.name}.tfplan")
            except TerraformError as error:
                errors.append(error)
                continue
            if stack.removed:
                lines.insert(0, "gone from the lab file, and still there")
            drifted = drifted or bool(lines)
            progress.done(stack.name, "; ".join(lines) or "no drift")
    if errors:
        first, *more = errors
        for one in more:
            first.add_note(str(one))
        raise first
    return drifted


def _meant(change: Mapping[str, Any]) -> bool:
    """Whether only the hour has moved at which a host ends itself: `fab extend` does that."""
    before, after = ({**(change.get(side) or {})} for side in ("before", "after"))
    for side in (before, after):
        for name in TAGS:
            if isinstance(side.get(name), dict):
                side[name] = {key: side[name][key] for key in side[name] if key != EXPIRES}
    return bool(before) and before == after


def _look(terraform: Terraform, stack: Stack, file: Path) -> list[str]:
    """One line a resource that has drifted."""
    terraform.plan(stack.name, stack.folder, file, refresh_only=True)
    shown = terraform.show(stack.name, stack.folder, file)
    told = [one for one in shown.get("resource_drift", ()) if not _meant(one["change"])]
    words = {"change": "changed", "destroy": "gone"}
    return [
        f"{words.get(change.kind, change.kind)} {change.address}"
        + (f" ({', '.join(change.fields)})" if change.fields else "")
        for change in summary.changes({"resource_changes": told})
    ]
