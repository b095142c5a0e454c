"""A changed setting is rolled through the brokers, and a run that is killed is completed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from lab.topology import Host
from tests.e2e.lab_under_test import Lab, answers, killed_at_last, until

pytestmark = pytest.mark.host

SETTING = "log.cleaner.backoff.ms"  # changes nothing that another test sees


class Writer:
    """Writes to a topic without a pause; knows what was acknowledged and what was not."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        from confluent_kafka import Producer
        from confluent_kafka.admin import AdminClient, NewTopic

        self.topic, self.bootstrap = topic, bootstrap
        new = NewTopic(topic, num_partitions=6, replication_factor=3)
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for future in admin.create_topics([new]).values():
            future.result(30)
        self.acknowledged: set[str] = set()
        self.failed: list[str] = []
        self._producer = Producer({
            "bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True,
            "linger.ms": 2,
        })
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writer:
        self._thread.start()
        until(lambda: self.acknowledged, "a first acknowledged record", 30)
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        assert self._producer.flush(60) == 0, "records that nobody answered for"

    def _write(self) -> None:
        number = 0
        while not self._end.is_set():
            value = f"record {number}"
            self._producer.produce(self.topic, value, on_delivery=self._delivered)
            self._producer.poll(0.005)
            number += 1

    def _delivered(self, error: Any, message: Any) -> None:
        if error is None:
            self.acknowledged.add(message.value().decode())
        else:
            self.failed.append(str(error))

    def read_back(self) -> list[str]:
        """Every record of the topic, from the start of each partition to its end."""
        from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

        consumer = Consumer({
            "bootstrap.servers": self.bootstrap, "group.id": "nobody", "enable.auto.commit": False,
            "enable.partition.eof": True,
        })
        parts = [TopicPartition(self.topic, n, OFFSET_BEGINNING) for n in range(6)]
        consumer.assign(parts)
        seen: list[str] = []
        ended: set[int] = set()
        deadline = time.monotonic() + 60
        while len(ended) < len(parts) and time.monotonic() < deadline:
            for message in consumer.consume(1000, 0.2):
                if message.error():
                    ended.add(message.partition())
                else:
                    seen.append(message.value().decode())
        consumer.close()
        assert len(ended) == len(parts), f"only the ends of {ended} were reached"
        return seen


@contextmanager
def most_down_at_once(brokers: tuple[Host, ...]) -> Iterator[list[int]]:
    """Looks at the EXTERNAL listeners all the time; the list's one number is the most down."""
    worst, end = [0], threading.Event()

    def look() -> None:
        while not end.wait(0.02):
            down = sum(not answers(host.external_port or 0) for host in brokers)
            worst[0] = max(worst[0], down)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield worst
    finally:
        end.set()
        thread.join()


def restarts(log: str) -> list[tuple[str, datetime, datetime]]:
    """(host, begin, end) of each rolling restart that a run's log tells of."""
    found = []
    for line in log.splitlines():
        match = re.fullmatch(r"([\d:.]+) (\S+): restart kafka -> 0, ([\d.]+) s", line)
        if match:
            end = datetime.strptime(match[1], "%H:%M:%S.%f")
            found.append((match[2], end - timedelta(seconds=float(match[3])), end))
    return found


def test_plan_shows_a_changed_setting_and_changes_nothing(lab: Lab) -> None:
    lab.settings[SETTING] = 15001
    lab.write()
    before = lab.main_pids()
    run = lab.fab("plan", expect=2)
    brokers = "ann-dc1-kafka01, ann-dc1-kafka02, ann-dc1-kafka03, ann-dc2-kafka01"
    assert f"~ 4 hosts: {brokers}\n" in run.out
    assert "--- /etc/kafka/server.properties (on the host)" in run.out
    assert "+++ /etc/kafka/server.properties (wanted)" in run.out
    assert run.out.count(f"+{SETTING}=15001") == 1, "what is equal stands once"
    order = run.out.partition("restarts, one at a time, in this order:\n")[2].splitlines()
    assert [line.split()[0] for line in order if "(controller)" in line] == [
        order[2].split()[0], "ann-dc2-kafka01",
    ]
    assert "plan: 0 hosts to create, 4 to change, 4 restarts" in run.out
    assert lab.fab("plan", expect=2).out == run.out
    assert lab.main_pids() == before
    assert SETTING not in lab.inside(lab.of("kafka")[0], "cat /etc/kafka/server.properties")


