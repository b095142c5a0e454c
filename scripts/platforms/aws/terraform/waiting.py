"""The plan of a stack that waits for others: what it looks for, and is not made yet, is unknown.

The links look for the datacenters' networks, and before those are made Terraform cannot plan them.
So a copy of the stack is planned in which every data source that finds nothing is an unknown value:
a true plan, on the stack's own state, with all that the configuration fixes. It is there to be
read, and for `promised` to hold the later plan against it; it is never applied.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.platforms.aws.terraform import removed
from scripts.platforms.aws.terraform.binary import Diagnostic, Terraform, TerraformError
from scripts.platforms.aws.terraform.difference import SOURCE
from scripts.platforms.aws.terraform.stacks import LOCK, Stack

NAME = "not-made-yet"
STAND_IN = f"terraform_data.{NAME}"
# Decoding what is not known gives a value of which not even the type is known: it has whatever
# attribute a data source may have.
UNKNOWN = f"jsondecode({STAND_IN}.id)"
Config = Mapping[str, Any]


def plan(terraform: Terraform, stack: Stack, scratch: Path) -> dict[str, Any]:
    """What the plan of `stack` will be, as `terraform show -json` tells it.

    Raises TerraformError where something else is in the way than what is not made yet.
    """
    copy = Stack(stack.name, stack.folder.parent.with_name("waiting") / stack.name)
    config: Config = stack.config
    _write(copy, config)
    # Which backend it had the last time does not matter: it is made anew each time.
    (copy.folder / ".terraform/terraform.tfstate").unlink(missing_ok=True)
    if (stack.folder / LOCK).exists():
        shutil.copy(stack.folder / LOCK, copy.folder / LOCK)
    terraform.init(copy.name, copy.folder)
    removed.keep_providers(terraform, copy)
    file = scratch / f"{stack.name}.waiting.tfplan"
    try:
        while True:
            try:
                terraform.plan(copy.name, copy.folder, file, lock=False)
                return _without_stand_in(terraform.show(copy.name, copy.folder, file))
            except TerraformError as error:
                missing = {name for one in error.found for name in _sources(one, config)}
                if not missing:
                    raise
                config = unknown(config, missing)
                _write(copy, config)
    finally:
        file.unlink(missing_ok=True)


def unknown(config: Config, missing: set[str]) -> Config:
    """A stack's configuration in which these data sources (`data.TYPE.NAME`) are unknown values."""
    data = {
        kind: {name: one for name, one in named.items() if f"data.{kind}.{name}" not in missing}
        for kind, named in config.get("data", {}).items()
    }
    rest = {**config, "data": {kind: named for kind, named in data.items() if named}}
    made: dict[str, Any] = json.loads(SOURCE.sub(
        lambda found: UNKNOWN if found[0] in missing else found[0], json.dumps(rest)
    ))
    if not made["data"]:
        del made["data"]
    made.setdefault("resource", {}).setdefault("terraform_data", {})[NAME] = {}
    return made


def _sources(error: Diagnostic, config: Config) -> Iterator[str]:
    """The data sources of a configuration that an error is about: the one that found nothing, or
    all that are read where it was found lacking."""
    address = error.address.partition("[")[0]
    if found := SOURCE.fullmatch(address):
        asked = [found[0]]
    else:
        kind, _, name = address.partition(".")
        place = config.get("resource", {}).get(kind, {}).get(name)
        asked = [one[0] for one in SOURCE.finditer(json.dumps(place))]
    for one in asked:
        _, kind, name = one.split(".", 2)
        if name in config.get("data", {}).get(kind, {}):
            yield one


def _without_stand_in(shown: dict[str, Any]) -> dict[str, Any]:
    changes = [one for one in shown.get("resource_changes", ()) if one["address"] != STAND_IN]
    module = shown.get("planned_values", {}).get("root_module", {})
    kept = [one for one in module.get("resources", ()) if one["address"] != STAND_IN]
    values = {**shown.get("planned_values", {}), "root_module": {**module, "resources": kept}}
    return {**shown, "resource_changes": changes, "planned_values": values}


def _write(stack: Stack, config: Config) -> None:
    stack.folder.mkdir(parents=True, exist_ok=True)
    stack.file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
