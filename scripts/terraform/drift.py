"""What differs from the state although nobody applied anything."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.progress import Progress
from scripts.terraform import removed, summary
from scripts.terraform.binary import Terraform, TerraformError
from scripts.terraform.stacks import Project, Stack, initialize, names


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


def _look(terraform: Terraform, stack: Stack, file: Path) -> list[str]:
    """One line a resource that has drifted."""
    terraform.plan(stack.name, stack.folder, file, refresh_only=True)
    shown = terraform.show(stack.name, stack.folder, file)
    words = {"change": "changed", "destroy": "gone"}
    return [
        f"{words.get(change.kind, change.kind)} {change.address}"
        + (f" ({', '.join(change.fields)})" if change.fields else "")
        for change in summary.changes(shown, "resource_drift")
    ]
