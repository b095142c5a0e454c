"""What is told of topics."""

from __future__ import annotations

import pytest

from lab.data.topics import Partition, Topic, internal

WHOLE = Partition(0, 1, (1, 2), (1, 2), 10, 25)
SHORT = Partition(1, 2, (2, 1), (2,), 0, 1000)
HEADLESS = Partition(2, None, (1,), ())


def test_a_topic_in_order() -> None:
    topic = Topic("orders", (WHOLE,), "delete", 1234)
    assert topic.row() == ("orders", "1", "2", "all", "15", "1.2kB", "delete")
    assert topic.as_json() == {
        "name": "orders", "partitions": 1, "replicas": 2, "records": 15, "under_replicated": 0,
        "leaderless": 0, "bytes": 1234, "cleanup_policy": "delete", "internal": False,
    }


def test_a_topic_that_lacks_replicas_and_leaders() -> None:
    assert Topic("t", (WHOLE, SHORT)).row() == ("t", "2", "2", "1 of 2", "1,015", "-", "-")
    topic = Topic("t", (WHOLE, SHORT, HEADLESS))
    assert topic.records is None, "nobody knows what the leaderless one holds"
    assert topic.row()[3:5] == ("1 of 3, 1 leaderless", "-")


def test_a_partition_without_a_leader_is_in_sync_with_nobody() -> None:
    """Its last leader stays among those in sync."""
    assert Topic("t", (Partition(0, None, (2,), (2,)),)).row()[3] == "0 of 1, 1 leaderless"


def test_partitions_one_by_one() -> None:
    assert SHORT.row() == ("1", "2", "2 1", "2", "0", "1,000", "1,000")
    assert HEADLESS.row() == ("2", "none", "1", "none", "-", "-", "-")
    assert Topic("t", (SHORT,)).as_json(detail=True)["detail"] == [{
        "partition": 1, "leader": 2, "replicas": [2, 1], "in_sync": [2], "first": 0, "next": 1000,
        "records": 1000,
    }]


@pytest.mark.parametrize(("name", "own"), [
    ("__consumer_offsets", True), ("__kafkalab", True), ("kafkalab-canary", True),
    ("dc1.kafkalab-drill", True), ("dc2.dc1.heartbeats", True), ("heartbeats", True),
    ("connect-dc1-offsets", True), ("mm2-offset-syncs.dc2.internal", True),
    ("dc1.checkpoints.internal", True), ("orders", False), ("dc1.orders", False),
    ("ward.heartbeats", False), ("connect-orders", False), ("dc1.", False),
    ("my-kafkalab-x", False),
])
def test_what_the_lab_and_kafka_made_for_themselves(name: str, own: bool) -> None:
    assert internal(name, ("dc1", "dc2")) is own
