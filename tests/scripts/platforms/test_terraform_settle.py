"""After an apply the states have what was computed, and not what somebody has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.platforms.aws.terraform.binary import Diagnostic, Terraform, TerraformError
from scripts.platforms.aws.terraform.settle import settle
from scripts.platforms.aws.terraform.stacks import Stack

TESTS = Path(__file__).parents[2]


class Told(Terraform):
    """Answers a plan that only refreshes with what is drifted, and hears what is applied."""

    def __init__(self, drifted: dict[str, Any]) -> None:
        self.drifted = drifted
        self.applied: list[str] = []

    def plan(self, stack: str, folder: Path, out: Path, **options: bool) -> bool:
        assert options == {"refresh_only": True}
        if stack == "broken":
            raise TerraformError(stack, "plan", (Diagnostic("no network", "", ""),))
        return bool(self.drifted[stack])

    def show(self, stack: str, folder: Path, plan: Path) -> dict[str, Any]:
        return {"resource_drift": self.drifted[stack]}

    def apply(self, stack: str, folder: Path, plan: Path, each: Callable[[str], None]) -> None:
        self.applied.append(stack)


def test_only_what_is_computed_settles(tmp_path: Path) -> None:
    plan = json.loads((TESTS / "plans/datacenter-after-apply.json").read_text())
    computed = [one for one in plan["resource_drift"] if one["type"] == "aws_route_table"]
    changed = {"address": "aws_instance.kafka-01", "type": "aws_instance", "name": "kafka-01",
               "change": {"actions": ["update"], "before": {"instance_type": "t3.small"},
                          "after": {"instance_type": "t3.large"}}}
    drifted: dict[str, Any] = {"dc1": computed, "dc2": [*computed, changed], "dc3": []}
    assert len(computed) == 1
    stacks = []
    for name in (*drifted, "broken"):
        folder = tmp_path / name
        folder.mkdir()
        config = (TESTS / "snapshots/lab/kafkalab_dc1.json").read_text()
        (folder / "cdk.tf.json").write_text(config)
        stacks.append(Stack(name, folder))
    terraform = Told(drifted)
    assert settle(terraform, stacks, lambda name, text: None) == {
        "dc2": "somebody has changed it since it was applied: see `fab tf.drift`",
        "broken": "not refreshed: no network",
    }
    assert terraform.applied == ["dc1"]
