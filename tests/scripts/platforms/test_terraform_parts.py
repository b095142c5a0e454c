"""What the Terraform tasks are made of, without the terraform binary."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import CommandError, LabError, UsageError
from scripts.platforms.aws.terraform import binary, record, removed, stacks
from scripts.platforms.aws.terraform.binary import Terraform, TerraformError
from scripts.platforms.aws.terraform.stacks import Project, Stack
from scripts.workstation.process import follow
from stacks.plan import stack_name
from tests.terraform_project import DC1, LAB, LINKS

AWS = 'provider["registry.terraform.io/hashicorp/aws"]'


class FakeTerraform(Terraform):
    """Has states, and nothing else may be asked."""

    def __init__(self, states: dict[str, Any]) -> None:
        self.states = states

    def init(self, stack: str, folder: Path) -> None:
        assert (folder / "cdk.tf.json").exists()

    def state(self, stack: str, folder: Path) -> dict[str, Any]:
        return self.states[stack]


def write_stack(folder: Path, config: dict[str, Any]) -> Stack:
    folder.mkdir(parents=True)
    (folder / "cdk.tf.json").write_text(json.dumps(config))
    return Stack(folder.name, folder)


def test_stacks_are_called_as_the_app_calls_them() -> None:
    assert stack_name(LAB, "dc1") == DC1
    assert stack_name(LAB, "links") == LINKS


def test_stacks_come_in_the_order_of_their_dependencies(tmp_path: Path) -> None:
    needs = {"links": ["b", "a"], "b": [], "a": [], "late": ["links"]}
    (tmp_path / "manifest.json").write_text(json.dumps({"stacks": {
        name: {"workingDirectory": f"stacks/{name}", "dependencies": one}
        for name, one in needs.items()
    }}))
    assert stacks.names(stacks.read(tmp_path)) == ["b", "a", "links", "late"]
    circle = {"a": {"workingDirectory": "a", "dependencies": ["b"]},
              "b": {"workingDirectory": "b", "dependencies": ["a"]}}
    (tmp_path / "manifest.json").write_text(json.dumps({"stacks": circle}))
    with pytest.raises(LabError, match="need each other"):
        stacks.read(tmp_path)


def test_a_digest_is_of_what_terraform_reads(tmp_path: Path) -> None:
    one = write_stack(tmp_path / "one", {"//": {"metadata": 1}, "resource": {"a": {"b": 1}}})
    two = write_stack(tmp_path / "two", {"resource": {"a": {"b": 1}}})
    three = write_stack(tmp_path / "three", {"resource": {"a": {"b": 2}}})
    assert one.digest == two.digest != three.digest


def test_providers_are_fetched_once_and_inits_run_side_by_side(tmp_path: Path) -> None:
    config = {"terraform": {"required_providers": {"aws": {"version": "< 7"}}}}
    found = [write_stack(tmp_path / name, config) for name in ("a", "b", "c")]
    together = threading.Barrier(2, timeout=30)
    ahead: list[str] = []

    class Fetching(Terraform):
        def init(self, stack: str, folder: Path) -> None:
            if not (folder / stacks.LOCK).exists():
                ahead.append(stack)
                (folder / stacks.LOCK).write_text("aws 6.1.0")
            elif len(ahead) == 1 and stack != "a":
                together.wait()

    assert stacks.initialize(Fetching(), found, lambda name, text: None) == {}
    assert ahead == ["a"]
    assert {(one.folder / stacks.LOCK).read_text() for one in found} == {"aws 6.1.0"}


def test_every_error_of_the_app_is_told(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/__main__.py").write_text(
        "import sys\nsys.exit('warning: w\\nerror: first\\nerror: second')\n"
    )
    with pytest.raises(LabError, match=r"^first") as caught:
        stacks.synthesize(tmp_path, tmp_path / "lab.toml")
    assert caught.value.__notes__ == ["second"]


def test_removed_stacks_in_a_bucket_get_a_provider_for_each_region(tmp_path: Path) -> None:
    aws = {"region": "eu-central-1", "default_tags": [{"tags": {"datacenter": "dc1"}}],
           "endpoints": [{"ec2": "http://localhost"}]}
    sibling = write_stack(tmp_path / f"{LAB}_dc1", {
        "terraform": {
            "backend": {"s3": {"bucket": "b", "key": f"kafkalab/x/{LAB}_dc1.tfstate"}},
            "required_providers": {"aws": {"source": "aws", "version": "< 7"}},
        },
        "provider": {"aws": [aws]},
    })
    asked = []

    def lister(settings: Any, begin: str) -> list[str]:
        asked.append((settings["bucket"], begin))
        parts = ("dc1", "dc2", "empty", "links")
        return [f"{begin}{part}.tfstate" for part in parts] + [f"{begin}dc1.tfstate.tflock"]

    vpc = {"mode": "managed", "type": "aws_vpc", "provider": AWS, "instances": [
        {"attributes": {"arn": "arn:aws:ec2:us-east-1:123456789012:vpc/vpc-1"}}
    ]}
    route = {"mode": "managed", "type": "aws_route", "provider": f"{AWS}.eu-west-1",
             "instances": [{"attributes": {"region": "eu-west-1"}}]}
    fake = FakeTerraform({
        f"{LAB}_dc2": {"resources": [vpc]}, f"{LAB}_links": {"resources": [route]},
        f"{LAB}_empty": {"resources": [{**vpc, "mode": "data"}]},
    })
    project = Project(tmp_path, LAB, tmp_path / "lab.toml", print, lambda root: None)
    links, dc2 = removed.find(project, fake, (sibling,), lister)
    assert asked == [("b", f"kafkalab/x/{LAB}_")]
    assert (links.name, dc2.name) == (LINKS, f"{LAB}_dc2")
    assert dc2.backend == ("s3", {"bucket": "b", "key": f"kafkalab/x/{LAB}_dc2.tfstate"})
    endpoints = aws["endpoints"]
    assert dc2.config["provider"] == {"aws": [{"region": "us-east-1", "endpoints": endpoints}]}
    assert links.config["provider"] == {
        "aws": [{"alias": "eu-west-1", "region": "eu-west-1", "endpoints": endpoints}]
    }
    assert dc2.config["terraform"]["required_providers"]["aws"]["version"] == "< 7"
    del vpc["instances"][0]["attributes"]["arn"]
    with pytest.raises(LabError, match="does not tell its region"):
        removed.find(project, fake, (sibling,), lister)


def test_an_error_is_one_line_with_the_stack_and_terraforms_words() -> None:
    framed = "╷\n│ Error: No plan\n│ \n│ The file\n│ is old.\n╵\n"
    error = TerraformError("lab_dc1", "show", binary._found_in_text(framed))
    assert str(error) == "lab_dc1: terraform show: No plan: The file is old."
    lines = [
        {"type": "version"},
        {"diagnostic": {"severity": "warning", "summary": "w"}},
        {"diagnostic": {"severity": "error", "summary": "One", "detail": "a\n b",
                        "address": "aws_vpc.v"}},
        {"diagnostic": {"severity": "error", "summary": "Two"}},
    ]
    output = "noise\n" + "\n".join(map(json.dumps, lines))
    error = TerraformError("lab_dc1", "plan", binary._found(output))
    assert str(error) == "lab_dc1: terraform plan: aws_vpc.v: One: a b"
    assert error.__notes__ == ["lab_dc1: terraform plan: Two"]
    assert str(TerraformError("s", "init", binary._found(""))).endswith("it said nothing")


def test_a_folder_without_a_plan_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no plan \(`fab tf.plan` makes one\)"):
        record.load(tmp_path)
    (tmp_path / "plan.json").write_text('{"format": 0}')
    with pytest.raises(UsageError, match="holds no plan"):
        record.load(tmp_path)


def test_a_plan_that_was_cut_off_gives_way_to_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "plan"
    for _ in range(2):
        record.prepare(folder)
        with pytest.raises(UsageError, match="holds no plan"):
            record.load(folder)
        (folder / "lab_dc1.tfplan").write_text("a")
    record.prepare(folder)
    assert [path.name for path in folder.iterdir()] == [record.RECORD]


def test_a_line_of_the_journal_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    journal = record.Journal(tmp_path)
    journal.note("a", "begun")
    journal.note("a", "applied")
    journal.note("b", "begun")
    with journal.path.open("a") as file:
        file.write('{"stack": "b", "wh')
    again = record.Journal(tmp_path)
    assert (again.begun, again.applied) == ({"a", "b"}, {"a"})


INTERRUPTED = """
import signal, sys, time
def end(*_):
    print("orderly", flush=True)
    sys.exit(3)
signal.signal(signal.SIGINT, end)
print("begun", flush=True)
time.sleep(60)
"""


def test_ctrl_c_waits_for_the_commands_own_end() -> None:
    heard: list[str] = []

    def each(line: str) -> None:
        heard.append(line.strip())
        if line == "begun\n":
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        follow([sys.executable, "-c", INTERRUPTED], each, timeout=60)
    assert heard == ["begun", "orderly"]


def test_a_command_that_takes_too_long_is_interrupted() -> None:
    with pytest.raises(CommandError, match=r"no end after 0.5 s"):
        follow([sys.executable, "-c", INTERRUPTED], lambda line: None, timeout=0.5)
    with pytest.raises(CommandError, match="not found"):
        follow(["no-such-program"], lambda line: None, timeout=1)
