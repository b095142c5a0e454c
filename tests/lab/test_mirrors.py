"""Mirrors on paper: which topics end up where, what is refused, what the connectors say."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from lab.endpoint import Endpoint
from lab.file import LabFileError, parse
from lab.mirrors.connectors import KINDS, End, connectors
from lab.mirrors.topics import (
    HEARTBEATS,
    PROOF_TOPICS,
    identity_cycle,
    matches,
    predicted,
    remote_name,
)
from lab.options.mirrors import Mirror, Mirroring
from lab.services.local import local_context
from lab.services.registry import carriers, desired_state, roles, running_on
from lab.state import File, Key
from lab.topology import build
from tests.labs import DIGESTS

NAMES = ("a", "b", "c", "d")


def data(*mirrors: dict[str, Any], **more: Any) -> dict[str, Any]:
    pairs = {tuple(sorted((m["from"], m["to"]))) for m in mirrors if m["from"] != m["to"]}
    return {
        "owner": "ann", "mirrors": list(mirrors),
        "datacenters": [{"name": n, "cidr": f"10.{i}.0.0/24"} for i, n in enumerate(NAMES)],
        "links": [{"between": list(pair)} for pair in sorted(pairs)], **more,
    }


def problems(found: dict[str, Any]) -> str:
    with pytest.raises(LabFileError) as caught:
        parse(found)
    return str(caught.value)


def mirrors(*policies: str) -> st.SearchStrategy[list[Mirror]]:
    return st.lists(
        st.builds(
            lambda ends, policy: Mirror.model_validate(
                {"from": ends[0], "to": ends[1], "policy": policy}
            ),
            st.permutations(NAMES).map(lambda names: names[:2]), st.sampled_from(policies),
        ), max_size=8, unique_by=lambda mirror: mirror.name,
    )


@given(mirrors("default"))
def test_under_the_default_policy_nothing_goes_round_for_ever(found: list[Mirror]) -> None:
    result = predicted(found, {name: [f"t-{name}"] for name in NAMES})
    for name, topics in result.items():
        for topic, way in topics.items():
            assert len(set(way)) == len(way), "no datacenter is passed twice"
            assert way[-1] == name
            # The name tells the way, the nearest datacenter first.
            assert topic == "".join(f"{one}." for one in reversed(way[:-1])) + f"t-{way[0]}"


@given(mirrors("default", "identity"))
def test_what_comes_back_does_so_in_a_ring_that_is_refused(found: list[Mirror]) -> None:
    """Every copy is followed by itself, as MirrorMaker does, which does not know a name's way."""
    ways = [(name, f"t-{name}", (name,)) for name in NAMES]
    comes_back = False
    while ways and not comes_back:
        ways = [
            (m.target, remote_name(m, topic), (*way, m.target))
            for place, topic, way in ways for m in found if m.source == place and matches(m, topic)
        ]
        comes_back = any(way[-1] in way[:-1] for _, _, way in ways)
    assert bool(identity_cycle(found)) is comes_back


def test_a_ring_that_mixes_policies_makes_ever_longer_names() -> None:
    there, back = (Mirror.model_validate({"from": a, "to": b, "policy": policy})
                   for a, b, policy in (("a", "b", "identity"), ("b", "a", "default")))
    result = predicted([there, back], {"a": ["t"], "b": []})
    assert {"t", "b.t", "b.b.t", "b.b.b.t"} <= result["a"].keys()
    assert max(map(len, result["a"])) == 249, "until Kafka takes no longer ones"
    assert identity_cycle([there, back]) == ("a", "b")


@given(mirrors("default"))
def test_every_topic_reaches_each_datacenter_that_a_way_leads_to(found: list[Mirror]) -> None:
    result = predicted(found, {"a": ["t"]})
    reached = {"a"}
    while more := {m.target for m in found if m.source in reached} - reached:
        reached |= more
    assert {name for name, topics in result.items() if topics} == reached


@given(mirrors("default", "identity"))
def test_a_ring_is_told_as_it_runs(found: list[Mirror]) -> None:
    ring = identity_cycle(found)
    policies = {(mirror.source, mirror.target): mirror.policy for mirror in found}
    steps = list(zip(ring, (*ring[1:], *ring[:1]), strict=True))
    assert not ring or "identity" in [policies[step] for step in steps]
    assert len(set(ring)) == len(ring)


expressions = st.lists(st.sampled_from([
    ".*", "orders", "kafkalab-.*", "kafkalab-canary", "a|kafkalab-drill", "[^k].*", r"b\..*",
]), max_size=3)


