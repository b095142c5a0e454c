"""EC2 takes lists up to a length: what asks with ids or filters asks in portions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given, strategies as st

from lab.aws import tags
from scripts.platforms import aws as module
from scripts.platforms.aws import power
from scripts.platforms.aws.audit import find
from scripts.platforms.aws.clients import A_CALL, Clients, in_portions, portions
from scripts.platforms.aws.inventory import Machine
from scripts.platforms.aws.remove import Remover
from tests.aws.conftest import Cloud, spec
from tests.aws.emulator import MOST

REGION = "eu-central-1"
MINE = {tags.LAB: "kafkalab", tags.OWNER: "ann"}
ROOM = Path(module.__file__).parent
MANY = MOST["Filter"] + 1


@given(st.lists(st.integers(), max_size=50), st.integers(1, 9))
def test_portions_are_the_whole_in_its_order(values: list[int], most: int) -> None:
    found = list(portions(values, most))
    assert [one for part in found for one in part] == values
    assert all(0 < len(part) <= most for part in found)


@given(*(st.integers(0, 3 * A_CALL) for _ in range(3)))
def test_a_question_in_portions_asks_for_everything_once(ids: int, one: int, two: int) -> None:
    """All pairs of what two filters name, since each call asks for what both leave."""
    asked = {"InstanceIds": list(range(ids)), "DryRun": False, "Filters": [
        {"Name": "a", "Values": list(range(one))}, {"Name": "b", "Values": list(range(two))},
    ]}
    covered = []
    for call in in_portions(asked):
        lists = (call["InstanceIds"], *(filter["Values"] for filter in call["Filters"]))
        assert all(len(values) <= A_CALL for values in lists)
        assert [filter["Name"] for filter in call["Filters"]] == ["a", "b"]
        assert call["DryRun"] is False
        covered.append(tuple(map(tuple, lists)))
    assert len(covered) == len(set(covered))
    sizes = [max(1, -(-number // A_CALL)) for number in (ids, one, two)]
    assert len(covered) == sizes[0] * sizes[1] * sizes[2]
    for place, number in enumerate((ids, one, two)):
        assert {value for call in covered for value in call[place]} == set(range(number))


def launched(cloud: Cloud, number: int) -> list[str]:
    run = cloud.emulator.client("ec2", REGION).run_instances(
        ImageId="ami-12345678", InstanceType="t3.micro", MinCount=number, MaxCount=number,
        TagSpecifications=spec("instance", MINE),
    )
    return [one["InstanceId"] for one in run["Instances"]]


def test_more_hosts_than_a_filter_takes_are_stopped_and_removed(cloud: Cloud) -> None:
    ids = launched(cloud, MANY)
    hosts = [
        Machine(id, id, REGION, "running", "t3.micro", "dc1", None, "", False, None) for id in ids
    ]
    power._ask(cloud.platform, hosts, "stop_instances")
    power._wait(cloud.platform, hosts, "instance_stopped")
    assert cloud.emulator.count("StopInstances") == -(-MANY // A_CALL)
    assert set(cloud.states().values()) == {"stopped"}
    found = [one for one in find(Clients(), [REGION], "kafkalab", "ann") if one.kind == "instance"]
    assert {one.id for one in found} == set(ids)
    Remover(Clients(), lambda line: None).remove(found)
    assert set(cloud.states().values()) == {"terminated"}


def test_the_answer_to_many_filters_holds_each_thing_once(cloud: Cloud) -> None:
    cloud.emulator.client("ec2", REGION).create_key_pair(
        KeyName="k", TagSpecifications=spec("key-pair", MINE)
    )
    keys = [f"x{number}" for number in range(MANY)]
    found = Clients().items(
        "ec2", REGION, "describe_tags", "Tags",
        Filters=[{"Name": "key", "Values": [tags.LAB, *keys, tags.LAB]}],
    )
    assert [one["Value"] for one in found] == ["kafkalab"]


def unbounded(tree: ast.AST) -> Iterator[int]:
    """The lines of calls that are given ids, types or filters, however many there are."""
    parts = {
        node.target.id for node in ast.walk(tree)
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name)
        and isinstance(node.iter, ast.Call) and getattr(node.iter.func, "id", "") == "portions"
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") == "items":
            continue
        for one in node.keywords:
            listed = str(one.arg).endswith(("Ids", "Filters", "Resources", "InstanceTypes"))
            part = isinstance(one.value, ast.Name) and one.value.id in parts
            single = isinstance(one.value, ast.List) and len(one.value.elts) == 1
            if listed and not (part or single):
                yield node.lineno


def test_no_call_is_given_a_list_of_any_length() -> None:
    """It goes through `Clients.items`, or is one of `portions`, or holds a single id."""
    assert list(unbounded(ast.parse("client.stop_instances(InstanceIds=ids)"))) == [1]
    found = {path.name: list(unbounded(ast.parse(path.read_text()))) for path in ROOM.rglob("*.py")}
    assert len(found) > 20
    assert {name: lines for name, lines in found.items() if lines} == {}
