"""A stack that waits is shown, and its later plan is held against what was shown."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from scripts.platforms.aws.terraform import promised, summary, waiting
from scripts.platforms.aws.terraform.binary import Diagnostic
from scripts.platforms.aws.terraform.summary import Part

TESTS = Path(__file__).parents[2]
ROUTE, PEERING = "aws_route.route-dc1_dc2", "aws_vpc_peering_connection.peering-dc1_dc2"


def links() -> dict[str, Any]:
    """The links of the default lab as they are synthesized."""
    made: dict[str, Any] = json.loads((TESTS / "snapshots/lab/kafkalab_links.json").read_text())
    return made


def first() -> dict[str, Any]:
    """A real provider's first plan of the links."""
    plan: dict[str, Any] = json.loads((TESTS / "plans/links-first.json").read_text())
    return plan


def shown() -> dict[str, Any]:
    """The same plan, where what comes from the datacenters is not known yet."""
    plan = first()
    for one in plan["resource_changes"]:
        if one["mode"] == "managed":
            for name in ("vpc_id", "peer_vpc_id", "route_table_id"):
                if one["change"]["after"].pop(name, None):
                    one["change"]["after_unknown"][name] = True
    return plan


def change(plan: dict[str, Any], address: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        one["change"] for one in plan["resource_changes"] if one["address"] == address
    )
    return found


def plan_of(*changes: Any) -> dict[str, Any]:
    return {"resource_changes": [
        {"address": address, "mode": "managed", "change": {"actions": actions, **more}}
        for address, actions, more in changes
    ]}


def test_the_plan_that_comes_later_is_the_one_that_was_shown() -> None:
    assert list(promised.unlike(shown(), first())) == []
    assert list(promised.unlike(first(), first())) == []


def test_another_value_than_was_shown_is_told() -> None:
    now = first()
    change(now, ROUTE)["after"]["destination_cidr_block"] = "0.0.0.0/0"
    assert list(promised.unlike(shown(), now)) == [
        f'{ROUTE}: destination_cidr_block: shown was "10.10.2.0/24", and now it is "0.0.0.0/0"',
    ]
    # What was known and is not any more; what was not there and is.
    now = first()
    del change(now, ROUTE)["after"]["destination_cidr_block"]
    change(now, ROUTE)["after_unknown"]["destination_cidr_block"] = True
    change(now, ROUTE)["after"]["gateway_id"] = "igw-1"
    assert len(list(promised.unlike(shown(), now))) == 2


def test_what_is_secret_is_not_told() -> None:
    was, now = first(), first()
    for plan, value in ((was, "one"), (now, "two")):
        change(plan, ROUTE)["after"]["secret"] = value
        change(plan, ROUTE)["after_sensitive"] = {"secret": True}
    (told,) = promised.unlike(was, now)
    assert told == f"{ROUTE}: secret: (sensitive), another than was shown"


def test_other_changes_than_were_shown_are_told() -> None:
    now = first()
    now["resource_changes"] = [
        one for one in now["resource_changes"] if one["address"] != ROUTE
    ]
    more, destroyed = deepcopy(now["resource_changes"][-1]), change(now, PEERING)
    now["resource_changes"].append({**more, "address": "aws_route.another"})
    destroyed["actions"] = ["delete", "create"]
    assert set(promised.unlike(shown(), now)) == {
        f"{ROUTE}: shown was add, and now nothing is to be done",
        "aws_route.another: add, which was not shown",
        f"{PEERING}: shown was add, and now it is replace",
    }


@pytest.mark.parametrize(("was", "now", "told"), [
    (("a", "b"), ("a", "b"), []),
    (("a", "b"), ("x", "b"), ['it is no longer "a", and now it is "x"']),
    (("a", "b"), ("a", "x"), ['shown was "b", and now it is "x"']),
    (("b", "b"), ("x", "b"), ['it is no longer "b", and now it is "x"']),
    (("a", "a"), ("b", "b"), ['shown was "a", and now it is "b"']),
])
def test_of_a_change_both_sides_are_what_was_shown(
    was: tuple[str, str], now: tuple[str, str], told: list[str]
) -> None:
    def plan(values: tuple[str, str]) -> dict[str, Any]:
        before, after = values
        return plan_of(("t.x", ["update"], {
            "before": {"a": before, "n": 1}, "after": {"a": after, "n": 2},
        }))

    assert list(promised.unlike(plan(was), plan(now))) == [f"t.x: a: {one}" for one in told]


