"""What exercises find in what Prometheus answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lab.file import parse as lab_of
from lab.learning.facts import Facts
from lab.learning.probes import monitored
from lab.learning.probes.finding import look
from lab.monitoring.alerts import alerts

LAB = lab_of({"owner": "ann", "monitoring": {"enabled": True}, "datacenters": [
    {"name": "dc1", "cidr": "10.1.0.0/24"}]}).lab
SHORT = 'topic="b"}) < 2'


def partition(isr: int = 2) -> dict[str, Any]:
    return {"number": 0, "leader": 1, "replicas": [1, 2], "isr": list(range(1, isr + 1))}


def facts(
    measured: Mapping[str, list[Any]], topics: Mapping[str, Any] | None = None,
    least: Mapping[str, str] | None = None, records: Mapping[str, list[str]] | None = None,
) -> Facts:
    """What Prometheus answers to the one query that has all words of a key, else nothing; topics
    `a` and `b`, whole, where nothing else is said."""
    placed = {"a": [partition()], "b": [partition()]} if topics is None else topics

    def ask(what: str, said: Mapping[str, Any]) -> Any:
        if what == "measured":
            assert '"dc1"' in said["query"], "of this datacenter alone"
            found = [some for words, some in measured.items()
                     if all(word in said["query"] for word in words.split("&"))]
            assert len(found) <= 1
            return found[0] if found else []
        if what == "records":
            return [[0, at, 1, None, value]
                    for at, value in enumerate((records or {}).get(said["topic"], []))]
        return {"topic": lambda: placed.get(said["name"]), "brokers": lambda: [1, 2],
                "config": lambda: {"min.insync.replicas": (least or {}).get(said["topic"], "2")},
                }[what]()

    return Facts(ask, None, "dc1")


def state(probe: str, found: Facts, **arguments: Any) -> tuple[str, str | None]:
    seen = look(probe, found, arguments)
    return seen.state, seen.answer


def test_an_alert_counts_while_the_topic_is_short() -> None:
    asked = {"topic": "b", "alert": "KafkaBrokerDown", "least": 2}
    fired = {f'ALERTS{{&alertname="KafkaBrokerDown"&alertstate="firing"&{SHORT}': [[{}, 3.0]]}
    assert state("alarmed", facts(fired), **asked) == ("ok", None)
    assert state("alarmed", facts({}), **asked) == ("unseen", None)
    assert state("alarmed", facts(fired, {}), **asked) == ("absent", None)


def test_the_broker_that_was_silent_longest_is_the_one() -> None:
    """Another may have been asked at the very moment of a restart."""
    silent = {f'up{{&job="kafka"&== 0&{SHORT}': [
        [{"instance": "k3"}, 1.0], [{"instance": "k1"}, 9.0]]}
    assert state("silent-broker", facts(silent), topic="b", least=2) == ("ok", "k1")
    assert state("silent-broker", facts({}), topic="b", least=2) == ("unseen", None)


@pytest.mark.parametrize(("short", "expected"), [
    ("b", ("ok", "b")), ("", ("unseen", None)), ("ab", ("unseen", None)),
])
def test_one_topic_was_short(short: str, expected: tuple[str, str | None]) -> None:
    measured = {f'topic="{one}"': [[{"topic": one}, 1.0]] for one in short}
    assert state("short-topic", facts(measured), topics="a,b", least=2) == expected


@pytest.mark.parametrize(("heard", "alerts", "expected"), [
    (2, [], "ok"), (1, [], "unheard"), (0, [], "unheard"),
    (2, ["KafkaUnderReplicated", "KafkaBrokerDown"], "alarmed"),
])
def test_it_is_calm_when_everybody_is_heard_and_nothing_is_wrong(
    heard: int, alerts: list[str], expected: str
) -> None:
    measured: dict[str, list[Any]] = {
        "up{&== 1": [[{"instance": f"k{n}"}, 1.0] for n in range(heard)],
        "ALERTS{&alertname=~": [[{"alertname": one}, 1.0] for one in alerts]}
    assert state("calm", facts(measured, {"a": [partition()]}), topics="a,b")[0] == "absent"
    found = look("calm", facts(measured), {"topics": "a,b"})
    assert found.state == expected
    if alerts:
        assert found.seen["found"] == "KafkaBrokerDown, KafkaUnderReplicated"


def test_the_alerts_that_it_asks_for_are_those_of_the_lab() -> None:
    assert set(monitored.ALERTS.split("|")) <= {
        one.name for one in alerts(LAB, frozenset(["dc1"]))}


def test_replicas_are_all_there_or_a_count_is_told_and_no_name() -> None:
    assert state("all-whole", facts({}), topics="a,b")[0] == "ok"
    assert state("all-whole", facts({}, {"a": [partition()]}), topics="a,b")[0] == "absent"
    short = facts({}, {"a": [partition()], "b": [partition(1), partition(1)]})
    found = look("all-whole", short, {"topics": "a,b"})
    assert (found.state, found.seen["found"]) == ("short", 1)


def test_what_a_write_needs_is_held_in_each_of_them() -> None:
    asked = {"topics": "a,b", "least": 2}
    assert state("least-asked", facts({}), **asked)[0] == "ok"
    found = look("least-asked", facts({}, least={"b": "1"}), asked)
    assert (found.state, found.seen["topic"], found.seen["found"]) == ("other", "b", "1")
    assert state("least-asked", facts({}, {"a": [partition()]}), **asked)[0] == "absent"


@pytest.mark.parametrize(("records", "expected"), [
    ({"b": ["x", "v"]}, "ok"), ({"b": ["x"]}, "none"), ({"a": ["v"], "b": ["v"]}, "elsewhere"),
])
def test_a_record_is_in_one_topic_alone(records: dict[str, list[str]], expected: str) -> None:
    asked = {"topic": "b", "others": "a,b", "value": "v"}
    assert state("written-there", facts({}, records=records), **asked)[0] == expected
    assert state("written-there", facts({}, {}), **asked)[0] == "absent"
