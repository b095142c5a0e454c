"""Names, offsets and reads in another datacenter, and what readers get."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab.learning.facts import Facts, recorded
from lab.learning.probes import look

TOPIC = [{"number": 0, "leader": 1, "replicas": [1], "isr": [1]}]


def records(values: dict[int, str], key: str | None = None) -> list[list[Any]]:
    return [[0, offset, 0, key, value] for offset, value in values.items()]


def both(here: dict[str, Any], there: dict[str, Any]) -> Facts:
    return recorded({"dc1": here, "dc2": there}, "dc1")


def topic(name: str, values: dict[int, str] | None, key: str | None = None) -> dict[str, Any]:
    return {f"topic name={name}": None if values is None else TOPIC,
            f"records committed=True topic={name}": records(values or {}, key)}


COPY = {"topic": "t", "copy": "dc1.t", "target": "dc2"}


@pytest.mark.parametrize(("here", "there", "state"), [
    (None, None, "absent"), ({0: "x"}, None, "uncopied"), ({0: "x"}, {0: "x"}, "ok"),
])
def test_a_copy_has_a_name(
    here: dict[int, str] | None, there: dict[int, str] | None, state: str
) -> None:
    found = look("copy-name", both(topic("t", here), topic("dc1.t", there)), COPY)
    assert found.state == state and found.answer == ("dc1.t" if state == "ok" else None)


@pytest.mark.parametrize(("here", "there", "state"), [
    ({0: "x", 1: "y"}, {0: "x", 2: "y"}, "ok"), ({0: "x", 1: "y"}, {0: "x", 1: "y"}, "same"),
    ({5: "x", 6: "y"}, {0: "x", 1: "y"}, "earlier"), ({0: "x", 1: "y"}, {0: "x"}, "uncopied"),
    ({0: "x"}, None, "uncopied"), ({}, None, "none"), (None, None, "absent"),
])
def test_the_last_record_of_a_key_may_stand_elsewhere(
    here: dict[int, str] | None, there: dict[int, str] | None, state: str
) -> None:
    facts = both(topic("t", here, "k"), topic("dc1.t", there, "k"))
    found = look("offset-there", facts, {**COPY, "key": "k"})
    assert found.state == state and found.answer == ("later" if state == "ok" else None)


@pytest.mark.parametrize(("partitions", "state", "answer"), [
    (None, "uncopied", None), ([], "uncopied", None), ([3, 3], "ok", "same"), ([1], "ok", "other"),
    ([3, 1], "ok", "other"),
])
def test_a_copy_keeps_partitions_or_does_not(
    partitions: list[int] | None, state: str, answer: str | None
) -> None:
    here = {"topic name=t": TOPIC, "records committed=True topic=t": [[3, 0, 0, "k", "x"]]}
    there = {"topic name=dc1.t": None if partitions is None else TOPIC,
             "records committed=True topic=dc1.t": [
                 [number, 0, 0, key, "x"] for number in partitions or [] for key in ("k", "other")]}
    found = look("partition-there", both(here, there), {**COPY, "key": "k"})
    assert (found.state, found.answer) == (state, answer)
    assert look("partition-there", both(here, there), {**COPY, "key": "no"}).state == "none"
    gone = both({"topic name=t": None}, there)
    assert look("partition-there", gone, {**COPY, "key": "k"}).state == "absent"


@pytest.mark.parametrize(("committed", "there", "answer"), [
    ({"t-0": 2}, {0: "a", 1: "b", 4: "c"}, "4"), ({"t-0": 2}, {0: "a"}, None),
    ({"t-0": 3}, {0: "a", 1: "b", 4: "c"}, None), ({"other-0": 2}, {4: "c"}, None),
    (None, {4: "c"}, None),
])
def test_where_the_first_unread_record_stands(
    committed: dict[str, int] | None, there: dict[int, str], answer: str | None
) -> None:
    group = committed and {"state": "empty", "assignor": "", "members": [], "offsets": committed}
    here = {**topic("t", {0: "a", 1: "b", 2: "c"}), "group name=g": group}
    found = look("first-unread", both(here, topic("dc1.t", there)), {**COPY, "group": "g"})
    assert found.answer == answer


HANDLED = {"handled": "h", "prefix": "v", "records": 6, "target": "dc2"}


@given(st.lists(st.integers(0, 5)), st.lists(st.integers(0, 5)))
def test_each_record_is_skipped_or_read_as_often_as_it_was_handled(
    here: list[int], there: list[int]
) -> None:
    def handled(numbers: list[int]) -> dict[str, Any]:
        return topic("h", {at: f"v{n}" for at, n in enumerate(numbers)})

    found = look("handed-over", both(handled(here), handled(there)), HANDLED)
    skipped = set(range(6)) - {*here, *there}
    if skipped:
        assert found.state == "skipped"
        assert (found.seen["found"], found.seen["first"]) == (len(skipped), f"v{min(skipped)}")
    else:
        every = [*here, *there]
        assert found.ok and found.seen["twice"] == sum(every.count(n) > 1 for n in set(every))


@pytest.mark.parametrize(("here", "there", "where"), [(None, {}, "dc1"), ({}, None, "dc2")])
def test_it_is_said_where_nothing_is_handled(
    here: dict[int, str] | None, there: dict[int, str] | None, where: str
) -> None:
    found = look("handed-over", both(topic("h", here), topic("h", there)), HANDLED)
    assert (found.state, found.seen["where"]) == ("absent", where)


@pytest.mark.parametrize(("values", "state"), [
    (["v0", "v1"], "ok"), (["v1", "v0", "v1"], "twice"), (["v1"], "lost"), (None, "absent"),
    (["v0", "v1", "else"], "ok"),
])
def test_each_once_is_neither_less_nor_more(values: list[str] | None, state: str) -> None:
    facts = both(topic("t", values if values is None else dict(enumerate(values))), {})
    assert look("each-once", facts, {"topic": "t", "prefix": "v", "records": 2}).state == state


def test_readers_get_what_is_committed_or_all() -> None:
    here = {"topic name=t": TOPIC, "topic name=no": None,
            "records committed=True topic=t": records({0: "a"}),
            "records committed=False topic=t": records({0: "a", 1: "b"})}
    for committed, answer in ((True, "1"), (False, "2")):
        asked = {"topic": "t", "committed": committed}
        assert look("readers-get", both(here, {}), asked).answer == answer
    assert look("readers-get", both(here, {}), {"topic": "no"}).state == "absent"
