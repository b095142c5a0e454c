"""Lines that say what somebody may do: read as they are written, refused where they say nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.file import parse
from lab.rights import ALL, ANY, CLUSTER, CLUSTER_NAME, OPERATIONS, Right, may, right
from lab.services import acls
from lab.services.local import local_context
from lab.services.registry import SERVICES, desired_state
from lab.state import File, Key
from lab.topology import build
from tests.lab.test_file import problems

names = st.from_regex(r"[A-Za-z0-9._-][A-Za-z0-9._ -]{0,20}[A-Za-z0-9._-]", fullmatch=True)


@st.composite
def rights(draw: st.DrawFn) -> Right:
    kind = draw(st.sampled_from(sorted(OPERATIONS)))
    operation = draw(st.sampled_from([ALL, *OPERATIONS[kind]]))
    allowed = draw(st.booleans())
    if kind == CLUSTER:
        return Right(CLUSTER, CLUSTER_NAME, operation, allowed=allowed)
    if draw(st.booleans()):
        return Right(kind, ANY, operation, allowed=allowed)
    return Right(kind, draw(names), operation, draw(st.booleans()), allowed)


@given(rights())
def test_a_right_is_read_as_it_is_told(one: Right) -> None:
    assert right(str(one)) == one


@given(rights(), rights())
def test_two_that_differ_are_told_otherwise(one: Right, other: Right) -> None:
    assert (str(one) == str(other)) is (one == other)


@given(rights(), st.lists(st.sampled_from([" ", "  ", "\t"]), min_size=5, max_size=5))
def test_spaces_between_words_do_not_matter(one: Right, spaces: list[str]) -> None:
    words = str(one).split(" ", 2 if one.allowed else 3)
    line = "".join(word + space for word, space in zip(words, spaces, strict=False))
    assert right(line) == one


@given(st.text(max_size=30))
def test_any_line_is_read_or_refused_in_one_line(line: str) -> None:
    try:
        found = right(line)
    except ValueError as error:
        assert "\n" not in str(error) and str(error)
    else:
        assert right(str(found)) == found


@pytest.mark.parametrize(("line", "words"), [
    ("", "an operation, a kind and a name"),
    ("read", "an operation, a kind and a name"),
    ("deny", "an operation, a kind and a name"),
    ("read topics orders", "'topics' is no kind; accepted: topic, group"),
    ("write group app", "nobody can 'write' a group; accepted: read, describe, delete, all"),
    ("read topic", "which topic?"),
    ("read topic a*b", "a name's end only"),
    ("create cluster x", "the cluster has no name"),
    ("read topic a\nb", "which topic?"),
])
def test_what_says_nothing_is_refused_with_what_would(line: str, words: str) -> None:
    with pytest.raises(ValueError) as caught:
        right(line)
    assert words in str(caught.value)


def lab(**sections: Any) -> dict[str, Any]:
    return {"owner": "ann", "datacenters": [
        {"name": "old", "cidr": "10.1.0.0/24"},
        {"name": "new", "cidr": "10.2.0.0/24", "metadata": "kraft"},
    ], **sections}


def test_a_wrong_line_is_told_with_its_place() -> None:
    found = problems(lab(users=[{"name": "app", "acls": ["read topic a", "read topik b"]}]))
    assert found.keys() == {"users[1].acls[2]"} and "'topik' is no kind" in str(found)


def test_brokers_and_controllers_get_the_authorizer_of_their_metadata() -> None:
    said = lab(security={"acls": True}, kafka={"config": {"super.users": "User:eve"}})
    topology = build(parse(said).lab)
    context = local_context(topology, {})
    seen = {}
    for host in topology.hosts:
        for path in ("/etc/kafka/server.properties", "/etc/controller/controller.properties"):
            file = desired_state(host, context).get(Key("file", path))
            if isinstance(file, File):
                lines = dict(line.split("=", 1) for line in file.text.splitlines() if "=" in line)
                seen[host.datacenter, host.role] = lines[acls.AUTHORIZER]
                assert lines[acls.SUPER] == "User:ANONYMOUS;User:kafkalab;User:eve"
    assert seen == {("old", "kafka"): acls.OF_ZOOKEEPER, ("new", "kafka"): acls.OF_KRAFT,
                    ("new", "controller"): acls.OF_KRAFT}


def test_a_lab_that_does_not_ask_for_it_has_none() -> None:
    topology = build(parse(lab()).lab)
    context = local_context(topology, {})
    for host in topology.hosts:
        for file in desired_state(host, context).values():
            assert not isinstance(file, File) or acls.AUTHORIZER.encode() not in file.data


def test_what_holds_for_nobody_is_said() -> None:
    asked = {"name": "app", "acls": ["read topic a"]}
    for sections, words in (
        ({"users": [asked]}, "nobody asks for them"),
        ({"security": {"acls": True}}, "is User:ANONYMOUS"),
        ({"users": [{"name": "a", "quotas": {"producer_byte_rate": 1}}]}, "hold for nobody"),
        ({"security": {"listeners": "scram", "acls": True}}, "no user of [[users]]"),
    ):
        (found,) = SERVICES["users"].advise(parse(lab(**sections)).lab)
        assert words in found.message


@pytest.mark.parametrize(("listeners", "warned"), [
    ("mtls", None), ("tls", "no listener of this lab asks"),
    (["plaintext", "mtls"], "takes the listener plaintext says no name"), ("scram", None),
    (["plaintext", "scram"], "takes the listener plaintext says no name"),
])
def test_where_a_listener_asks_for_names_rights_and_quotas_hold(
    listeners: object, warned: str | None
) -> None:
    user = {"name": "a", "acls": ["read topic a"], "quotas": {"producer_byte_rate": 1}}
    sections = {"users": [user], "security": {"acls": True, "listeners": listeners}}
    found = [one.message for one in SERVICES["users"].advise(parse(lab(**sections)).lab)]
    assert bool(found) is bool(warned) and all(warned in one for one in found[:1] if warned)


def test_where_everybody_logs_in_there_is_nothing_to_say() -> None:
    users = [{"name": "a", "acls": ["read topic a"], "quotas": {"producer_byte_rate": 1}}]
    found = parse(lab(security={"listeners": "scram", "acls": True}, users=users)).lab
    assert list(SERVICES["users"].advise(found)) == []


def test_two_authorizers_are_one_too_many() -> None:
    found = problems(lab(security={"acls": True},
                         kafka={"config": {acls.AUTHORIZER: "org.acme.A"}}))
    assert found.keys() == {f"kafka.config.{acls.AUTHORIZER}"}


@pytest.mark.parametrize(("lines", "name", "can"), [
    (["read topic orders-*"], "orders-1", {"read", "describe"}),
    (["read topic orders-*"], "order", set()),
    (["read topic orders"], "orders-1", set()),
    (["write topic *", "deny write topic orders"], "orders", {"describe"}),
    (["write topic *", "deny describe topic orders"], "orders", {"write"}),
    (["alter-configs topic a"], "a", {"alter-configs", "describe-configs"}),
    (["all topic a", "deny all topic a"], "a", set()),
    (["all topic a", "deny delete topic a*"], "a", set(OPERATIONS["topic"]) - {"delete"}),
    (["read group a", "create cluster"], "a", set()),
])
def test_what_lines_let_somebody_do(lines: list[str], name: str, can: set[str]) -> None:
    assert may(map(right, lines), "topic", name) == can


@given(st.lists(rights()), names)
def test_who_is_denied_everything_may_do_nothing(granted: list[Right], name: str) -> None:
    for kind in OPERATIONS:
        never = Right(kind, CLUSTER_NAME if kind == CLUSTER else ANY, ALL, allowed=False)
        whose = CLUSTER_NAME if kind == CLUSTER else name
        assert may([*granted, never], kind, whose) == set()
