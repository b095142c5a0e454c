"""A plan right after an apply is empty: nothing is written as the provider would not read it.

What the provider normalises is a rule here, over the JSON of every lab; that the rules are enough
is held against what a real provider had read (tests/plans).
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from scripts.platforms.aws.terraform.difference import between
from stacks import aws
from stacks.bindings import VERSIONS, Resource
from tests.aws_labs import FILES, KEY, data
from tests.stacks.conftest import LABS, stacks_of

PLANS = Path(__file__).parents[1] / "plans"
META = ("//", "depends_on", "lifecycle", "provider")  # Terraform's own
MOVING = re.compile(r"\b(timestamp|plantimestamp|uuid|bcrypt)\(")
Rule = Callable[[dict[str, Any]], bool]


def plain(found: dict[str, Any]) -> bool:
    """No rule of its own beside those for all resources."""
    return bool(found)


def without(*names: str) -> Rule:
    """What resources of their own make is not said here, too: each would take the other's away."""
    return lambda found: not set(names) & set(found)


def rule_of_a_group(found: dict[str, Any]) -> bool:
    """"all" reads as -1 and has no ports; a protocol's number reads as its name."""
    whole = found["ip_protocol"] == "-1"
    return found["ip_protocol"] in ("-1", "tcp", "udp", "icmp") and (
        not {"from_port", "to_port"} & set(found) if whole
        else found["from_port"] <= found["to_port"]
    )


def instance(found: dict[str, Any]) -> bool:
    """Groups are given by id: by name they are for networks without a VPC. And tags of volumes in
    one place, since either would take the other's away."""
    blocks = [found.get(name, {}) for name in ("root_block_device", "ebs_block_device")]
    return not {"security_groups", "network_interface"} & set(found) and not (
        "volume_tags" in found and any("tags" in block for block in blocks)
    )


RULES: dict[str, Rule] = {
    "aws_default_security_group": without("ingress", "egress"),
    "aws_instance": instance,
    "aws_internet_gateway": plain,
    "aws_key_pair": lambda found: found["public_key"] == " ".join(found["public_key"].split()),
    "aws_route": lambda found: len(
        {"gateway_id", "vpc_peering_connection_id", "nat_gateway_id"} & set(found)
    ) == 1,
    "aws_route_table": without("route", "propagating_vgws"),
    "aws_route_table_association": plain,
    "aws_security_group": without("ingress", "egress"),
    "aws_subnet": without("availability_zone"),  # the id of the zone says it
    "aws_vpc": plain,
    "aws_vpc_peering_connection": without("accepter", "requester"),
    "aws_vpc_peering_connection_accepter": without("accepter", "requester"),
    "aws_vpc_security_group_egress_rule": rule_of_a_group,
    "aws_vpc_security_group_ingress_rule": rule_of_a_group,
}