@given(expressions, expressions, st.sampled_from(["default", "identity"]))
def test_the_labs_own_proofs_cross_whatever_a_mirror_takes(
    topics: list[str], exclude: list[str], policy: str
) -> None:
    mirror = Mirror.model_validate(
        {"from": "a", "to": "b", "topics": topics, "exclude": exclude, "policy": policy}
    )
    assert all(matches(mirror, topic) for topic in (*PROOF_TOPICS, HEARTBEATS))
    for topic in ("orders", "payments", "kafkalab-canary-2", "kafkalab-verify-1"):
        wanted = any(re.fullmatch(one, topic) for one in topics)
        left_out = any(re.fullmatch(one, topic) for one in (*exclude, "kafkalab-verify-.*"))
        assert matches(mirror, topic) is (wanted and not left_out)
    ends = End("a", Endpoint("ha:9092"), 3), End("b", Endpoint("hb:9092"), 2)
    made = connectors(mirror, *ends, Mirroring(), heap_mb=192)["a-to-b.source"]
    # As DefaultTopicFilter reads them: all joined into one expression each.
    taken, refused = (made[key].replace(",", "|") for key in ("topics", "topics.exclude"))
    for topic in (*PROOF_TOPICS, "orders", "payments", "kafkalab-canary-2", "kafkalab-verify-1"):
        crosses = re.fullmatch(taken, topic) and not re.fullmatch(refused, topic)
        assert bool(crosses) is matches(mirror, topic)


@given(st.lists(st.sampled_from(["orders-.*", "kafkalab-canary-x"]), max_size=2))
def test_the_groups_of_proofs_are_translated_but_those_of_one_side_are_not(
    groups: list[str]
) -> None:
    mirror = Mirror.model_validate({"from": "a", "to": "b", "groups": groups})
    ends = End("a", Endpoint("ha:9092"), 3), End("b", Endpoint("hb:9092"), 2)
    made = connectors(mirror, *ends, Mirroring(), heap_mb=192)["a-to-b.checkpoint"]
    taken, refused = (made[key].replace(",", "|") for key in ("groups", "groups.exclude"))
    found = {group for group in ("kafkalab-canary-12", "kafkalab-drill", "kafkalab-verify-1", "me")
             if re.fullmatch(taken, group) and not re.fullmatch(refused, group)}
    assert found == {"kafkalab-canary-12", "kafkalab-drill"}


# What the classes of connect-mirror-client 3.9.2 answer (formatRemoteTopic; isInternalTopic, and
# MirrorSourceConnector.isCycle with the target b), a to b.
@pytest.mark.parametrize(("policy", "topic", "remote", "taken"), [
    ("default", "t", "a.t", True),
    ("default", "c.t", "a.c.t", True),
    ("default", "b.t", "a.b.t", False),
    ("default", "c.b.t", "a.c.b.t", False),
    ("default", "c.b", "a.c.b", True),
    ("default", "b.", "a.b.", True),
    ("default", "c.b..", "a.c.b..", True),
    ("default", "c..b.t", "a.c..b.t", False),
    ("default", "heartbeats", "a.heartbeats", True),
    ("default", "b.heartbeats", "a.b.heartbeats", False),
    ("default", "x.internal", "a.x.internal", False),
    ("default", ".x", "a..x", False),
    ("identity", "t", "t", True),
    ("identity", "b.t", "b.t", True),
    ("identity", "heartbeats", "a.heartbeats", True),
    ("identity", "myheartbeats", "a.myheartbeats", True),
    ("identity", "b.heartbeats", "a.b.heartbeats", False),
    ("identity", "x.heartbeats.y", "x.heartbeats.y", True),
    ("identity", "__x", "__x", False),
])
def test_names_are_taken_as_mirrormaker_does(
    policy: str, topic: str, remote: str, taken: bool
) -> None:
    mirror = Mirror.model_validate({"from": "a", "to": "b", "policy": policy})
    assert remote_name(mirror, topic) == remote
    assert matches(mirror, topic) is taken


def test_a_registrys_topics_cross_only_where_they_are_named() -> None:
    """By the name itself: an expression that fits everything does not mean them."""
    usual, asked = (Mirror(**{"from": "a", "to": "b"}, topics=topics)
                    for topics in ((".*",), (".*", "_schemas")))
    for topic in ("_schemas", "kafkasql-snapshots", "registry-events"):
        assert not matches(usual, topic)
    assert matches(asked, "_schemas") and not matches(asked, "registry-events")
    assert matches(usual, "a_schemas")


def test_internal_topics_and_excluded_ones_stay() -> None:
    mirror = Mirror.model_validate(
        {"from": "a", "to": "b", "topics": ["orders.*"], "exclude": ["orders-private"]}
    )
    assert matches(mirror, "orders")
    assert not matches(mirror, "orders-private")
    assert not matches(mirror, "other")
    everything = Mirror.model_validate({"from": "a", "to": "b"})
    for topic in ("__consumer_offsets", "mm2-offset-syncs.b.internal", "connect-b-configs",
                  "kafkalab-verify-12"):
        assert not matches(everything, topic)
    assert remote_name(everything, "orders") == "a.orders"


