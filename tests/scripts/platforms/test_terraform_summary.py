"""The summary of a plan and its price, from samples of terraform's JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import LabError
from scripts.platforms.aws.cost import Bill, Item, Line
from scripts.platforms.aws.prices import Price
from scripts.platforms.aws.terraform import price, summary
from scripts.platforms.aws.terraform.summary import Counts, Part

PLANS = Path(__file__).parents[2] / "plans"


def resource(address: str, actions: Sequence[str], **change: Any) -> dict[str, Any]:
    extra = {key: change.pop(key) for key in ("action_reason", "mode") if key in change}
    return {"address": address, "mode": "managed", "change": {"actions": actions, **change},
            **extra}


SAMPLE = {"resource_changes": [
    resource("aws_vpc.vpc", ["no-op"]),
    resource("data.aws_vpc.peer", ["read"], mode="data"),
    resource("aws_instance.kafka-01", ["create"], before=None, after={"ami": "x"}),
    resource(
        "aws_instance.kafka-02", ["update"],
        before={"instance_type": "t3.small", "ami": "x", "user_data": "old", "id": "i-1"},
        after={"instance_type": "t3.large", "ami": "x", "user_data": "new"},
        after_unknown={"id": False, "public_ip": True, "tags": {"a": False}},
        before_sensitive={"user_data": True}, after_sensitive={},
    ),
    resource(
        "aws_instance.zookeeper-01", ["delete", "create"],
        before={"private_ip": "10.0.0.1"}, after={"private_ip": "10.0.0.2"},
        replace_paths=[["private_ip"], ["root_block_device", 0, "encrypted"]],
    ),
    resource(
        "aws_subnet.old", ["delete"], before={}, after=None,
        action_reason="delete_because_no_resource_config",
    ),
    resource("aws_eip.kept", ["forget"], before={}, after=None),
]}


def test_changes_are_counted_by_kind() -> None:
    part = Part("lab_dc1", "changes", changes=summary.changes(SAMPLE))
    assert part.counts == Counts(add=1, change=1, replace=1, destroy=1)
    assert [change.kind for change in part.changes] == [
        "add", "change", "replace", "destroy", "forget",
    ]


def test_attributes_are_shown_and_secrets_are_not() -> None:
    fields = {one.address: one.fields for one in summary.changes(SAMPLE)}
    assert fields["aws_instance.kafka-02"] == (
        'id: "i-1" -> null',
        'instance_type: "t3.small" -> "t3.large"',
        "public_ip: null -> (known after apply)",
        "user_data: (sensitive)",
    )
    assert fields["aws_instance.kafka-01"] == ()


def test_the_reason_for_a_loss_is_told() -> None:
    why = {one.address: one.why for one in summary.changes(SAMPLE)}
    assert why["aws_instance.zookeeper-01"] == (
        "cannot be changed in place: private_ip, root_block_device.0.encrypted"
    )
    assert why["aws_subnet.old"] == "no longer in the lab"


def test_what_is_lost_stands_before_everything_else() -> None:
    parts = [
        Part("lab_dc1", "changes", changes=summary.changes(SAMPLE)),
        Part("lab_links", "deferred", "waits for lab_dc1"),
    ]
    text = summary.render("lab", parts, price=["Price unknown: x"], facts={"commit": "abc"})
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == "# Plan for the lab `lab`"
    assert lines[1:3] == [
        "> [!CAUTION]",
        "> **1 resource will be DESTROYED and 1 REPLACED.** What is on a host that goes is lost.",
    ]
    assert "| `lab_dc1` | **REPLACE** | `aws_instance.zookeeper-01` |" in lines[5]
    assert "| `lab_dc1` | **DESTROY** | `aws_subnet.old` | no longer in the lab |" in lines[6]
    assert "| `lab_dc1` | 1 | 1 | 1 | 1 |  |" in lines
    assert "| `lab_links` | ? | ? | ? | ? | **deferred**; waits for lab_dc1 |" in lines
    assert "Price unknown: x" in lines
    assert "| commit | `abc` |" in lines
    assert text.index("CAUTION") < text.index("Price") < text.index("<details>")


def test_without_a_loss_nothing_is_loud() -> None:
    text = summary.render("lab", [Part("lab_dc1", "unchanged")], price=[], facts={})
    assert "CAUTION" not in text
    assert "| `lab_dc1` | 0 | 0 | 0 | 0 | no changes |" in text


@pytest.mark.parametrize(("plan", "told"), [
    ("datacenter-after-apply", [
        "- change 7 `aws_instance`: `control-01`, `kafka-01`, `kafka-02`, `kafka-03`, "
        "`zookeeper-01`, `zookeeper-02`, `zookeeper-03`",
        '  - `vpc_security_group_ids[0]: (none) -> "sg-1eb7cb2b1a186291d"`',
        '  - tags: `volume_tags.datacenter: (none) -> "dc1"`, '
        '`volume_tags.lab: (none) -> "awslab"`, `volume_tags.owner: (none) -> "student"`',
    ]),
    ("links-after-apply", []),
    ("links-first", [
        "- add 2 `aws_route`: `route-dc1_dc2`, `route-dc2_dc1`",
        "- add `aws_vpc_peering_connection.peering-dc1_dc2`",
        "- add `aws_vpc_peering_connection_accepter.accepted-dc1_dc2`",
    ]),
])
def test_of_a_real_plan_one_sees_what_changes(plan: str, told: list[str]) -> None:
    shown = json.loads((PLANS / f"{plan}.json").read_text())
    part = Part("awslab", "changes", changes=summary.changes(shown))
    text = summary.render("awslab", [part], price=[], facts={})
    assert [line for line in text.splitlines() if line.lstrip().startswith("- ")] == told


def test_a_value_cannot_break_out_of_its_cell() -> None:
    change = summary.Change("a[\"x|y\"]", "destroy", "`code` | <b>", ())
    text = summary.render("lab", [Part("s", "changes", changes=(change,))], price=[], facts={})
    assert r'`a["x\|y"]`' in text


def test_a_long_list_is_cut_and_counted() -> None:
    many = tuple(summary.Change(f"x.y{n}", "add", "", ()) for n in range(summary.SHOWN + 5))
    text = summary.render("lab", [Part("s", "changes", changes=many)], price=[], facts={})
    assert "- and 5 more" in text
    assert f"y{summary.SHOWN}`" not in text


def test_managed_resources_are_counted_in_modules_too() -> None:
    values = {"root_module": {
        "resources": [{"mode": "data"}],
        "child_modules": [{"resources": [{"mode": "managed"}]}],
    }}
    assert summary.managed({"prior_state": {"values": values}}) == 1
    assert summary.managed({}) == 0


def instance(kind: str, *, spot: bool = False, region: str | None = None) -> dict[str, Any]:
    return {"mode": "managed", "type": "aws_instance", "values": {
        "instance_type": kind, "associate_public_ip_address": True, "region": region,
        "root_block_device": [{"volume_size": 20, "volume_type": "gp3"}],
        "instance_market_options": [{"market_type": "spot"}] if spot else [],
    }}


def shown(before: Sequence[Any], after: Sequence[Any]) -> dict[str, Any]:
    return {
        "configuration": {"provider_config": {"aws": {
            "expressions": {"region": {"constant_value": "eu-central-1"}}
        }}},
        "prior_state": {"values": {"root_module": {"resources": before}}},
        "planned_values": {"root_module": {"resources": after}},
    }


def quoter(items: Sequence[Item]) -> Bill:
    prices = {"t3.small": "0.02", "gp3": "0.0001", "IPv4": "0.005"}
    return Bill(tuple(
        Line(item, Price(Decimal(prices[item.what]), "Hrs", "2026-01-01"))
        if item.what in prices else Line(item, None, "no price") for item in items
    ))


def test_what_is_paid_is_counted_from_the_plan() -> None:
    counted = price.count(
        shown([], [instance("t3.small"), instance("t3.small", spot=True, region="us-east-1")]),
        "planned_values",
    )
    assert counted == {
        ("eu-central-1", "instance", "t3.small"): 1, ("eu-central-1", "volume", "gp3"): 20,
        ("eu-central-1", "address", "IPv4"): 1,
        ("us-east-1", "spot", "t3.small"): 1, ("us-east-1", "volume", "gp3"): 20,
        ("us-east-1", "address", "IPv4"): 1,
    }


def test_the_price_is_told_before_and_after() -> None:
    plans = [shown([instance("t3.small")], [instance("t3.small"), instance("t3.small")])]
    text = "\n".join(price.lines(plans, without=["lab_links"], quoter=quoter))
    assert "| an hour | 0.0270 | 0.0540 |" in text
    assert "| a month of 730 hours | 19.71 | 39.42 |" in text
    assert "list prices of 2026-01-01" in text
    assert "Without lab_links." in text


def test_an_unknown_price_is_never_invented() -> None:
    plans = [shown([], [instance("x9.huge")])]
    text = "\n".join(price.lines(plans, quoter=quoter))
    assert "| an hour | 0.0000 | at least 0.0070 |" in text
    assert "Unknown: x9.huge in eu-central-1: no price" in text
    nothing = "\n".join(price.lines(plans, quoter=lambda items: Bill(
        tuple(Line(item, None, "offline") for item in items)
    )))
    assert "| an hour | 0.0000 | ? |" in nothing


def test_without_a_price_list_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(endpoint_url: str | None) -> Any:
        raise LabError("the price list cannot be asked")

    monkeypatch.setattr(price, "price_list", offline)
    assert price.lines([shown([], [instance("t3.small")])]) == [
        "Price unknown: the price list cannot be asked"
    ]
    assert price.lines([], without=["lab_dc1"]) == ["Price unknown: nothing is planned of lab_dc1."]
    assert price.lines([shown([], [])]) == ["Price: nothing in this plan is paid by the hour."]
