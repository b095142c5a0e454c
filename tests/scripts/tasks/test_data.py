"""What the tools print, and end with, of clusters that answer as they are told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from lab.data.groups import Group, Member, Position
from lab.data.records import Found, Record, Span
from lab.data.topics import Partition, Topic
from scripts.errors import LabError, UsageError
from scripts.tasks import clusters, data
from tests.conftest import PROJECT

SESSION: Any = SimpleNamespace(topology=SimpleNamespace(datacenters=[
    SimpleNamespace(name="dc1"), SimpleNamespace(name="dc2"),
]))
TOPICS = [
    Topic("orders", (Partition(0, 1, (1, 2), (1, 2), 0, 5), Partition(1, 2, (2, 1), (2,), 0, 7)),
          "delete", 1234),
    Topic("stock", (Partition(0, 1, (1,), (1,), 0, 0),), "compact", 0),
]
GROUP = Group(
    "bill\x1b[2J", "stable", "range", 1, (Member("id", "c\x07", "h", (("orders", 0),)),),
    (Position("orders", 0, 3, 0, 5, "id"),),
)
RECORD = Record(0, 4, 0, b"k", b"\x1b[31mred\x07", (("h\x08", b"\xff"),))


class Look:
    """Knows these questions and no others."""

    def __init__(self, name: str, topics: list[Topic], groups_: list[Group]) -> None:
        self.where, self._topics, self._groups = name, topics, groups_
        self.silent: dict[str, str] = {}
        self.asked: list[Any] = []

    def names(self) -> list[str]:
        return [one.name for one in self._topics]

    def topics(self, places: list[str], *, only: str, everything: bool) -> list[Topic]:
        assert (places, everything) == (["dc1", "dc2"], False)
        return [one for one in self._topics if only in ("", one.name)]

    def groups(self, only: str = "") -> list[Group]:
        return [one for one in self._groups if only in ("", one.name)]

    def records(
        self, topic: str, search: Any, count: int, wanted: Callable[[Record], bool] | None, *,
        partition: int | None, start: int | None,
    ) -> tuple[Found, dict[int, Span]]:
        self.asked.append((topic, search.__name__, count, partition, start))
        found = tuple(one for one in [RECORD] * 3 if not wanted or wanted(one))
        return Found(found, 9, True), {0: (0, 5)}


class Looks:
    def __init__(self, there: dict[str, Look], problems: dict[str, str]) -> None:
        self.there, self.problems = there, problems

    def of(self, name: str) -> Look:
        return self.there[name]

    def each(self, work: Callable[[Any], Any]) -> tuple[dict[str, Any], dict[str, str]]:
        return {name: work(one) for name, one in self.there.items()}, self.problems


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    made = Looks({"dc1": Look("dc1", TOPICS, [GROUP]), "dc2": Look("dc2", TOPICS[1:], [])}, {})

    @contextmanager
    def opened(session: Any, datacenter: Any, *, committed: bool = False) -> Iterator[Looks]:
        assert session is SESSION
        yield made

    monkeypatch.setattr(data, "looks_of", opened)
    return made


def run(task: Any, **options: Any) -> int:
    status: int = task.body.__wrapped__(SESSION, **options)
    return status


def test_topics_of_every_datacenter(looks: Looks, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data.topics) == 0
    out = capsys.readouterr().out
    assert re.search(r"topics of dc1 *\n.*orders +2 +2 +1 of 2 +12 +1.2kB +delete", out, re.DOTALL)
    assert re.search(r"topics of dc2 *\n.*stock +1 +1 +all +0 +0B +compact", out, re.DOTALL)


def test_one_topic_by_partition(looks: Looks, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data.topics, topic="orders") == 0
    out = capsys.readouterr().out
    assert re.search(r"orders of dc1 *\n.*  1 +2 +2 1 +2 +0 +7 +7", out, re.DOTALL)
    assert "dc2" not in out
    with pytest.raises(UsageError, match=r"no topic 'ordres' in dc1, dc2 \(did you mean orders\?"):
        run(data.topics, topic="ordres")
    with pytest.raises(UsageError, match="no group 'x' in dc1, dc2") as raised:
        run(data.groups, group="x")
    assert str(raised.value).isprintable()


def test_groups_of_brokers_that_answer_are_shown_beside_one_that_does_not(
    looks: Looks, capsys: pytest.CaptureFixture[str]
) -> None:
    looks.there["dc1"].silent["group pay"] = "no answer"
    assert run(data.groups) == 1
    said = capsys.readouterr()
    assert said.err == "problem: dc1: group pay missing: no answer\n"
    assert "groups of dc1" in said.out
    assert "stable" in said.out
    assert run(data.groups, json=True) == 1
    first = json.loads(capsys.readouterr().out)["datacenters"][0]
    assert (first["problem"], len(first["groups"])) == ("group pay missing: no answer", 1)
    assert run(data.groups, group="pay") == 1, "whether there is such a group, nobody knows"


def test_one_that_does_not_answer_is_told_and_is_the_exit_status(
    looks: Looks, capsys: pytest.CaptureFixture[str]
) -> None:
    del looks.there["dc1"]
    looks.problems["dc1"] = "no broker runs"
    for task in (data.topics, data.groups):
        assert run(task) == 1
        said = capsys.readouterr()
        assert said.err == "problem: dc1: no broker runs\n"
        assert "dc2" in said.out
        assert run(task, json=True) == 1
        assert [(one["name"], one["problem"]) for one in
                json.loads(capsys.readouterr().out)["datacenters"]] == [
            ("dc1", "no broker runs"), ("dc2", ""),
        ]
    del looks.there["dc2"]
    with pytest.raises(LabError, match="dc1: no broker runs"):
        run(data.records, topic="orders")


def test_groups_and_what_they_are_called_do_nothing_to_a_terminal(
    looks: Looks, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(data.groups) == 0
    out = capsys.readouterr().out
    assert re.search(r"bill\\x1b\[2J +stable +1 +1 +2", out)
    assert re.search(r"bill\\x1b\[2J +c\\x07 +h +orders 0", out)
    assert "\x1b" not in out
    assert "\x07" not in out
    assert "groups of dc2: none" in out


def test_records_and_where_they_end(looks: Looks, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(data.records, topic="orders", offset="-3", limit=1) == 0
    assert looks.of("dc1").asked == [("orders", "last", 3, None, None)]
    out = capsys.readouterr().out
    assert out.count(r"\x1b[31mred\x07") == 1
    assert r"h\x08=0xff" in out
    assert out.endswith("1 record; orders of dc1 ends at (partition: offset) 0: 5\n")
    assert "\x1b" not in out
    assert run(data.records, topic="orders", partition="0", offset="2", key="x") == 0
    assert looks.of("dc1").asked[1:] == [("orders", "first", 10, 0, 2)]
    assert capsys.readouterr().out.startswith("no records; orders of dc1 ends")


def test_records_come_from_the_first_datacenter_that_has_the_topic(
    looks: Looks, capsys: pytest.CaptureFixture[str]
) -> None:
    looks.there["dc1"] = Look("dc1", [], [])
    assert run(data.records, topic="stock", json=True) == 0
    assert json.loads(capsys.readouterr().out)["datacenter"] == "dc2"
    with pytest.raises(UsageError, match="no topic 'stok' in dc1, dc2"):
        run(data.records, topic="stok")


def test_no_table_is_longer_than_a_person_looks_at(
    looks: Looks, capsys: pytest.CaptureFixture[str]
) -> None:
    many = [Topic(f"t{number:03}", TOPICS[1].partitions) for number in range(250)]
    looks.there = {"dc1": Look("dc1", many, [])}
    assert run(data.topics) == 0
    out = capsys.readouterr().out
    assert len(re.findall(r" t\d", out)) == clusters.ROWS
    assert out.endswith("topics of dc1: 50 more (--json has all)\n")
    assert run(data.topics, json=True) == 0
    assert len(json.loads(capsys.readouterr().out)["datacenters"][0]["topics"]) == 250


def test_many_partitions_of_groups_wait_to_be_asked_for(
    looks: Looks, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = Group("wide", "empty", positions=tuple(Position("t", n, 0, 0, 1) for n in range(60)))
    looks.there = {"dc1": Look("dc1", [], [wide])}
    assert run(data.groups) == 0
    assert "dc1: 60 partitions; `fab groups --group NAME`" in capsys.readouterr().out
    assert run(data.groups, group="wide") == 0
    assert "partitions in dc1" in capsys.readouterr().out


def test_groups_of_the_lab_come_only_when_asked_for(
    looks: Looks, capsys: pytest.CaptureFixture[str]
) -> None:
    own = [Group(name, "empty") for name in ("connect-dc1", "kafkalab-canary-1a")]
    looks.there = {"dc1": Look("dc1", [], [GROUP, *own])}

    def told(**options: Any) -> list[str]:
        assert run(data.groups, json=True, **options) == 0
        (one,) = json.loads(capsys.readouterr().out)["datacenters"]
        return [each["name"] for each in one["groups"]]

    assert told() == [GROUP.name]
    assert told(internal=True) == [GROUP.name, "connect-dc1", "kafkalab-canary-1a"]
    assert told(group="connect-dc1") == ["connect-dc1"]


def test_who_names_no_topic_is_told_of_peoples(looks: Looks) -> None:
    own = [Topic(name, ()) for name in ("__a", "connect-dc1-configs", "heartbeats")]
    looks.there = {"dc1": Look("dc1", [*own, *TOPICS], [])}
    for task in (data.topics, data.records):
        with pytest.raises(UsageError, match=r"no topic 'foo' in dc1 \(known: orders, stock\)"):
            run(task, topic="foo")
    looks.there = {"dc1": Look("dc1", own, [])}
    with pytest.raises(UsageError, match=r"in dc1 \(people have made no topic yet\)"):
        run(data.topics, topic="foo")
    with pytest.raises(UsageError, match=r"did you mean heartbeats\?"):
        run(data.topics, topic="heartbeat")


def keys(found: Any) -> Iterator[str]:
    if isinstance(found, dict):
        for key, value in found.items():
            yield key
            yield from keys(value)
    elif isinstance(found, list):
        for one in found:
            yield from keys(one)


def test_every_field_for_programs_is_documented(
    looks: Looks, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (PROJECT / "docs" / "data.md").read_text()
    found: set[str] = set()
    for task, options in ((data.topics, {"topic": "orders"}), (data.groups, {}),
                          (data.records, {"topic": "orders"})):
        run(task, json=True, **options)
        found |= set(keys(json.loads(capsys.readouterr().out)))
    assert {"under_replicated", "coordinator", "timestamp_of", "hex"} <= found
    for field in found - {"text", "hex"}:
        assert re.search(rf"`\.?{field}(\[\])?`", text), field
