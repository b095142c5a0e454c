"""Cluster state: what is there, what is wanted, and what the lab may do about it."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given, strategies as st

from lab.resources import (
    CLIENT,
    CONNECTOR,
    GRANTED,
    PASSWORD,
    TOPIC,
    USER,
    Absent,
    ClusterState,
    Connector,
    Found,
    Topic,
    User,
    apply,
    compare,
    lines,
)
from lab.state import Key

names = st.sampled_from("abcd")
configs = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12"), max_size=3)
found_topics = st.builds(Topic, st.integers(1, 5), st.integers(1, 3), configs)
wanted_topics = st.one_of(
    st.builds(Topic, st.none() | st.integers(1, 5), st.none() | st.integers(1, 3), configs),
    st.just(Absent()),
)
connectors = st.builds(Connector, configs)
users = st.builds(User, configs)
wanted_users = st.one_of(users, st.just(Absent()))


@st.composite
def there(draw: st.DrawFn) -> dict[Key, Found]:
    kinds = {TOPIC: found_topics, CONNECTOR: connectors, USER: users, CLIENT: users}
    return {
        Key(kind, name): Found(draw(kinds[kind]), draw(st.booleans()))
        for kind in kinds for name in draw(st.sets(names))
    }


@st.composite
def wanted(draw: st.DrawFn) -> dict[Key, Topic | Connector | User | Absent]:
    kinds = {TOPIC: wanted_topics, CONNECTOR: connectors, USER: wanted_users,
             CLIENT: wanted_users}
    return {
        Key(kind, name): draw(kinds[kind]) for kind in kinds for name in draw(st.sets(names))
    }


@given(there(), wanted())
def test_what_is_not_the_labs_is_neither_changed_nor_removed(
    actual: Mapping[Key, Found], want: ClusterState
) -> None:
    after = apply(compare(actual, want), actual)
    for key, found in actual.items():
        if not found.ours:
            assert after[key] == found


@given(there(), wanted())
def test_a_plan_leads_there_but_for_what_it_refuses(
    actual: Mapping[Key, Found], want: ClusterState
) -> None:
    plan = compare(actual, want)
    after = apply(plan, actual)
    refused = {refusal.key for refusal in plan.refusals}
    again = compare(after, want)
    assert again.changes == ()
    assert {refusal.key for refusal in again.refusals} == refused
    for key, one in want.items():
        if key in refused:
            continue
        if isinstance(one, Absent):
            assert key not in after
        elif isinstance(one, Connector | User):
            assert after[key].resource == one
        else:
            found = after[key].resource
            assert isinstance(found, Topic)
            assert found.config == one.config
            assert one.partitions in (None, found.partitions)


@given(there(), wanted())
def test_a_topic_or_a_user_goes_only_when_the_file_says_so(
    actual: Mapping[Key, Found], want: ClusterState
) -> None:
    after = apply(compare(actual, want), actual)
    for key in actual.keys() - after.keys():
        assert key.kind == CONNECTOR or want[key] == Absent()


def named(line: str) -> set[Key]:
    """What a line of the plan is about."""
    kind, _, names = line[2:].partition(" of dc1")[0].partition(" ")
    return {Key(kind.removesuffix("s"), name) for name in names.split(", ")}


def test_a_setting_that_changes_everywhere_has_one_line() -> None:
    servers = ",".join(f"ann-dc1-kafka0{number}.lab.internal:9092" for number in (1, 2, 3))
    keys = [Key(CONNECTOR, name) for name in ("a.source", "a.checkpoint", "b.source")]
    actual = {key: Found(Connector({"servers": servers, "n": "1"}), ours=True) for key in keys}
    more = f"{servers},new:9092"
    want = {key: Connector({"servers": more, "n": "1"}) for key in keys}
    want[keys[2]] = Connector({"servers": more, "m": "2"})
    assert lines(compare(actual, want)) == [
        "~ connectors a.checkpoint, a.source, b.source: servers: +new:9092",
        "~ connector b.source: m: (none) -> 2", "~ connector b.source: n: 1 -> (none)",
    ]


@given(there(), wanted())
def test_every_change_has_its_line(actual: Mapping[Key, Found], want: ClusterState) -> None:
    plan = compare(actual, want)
    said = lines(plan, "dc1")
    for change in plan.changes:
        mine = [line for line in said if named(line) & {change.key}]
        assert mine
        assert {line[0] for line in mine} == {
            "+" if change.before is None else "-" if change.after is None else "~"
        }
    assert bool(said) is bool(plan.changes)


def test_partitions_are_added_and_never_taken_away() -> None:
    key = Key(TOPIC, "orders")
    actual = {key: Found(Topic(3, 2, {"a": "1"}), ours=True)}
    more = compare(actual, {key: Topic(6, None, {"a": "1"})})
    assert lines(more) == ["~ topic orders: partitions: 3 -> 6"]
    fewer = compare(actual, {key: Topic(1, 3, {"a": "2"})})
    assert lines(fewer) == ["~ topic orders: a: 1 -> 2"], "what can be done is done"
    assert [str(one) for one in fewer.refusals] == [
        "topic orders has 3 partitions, which cannot become 1",
        "topic orders has 2 replicas a partition, which is not changed to 3",
    ]


def test_a_users_password_is_told_of_and_never_told() -> None:
    key = Key(USER, "app")
    made = User({PASSWORD: "0d1g", "producer_byte_rate": "9", "read topic tokens": GRANTED})
    assert lines(compare({}, {key: made}), "dc1") == [
        "+ user app of dc1 (password, producer_byte_rate = 9, read topic tokens)",
    ]
    other = User({PASSWORD: "4no7", "producer_byte_rate": "8"})
    assert lines(compare({key: Found(made, ours=True)}, {key: other}), "dc1") == [
        "~ user app of dc1: password: another one",
        "~ user app of dc1: producer_byte_rate: 9 -> 8",
        "~ user app of dc1: read topic tokens: granted -> (none)",
    ]