def test_after_a_run_that_was_cut_off_less_is_the_same() -> None:
    add = plan_of(("t.x", ["create"], {}), ("t.y", ["create"], {}))
    assert list(promised.unlike(add, plan_of(("t.y", ["create"], {})), begun=True)) == []
    tainted = plan_of(("t.y", ["delete", "create"], {}))
    assert list(promised.unlike(add, tainted, begun=True)) == []
    assert list(promised.unlike(add, plan_of(("t.z", ["create"], {})), begun=True)) == [
        "t.z: add, which was not shown",
    ]
    changed = plan_of(("t.x", ["delete"], {}))
    assert list(promised.unlike(add, changed, begun=True)) == [
        "t.x: shown was add, and now it is destroy",
    ]


def test_only_what_finds_nothing_is_unknown() -> None:
    made = waiting.unknown(links(), {"data.aws_vpc.vpc-dc2"})
    asked = "jsondecode(terraform_data.not-made-yet.id)"
    peering = made["resource"]["aws_vpc_peering_connection"]["peering-dc1_dc2"]
    assert peering["vpc_id"] == "${data.aws_vpc.vpc-dc1.id}"
    assert peering["peer_vpc_id"] == f"${{{asked}.id}}"
    assert list(made["data"]["aws_vpc"]) == ["vpc-dc1"]
    # The table of that network is looked for once the network is known.
    assert made["data"]["aws_route_table"]["routes-dc2"]["vpc_id"] == f"${{{asked}.id}}"
    assert made["resource"]["terraform_data"] == {"not-made-yet": {}}
    alone = {"data": {"aws_vpc": {"vpc": {}}}, "output": {"a": {"value": "${data.aws_vpc.vpc.id}"}}}
    assert waiting.unknown(alone, {"data.aws_vpc.vpc"}) == {
        "output": {"a": {"value": f"${{{asked}.id}}"}},
        "resource": {"terraform_data": {"not-made-yet": {}}},
    }


@pytest.mark.parametrize(("address", "found"), [
    ("data.aws_vpc.vpc-dc2", {"data.aws_vpc.vpc-dc2"}),
    ("data.aws_vpc.vpc-dc2[0]", {"data.aws_vpc.vpc-dc2"}),
    ("data.aws_vpc.vpc-dc9", set()),
    (PEERING, {"data.aws_vpc.vpc-dc1", "data.aws_vpc.vpc-dc2"}),
    ("aws_vpc_peering_connection_accepter.accepted-dc1_dc2", set()),
    ("", set()),
])
def test_an_error_tells_what_was_not_found(address: str, found: set[str]) -> None:
    assert set(waiting._sources(Diagnostic("no matching VPC", "", address), links())) == found


def test_what_waits_is_shown_with_all_that_is_fixed() -> None:
    changes = summary.changes(shown(), links()["resource"], "known after dc1, dc2")
    told = {one.address: one for one in changes}
    assert told[ROUTE].fields == (
        'destination_cidr_block: "10.10.2.0/24"',
        "route_table_id: (known after dc1, dc2)",
        "vpc_peering_connection_id: (known after apply)",
    )
    assert told[PEERING].fields == (
        "auto_accept: false", "peer_vpc_id: (known after dc1, dc2)",
        "vpc_id: (known after dc1, dc2)",
    )
    assert told[PEERING].tags == ('tags: {"Name": "student-awslab-dc1-dc2"}',)
    text = summary.render(
        "awslab", [Part("awslab_links", "waiting", "after dc1, dc2", changes=changes)],
        price=[], facts={},
    )
    assert "| `awslab_links` | 4 | 0 | 0 | 0 | after dc1, dc2 |" in text
    assert "  - `route_table_id: (known after dc1, dc2)`" in text
