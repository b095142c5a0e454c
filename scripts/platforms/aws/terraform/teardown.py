"""Destroy a whole lab, also those stacks that its file no longer has."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from lab.aws.checks import LINKS
from lab.counted import counted
from scripts.errors import UsageError
from scripts.platforms.aws.terraform import removed, summary
from scripts.platforms.aws.terraform.binary import Terraform
from scripts.platforms.aws.terraform.stacks import Project, Stack, initialize, names
from scripts.workstation.screen import Progress


def destroy(
    project: Project, terraform: Terraform, *, yes: str, ask: Callable[[str], str]
) -> int:
    """Destroy everything, after the lab's name is given as `yes` or typed; how many resources.

    What is destroyed is what was shown: each stack's saved plan. Raises UsageError without the
    name, TerraformError at the first stack that fails; the next run goes on there.
    """
    if yes and yes != project.lab:
        raise UsageError(f"--yes {yes}: this is the lab {project.lab}", hint="give its own name")
    _ = terraform.version
    stacks = project.stacks()
    with tempfile.TemporaryDirectory() as scratch:
        with Progress("plan to destroy", names(stacks)) as progress:
            for error in initialize(terraform, stacks, progress.step).values():
                raise error
            gone = removed.find(project, terraform, stacks)
            order = _order(project, stacks, gone)
            counts = {stack: _plan(terraform, stack, Path(scratch), progress) for stack in order}
        doomed = [stack for stack in order if counts[stack]]
        if not doomed:
            project.say(f"nothing of {project.lab} is in Terraform's states")
            return 0
        for stack in doomed:
            project.say(f"  {stack.name}: {counted(counts[stack], 'resource')} to destroy")
        typed = yes or ask("This DESTROYS the lab and its data. Type its name to go on: ")
        if typed.strip() != project.lab:
            raise UsageError("not the lab's name; nothing was destroyed")
        with Progress("destroy", names(doomed)) as progress:
            for stack in doomed:
                _destroy(terraform, stack, Path(scratch), progress)
    return sum(counts.values())


def _order(project: Project, stacks: Sequence[Stack], gone: Sequence[Stack]) -> list[Stack]:
    """First what nothing else needs: the links, then datacenters, in reverse order of making."""
    links = f"{project.lab}_{LINKS}"
    return [
        *(stack for stack in gone if stack.name == links),
        *reversed(stacks),
        *(stack for stack in gone if stack.name != links),
    ]


def _plan(terraform: Terraform, stack: Stack, scratch: Path, progress: Progress) -> int:
    """Plan to destroy one stack; how many resources it has."""
    progress.step(stack.name, "plan")
    state = terraform.state(stack.name, stack.folder)
    count = 0
    # An empty stack has nothing to plan, and what its data sources look for may be gone.
    if any(one.get("mode") == "managed" for one in state.get("resources", ())):
        file = scratch / f"{stack.name}.tfplan"
        removed.keep_providers(terraform, stack)
        terraform.plan(stack.name, stack.folder, file, destroy=True)
        shown = terraform.show(stack.name, stack.folder, file)
        count = sum(1 for one in summary.changes(shown) if one.kind == "destroy")
    progress.done(stack.name, "")
    return count


def _destroy(terraform: Terraform, stack: Stack, scratch: Path, progress: Progress) -> None:
    def step(text: str) -> None:
        progress.step(stack.name, text)

    terraform.apply(stack.name, stack.folder, scratch / f"{stack.name}.tfplan", step)
    progress.done(stack.name, "destroyed")
