"""A cluster that grows and shrinks under load: a new broker gets its share, one that goes gives it
away, and nobody loses a record."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections import Counter
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType
from kafka.admin import KafkaAdminClient

from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, killed_at_last, until

PARTITIONS, RECORD = 12, 100_000
RECORDS = 40  # in each partition: 4 MB, so that it takes a while at 1 MB a second
KINDS = {
    "zookeeper": {"control": 0, "version": "3.9.2", "zookeeper": 1, "kafka": 3},
    "kraft": {"control": 0, "version": "4.3.1", "metadata": "kraft", "combined": 1, "kafka": 3},
}


def ballast(lab: Lab) -> None:
    """A topic that is not copied in a moment."""
    admin = AdminClient({"bootstrap.servers": lab.bootstrap()})
    for future in admin.create_topics([NewTopic("ballast", PARTITIONS, 3)]).values():
        future.result(30)
    producer = Producer({"bootstrap.servers": lab.bootstrap(), "acks": "all"})
    for number in range(PARTITIONS * RECORDS):
        producer.produce("ballast", os.urandom(RECORD), partition=number % PARTITIONS)
        producer.poll(0)
    assert producer.flush(60) == 0


def under_way(lab: Lab) -> dict[Any, Any]:
    admin = KafkaAdminClient(bootstrap_servers=lab.bootstrap().split(","))
    try:
        found: dict[Any, Any] = admin.list_partition_reassignments()
    finally:
        admin.close()
    return found


def registered(lab: Lab) -> set[int]:
    """The brokers that the cluster knows; of KRaft's, also those that do not serve."""
    admin = KafkaAdminClient(bootstrap_servers=lab.bootstrap().split(","))
    try:
        return {one["broker_id"] for one in admin.describe_cluster()["brokers"]}
    finally:
        admin.close()


def held_back(lab: Lab) -> list[str]:
    """The settings of brokers and topics that hold replication back."""
    admin = AdminClient({"bootstrap.servers": lab.bootstrap()})
    topics = admin.list_topics(timeout=10).topics
    resources = [
        *(ConfigResource(ResourceType.BROKER, str(host.number)) for host in lab.of("kafka")),
        *(ConfigResource(ResourceType.TOPIC, name) for name in topics),
    ]
    return [
        f"{one.name}: {name}" for one in resources
        for future in admin.describe_configs([one]).values()  # takes one broker at a time
        for name, entry in future.result(30).items()
        if ".replication.throttled." in name and entry.value
    ]


def shares(lab: Lab) -> tuple[Counter[int], Counter[int]]:
    """Replicas and leaders by broker, as the cluster itself tells."""
    replicas, leaders = Counter[int](), Counter[int]()
    admin = AdminClient({"bootstrap.servers": lab.bootstrap()})
    for topic in admin.list_topics(timeout=10).topics.values():
        for part in topic.partitions.values():
            replicas.update(part.replicas)
            leaders[part.leader] += 1
            assert {*part.isrs} == {*part.replicas}, f"{topic.topic}-{part.id}"
    return replicas, leaders


def apart(counts: Counter[int], brokers: int = 4) -> int:
    found = [counts[one] for one in range(1, brokers + 1)]
    return max(found) - min(found)


def numbers(lab: Lab, topic: str, datacenter: str = "dc1") -> Counter[int]:
    """How often each number of a load is in its topic."""
    consumer = Consumer({
        "bootstrap.servers": lab.bootstrap(datacenter), "group.id": "nobody",
        "enable.auto.commit": False, "enable.partition.eof": True,
    })
    parts = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in parts])
    seen, ended = Counter[int](), set[int]()

    def read() -> bool:
        for message in consumer.consume(1000, 0.2):
            if message.error():
                ended.add(message.partition() or 0)
            else:
                seen[json.loads(message.value() or b"")["seq"]] += 1
        return len(ended) == len(parts)

    until(read, f"the ends of {topic}", 60)
    consumer.close()
    return seen


def killed_in_the_middle(lab: Lab, *words: str) -> None:
    """Begin, and end the program when a part of it has arrived."""
    process = lab.start(*words)
    with killed_at_last(process):
        assert process.stdout is not None
        for line in process.stdout:
            if re.search(r" partitions? moved, [1-9][\d.]*MB of ", line):
                break
        else:
            pytest.fail(f"it ended with {process.wait(10)} before anything was moved")
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL


