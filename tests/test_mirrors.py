"""Mirrors on paper: which topics end up where, what is refused, what the connectors say."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.config import LabFileError, parse
from lab.mirrors import (
    KINDS,
    Cluster,
    Mirror,
    Mirroring,
    connectors,
    identity_cycle,
    matches,
    predicted,
    remote_name,
)
from lab.services import desired_state, services_of
from lab.services.context import local_context
from lab.state import File, Key
from lab.topology import build

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


mirrors = st.lists(
    st.builds(
        lambda ends, policy: Mirror.model_validate(
            {"from": ends[0], "to": ends[1], "policy": policy}
        ),
        st.permutations(NAMES).map(lambda names: names[:2]), st.sampled_from(["default"]),
    ), max_size=8, unique_by=lambda mirror: mirror.name,
)


@given(mirrors)
def test_under_the_default_policy_nothing_goes_round_for_ever(found: list[Mirror]) -> None:
    result = predicted(found, {name: [f"t-{name}"] for name in NAMES})
    for name, topics in result.items():
        for topic, way in topics.items():
            assert len(set(way)) == len(way), "no datacenter is passed twice"
            assert way[-1] == name
            # The name tells the way, the nearest datacenter first.
            assert topic == "".join(f"{one}." for one in reversed(way[:-1])) + f"t-{way[0]}"


@given(mirrors)
def test_every_topic_reaches_each_datacenter_that_a_way_leads_to(found: list[Mirror]) -> None:
    result = predicted(found, {"a": ["t"]})
    reached = {"a"}
    while more := {m.target for m in found if m.source in reached} - reached:
        reached |= more
    assert {name for name, topics in result.items() if topics} == reached


@given(st.lists(st.permutations(NAMES).map(lambda names: names[:2]), max_size=8, unique_by=tuple))
def test_an_identity_ring_is_found_exactly_when_there_is_one(pairs: list[list[str]]) -> None:
    found = [Mirror.model_validate({"from": a, "to": b, "policy": "identity"}) for a, b in pairs]
    # Take away, again and again, what nothing leads to: what is left lies in or behind a ring.
    left = {tuple(pair) for pair in pairs}
    while gone := {edge for edge in left if edge[0] not in {target for _, target in left}}:
        left -= gone
    ring = identity_cycle(found)
    assert bool(ring) is bool(left)
    for one, two in zip(ring, (*ring[1:], *ring[:1]), strict=True):
        assert [one, two] in pairs or (one, two) in {tuple(pair) for pair in pairs}


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
])
def test_what_cannot_be_mirrored_is_refused(found: dict[str, Any], words: str) -> None:
    assert words in problems(found)


def test_a_target_needs_a_host_for_the_workers() -> None:
    found = data({"from": "a", "to": "b"})
    found["datacenters"][1]["control"] = 0
    assert "no host for Kafka Connect" in problems(found)
    found["datacenters"][1]["connect"] = 2
    topology = build(parse(found).lab)
    workers = topology.datacenter("b").by_role("connect")
    assert [host.name for host in workers] == ["ann-b-connect01", "ann-b-connect02"]


def test_workers_run_where_something_is_mirrored_into_and_nowhere_else() -> None:
    topology = build(parse(data({"from": "a", "to": "b"}, {"from": "c", "to": "b"})).lab)
    carriers = [h.name for h in topology.hosts if "connect" in h.roles]
    assert carriers == ["ann-b-ctl01"]
    host = topology.datacenter("b").by_role("connect")[0]
    assert [service.name for service in services_of(host)] == ["connect"]
    found = desired_state(host, local_context(topology, "kafka_2.13-3.9.2", "ab"))
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
    ends = Cluster("a", "ha:9092", 3), Cluster("b", "hb:9092", 2)
    found = connectors(mirror, *ends, Mirroring())
    assert list(found) == [f"a-to-b.{kind}" for kind in KINDS]
    for name, config in found.items():
        assert all(isinstance(value, str) for value in config.values())
        assert config["name"] == name
        assert config["replication.policy.class"].lower().endswith(f"{policy}replicationpolicy")
    source = found["a-to-b.source"]
    assert source["replication.factor"] == "2"
    assert source["offset-syncs.topic.replication.factor"] == "3"
    assert ("exactly.once.support" in source) is exactly_once
    assert found["a-to-b.heartbeat"]["producer.override.bootstrap.servers"] == "ha:9092"
    assert found["a-to-b.checkpoint"]["sync.group.offsets.enabled"] == "true"


def test_mirrors_are_immutable_and_take_both_spellings() -> None:
    found = copy.deepcopy(data({"from": "a", "to": "b"}))
    lab = parse(found).lab
    assert lab.mirrors[0].name == "a-to-b"
    with pytest.raises(ValueError, match="frozen"):
        lab.mirrors[0].policy = "identity"