def test_a_changed_setting_is_rolled_without_a_failed_write(lab: Lab) -> None:
    lab.settings[SETTING] = 15002
    lab.write()
    before = lab.main_pids()
    announced = [line.split()[0] for line in lab.fab("plan", expect=2).out.splitlines()
                 if line.startswith("  ann-dc1-kafka")]
    with (
        Writer(lab.bootstrap(), "rolled") as writer,
        most_down_at_once(lab.of("kafka")) as most_down,
    ):
        run = lab.fab("up")
        log = lab.log()
        total = len(writer.acknowledged)
        until(lambda: len(writer.acknowledged) > total, "writing goes on after the roll")
    assert writer.failed == []
    assert most_down == [1]
    seen = writer.read_back()
    assert set(seen) >= writer.acknowledged
    assert len(seen) == len(set(seen)), "an idempotent producer's record is there twice"
    assert "4 services restarted one at a time" in run.out
    mine = [entry for entry in restarts(log) if "-dc1-" in entry[0]]
    assert [name for name, _, _ in mine] == announced, "in the order that the plan showed"
    assert all(one[2] <= next_[1] for one, next_ in pairwise(mine))
    changed = {name for name, pid in lab.main_pids().items() if pid != before[name]}
    assert changed == {host.name for host in lab.of("kafka")}
    for host in lab.of("kafka"):
        assert f"{SETTING}=15002" in lab.inside(host, "cat /etc/kafka/server.properties")
    assert lab.fab("plan").out == "plan: nothing to do\n"


def test_zookeepers_leader_is_restarted_last(lab: Lab) -> None:
    leader = lab.fab("status", "--json").json["datacenters"][0]["zookeeper"]["leader"]
    lab.sections["zookeeper"] = {"sync_limit": 6}
    lab.write()
    lab.fab("up", "--datacenter", "dc1")
    order = re.findall(r"(\S+): restart zookeeper -> 0", lab.log())
    assert len(order) == 3
    assert order[-1] == leader
    assert "restart kafka" not in lab.log()
    lab.fab("zookeeper")
    assert re.findall(r"(\S+): restart zookeeper -> 0", lab.log()) == ["ann-dc2-zk01"]
    assert lab.fab("plan").out == "plan: nothing to do\n"


def test_a_run_killed_anywhere_is_completed_by_the_next(lab: Lab) -> None:
    """Killed while it connects, when it has read, while a broker restarts, and between two of them.
    """
    lab.settings[SETTING] = 15003
    lab.write()
    before = lab.main_pids()
    lab.kill_when(r"kafka\d+: connect -> 0", "up")
    lab.kill_when(r"dc1-kafka\d+: read -> 0", "up")
    written = f"grep -l {SETTING}=15003 /etc/kafka/server.properties || :"
    process = lab.start("up")
    with killed_at_last(process):
        until(lambda: any(lab.inside(host, written) for host in lab.of("kafka")), "a new file")
    # It may be on a host alone that the restart goes on. Who has not had a turn has its old file.
    assert sum(bool(lab.inside(host, written)) for host in lab.of("kafka")) == 1
    assert "restart kafka.service" in lab.fab("plan", expect=2).out
    lab.kill_when(r"dc1-kafka\d+: restart kafka -> 0", "up")
    done = [name for name, _, _ in restarts(lab.log()) if "-dc1-" in name]
    between = lab.main_pids()
    lab.fab("up")
    after = lab.main_pids()
    assert {name for name in after if after[name] != before[name]} == {
        host.name for host in lab.of("kafka")
    }
    assert all(after[name] == between[name] for name in done), "restarted twice"
    assert lab.fab("plan").out == "plan: nothing to do\n"
    lab.fab("verify")