@pytest.mark.parametrize(("found", "words"), [
    (data({"from": "a", "to": "e"}), "mirrors[1].to = 'e': no such datacenter"),
    (data({"from": "a", "to": "a"}), "mirrors[1].to = 'a': mirrors a datacenter to itself"),
    (data({"from": "a", "to": "b"}, links=[]), "not linked"),
    (data({"from": "a", "to": "b"}, {"from": "a", "to": "b"}), "there already"),
    (data({"from": "a", "to": "b", "topics": ["("]}), "a regular expression"),
    (data({"from": "a", "to": "b", "policy": "identiy"}), "'default' or 'identity'"),
    (data(*({"from": x, "to": y, "policy": "identity"} for x, y in ("ab", "bc", "ca"))),
     "a to b to c to a"),
    (data({"from": "a", "to": "b", "policy": "identity"}, {"from": "b", "to": "a"}),
     "mirrors = a to b to a: a ring with the identity policy in it"),
    (data({"from": "a", "to": "b", "topics": ["(?i)orders"]}), "without flags"),
    (data({"from": "a", "to": "b", "groups": [r"(x)\1"]}), "without flags"),
])
def test_what_cannot_be_mirrored_is_refused(found: dict[str, Any], words: str) -> None:
    assert words in problems(found)


def test_a_target_needs_a_host_for_the_workers() -> None:
    found = data({"from": "a", "to": "b"})
    found["datacenters"][1]["control"] = 0
    assert "no host for Kafka Connect" in problems(found)
    found["datacenters"][1]["connect"] = 2
    topology = build(parse(found).lab)
    workers = carriers("connect", topology.datacenter("b"), topology.config)
    assert [host.name for host in workers] == ["ann-b-connect01", "ann-b-connect02"]


def test_workers_run_where_something_is_mirrored_into_and_nowhere_else() -> None:
    topology = build(parse(data({"from": "a", "to": "b"}, {"from": "c", "to": "b"})).lab)
    (host,) = (h for h in topology.hosts if "connect" in roles(h, topology))
    assert host.name == "ann-b-ctl01"
    assert carriers("connect", topology.datacenter("b"), topology.config) == (host,)
    assert [service.name for service in running_on(host, topology)] == ["connect"]
    found = desired_state(host, local_context(topology, DIGESTS))
    file = found[Key("file", "/etc/connect/connect-distributed.properties")]
    assert isinstance(file, File)
    assert f"listeners=http://{host.fqdn}:8083\n" in file.content
    assert Key("file", "/etc/profile.d/kafkalab.sh") in found  # it is still the control host


def test_adding_a_mirror_moves_no_host() -> None:
    before, after = (build(parse(found).lab).hosts for found in (
        data(), data({"from": "a", "to": "b"})
    ))
    assert [(h.name, h.address, h.ssh_port) for h in before] == [
        (h.name, h.address, h.ssh_port) for h in after
    ]


@given(st.booleans(), st.sampled_from(["default", "identity"]))
@settings(max_examples=4)
def test_connectors(exactly_once: bool, policy: str) -> None:
    mirror = Mirror.model_validate(
        {"from": "a", "to": "b", "exactly_once": exactly_once, "policy": policy}
    )
    ends = End("a", Endpoint("ha:9092"), 3), End("b", Endpoint("hb:9092"), 2)
    found = connectors(mirror, *ends, Mirroring(), heap_mb=192)
    assert list(found) == [f"a-to-b.{kind}" for kind in KINDS]
    for name, config in found.items():
        assert all(isinstance(value, str) for value in config.values())
        assert config["name"] == name
        assert config["replication.policy.class"].lower().endswith(f"{policy}replicationpolicy")
    source = found["a-to-b.source"]
    assert source["header.converter"].endswith(".ByteArrayConverter")  # else they become text
    assert source["replication.factor"] == "2"
    assert source["offset-syncs.topic.replication.factor"] == "3"
    assert ("exactly.once.support" in source) is exactly_once
    for key in ("max.request.size", "buffer.memory"):  # the smaller one decides
        assert source[f"producer.override.{key}"] == str(24 * 1024 * 1024)
    for name in ("a-to-b.source", "a-to-b.checkpoint"):  # heartbeats are only written
        for end in ("source", "target"):
            assert found[name][f"{end}.consumer.allow.auto.create.topics"] == "false"
    heartbeat = found["a-to-b.heartbeat"]
    # Both: the first is where heartbeats are written, the second where their topic is made.
    assert heartbeat["producer.override.bootstrap.servers"] == "ha:9092"
    assert heartbeat["target.cluster.bootstrap.servers"] == "ha:9092"
    assert source["target.cluster.bootstrap.servers"] == "hb:9092"
    assert found["a-to-b.checkpoint"]["sync.group.offsets.enabled"] == "true"


def test_mirrors_are_immutable_and_take_both_spellings() -> None:
    found = copy.deepcopy(data({"from": "a", "to": "b"}))
    lab = parse(found).lab
    assert lab.mirrors[0].name == "a-to-b"
    with pytest.raises(ValueError, match="frozen"):
        lab.mirrors[0].policy = "identity"
