"""After an apply: let the states have what AWS computed meanwhile, and nothing that somebody did.

A route table lists the routes that another stack has made, a peering that it was accepted: the next
plan would tell it all as changed outside of Terraform. What the configuration sets is left as it is
in the state, so that `drift` still tells of it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.platforms.aws.terraform import drift
from scripts.platforms.aws.terraform.binary import Terraform, TerraformError
from scripts.platforms.aws.terraform.stacks import Stack

SIDE_BY_SIDE = 4  # each runs a provider of its own, which takes half a GB


def settle(
    terraform: Terraform, stacks: Sequence[Stack], step: Callable[[str, str], None]
) -> dict[str, str]:
    """Refresh the states of initialized stacks side by side; why one was not, by its name.

    What is applied is applied: nothing here is an error.
    """
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        told = pool.map(lambda one: _settle(terraform, one, Path(scratch), step), stacks)
        return {stack.name: why for stack, why in zip(stacks, told, strict=True) if why}


def _settle(
    terraform: Terraform, stack: Stack, scratch: Path, step: Callable[[str, str], None]
) -> str:
    step(stack.name, "refresh")
    file = scratch / f"{stack.name}.tfplan"
    try:
        if not terraform.plan(stack.name, stack.folder, file, refresh_only=True):
            return ""
        shown = terraform.show(stack.name, stack.folder, file)
        if drift.changes(shown, stack.config.get("resource", {})):
            return "somebody has changed it since it was applied: see `fab tf.drift`"
        terraform.apply(stack.name, stack.folder, file, lambda text: None)
    except TerraformError as error:
        return f"not refreshed: {error.found[0]}"
    return ""
