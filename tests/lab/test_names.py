"""What topics' names keep a mirror from doing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st

from lab.endpoint import Endpoint
from lab.mirrors.connectors import End, connectors
from lab.mirrors.names import collisions, left_out, too_long
from lab.mirrors.topics import CANARY, LONGEST_TOPIC, matches, predicted, remote_name
from lab.options.mirrors import Mirror, Mirroring


def mirror(source: str = "a", target: str = "b", **more: object) -> Mirror:
    return Mirror.model_validate({"from": source, "to": target, **more})


@pytest.mark.parametrize(("topic", "words"), [
    ("x-internal", "ends in internal"), ("x.internal", "ends in internal"),
    ("x.replica", "ends in .replica"), (".x", "begins with a dot"),
    ("connect-orders", "begins with connect-"), ("b.orders", "says that it comes from b"),
])
def test_a_topic_that_is_named_and_never_taken_is_told_with_its_reason(
    topic: str, words: str
) -> None:
    one = mirror()
    assert words in left_out(one, [one], [topic, "orders"])[topic]
    chosen = mirror(topics=["orders"])
    assert left_out(chosen, [chosen], [topic, "orders"]) == {}, "nobody asked for it"
    excluding = mirror(exclude=[re.escape(topic)])
    assert left_out(excluding, [excluding], [topic]) == {}, "the lab file says so"


@pytest.mark.parametrize("topic", [
    "orders", "__consumer_offsets", "mm2-offset-syncs.b.internal", "a.checkpoints.internal",
    "connect-a-configs", "connect-a-offsets", "connect-a-status", "kafkalab-verify-1", "heartbeats",
])
def test_what_nobody_expects_a_copy_of_is_not_told(topic: str) -> None:
    assert left_out(mirror(), [mirror()], [topic]) == {}


def test_what_came_from_the_target_is_no_surprise() -> None:
    """In a ring the copies that do not return are many, and all is as it should be."""
    ring = [mirror("a", "b"), mirror("b", "c"), mirror("c", "a")]
    assert left_out(ring[0], ring, ["b.orders", "c.b.orders"]) == {}


names = st.text("abx.-_", min_size=1, max_size=12) | st.sampled_from([
    "x" * 249, "x" * 248, "x" * 247, "x" * 246, "heartbeats", "x.internal", "connect-x",
])


@given(names, st.sampled_from(["default", "identity"]))
def test_of_what_the_lab_file_names_each_topic_crosses_or_is_told(topic: str, policy: str) -> None:
    one = mirror(policy=policy)
    told = [*left_out(one, [one], [topic]), *too_long(one, [topic])]
    assert matches(one, topic) is (not told and not topic.startswith("__"))


@given(st.integers(240, LONGEST_TOPIC), st.sampled_from(["a", "dc1", "north"]))
def test_a_topic_whose_copy_would_have_too_long_a_name_is_excluded(
    length: int, source: str
) -> None:
    """MirrorMaker would try to write to it, and the whole task fail."""
    one, topic = mirror(source), "x" * length
    made = connectors(one, End(source, Endpoint("h:1"), 1), End("b", Endpoint("h:2"), 1),
                      Mirroring(), heap_mb=160)[f"{one.name}.source"]
    excluded = any(re.fullmatch(each, topic) for each in made["topics.exclude"].split(","))
    long = len(remote_name(one, topic)) > LONGEST_TOPIC
    assert excluded is long is bool(too_long(one, [topic]))
    assert matches(one, topic) is not long


def test_two_topics_with_one_copy_collide() -> None:
    hub = [mirror("a", "h", policy="identity"), mirror("b", "h")]
    topics = {"a": ["b.orders", "bills", CANARY], "b": ["orders", "bills", CANARY]}
    assert collisions(hub, topics) == {("h", "b.orders"): ("b.orders of a", "orders of b")}
    same = [mirror("a", "h", policy="identity"), mirror("b", "h", policy="identity")]
    assert collisions(same, topics) == {("h", "bills"): ("bills of a", "bills of b")}


@given(st.lists(st.sampled_from(["orders", "bills", "a.orders", "b.bills", "h.x"])),
       st.lists(st.sampled_from(["orders", "bills", "b.orders", "a.b.x"])))
def test_under_the_default_policy_nothing_collides_between_mirrors(
    first: list[str], second: list[str]
) -> None:
    hub = [mirror("a", "h"), mirror("b", "h"), mirror("a", "b")]
    found = predicted(hub, {"a": first, "b": second, "h": []})
    assert collisions(hub, {name: list(topics) for name, topics in found.items()}) == {}
