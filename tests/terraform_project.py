"""A lab of two datacenters and a link as terraform_data, which the terraform binary itself has."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.platforms.aws.terraform import apply, drift, plan, teardown
from scripts.platforms.aws.terraform.binary import Terraform
from scripts.platforms.aws.terraform.record import Record
from scripts.platforms.aws.terraform.stacks import Project

LAB = "mini"
DC1, DC2, LINKS = f"{LAB}_dc1", f"{LAB}_dc2", f"{LAB}_links"


@dataclass
class Repository:
    """A git repository with a lab file and an app that writes `stacks` and their dependencies."""

    root: Path
    stacks: dict[str, dict[str, Any]] = field(default_factory=dict)
    needs: dict[str, Sequence[str]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lab_file = self.root / "lab.toml"
        self.lab_file.write_text('owner = "x"\n')
        (self.root / ".gitignore").write_text("cdktf.out/\n*.tfstate*\nplan/\n")
        self.git("init", "-q", "-b", "main")
        self.commit()
        self.add(DC1, host={"input": "small"})
        self.add(DC2, host={"input": "small"})

    def git(self, *argv: str) -> str:
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        done = subprocess.run(
            ["git", *who, *argv], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "x")

    def add(self, name: str, *, needs: Sequence[str] = (), **hosts: dict[str, Any]) -> None:
        """Give a stack these terraform_data resources."""
        self.needs[name] = needs
        self.stacks[name] = {
            "//": {"metadata": {"version": "0"}},
            "terraform": {"backend": {"local": {"path": str(self.state(name))}}},
            "resource": {"terraform_data": deepcopy(hosts)},
            "output": {"region": {"value": "nowhere-1"}},
        }

    def remove(self, name: str) -> None:
        del self.stacks[name], self.needs[name]

    def link(self) -> None:
        """A stack of the links, which looks for what the datacenters have made."""
        path = str(self.state(DC1))
        region = "${data.terraform_remote_state.it.outputs.region}"
        self.add(LINKS, needs=(DC1, DC2), link={"input": region})
        self.stacks[LINKS]["data"] = {
            "terraform_remote_state": {"it": {"backend": "local", "config": {"path": path}}}
        }

    def link_all(self, *names: str) -> None:
        """A stack of the links that looks for each of these datacenters, and links the first with
        every other. A link is made with a provider that is the other's alone."""
        first, *others = names
        region = {name: f"${{data.terraform_remote_state.{name}.outputs.region}}" for name in names}
        self.add(LINKS, needs=names, **{
            other.removeprefix(f"{LAB}_"): {
                "input": f"{region[first]} to {region[other]}", "triggers_replace": other,
                "provider": f"terraform.{other}",
            }
            for other in others
        })
        self.stacks[LINKS]["provider"] = {"terraform": [{"alias": one} for one in others]}
        self.stacks[LINKS]["data"] = {"terraform_remote_state": {
            name: {"backend": "local", "config": {"path": str(self.state(name))}} for name in names
        }}

    def state(self, name: str) -> Path:
        return self.root / f"terraform.{name}.tfstate"

    def made(self, name: str) -> dict[str, Any]:
        """What of a stack exists: the attributes of its resources by name."""
        if not self.state(name).exists():
            return {}
        state = json.loads(self.state(name).read_text())
        return {
            one["name"]: one["instances"][0]["attributes"]
            for one in state["resources"] if one["mode"] == "managed"
        }

    def synthesize(self, root: Path, lab_file: Path) -> None:
        output = root / "cdktf.out"
        for name, config in self.stacks.items():
            folder = output / "stacks" / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "cdk.tf.json").write_text(json.dumps(config))
        (output / "manifest.json").write_text(json.dumps({"version": "0", "stacks": {
            name: {
                "name": name, "workingDirectory": f"stacks/{name}",
                "synthesizedStackPath": f"stacks/{name}/cdk.tf.json",
                "dependencies": list(needs),
            }
            for name, needs in self.needs.items()
        }}))

    @property
    def project(self) -> Project:
        return Project(self.root, LAB, self.lab_file, self.said.append, self.synthesize)

    @property
    def folder(self) -> Path:
        return self.root / "plan"

    def plan(self) -> Record:
        return plan.make(self.project, Terraform(), self.folder)

    def apply(self) -> Record:
        return apply.apply(self.project, Terraform(), self.folder)

    def drift(self) -> bool:
        return drift.find(self.project, Terraform())

    def destroy(self, yes: str = LAB) -> int:
        return teardown.destroy(self.project, Terraform(), yes=yes, ask=lambda question: "")

    @property
    def summary(self) -> str:
        return (self.folder / "summary.md").read_text()
