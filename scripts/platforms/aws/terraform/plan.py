"""A plan of all stacks, saved in a folder for people to read and for `apply` to apply."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.platforms.aws.terraform import price, record, removed, summary, waiting
from scripts.platforms.aws.terraform.binary import Terraform, TerraformError
from scripts.platforms.aws.terraform.record import Record, StackPlan
from scripts.platforms.aws.terraform.stacks import (
    LOCK,
    Project,
    Stack,
    file_digest,
    initialize,
    names,
)
from scripts.workstation.screen import Progress


@dataclass(frozen=True)
class Planned:
    """A stack's plan, what terraform says it holds, and the error where there is none.

    `arguments` are the resources of a stack that waits, as they are synthesized.
    """

    plan: StackPlan
    shown: Mapping[str, Any]
    error: TerraformError | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def part(self) -> summary.Part:
        """The stack in the summary."""
        return summary.Part(
            self.plan.name, self.plan.status, self.plan.note, self.plan.removed,
            summary.changes(self.shown, self.arguments, f"known {self.plan.note}"),
        )


def make(project: Project, terraform: Terraform, folder: Path) -> Record:
    """Plan every stack into `folder`. Raises the first error once all that can be is planned.

    What is gone from the lab file and still exists is planned to be destroyed, after all else.
    """
    folder = folder.resolve()  # terraform runs elsewhere
    version = terraform.version
    stacks = project.stacks()
    record.prepare(folder)
    origin = record.origin(project, version)
    planned: dict[str, Planned] = {}
    with Progress("plan", names(stacks)) as progress:
        failed = initialize(terraform, stacks, progress.step)
        for stack in stacks:
            progress.step(stack.name, "plan")
            done = (
                refused(stack, failed[stack.name]) if stack.name in failed
                else of_stack(terraform, stack, folder, planned)
            )
            planned[stack.name] = done
            progress.done(stack.name, _line(done))
        if not failed:
            for stack in removed.find(project, terraform, stacks):
                planned[stack.name] = done = of_stack(terraform, stack, folder, planned)
                progress.say(f"  {stack.name}: gone from the lab file: {_line(done)}")
    made = Record(origin, record.now(), tuple(one.plan for one in planned.values()))
    record.save(folder, made)
    record.write(folder / record.SUMMARY, _summary(made, planned, project.endpoint_url))
    raise_first(planned.values())
    return made


def of_stack(
    terraform: Terraform, stack: Stack, folder: Path, planned: Mapping[str, Planned],
    *, lock: bool = True,
) -> Planned:
    """Plan one stack into `folder`. Where it waits for what one of `planned` has not made yet, it
    is shown what its plan will be.

    Without `lock` the plan is one to look at, and not to be applied; a stack that waits is then
    only told.
    """
    missing = [one for one in stack.dependencies if not _exists(planned[one])]
    if missing:
        why = f"waits for {', '.join(missing)}"
        return _waiting(terraform, stack, folder, missing, why) if lock else _deferred(stack, why)
    file = folder / f"{stack.name}.tfplan"
    try:
        removed.keep_providers(terraform, stack)
        changes = terraform.plan(
            stack.name, stack.folder, file, destroy=stack.removed, lock=lock
        )
        shown = terraform.show(stack.name, stack.folder, file)
    except TerraformError as error:
        # What it looks for may be among what another stack is about to make.
        pending = [one for one in stack.dependencies if planned[one].plan.status == "changes"]
        if pending:
            why = f"waits for the changes of {', '.join(pending)}: {error.found[0]}"
            return (
                _waiting(terraform, stack, folder, pending, why) if lock
                else _deferred(stack, why)
            )
        return refused(stack, error)
    _keep(stack, folder, shown)
    status = "changes" if changes else "unchanged"
    before = [one for one in stack.dependencies if planned[one].plan.status == "changes"]
    note = f"planned with {', '.join(before)} as they are before their changes" if before else ""
    return Planned(
        StackPlan(
            stack.name, status, stack.digest, file_digest(file), stack.removed, note
        ),
        shown,
    )


def _keep(stack: Stack, folder: Path, shown: Mapping[str, Any]) -> None:
    """Put beside the plan of a stack what it says, and what it was made from."""
    record.write(folder / f"{stack.name}.json", json.dumps(shown, indent=1) + "\n")
    shutil.copyfile(stack.file, folder / f"{stack.name}.tf.json")
    if (stack.folder / LOCK).exists():
        shutil.copyfile(stack.folder / LOCK, folder / f"{stack.name}.lock.hcl")
    for path in folder.glob(f"{stack.name}.*"):
        path.chmod(0o600)


def _waiting(
    terraform: Terraform, stack: Stack, folder: Path, waits: Iterable[str], why: str
) -> Planned:
    """What the plan of a stack will be, once those that it waits for are made."""
    try:
        shown = waiting.plan(terraform, stack, folder)
    except TerraformError as error:
        return _deferred(stack, f"{why}; it cannot be shown before: {error.found[0]}")
    _keep(stack, folder, shown)
    digest = file_digest(folder / f"{stack.name}.json")
    return Planned(
        StackPlan(stack.name, "waiting", stack.digest, digest, note=f"after {', '.join(waits)}"),
        shown, arguments=stack.config.get("resource", {}),
    )


def _exists(planned: Planned) -> bool:
    """Whether a stack that is needed has been applied before, or has nothing to apply."""
    status = planned.plan.status
    return status == "unchanged" or (status == "changes" and summary.managed(planned.shown) > 0)


def _deferred(stack: Stack, note: str) -> Planned:
    return Planned(StackPlan(stack.name, "deferred", stack.digest, note=note), {})


def refused(stack: Stack, error: TerraformError) -> Planned:
    """A stack of which there is no plan, and the error that says why."""
    note = str(error.found[0])
    plan = StackPlan(stack.name, "failed", stack.digest, removed=stack.removed, note=note)
    return Planned(plan, {}, error)


def _line(done: Planned) -> str:
    if done.plan.status == "changes":
        return str(done.part.counts)
    if done.plan.status == "waiting":
        return f"{done.plan.note}: {done.part.counts}"
    if done.plan.status == "unchanged":
        return "no changes"
    return f"{done.plan.status}: {done.plan.note}"


def raise_first(planned: Iterable[Planned]) -> None:
    """Raise the first error, with the others as its notes."""
    errors = [one.error for one in planned if one.error]
    if not errors:
        return
    first, *more = errors
    for error in more:
        first.add_note(str(error))
    raise first


def _summary(
    made: Record, planned: Mapping[str, Planned], endpoint_url: str | None
) -> str:
    origin = made.origin
    commit = origin.commit or "none: not a git repository"
    facts = {
        "made": made.made,
        "commit": f"{commit}{' with uncommitted changes' if origin.dirty else ''}",
        "lab file, SHA-256": origin.lab_file,
        "terraform": origin.terraform,
        "order": ", ".join(planned),
        **{f"{one.name}, SHA-256": one.plan for one in made.stacks if one.plan},
    }
    parts = [one.part for one in planned.values()]
    shown = [one.shown for one in planned.values()]
    without = [name for name, one in planned.items() if not one.shown]
    prices = price.lines(shown, without=without, endpoint_url=endpoint_url)
    return summary.render(origin.lab, parts, price=prices, facts=facts)
