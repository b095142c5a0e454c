"""What of the values that Terraform reads otherwise is drift: somebody changed it."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from scripts.platforms.aws.terraform import drift
from scripts.platforms.aws.terraform.summary import Change

TESTS = Path(__file__).parents[2]
HOST = "aws_instance.kafka-01"


def configured(stack: str) -> dict[str, Any]:
    """The resources of the default lab as they are synthesized."""
    made = json.loads((TESTS / "snapshots/lab" / f"kafkalab_{stack}.json").read_text())
    resources: dict[str, Any] = made["resource"]
    return resources


def recorded(name: str) -> dict[str, Any]:
    plan: dict[str, Any] = json.loads((TESTS / "plans" / f"{name}.json").read_text())
    return plan


def drifted(before: dict[str, Any], after: dict[str, Any] | None, *acts: Any) -> list[Change]:
    """What is told of a host that is read so, where the plan acts so."""
    change = {"actions": ["update"] if after else ["delete"], "before": before, "after": after}
    one = {"address": HOST, "type": "aws_instance", "name": "kafka-01", "change": change}
    return drift.changes({"resource_drift": [one], "resource_changes": acts}, configured("dc1"))


def acts(address: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    kind, _, name = address.partition(".")
    return {"address": address, "type": kind, "name": name, "change": {
        "actions": ["update"], "before": before, "after": after,
    }}


def test_what_a_real_provider_computes_after_an_apply_is_no_drift() -> None:
    """Of the route table its routes, of the peering that it was accepted."""
    plan = recorded("datacenter-after-apply")
    told = drift.changes(plan, configured("dc1"))
    # Which the emulator leaves out of its answers, and so is as if it had been taken away by hand.
    lost = ('vpc_security_group_ids[0]: "sg-1eb7cb2b1a186291d" -> (none)',)
    assert {(one.type, one.fields, one.tags) for one in told} == {("aws_instance", lost, ())}
    assert len(told) == 7
    for one in [*plan["resource_drift"], *plan["resource_changes"]]:
        for side in ("before", "after"):
            (one["change"].get(side) or {}).pop("vpc_security_group_ids", None)
    assert drift.changes(plan, configured("dc1")) == []
    assert drift.changes(recorded("links-after-apply"), configured("links")) == []


@pytest.mark.parametrize(("before", "after"), [
    ({"public_ip": "1.2.3.4", "instance_state": "running"},
     {"public_ip": "", "instance_state": "stopped"}),
    ({"associate_public_ip_address": True}, {"associate_public_ip_address": False}),
    ({"ami": "ami-1", "user_data": "x"}, {"ami": "ami-2", "user_data": "y"}),
    ({"root_block_device": [{"iops": 3000, "volume_size": 20}]},
     {"root_block_device": [{"iops": 6000, "volume_size": 20}]}),
    ({"tags": {"expires": "1"}, "tags_all": {"expires": "1"}, "volume_tags": {"expires": "1"}},
     {"tags": {"expires": "2"}, "tags_all": {"expires": "2"}, "volume_tags": {"expires": "2"}}),
])
def test_what_nobody_has_set_or_what_may_move_is_no_drift(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    """A night's stop, an hour more from `fab extend`, what a newer image would be."""
    assert drifted(before, after) == []


@pytest.mark.parametrize(("before", "after", "told"), [
    ({"instance_type": "t3.small"}, {"instance_type": "t3.large"},
     'instance_type: "t3.small" -> "t3.large"'),
    ({"root_block_device": [{"iops": 3000, "volume_size": 20}]},
     {"root_block_device": [{"iops": 6000, "volume_size": 30}]},
     "root_block_device[0].volume_size: 20 -> 30"),
    ({"root_block_device": [{"volume_size": 20}]}, {"root_block_device": []},
     'root_block_device[0]: {"volume_size": 20} -> (none)'),
    ({"tags": {"Name": "a"}, "tags_all": {"Name": "a"}},
     {"tags": {"Name": "a", "x": "y"}, "tags_all": {"Name": "a", "x": "y"}},
     'tags.x: (none) -> "y"'),
    ({"vpc_security_group_ids": ["sg-1"]}, {"vpc_security_group_ids": ["sg-1", "sg-2"]},
     'vpc_security_group_ids[1]: (none) -> "sg-2"'),
])
def test_what_is_set_and_was_changed_is_one_line(
    before: dict[str, Any], after: dict[str, Any], told: str
) -> None:
    (one,) = drifted(before, after)
    assert (*one.fields, *one.tags) == (told,)
    assert (one.address, one.kind) == (HOST, "change")


def test_what_is_gone_is_drift() -> None:
    (one,) = drifted({"instance_type": "t3.small"}, None)
    assert (one.address, one.kind, one.fields) == (HOST, "destroy", ())


def test_what_makes_the_next_plan_act_is_drift() -> None:
    """A default tag that was taken away; a computed value from which another resource is made."""
    before, after = {"tags_all": {"lab": "x", "Name": "a"}}, {"tags_all": {"Name": "a"}}
    assert drifted(before, after) == []
    (one,) = drifted(before, after, acts(HOST, after, before))
    assert one.tags == ('tags_all.lab: "x" -> (none)',)

    table = {"address": "aws_route_table.routes", "type": "aws_route_table", "name": "routes"}
    moved = {"actions": ["update"], "before": {"id": "rtb-1"}, "after": {"id": "rtb-2"}}
    route = ("aws_route.internet-route", {"route_table_id": "rtb-1"}, {"route_table_id": "rtb-2"})
    plan: dict[str, Any] = {"resource_drift": [{**table, "change": moved}]}
    assert drift.changes(plan, configured("dc1")) == []
    (one,) = drift.changes({**plan, "resource_changes": [acts(*route)]}, configured("dc1"))
    assert one.fields == ('id: "rtb-1" -> "rtb-2"',)
    other = ("aws_route.internet-route", {"gateway_id": "igw-1"}, {"gateway_id": "igw-2"})
    assert drift.changes({**plan, "resource_changes": [acts(*other)]}, configured("dc1")) == []


def test_what_follows_from_a_change_of_the_lab_file_is_no_drift() -> None:
    """A host that was stopped for the night, and is to become a larger one."""
    larger = acts(HOST, {"instance_type": "a", "public_ip": ""}, {"instance_type": "b"})
    larger["change"]["after_unknown"] = {"public_ip": True}
    assert drifted({"public_ip": "1.2.3.4"}, {"public_ip": ""}, larger) == []


def test_what_a_stack_no_longer_has_is_drift_only_where_it_is_gone() -> None:
    plan = deepcopy(recorded("links-after-apply"))
    assert drift.changes(plan, {}) == []
    plan["resource_drift"][0]["change"] |= {"actions": ["delete"], "after": None}
    assert [one.kind for one in drift.changes(plan, {})] == ["destroy"]


@pytest.mark.parametrize(("words", "path", "ignored"), [
    ('tags["expires"]', ("tags", "expires"), True),
    ('tags["expires"]', ("tags", "Name"), False),
    ("ami", ("ami",), True),
    ("root_block_device", ("root_block_device", 0, "volume_size"), True),
    ("root_block_device[0].volume_size", ("root_block_device", 0, "volume_size"), True),
    ("root_block_device[0].volume_size", ("root_block_device", 0, "iops"), False),
])
def test_paths_are_read_as_terraform_has_them(words: str, path: Any, ignored: bool) -> None:
    assert drift._ignored({"lifecycle": {"ignore_changes": [words]}}, path) is ignored
    assert drift._ignored({"lifecycle": {"ignore_changes": "all"}}, path)
    assert not drift._ignored({}, path)
