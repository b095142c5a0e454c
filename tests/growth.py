"""What a large lab takes on EC2: 5 regions of 2 datacenters of 14 hosts, linked all to the first.

    python -m tests.growth      (or: make test-growth)

Synthesizes its stacks, plans them with the real terraform, fills an emulator with its hosts, and
asks for them and for everything of the lab. In the plan each resource is a `terraform_data`, which
takes no provider: with that of AWS its own questions come on top. Prints what each took, and fails
where something is missing.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lab.file import load
from lab.topology import Topology, build
from scripts.errors import LabError
from scripts.platforms.aws.terraform import plan
from scripts.platforms.aws.terraform.binary import Terraform
from scripts.platforms.aws.terraform.stacks import Project
from tests.synthesis import synthesize, watched

REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "us-west-2", "ap-southeast-1")
SHAPE = {"control": 1, "zookeeper": 5, "kafka": 8}
COUNT = 2 * len(REGIONS)
HOSTS = COUNT * sum(SHAPE.values())


def lab_file(path: Path) -> Topology:
    """Write the lab file; the lab that it means."""
    lines = [
        'name = "growth"', 'owner = "ann"', "", "[aws]", f'region = "{REGIONS[0]}"',
        'admin_cidrs = ["203.0.113.7/32"]', "ttl_hours = 8",
    ]
    for number in range(COUNT):
        lines += ["", "[[datacenters]]", f'name = "dc{number + 1}"',
                  f'cidr = "10.66.{number}.0/24"', f'region = "{REGIONS[number // 2]}"',
                  *(f"{role} = {count}" for role, count in SHAPE.items())]
    for number in range(1, COUNT):
        lines += ["", "[[links]]", f'between = ["dc1", "dc{number + 1}"]']
    path.write_text("\n".join(lines) + "\n")
    return build(load(path).lab)


def without_provider(stack: dict[str, Any]) -> dict[str, Any]:
    """A stack whose resources take no provider: each has the arguments of the real one as text."""
    resources = {
        f"{kind}-{name}": {"input": json.dumps(one).replace("${", "$${").replace("%{", "%%{")}
        for kind, some in stack["resource"].items() for name, one in some.items()
    }
    return {"//": stack["//"], "resource": {"terraform_data": resources}}


def planned(folder: Path, topology: Topology) -> None:
    """Plan the stacks that lie below `folder`, and say how many resources are to be made."""
    for path in folder.glob("cdktf.out/stacks/*/cdk.tf.json"):
        stack = without_provider(json.loads(path.read_text()))
        stack["terraform"] = {"backend": {"local": {
            "path": str(folder / f"terraform.{path.parent.name}.tfstate")}}}
        path.write_text(json.dumps(stack))
    project = Project(folder, topology.lab, folder / "lab.toml", print, lambda root, file: None)
    assert plan.make(project, Terraform(), folder / "plan").changes


def measured(argv: list[str], environment: dict[str, str]) -> tuple[str, float, float, float]:
    """What a program printed, with its wall time, its CPU time and its memory at most (s, s, MB),
    both of all its processes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(argv, env=environment, stdout=out, stderr=subprocess.STDOUT)
        memory = watched(process)
        wall = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        out.seek(0)
        said = out.read().decode()
    if process.returncode not in (0, 1, 2):
        raise LabError(f"{argv} ended with {process.returncode}: {said}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return said, wall, cpu, memory


def fill(emulator: Any, topology: Topology) -> None:
    """Make the lab's networks, groups and hosts in the account."""
    from tests.aws.conftest import Cloud

    class Grown(Cloud):
        def write(self) -> None:
            """It is written already."""

    with tempfile.TemporaryDirectory() as name:
        cloud = Grown(emulator, Path(name), name="growth")
        lab_file(cloud.file)
        assert len(cloud.topology.hosts) == HOSTS == len(topology.hosts)
        cloud.make()


def tell(what: str, wall: float, cpu: float, memory: float, seen: str) -> None:
    print(f"{what:44} {wall:6.1f} s {cpu:6.1f} CPU s {memory:6.0f} MB  {seen}", flush=True)


def main() -> int:
    from tests.aws.emulator import ENVIRONMENT, UNSET, Emulator

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        topology = lab_file(folder / "lab.toml")
        run = synthesize(sys.executable, "stacks", folder / "lab.toml", folder)
        count = sum(len(some) for stack in run.stacks.values()
                    for some in stack["resource"].values())
        tell("synthesize", run.wall_s, run.cpu_s, run.memory_mb,
             f"{len(run.stacks)} stacks, {count} resources")
        here = [sys.executable, "-m", "tests.growth"]
        said, *took = measured([*here, "plan", name], dict(os.environ))
        assert sum(map(int, re.findall(r"(\d+) to add", said))) == count, said
        tell("plan, save and sum up", *took, f"{count} to add")
        for one in UNSET:
            os.environ.pop(one, None)
        os.environ.update(ENVIRONMENT)
        emulator = Emulator()
        try:
            environment = {
                **os.environ, "AWS_ENDPOINT_URL": emulator.url, "LAB": str(folder / "lab.toml"),
                "LAB_PLATFORM": "aws", "XDG_STATE_HOME": str(folder / "state"),
            }
            os.environ["AWS_ENDPOINT_URL"] = emulator.url
            fill(emulator, topology)
            fab = str(Path(sys.executable).parent / "fab")
            for what, argv, want in (
                ("inventory", [*here, "inventory", name], f"{HOSTS} hosts"),
                ("fab audit", [fab, "audit"], " left, "),
            ):
                emulator.calls.clear()
                said, *took = measured(argv, environment)
                seen = next((line for line in said.splitlines() if want in line), "")
                assert seen, said[-2000:]
                tell(what, *took, f"{len(emulator.calls)} calls; {seen.strip()}")
        finally:
            emulator.close()
    return 0


def inventory(folder: Path) -> None:
    """Ask for all hosts once, as every task does first."""
    from scripts.platforms.aws import Aws

    file = load(folder / "lab.toml")
    began = time.monotonic()
    found = Aws(file, build(file.lab), state=folder, dry=True).machines()
    print(f"{len(found)} hosts in {time.monotonic() - began:.2f} s")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["plan", where]:
            where_to = Path(where)
            planned(where_to, build(load(where_to / "lab.toml").lab))
        case ["inventory", where]:
            inventory(Path(where))
        case _:
            sys.exit(main())
