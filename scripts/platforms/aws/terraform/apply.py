"""Apply a saved plan: that very one, or nothing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scripts.errors import LabError
from scripts.platforms.aws.terraform import record, summary
from scripts.platforms.aws.terraform.binary import Terraform, TerraformError
from scripts.platforms.aws.terraform.record import Journal, Record, StackPlan
from scripts.platforms.aws.terraform.stacks import LOCK, Project, Stack, file_digest, initialize
from scripts.workstation.screen import Progress

# What may be left of a change after its stack's run was cut off: (reviewed, now).
REMAINS = {("add", "replace"), ("replace", "add"), ("replace", "destroy")}
AGAIN = "nothing was done; run `fab tf.plan` again and have it reviewed"


class PlanError(LabError):
    """The plan is not, or no longer, one that may be applied."""


def apply(project: Project, terraform: Terraform, folder: Path) -> Record:
    """Apply what is left of the plan in `folder`, stack after stack.

    Raises PlanError before anything is done when the plan is not that of this lab file, commit and
    code, and TerraformError at the first stack that fails; the next run goes on there.
    """
    folder = folder.resolve()  # terraform runs elsewhere
    made = record.load(folder)
    folder.chmod(record.OWNER_ONLY)  # a copy, such as CI's, may have come without its mode
    version = terraform.version
    stacks = _stacks(project, made, folder)
    _verify(project, made, folder, stacks, record.origin(project, version))
    journal = Journal(folder)
    left = [one for one in made.stacks if one.status == "changes" and one.name not in
            journal.applied]
    with Progress("apply", [one.name for one in left]) as progress:
        for one in left:
            stack = stacks[one.name]
            _restore(stack, folder)
            failed = initialize(terraform, [stack], progress.step)
            if failed:
                raise failed[one.name]
            begun = one.name in journal.begun
            journal.note(one.name, "begun")
            told = _apply_one(terraform, stack, folder, progress, begun=begun)
            journal.note(one.name, "applied")
            progress.done(one.name, told)
    return made


def _stacks(project: Project, made: Record, folder: Path) -> Mapping[str, Stack]:
    """The stacks of the lab as it is now, and those of the plan that it no longer has."""
    stacks = {stack.name: stack for stack in project.stacks()}
    for one in made.stacks:
        if one.removed and one.name not in stacks:
            stack = Stack(one.name, project.output / "removed" / one.name, removed=True)
            stack.folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(_kept(folder, f"{one.name}.tf.json"), stack.file)
            stacks[one.name] = stack
    return stacks


def _kept(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise PlanError(f"{path} is missing", hint=AGAIN)
    return path


def _verify(
    project: Project, made: Record, folder: Path, stacks: Mapping[str, Stack],
    origin: record.Origin,
) -> None:
    """Raise PlanError with everything that differs from what the plan was made from."""
    found = list(_differences(made, folder, stacks, origin))
    if found:
        first, *more = found
        error = PlanError(first, where=str(folder), hint=AGAIN)
        for line in more:
            error.add_note(f"{folder}: {line}")
        raise error


def _differences(
    made: Record, folder: Path, stacks: Mapping[str, Stack], origin: record.Origin
) -> Iterator[str]:
    planned = made.origin
    if not made.complete:
        yield "the plan is not complete: planning a stack had failed"
    if planned.lab != origin.lab:
        yield f"the plan is of the lab {planned.lab}, this is {origin.lab}"
    if planned.lab_file != origin.lab_file:
        yield "the lab file is not the one that was planned"
    # A merge makes another commit of the same files: the files are what counts.
    if planned.tree != origin.tree:
        yield (f"planned from commit {planned.commit[:12] or 'none'}, "
               f"this is {origin.commit[:12] or 'none'} with other files")
    if planned.terraform != origin.terraform:
        yield f"planned with Terraform {planned.terraform}, this is {origin.terraform}"
    living = {name for name, stack in stacks.items() if not stack.removed}
    wanted = {one.name for one in made.stacks if not one.removed}
    if living != wanted:
        yield f"the stacks are not those that were planned: {', '.join(sorted(living ^ wanted))}"
    for one in made.stacks:
        if one.name in stacks and stacks[one.name].digest != one.config:
            yield f"{one.name} is not synthesized as it was planned"
        if one.plan and _digest(folder / f"{one.name}.tfplan") != one.plan:
            yield f"{one.name}.tfplan is not the file that was planned"


def _digest(path: Path) -> str:
    return file_digest(path) if path.is_file() else ""


def _restore(stack: Stack, folder: Path) -> None:
    """Have the providers that were planned with: terraform refuses the plan with others."""
    kept = folder / f"{stack.name}.lock.hcl"
    if kept.exists():
        shutil.copyfile(kept, stack.folder / LOCK)


def _apply_one(
    terraform: Terraform, stack: Stack, folder: Path, progress: Progress, *, begun: bool
) -> str:
    """Apply a stack's saved plan, or what is left of it; what was done, in words."""
    def step(text: str) -> None:
        progress.step(stack.name, text)

    file = folder / f"{stack.name}.tfplan"
    reviewed = summary.changes(terraform.show(stack.name, stack.folder, file))
    step("apply")
    try:
        terraform.apply(stack.name, stack.folder, file, step)
        return f"applied: {_count(reviewed)}"
    except TerraformError as error:
        if not error.stale:
            raise
        if not begun:
            raise PlanError(
                "its state has changed since the plan", where=stack.name, hint=AGAIN
            ) from error
    rest = folder / f"{stack.name}.rest.tfplan"
    terraform.plan(stack.name, stack.folder, rest, destroy=stack.removed)
    left = summary.changes(terraform.show(stack.name, stack.folder, rest))
    _within(stack, left, reviewed)
    terraform.apply(stack.name, stack.folder, rest, step)
    return f"applied the rest: {_count(left)}"


def _within(
    stack: Stack, left: Sequence[summary.Change], reviewed: Sequence[summary.Change]
) -> None:
    """Raise PlanError unless what is left to do is part of what was reviewed.

    The lab file and the code are the same (that is verified), so the same kind of change of the
    same resource is the same change.
    """
    kinds = {change.address: change.kind for change in reviewed}
    for change in left:
        was = kinds.get(change.address)
        if was != change.kind and (was, change.kind) not in REMAINS:
            raise PlanError(
                f"after the run that was cut off, {change.address} would be subject to "
                f"{change.kind}, which nobody has reviewed",
                where=stack.name, hint="run `fab tf.plan` again",
            )


def _count(found: Sequence[summary.Change]) -> str:
    return str(summary.Part("", "changes", changes=tuple(found)).counts)


def deferred(made: Record) -> list[StackPlan]:
    """The stacks that still have to be planned, now that what they waited for is there."""
    return [one for one in made.stacks if one.status == "deferred"]
