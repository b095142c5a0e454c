"""Stacks that the lab file no longer has while what they made still exists.

Their states tell: stacks of a lab are called LAB_PART (neither half can hold an underscore), and a
state is called after its stack. What a state needs to be destroyed is made up from itself and from
a stack of the lab that is still there: the same backend, and a provider for each region.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.aws.checks import LINKS
from scripts.errors import LabError
from scripts.platforms.aws.terraform.binary import Terraform
from scripts.platforms.aws.terraform.stacks import LOCK, Project, Stack, initialize, names

ADDRESS = re.compile(r'provider\["(?P<source>[^"]+)"\](\.(?P<alias>[\w-]+))?')
ARN = re.compile(r"arn:[\w-]+:[\w-]+:(?P<region>[a-z]{2}(-[a-z]+)+-\d{1,2}):")  # IAM guide, "ARNs"
BUILT_IN = "terraform.io/builtin/"  # it has no regions
FORMER = "former.tf.json"
OWN = ("alias", "region", "default_tags")  # what differs from provider to provider of a lab
Lister = Callable[[Mapping[str, Any], str], list[str]]


def find(
    project: Project, terraform: Terraform, stacks: tuple[Stack, ...],
    lister: Lister | None = None,
) -> tuple[Stack, ...]:
    """The removed stacks that still have something, initialized; that of the links first.

    `lister` tells the keys in a bucket that begin so. Raises LabError.
    """
    if not stacks:
        return ()
    sibling = stacks[0]
    known = set(names(stacks))
    found = []
    for name in sorted(_states(sibling, project.lab, lister or _list_bucket)):
        if name in known:
            continue
        stack = Stack(name, project.output / "removed" / name, removed=True)
        if _revive(stack, sibling, terraform):
            found.append(stack)
    return tuple(sorted(found, key=lambda stack: stack.name != f"{project.lab}_{LINKS}"))


def _states(sibling: Stack, lab: str, lister: Lister) -> Iterator[str]:
    """The names of the lab's stacks that have a state where the sibling has its own."""
    kind, settings = sibling.backend
    whole = str(settings.get("key" if kind == "s3" else "path", ""))
    head, found, tail = whole.rpartition(sibling.name)
    if not found or kind not in ("local", "s3"):
        return
    begin = f"{head}{lab}_"
    if kind == "s3":
        paths = lister(settings, begin)
    else:
        paths = [str(path) for path in Path(head).parent.glob(f"*{tail}")]
    for path in paths:
        name = path.removeprefix(head).removesuffix(tail)
        if path.startswith(begin) and path.endswith(tail) and re.fullmatch(r"[\w-]+", name):
            yield name


def _revive(stack: Stack, sibling: Stack, terraform: Terraform) -> bool:
    """Give a removed stack a configuration and a backend; whether it still has anything."""
    kind, settings = sibling.backend
    place = "key" if kind == "s3" else "path"
    renamed = stack.name.join(str(settings[place]).rsplit(sibling.name, 1))
    config: dict[str, Any] = {"terraform": {"backend": {kind: {**settings, place: renamed}}}}
    needed = sibling.config.get("terraform", {}).get("required_providers")
    if needed:
        config["terraform"]["required_providers"] = needed
    _write(stack, config)
    # Which backend it had the last time does not matter: it is made anew each time.
    (stack.folder / ".terraform/terraform.tfstate").unlink(missing_ok=True)
    if (sibling.folder / LOCK).exists():
        shutil.copy(sibling.folder / LOCK, stack.folder / LOCK)
    for error in initialize(terraform, [stack], lambda name, text: None).values():
        raise error
    state = terraform.state(stack.name, stack.folder)
    if not any(one.get("mode") == "managed" for one in state.get("resources", ())):
        return False
    providers = _providers(stack.name, state, sibling)
    if providers:
        _write(stack, config | {"provider": providers})
    stack.__dict__.pop("config", None)
    return True


def keep_providers(terraform: Terraform, stack: Stack) -> None:
    """Give an initialized stack the providers that only what it is to lose was made with.

    The links of a datacenter that was the last in its region leave none in the configuration, and
    without one Terraform cannot take away what they made.
    """
    file = stack.folder / FORMER
    file.unlink(missing_ok=True)
    if not any("alias" in one for one in _blocks(stack)):
        return
    state = terraform.state(stack.name, stack.folder)
    there = {one.get("alias") for one in _blocks(stack)}
    former = [
        one for one in state.get("resources", ())
        if (match := ADDRESS.fullmatch(str(one["provider"]))) and match["alias"]
        and match["alias"] not in there
    ]
    if former:
        providers = _providers(stack.name, {"resources": former}, stack)
        text = json.dumps({"provider": providers}, indent=2, sort_keys=True)
        file.write_text(text + "\n", encoding="utf-8")


def _blocks(stack: Stack) -> list[Mapping[str, Any]]:
    """The provider blocks of a stack."""
    return [
        one for blocks in stack.config.get("provider", {}).values()
        for one in (blocks if isinstance(blocks, list) else [blocks])
    ]


def _providers(name: str, state: Mapping[str, Any], sibling: Stack) -> dict[str, Any]:
    """A provider block for each that the state's resources were made with.

    Raises LabError for a resource whose region shows nowhere in the state.
    """
    made: dict[str, list[dict[str, Any]]] = {}
    addresses = {str(one["provider"]) for one in state["resources"]}
    for address in sorted(addresses):
        match = ADDRESS.fullmatch(address)
        if not match or (match["source"].startswith(BUILT_IN) and not match["alias"]):
            continue
        local = match["source"].rpartition("/")[2]
        blocks = sibling.config.get("provider", {}).get(local) or [{}]
        block = blocks[0] if isinstance(blocks, list) else blocks
        same = {key: value for key, value in block.items() if key not in OWN}
        made_with = [one for one in state["resources"] if one["provider"] == address]
        region = {} if match["source"].startswith(BUILT_IN) else {"region": _region(made_with)}
        if not all(region.values()):
            raise LabError(
                "is gone from the lab file, and its state does not tell its region", where=name,
                hint="put it back into the lab file, `fab tf.destroy`, then take it out again",
            )
        alias = {"alias": match["alias"]} if match["alias"] else {}
        made.setdefault(local, []).append({**same, **alias, **region})
    return made


def _region(resources: list[Mapping[str, Any]]) -> str:
    """The region that resources of one provider tell: in an attribute, or in an ARN."""
    for resource in resources:
        for instance in resource.get("instances", ()):
            attributes = instance.get("attributes") or {}
            if isinstance(attributes.get("region"), str):
                return str(attributes["region"])
            match = ARN.search(str(attributes.get("arn") or ""))
            if match:
                return match["region"]
    return ""


def _list_bucket(settings: Mapping[str, Any], begin: str) -> list[str]:
    """The keys in the state's bucket that begin so. Raises LabError where AWS says no."""
    from scripts.platforms.aws.clients import Clients  # noqa: PLC0415 - local states need none

    found = Clients((settings.get("endpoints") or {}).get("s3")).items(
        "s3", str(settings["region"]), "list_objects_v2", "Contents",
        Bucket=settings["bucket"], Prefix=begin,
    )
    return [str(one["Key"]) for one in found]


def _write(stack: Stack, config: Mapping[str, Any]) -> None:
    stack.folder.mkdir(parents=True, exist_ok=True)
    stack.file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