def ended(load: subprocess.Popen[str]) -> int:
    """End the load; how many records it wrote, all of which were acknowledged."""
    os.killpg(load.pid, signal.SIGINT)
    out, err = load.communicate(timeout=60)
    found = re.search(r"^([\d,]+) records .*: ([\d,]+) acknowledged, 0 failed", out, re.MULTILINE)
    assert found, out + err
    assert found[1] == found[2]
    return int(found[1].replace(",", ""))


@pytest.mark.host
@pytest.mark.area("versions")
@pytest.mark.full("versions", sample=0)
@pytest.mark.parametrize("kind", KINDS)
def test_a_lab_grows_and_shrinks_under_load(make_lab: MakeLab, kind: str) -> None:
    lab = make_lab("scale", first=150, port_base=19000, datacenters=(KINDS[kind],))
    lab.fab("up")
    ballast(lab)
    load = lab.start("load", "--topic", "orders", "--rate", "100")
    with killed_at_last(load):
        lab.datacenters = ({**KINDS[kind], "kafka": 4},)
        lab.write()
        lab.fab("up")
        assert shares(lab)[0][4] == 0, "Kafka gives a new broker nothing of what is there"
        shown = lab.fab("kafka.balance", "--plan", expect=2).out
        assert re.search(r"\n +4 +ann-dc1-kafka04 +0 +0 +0B", shown), shown
        told = re.search(
            r"dc1: (\d+) replicas? to copy, .* \(at least (\d+) (?:have|has) to move\)", shown
        )
        assert told, shown
        copies = sum(shares(lab)[0].values()) // 4
        assert copies <= int(told[2]) <= int(told[1]) <= copies + 3
        assert not under_way(lab), "a plan moves nothing"

        killed_in_the_middle(lab, "kafka.balance", "--rate", "1")
        assert under_way(lab)
        assert held_back(lab)
        assert re.search(r"dc1: \d+ partitions? (?:is|are) under way; .* limits? of a run before",
                         lab.fab("kafka.balance", "--plan", expect=2).out)

        run = lab.fab("kafka.balance", "--rate", "50")
        assert re.search(r"^dc1: balanced in [\d.]+ s$", run.out, re.MULTILINE), run
        assert not under_way(lab)
        assert held_back(lab) == []
        replicas, leaders = shares(lab)
        assert (apart(replicas) <= 1, apart(leaders) <= 1) == (True, True), (replicas, leaders)
        assert lab.fab("kafka.balance", "--plan").out.splitlines()[-1] == "dc1: nothing to do"
        shrinks(lab, kind)
        count = ended(load)
    assert numbers(lab, "orders") == Counter(range(count)), "none lost, none twice"
    lab.fab("verify", "status")


def shrinks(lab: Lab, kind: str) -> None:
    """The fourth broker goes again, with runs that are killed while it is emptied, and between its
    stop and its end."""
    fourth = lab.of("kafka")[3]
    lab.datacenters = (KINDS[kind],)
    lab.write()
    had = shares(lab)[0][4]
    plan = lab.fab("plan", expect=2).out
    assert re.search(
        rf"^- host {fourth.name} \(kafka of dc1\) at {fourth.address}, \d+MB on its disk: broker 4 "
        rf"with {had} replicas? \(\d+MB\), which others get first$", plan, re.MULTILINE), plan
    assert f"before that in dc1: {had} replica" in plan
    assert "nobody here to ask" in lab.fab("up", expect=2).err
    assert shares(lab)[0][4] == had

    killed_in_the_middle(lab, "up", "--yes")
    assert under_way(lab)
    lab.kill_when(r" stop --time \d+ \S+ -> 0", "up", "--yes")
    assert f"{lab.name}.{fourth.name}" in lab.leftovers(), "it is stopped and not yet removed"
    assert 4 in registered(lab) or kind == "zookeeper"

    run = lab.fab("up", "--yes")
    assert f"removed host {fourth.name}" in run.out, run
    assert f"{lab.name}.{fourth.name}" not in lab.leftovers()
    assert not under_way(lab)
    assert held_back(lab) == []
    replicas, leaders = shares(lab)
    assert replicas.keys() == leaders.keys() == {1, 2, 3}
    assert (apart(replicas, 3) <= 1, apart(leaders, 3) <= 1) == (True, True), (replicas, leaders)
    assert fourth.name not in lab.inside(lab.of("kafka")[0], "cat /etc/hosts")
    assert registered(lab) == {1, 2, 3}
    assert lab.fab("plan").out.splitlines()[-1] == "plan: nothing to do"
