"""Records of several partitions side by side, from a client that is told what to deliver."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException

from lab.endpoint import Endpoint
from scripts.clients import partitions as module
from scripts.clients.partitions import Partitions
from scripts.errors import LabError

EOF = KafkaError._PARTITION_EOF


@dataclass
class Message:
    part: int
    at: int
    code: int | None = None

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return self.part

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, 1000

    def key(self) -> None: ...

    def value(self) -> None: ...

    def error(self) -> KafkaError | None:
        return None if self.code is None else KafkaError(self.code)


@dataclass
class Consumer:
    """Delivers the batches in turn, and nothing of partitions that are paused or not assigned. As
    in librdkafka, a partition that is paused stays so when it is assigned again."""

    settings: dict[str, Any]
    batches: list[list[Message]] = field(default_factory=list)
    assigned: dict[int, int] = field(default_factory=dict)
    paused: set[int] = field(default_factory=set)
    waited: float = 0.0  # s
    topics: dict[str, Any] = field(default_factory=dict)  # as in every answer about them

    def list_topics(self, timeout: float) -> Consumer:
        assert not self.assigned, "whoever leads is asked for before anything is read"
        return self

    def assign(self, places: list[Any]) -> None:
        self.assigned = {place.partition: place.offset for place in places}

    def incremental_unassign(self, places: list[Any]) -> None:
        for place in places:
            del self.assigned[place.partition]

    def pause(self, places: list[Any]) -> None:
        self.paused |= {place.partition for place in places}

    def consume(self, count: int, timeout: float) -> list[Message]:
        assert self.assigned, "nothing is read any more"
        batch = self.batches.pop(0) if self.batches else []
        if batch[count:]:
            self.batches.insert(0, batch[count:])
        elif timeout and len(batch) < count:
            self.waited += timeout  # for as many as were asked for
        return [one for one in batch[:count] if one.part in self.assigned.keys() - self.paused]

    def poll(self, timeout: float) -> Message | None:
        return next(iter(self.consume(1, timeout)), None)


@pytest.fixture
def partitions(monkeypatch: pytest.MonkeyPatch) -> Iterator[Partitions]:
    monkeypatch.setattr(confluent_kafka, "Consumer", Consumer)
    monkeypatch.setattr(module, "admin_client", lambda endpoint: SimpleNamespace())
    yield Partitions(Endpoint("h:1"), "dc1", committed=True)


def read(partitions: Partitions, spans: dict[int, tuple[int, int]], *batches: list[Message]) -> Any:
    client: Any = partitions._consumer
    client.batches = list(batches)
    found = list(partitions.spans({("t", part): span for part, span in spans.items()}))
    return [(one.part, one.at) for one in found]


def test_each_partition_ends_where_it_should(partitions: Partitions) -> None:
    """At the offset before its end, at a later one (where only markers stand), or at the log's."""
    assert read(
        partitions, {0: (3, 5), 1: (0, 2), 2: (7, 9), 3: (4, 4)},
        [Message(0, 3), Message(1, 0), Message(0, 4), Message(0, 5)],
        [Message(1, 2), Message(2, 7), Message(2, 9, EOF)],
    ) == [(0, 3), (1, 0), (0, 4), (2, 7)]
    client: Any = partitions._consumer
    assert client.waited == 0, "although there are fewer records than offsets"


def test_nothing_is_read_where_there_is_nothing(partitions: Partitions) -> None:
    assert read(partitions, {0: (4, 4)}) == []
    assert partitions._consumer.assigned == {}  # type: ignore[attr-defined]


def test_one_partition_alone_is_the_same(partitions: Partitions) -> None:
    client: Any = partitions._consumer
    client.batches = [[Message(0, 1), Message(0, 2)]]
    assert [one.at for one in partitions.messages(("t", 0), 1, 3)] == [1, 2]