def walk(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Everything below a value, with its path; a block may stand with or without a list."""
    if path:
        yield path, value
    if isinstance(value, list):
        for item in value:
            yield from walk(item, path)
    if isinstance(value, dict):
        for key, item in value.items():
            yield from walk(item, (*path, key))


def resources(stack: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(type, name, arguments) of each."""
    for kind, named in stack["resource"].items():
        for name, found in named.items():
            yield kind, name, {key: one for key, one in found.items() if key not in META}


@pytest.mark.parametrize("lab", LABS)
def test_no_default_tag_of_the_provider_is_repeated(
    lab: str, synthesized: dict[str, dict[str, Any]]
) -> None:
    """The provider adds its default tags, and takes them away from whatever it reads."""
    for name, stack in synthesized[lab].items():
        for provider in stack["provider"]["aws"]:
            own = {f"aws.{alias}" if (alias := provider.get("alias")) else None}
            (default,) = provider["default_tags"]
            assert default["tags"], name
            for kind, named in stack["resource"].items():
                for address, found in named.items():
                    if found.get("provider") not in own:
                        continue
                    for path, value in walk(found):
                        if path[-1] in ("tags", "volume_tags"):
                            again = set(value) & set(default["tags"])
                            assert not again, f"{kind}.{address}: {'.'.join(path)}"


def test_default_tags_reach_volumes_by_the_provider_that_is_asked_for() -> None:
    """Its changelog: since 5.39.0. Without it nothing would give volumes the tags of their lab."""
    least = re.search(r">= (\d+)\.(\d+)", VERSIONS)
    assert least and (int(least[1]), int(least[2])) >= (5, 39)


def test_every_type_of_resource_has_its_rule() -> None:
    """One that is added is thought about: what does the provider read where it was written?"""
    bound = {one.TYPE for _, one in inspect.getmembers(aws, inspect.isclass)
             if issubclass(one, Resource) and one is not Resource}
    assert set(RULES) == bound


@pytest.mark.parametrize("lab", LABS)
def test_what_the_provider_would_read_otherwise_is_not_written(
    lab: str, synthesized: dict[str, dict[str, Any]]
) -> None:
    for stack in synthesized[lab].values():
        for kind, name, found in resources(stack):
            assert RULES[kind](found), f"{kind}.{name}: {RULES[kind].__doc__}"
            for path, value in walk(found):
                where = f"{kind}.{name}: {'.'.join(path)}"
                assert value not in ("", [], {}), f"{where}: reads as nothing at all"
                if "cidr" in path[-1]:
                    assert str(IPv4Network(value)) == value, f"{where}: reads as its network"
                if isinstance(value, str) and path[-1] != "user_data":
                    assert value == value.strip(), f"{where}: reads without blanks around it"


@pytest.mark.parametrize("lab", LABS)
def test_what_is_another_value_each_time_is_ignored_once_it_is_there(
    lab: str, synthesized: dict[str, dict[str, Any]]
) -> None:
    for stack in synthesized[lab].values():
        for kind, named in stack["resource"].items():
            for name, found in named.items():
                ignored = found.get("lifecycle", {}).get("ignore_changes", [])
                for path, value in walk(found):
                    if isinstance(value, str) and MOVING.search(value) and "user_data" not in path:
                        words = path[0] + "".join(f'["{step}"]' for step in path[1:])
                        assert {words, path[0]} & set(ignored), f"{kind}.{name}: {words}"


@pytest.mark.parametrize(("plan", "stack"), [
    ("datacenter-after-apply", "awslab_dc1"), ("links-after-apply", "awslab_links"),
])
def test_what_a_real_provider_read_is_what_the_stacks_say(
    plan: str, stack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = json.loads((PLANS / f"{plan}.json").read_text())
    values = recorded["prior_state"]["values"]["root_module"]["resources"]
    read = {(one["type"], one["name"]): one["values"] for one in values}
    key = read.get(("aws_key_pair", "key"), {"public_key": KEY})
    monkeypatch.setenv("KAFKALAB_PUBLIC_KEY", key["public_key"])
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    content = data(FILES[0]) | {"name": "awslab"}
    content["aws"] |= {"ttl_hours": 8}
    made = stacks_of(content, tmp_path)[stack]
    assert {(kind, name) for kind, name, _ in resources(made)} == set(read)
    wrong = []
    for kind, name, found in resources(made):
        ignored = made["resource"][kind][name].get("lifecycle", {}).get("ignore_changes", [])
        for argument, given in found.items():
            if argument in ignored or argument == "vpc_security_group_ids":  # see tests/plans
                continue
            was = _written(given, read[kind, name].get(argument))
            wrong += [
                f"{kind}.{name}: {place}" for place in between(was, given, (argument,))
                if "${" not in str(place.new)
            ]
    assert not wrong


def _written(given: Any, value: Any) -> Any:
    """What was read, of a block only what is written there; left out is what is empty."""
    if isinstance(given, dict) and isinstance(value, list):
        (block,) = value
        return {key: block.get(key) for key in given}
    return type(given)() if value is None else value
