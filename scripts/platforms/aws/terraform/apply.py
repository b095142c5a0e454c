"""Apply a saved plan: that very one, or nothing.

A stack that looks for what this plan makes is planned once more in between, and applied only where
that plan is exactly what was shown.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scripts.errors import LabError
from scripts.platforms.aws.terraform import promised, record, removed, summary
from scripts.platforms.aws.terraform.binary import Terraform, TerraformError
from scripts.platforms.aws.terraform.record import Journal, Record, StackPlan
from scripts.platforms.aws.terraform.settle import settle
from scripts.platforms.aws.terraform.stacks import LOCK, Project, Stack, file_digest, initialize
from scripts.workstation.screen import Progress

AGAIN = "nothing was done; run `fab tf.plan` again and have it reviewed"


class PlanError(LabError):
    """The plan is not, or no longer, one that may be applied."""


def apply(project: Project, terraform: Terraform, folder: Path) -> Record:
    """Apply what is left of the plan in `folder`, stack after stack; then settle the states.

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
    follows = {one.name for one in made.stacks if _follows(made, one, stacks.get(one.name))}
    left = [one for one in made.stacks if one.name not in journal.applied
            and (one in made.acting or one.name in follows)]
    with Progress("apply", [one.name for one in left]) as progress:
        for one in left:
            stack = stacks[one.name]
            _restore(stack, folder)
            failed = initialize(terraform, [stack], progress.step)
            if failed:
                raise failed[one.name]
            begins = partial(journal.note, one.name, "begun")
            run = _Run(terraform, stack, folder, progress, one.name in journal.begun)
            if one.name in follows:
                told = run.anew(one, begins)
            else:
                begins()
                told = run.as_planned()
            journal.note(one.name, "applied")
            progress.done(one.name, told)
    if left:
        _settle(project, terraform, [stack for stack in stacks.values() if not stack.removed])
    return made


def _settle(project: Project, terraform: Terraform, stacks: Sequence[Stack]) -> None:
    """Have the states of all stacks as AWS is now: one stack's change shows in what another made.
    """
    with Progress("settle", [stack.name for stack in stacks]) as progress:
        failed = initialize(terraform, stacks, progress.step)
        sound = [stack for stack in stacks if stack.name not in failed]
        told = settle(terraform, sound, progress.step)
    for name, why in told.items():
        project.say(f"  {name}: {why}")


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
        if one.plan and _digest(folder / one.file) != one.plan:
            yield f"{one.file} is not the file that was planned"


def _digest(path: Path) -> str:
    return file_digest(path) if path.is_file() else ""


def _restore(stack: Stack, folder: Path) -> None:
    """Have the providers that were planned with: terraform refuses the plan with others."""
    kept = folder / f"{stack.name}.lock.hcl"
    if kept.exists():
        shutil.copyfile(kept, stack.folder / LOCK)


def _follows(made: Record, one: StackPlan, stack: Stack | None) -> bool:
    """Whether a stack is planned anew before it is applied: what it looks for is made or changed
    by this very plan."""
    acting = {other.name for other in made.acting}
    return one.status == "waiting" or (
        one.status in ("changes", "unchanged")
        and stack is not None and not acting.isdisjoint(stack.dependencies)
    )


@dataclass(frozen=True)
class _Run:
    """One stack that is applied. `begun`: an earlier run may have done some of it."""

    terraform: Terraform
    stack: Stack
    folder: Path
    progress: Progress
    begun: bool

    def step(self, text: str) -> None:
        self.progress.step(self.stack.name, text)

    def as_planned(self) -> str:
        """Apply the saved plan, or what is left of it; what was done, in words."""
        file = self.folder / f"{self.stack.name}.tfplan"
        reviewed = self.terraform.show(self.stack.name, self.stack.folder, file)
        self.step("apply")
        try:
            self.terraform.apply(self.stack.name, self.stack.folder, file, self.step)
            return f"applied: {_count(reviewed)}"
        except TerraformError as error:
            if not error.stale:
                raise
            if not self.begun:
                raise PlanError(
                    "its state has changed since the plan", where=self.stack.name, hint=AGAIN
                ) from error
        rest, left = self._plan("rest")
        self._refuse(promised.unlike(reviewed, left, begun=True))
        self.terraform.apply(self.stack.name, self.stack.folder, rest, self.step)
        return f"applied the rest: {_count(left)}"

    def anew(self, one: StackPlan, begins: Callable[[], None]) -> str:
        """Plan once more, now that what it looks for is made, and apply that if it is what was
        shown; what was done, in words. `begins` is called before anything is."""
        shown = (
            json.loads((self.folder / one.file).read_text(encoding="utf-8"))
            if one.status == "waiting"
            else self.terraform.show(self.stack.name, self.stack.folder, self.folder / one.file)
        )
        file, now = self._plan("anew")
        self._refuse(promised.unlike(shown, now, begun=self.begun))
        begins()
        if not summary.changes(now):
            return "no changes, as planned"
        self.terraform.apply(self.stack.name, self.stack.folder, file, self.step)
        return f"applied, as it was shown: {_count(now)}"

    def _plan(self, name: str) -> tuple[Path, dict[str, Any]]:
        """Another plan of the stack as it is now, and what it says."""
        self.step("plan")
        file = self.folder / f"{self.stack.name}.{name}.tfplan"
        removed.keep_providers(self.terraform, self.stack)
        self.terraform.plan(
            self.stack.name, self.stack.folder, file, destroy=self.stack.removed
        )
        return file, self.terraform.show(self.stack.name, self.stack.folder, file)

    def _refuse(self, found: Iterable[str]) -> None:
        """Raise PlanError with everything that nobody has reviewed, if there is anything."""
        first, *more = [*found] or [""]
        if not first:
            return
        error = PlanError(first, where=self.stack.name, hint=(
            "nothing was done to this stack; run `fab tf.plan` again and have it reviewed"
        ))
        for line in more:
            error.add_note(f"{self.stack.name}: {line}")
        raise error


def _count(shown: Mapping[str, Any]) -> str:
    return str(summary.Part("", "changes", changes=summary.changes(shown)).counts)


def deferred(made: Record) -> list[StackPlan]:
    """The stacks that still have to be planned, now that what they waited for is there."""
    return [one for one in made.stacks if one.status == "deferred"]