def test_a_partition_can_be_read_again(
    partitions: Partitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whatever it was read before."""
    monkeypatch.setattr(module, "STILL_SECONDS", 0.1)
    client: Any = partitions._consumer
    client.batches = [[Message(0, 3)], [Message(0, 4)]]
    assert partitions.firsts({("t", 0): 3})["t", 0].offset == 3
    assert partitions.firsts({("t", 0): 4})["t", 0].offset == 4
    assert read(partitions, {0: (3, 5)}, [Message(0, 3), Message(0, 4)]) == [(0, 3), (0, 4)]
    assert read(partitions, {0: (2, 3), 1: (0, 1)}, [Message(0, 2), Message(1, 0)]) == [
        (0, 2), (1, 0),
    ]


def test_what_cannot_be_read_is_an_error_that_names_it(
    partitions: Partitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(LabError, match="dc1: t-1 cannot be read: Broker: Leader not available"):
        read(partitions, {0: (0, 1), 1: (0, 1)}, [
            Message(0, 0), Message(1, 0, KafkaError.LEADER_NOT_AVAILABLE),
        ])
    monkeypatch.setattr(module, "STILL_SECONDS", 0)
    with pytest.raises(LabError, match="dc1: t-1 cannot be read: nothing for 0 s"):
        read(partitions, {0: (0, 1), 1: (0, 1)}, [Message(0, 0)])


def test_a_client_that_reads_is_made_for_the_first_record(partitions: Partitions) -> None:
    """Who looks at topics and offsets alone asks by the client that there is."""
    asked: list[str] = []

    def list_topics(timeout: float) -> Any:
        asked.append("topics")
        return SimpleNamespace(topics={"t": SimpleNamespace(partitions={0: None})})

    partitions.admin = SimpleNamespace(list_topics=list_topics)  # type: ignore[assignment]
    assert partitions.sizes() == {"t": 1}
    assert list(partitions.spans({("t", 0): (4, 4)})) == [] and partitions.firsts({}) == {}
    assert partitions._reader is None and asked == ["topics"]
    assert read(partitions, {0: (0, 1)}, [Message(0, 0)]) == [(0, 0)]
    assert partitions.sizes() == {} and asked == ["topics"], "the one that reads knows them, too"


def test_policies_of_topics_that_are_there(partitions: Partitions) -> None:
    """One that has gone meanwhile has none; another error is one."""
    answers: dict[str, Any] = {
        "a": {"cleanup.policy": SimpleNamespace(value="compact,delete")},
        "b": {"cleanup.policy": SimpleNamespace(value="delete")},
        "gone": KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)),
    }

    def describe_configs(asked: list[Any], request_timeout: float) -> dict[Any, Future[Any]]:
        found = {}
        for resource in asked:
            found[resource] = future = Future[Any]()
            answer = answers[resource.name]
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        return found

    partitions.admin = SimpleNamespace(describe_configs=describe_configs)  # type: ignore[assignment]
    assert partitions.policies(["a", "b", "gone"]) == {"a": "compact,delete", "b": "delete"}
    assert partitions.compacted(["a", "b"]) == {"a"}
    assert partitions.policies([]) == {}
    answers["gone"] = KafkaException(KafkaError(KafkaError._TIMED_OUT))
    with pytest.raises(LabError, match="dc1: settings of topics cannot be read"):
        partitions.policies(["gone"])


def test_both_ends_are_asked_for_before_either_is_waited_for(partitions: Partitions) -> None:
    """And a patient one leaves out what one of them cannot be told of."""
    asked: list[dict[int, Future[Any]]] = []
    learnt: list[int] = []

    def list_topics(timeout: float) -> Any:
        learnt.append(len(asked))
        return SimpleNamespace(topics={"t": None})

    def list_offsets(
        wanted: dict[Any, Any], isolation_level: Any, request_timeout: float
    ) -> dict[Any, Future[Any]]:
        futures = {place: Future[Any]() for place in wanted}
        asked.append({place.partition: future for place, future in futures.items()})
        if len(asked) == 2:
            asked[0][2].set_result(SimpleNamespace(offset=0))
            asked[1][2].set_result(SimpleNamespace(offset=OFFSET_INVALID))
            for number, part in ((0, 0), (1, 0), (0, 1)):
                asked[number][part].set_result(SimpleNamespace(offset=10 * number + part))
            asked[1][1].set_exception(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
        return futures

    partitions.admin = SimpleNamespace(  # type: ignore[assignment]
        list_offsets=list_offsets, list_topics=list_topics)
    partitions._patient, partitions._led = True, set()
    assert partitions.extents([("t", part) for part in range(3)]) == {("t", 0): (0, 10)}
    assert partitions.unreadable == {
        ("t", 1): "Local: Timed out", ("t", 2): "its leader does not answer",
    }
    assert partitions.extents([]) == {}
    assert learnt == [0], "who leads is known before two requests begin, and asked for once"
