"""Terraform for a lab on EC2: plan, have it reviewed, apply that very plan."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab.counted import counted
from scripts.tasks.cli import lab_task
from scripts.workstation import paths

if TYPE_CHECKING:
    from scripts.session import Session

if TYPE_CHECKING:
    from scripts.platforms.aws.terraform.stacks import Project

FOLDER = Path("cdktf.out/plan")


# 2 means "there are changes" here, so a lab file that cannot be used is 1 as every other error.
@lab_task(name="tf.plan", locks=True, lab_file_error=1, help={
    "out": f"the folder for the plan; an older plan in it is replaced (default {FOLDER})",
})
def plan(session: Session, out: str = "") -> int:
    """Save a plan of every stack, and a summary to review.

    Exit status 0: no changes, 2: there are changes, 1: an error.
    """
    from scripts.platforms.aws.terraform import (
        plan as plans,
    )
    from scripts.platforms.aws.terraform.binary import Terraform, TerraformError
    from scripts.platforms.aws.terraform.record import SUMMARY

    folder = Path(out) if out else paths.PROJECT / FOLDER
    try:
        made = plans.make(_project(session), Terraform(), folder)
    except TerraformError:
        session.say(f"the summary of what could be planned: {folder / SUMMARY}")
        raise
    session.say(f"the summary: {folder / SUMMARY}")
    session.say(f"apply it: fab tf.apply {folder}" if made.changes else "nothing to apply")
    return 2 if made.changes else 0


@lab_task(name="tf.apply", locks=True, help={"folder": "what `fab tf.plan` has made"})
def apply(session: Session, folder: str) -> None:
    """Apply the saved plan in FOLDER, that very one.

    Refused when the lab file, the commit or a file of the plan is another than was planned. After a
    stack that failed, the same command goes on with it.
    """
    from scripts.platforms.aws.terraform import apply as applying
    from scripts.platforms.aws.terraform.binary import Terraform

    made = applying.apply(_project(session), Terraform(), Path(folder))
    for one in applying.deferred(made):
        session.say(f"{one.name} is not in this plan ({one.note}): run `fab tf.plan` again")
    if not made.changes:
        session.say("the plan has no changes")


@lab_task(name="tf.destroy", locks=True, help={"yes": "the lab's name, instead of typing it"})
def destroy(session: Session, yes: str = "") -> None:
    """Destroy all stacks, also those no longer in the lab file."""
    from scripts.errors import UsageError
    from scripts.platforms.aws.terraform import teardown
    from scripts.platforms.aws.terraform.binary import Terraform

    def ask(question: str) -> str:
        if not sys.stdin.isatty():
            raise UsageError("nobody here to type the lab's name", hint="give it with --yes NAME")
        return input(question)

    count = teardown.destroy(_project(session), Terraform(), yes=yes, ask=ask)
    session.say(f"destroyed {counted(count, 'resource')} of {session.topology.lab}")


@lab_task(name="tf.drift", locks=True, lab_file_error=1, dry=True)
def drift(session: Session) -> int:
    """Show what differs from the state; change nothing.

    Hosts that can be reached are looked at, too. Exit status 0: nothing, 2: something has drifted,
    1: an error.
    """
    from scripts.operations import byhand
    from scripts.platforms.aws.terraform import drift as drifting
    from scripts.platforms.aws.terraform.binary import Terraform

    drifted = drifting.find(_project(session), Terraform())
    session.platform_name = "aws"  # whatever LAB_PLATFORM says
    found = byhand.find(session)
    for line in found.lines:
        session.say(f"  hosts: {line}")
    return 2 if drifted or found.drifted else 0


def _project(session: Session) -> Project:
    """The lab's stacks. Raises LabFileError for what the lab file lacks for AWS."""
    from lab.aws.checks import for_aws, terraform_settings
    from lab.file import LabFileError
    from scripts.platforms.aws.terraform.stacks import Project, synthesize

    _needs_lasting_state(session)
    if strange := tuple(terraform_settings(os.environ)):
        raise LabFileError("environment", strange)
    problems = for_aws(session.file.lab)
    if problems:
        raise LabFileError(session.file.path, problems)
    return Project(
        paths.PROJECT, session.topology.lab, Path(session.file.path), session.say, synthesize,
        session.file.lab.aws.endpoint_url,
    )


def _needs_lasting_state(session: Session) -> None:
    """Refuse to begin from a state that nobody else has, or to make what would be forgotten."""
    from scripts.errors import UsageError

    kind = session.file.lab.aws.backend.kind
    if os.environ.get("GITHUB_ACTIONS") == "true" and kind == "local":
        raise UsageError(
            "the state would be lost with this runner",
            hint='set kind = "s3" and a bucket in [aws.backend] of the lab file',
        )
