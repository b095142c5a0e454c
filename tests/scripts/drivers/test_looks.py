"""Several clusters looked at together, of which some do not answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from confluent_kafka import KafkaError, KafkaException

from lab.endpoint import Endpoint
from scripts.drivers import looks as module
from scripts.drivers.looks import Looks
from scripts.errors import LabError, UsageError
from tests.fakes import FakeFleet


class Look:
    made: ClassVar[list[str]] = []

    def __init__(self, endpoint: Endpoint, where: str, *, committed: bool) -> None:
        assert (endpoint.servers, committed) == (f"{where}:1", True)
        self.where, self.closed = where, False
        Look.made.append(where)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    monkeypatch.setattr(module, "Look", Look)
    Look.made = []
    fleet = FakeFleet([])

    def site(name: str) -> Any:
        return SimpleNamespace(
            name=name, fleet=fleet, kafka=SimpleNamespace(endpoint=Endpoint(f"{name}:1")),
            datacenter=SimpleNamespace(by_role=lambda role: [
                SimpleNamespace(name=f"{name}-{role}{number}") for number in (1, 2)
            ]),
        )

    return Looks({name: site(name) for name in ("b", "a", "c")}, {"a-kafka1", "b-kafka2"},
                 committed=True)


def test_one_that_does_not_answer_hides_no_other(looks: Looks) -> None:
    def work(look: Any) -> str:
        if look.where == "a":
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return "seen"

    assert looks.each(work) == ({"b": "seen"}, {
        "a": "Kafka: Local: Broker transport failure (see `fab status`)",
        "c": "no broker runs (see `fab status`)",
    })


def test_connections_are_kept_and_closed(looks: Looks) -> None:
    for _ in range(3):
        looks.each(lambda look: look.where)
    assert sorted(Look.made) == ["a", "b"]
    kept: Any = looks.of("a")
    looks.close()
    assert kept.closed
    with pytest.raises(LabError, match="c: no broker runs"):
        looks.of("c")


def test_what_nobody_could_ask_for_and_bugs_are_not_a_problem_of_one(looks: Looks) -> None:
    def usage(look: Any) -> str:
        raise UsageError("no such")

    with pytest.raises(UsageError):
        looks.each(usage)
    with pytest.raises(ZeroDivisionError):
        looks.each(lambda look: 1 // 0)
