"""From the lab file to Terraform: every datacenter's stack, and that of the links."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from lab.aws.checks import for_aws, terraform_settings
from lab.file import LabFile, LabFileError, load, located
from lab.options.aws import PUBLIC_KEY
from lab.paths import login_key
from lab.problems import Problem
from lab.topology import build
from stacks import plan
from stacks.datacenter import DatacenterStack
from stacks.engine import cdk
from stacks.peering import PeeringStack

KEY_VARIABLE = "KAFKALAB_PUBLIC_KEY"


def main() -> int:
    """Synthesize the lab that LAB (or the nearest lab.toml) describes into cdktf.out."""
    try:
        file = load(located(os.environ))
        if problems := tuple(terraform_settings(os.environ)):
            raise LabFileError("environment", problems)
        for warning in file.warnings:
            print(f"warning: {file.path}: {warning}", file=sys.stderr)
        app = cdk.App()
        add_stacks(app, file)
    except LabFileError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return error.exit_code
    app.synth()
    return 0


def add_stacks(app: cdk.App, file: LabFile) -> None:
    """Put the stacks of a lab into an app. Raises LabFileError where AWS needs more than it has."""
    problems = list(for_aws(file.lab))
    key = _public_key(file, problems)
    if problems:
        raise LabFileError(file.path, tuple(problems))
    topology = build(file.lab)
    stacks = {
        datacenter.name: DatacenterStack(app, topology, datacenter, key)
        for datacenter in topology.datacenters
    }
    if peerings := tuple(plan.peerings(topology)):
        links = PeeringStack(app, topology)
        for name in dict.fromkeys(end.name for one in peerings for end in one.ends):
            links.add_dependency(stacks[name])


def _public_key(file: LabFile, problems: list[Problem]) -> str:
    """The public key that opens the hosts: the lab file's, the environment's, or the lab's own.

    The lab's own is the one that `fab` logs in with, once it has made it. A path in the lab file is
    relative to the lab file.
    """
    variable = os.environ.get(KEY_VARIABLE)
    base = Path(file.path).parent
    if chosen := file.lab.aws.public_key:
        name, base_folder = "aws.public_key", base
    elif variable:
        name, chosen, base_folder = KEY_VARIABLE, variable, Path()
    else:
        own = login_key(file.lab.name).with_suffix(".pub")
        name, chosen, base_folder = "aws.public_key", str(own), Path()
        if not own.exists():
            problems.append(Problem(
                name, "",
                "missing, and needed on AWS: the text of a public key or the path of a .pub file "
                f"(or {KEY_VARIABLE} in the environment)",
            ))
            return ""
    if PUBLIC_KEY.fullmatch(chosen.strip()):
        return chosen.strip()
    path = base_folder / Path(chosen).expanduser()
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        problems.append(Problem(name, repr(chosen), f"{reason}; accepted: a .pub file"))
        return ""
    if not PUBLIC_KEY.fullmatch(text):
        problems.append(Problem(
            name, repr(chosen), "holds no ssh-ed25519 or ssh-rsa public key, which EC2 takes"
        ))
    return text
