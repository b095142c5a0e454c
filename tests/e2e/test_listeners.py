"""Brokers that come to TLS and back: nobody who writes meanwhile notices, and no key is shown."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from lab.paths import AUTHORITY, CERTIFICATES
from lab.topology import SECURE_OFFSET
from scripts.clients import tls
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, until

pytestmark = [pytest.mark.host, pytest.mark.area("security")]

TOPIC = "kept"
BROKERS = {"control": 0, "zookeeper": 1, "kafka": 2}
ONE = {"control": 0, "metadata": "kraft", "combined": 1, "kafka": 1}
QUORUM = {"control": 0, "metadata": "kraft", "combined": 1, "kafka": 2}


def say(lab: Lab, listeners: object) -> None:
    lab.sections["security"] = {"listeners": listeners}
    lab.write()


def plain(lab: Lab) -> dict[str, Any]:
    return {"bootstrap.servers": lab.bootstrap()}


def closed(lab: Lab) -> dict[str, Any]:
    """The settings of a client that the lab's file and its certificate are told to."""
    servers = ",".join(f"127.0.0.1:{host.ssh_port + SECURE_OFFSET}" for host in lab.of("kafka"))
    return {"bootstrap.servers": servers, "security.protocol": "SSL",
            "ssl.ca.location": str(lab.state / CERTIFICATES / AUTHORITY)}


class Writing:
    """Records at a pace, by a producer that can be exchanged; what became of each."""

    def __init__(self, topic: str) -> None:
        self.topic, self.sent = topic, 0
        self.acknowledged: set[str] = set()
        self.failed: list[str] = []
        self._producer: Any = None
        self._next: Mapping[str, Any] | None = None
        self._over = threading.Event()
        self._turned = threading.Event()

    def turn(self, settings: Mapping[str, Any]) -> None:
        """Go on as another client; returns when the former one has lost nothing."""
        self._turned.clear()
        self._next = settings
        assert self._turned.wait(60)

    def run(self) -> None:
        while not self._over.is_set():
            if self._next is not None:
                if self._producer is not None:
                    self._producer.flush(60)
                self._producer = Producer({
                    **self._next, "acks": "all", "enable.idempotence": True, "linger.ms": 5,
                    "log_level": 0,
                })
                self._next = None
                self._turned.set()
            self._producer.produce(self.topic, str(self.sent), on_delivery=self._delivered)
            self.sent += 1
            self._producer.poll(0)
            self._over.wait(0.002)
        self._producer.flush(60)

    def _delivered(self, error: Any, message: Any) -> None:
        if error is None:
            self.acknowledged.add(message.value().decode())
        else:
            self.failed.append(str(error))

    def end(self) -> None:
        self._over.set()


@contextmanager
def writing(settings: Mapping[str, Any], topic: str = TOPIC) -> Iterator[Writing]:
    load = Writing(topic)
    load._next = settings
    thread = threading.Thread(target=load.run)
    thread.start()
    try:
        until(lambda: len(load.acknowledged) > 100, "100 records are acknowledged")
        yield load
    finally:
        load.end()
        thread.join(120)
    assert load.failed == [] and len(load.acknowledged) == load.sent


def killed_on_the_way(lab: Lab) -> None:
    """`fab up`, killed after a broker, after one of dc1 and after a worker of Connect; the next one
    completes it."""
    for point in (r"kafka\d+: restart kafka -> 0", r"dc1-kafka\d+: restart kafka -> 0",
                  r"restart connect -> 0"):
        lab.kill_when(point, "up")
    lab.fab("up")
    assert lab.fab("plan").out.endswith("plan: nothing to do\n")


def read(settings: Mapping[str, Any], count: int, topic: str = TOPIC) -> list[str]:
    consumer = Consumer({**settings, "group.id": "reader", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    seen: list[str] = []
    until(lambda: seen.extend(
        one.value().decode() for one in consumer.consume(10000, 1.0) if not one.error()
    ) or len(seen) >= count, f"{count} records are read")
    consumer.close()
    return seen


def hidden(lab: Lab) -> None:
    """No line of a private key is in what a run leaves behind, or on a command line."""
    keys = [line for path in (lab.state / CERTIFICATES).iterdir()
            for line in re.findall("BEGIN PRIVATE KEY-----\n(.*)\n", path.read_text())]
    assert len(keys) == len(lab.of("kafka")) + 2
    texts = [path.read_text() for path in lab.logs()]
    for host in lab.of("kafka"):
        texts.append(lab.inside(host, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"))
        texts.append(lab.inside(host, "journalctl --no-pager; cat /var/log/kafka/server.log"))
        assert "600 kafka" in lab.inside(host, "stat -c '%a %U' /etc/kafka/broker.pem")
    assert not [key for key in keys for text in texts if key in text]


def test_a_broker_comes_to_tls_and_no_write_fails(make_lab: MakeLab) -> None:
    there(made(make_lab, ONE))


@pytest.mark.full("security", sample=0)
@pytest.mark.parametrize("shape", [BROKERS, QUORUM], ids=["zookeeper", "kraft"])
def test_brokers_come_to_tls_and_back_and_no_write_fails(
    make_lab: MakeLab, shape: dict[str, Any]
) -> None:
    lab = made(make_lab, shape)
    count = there(lab)
    lab.fab("security.rotate")
    hidden(lab)
    assert re.search(r"kafka +listeners +ok ", lab.fab("verify").out)
    with writing(closed(lab)) as load:
        say(lab, ["tls", "plaintext"])
        lab.fab("up")
        load.turn(plain(lab))
        say(lab, "plaintext")
        lab.fab("up")
    lab.fab("verify")
    assert lab.fab("plan").out == "plan: nothing to do\n"
    seen = read(plain(lab), count + load.sent)
    assert len(seen) == count + load.sent, "nothing is lost, and nothing came twice"


@pytest.mark.full("security", sample=0)
def test_who_shows_no_certificate_of_the_labs_gets_nothing(make_lab: MakeLab) -> None:
    """All that is the lab's own has one: workers and their mirror, the registry, the exporter."""
    lab = make_lab(
        "mutual", first=238, port_base=16400, links=[("dc1", "dc2")],
        datacenters=({**ONE, "control": 1}, {**ONE, "control": 1}),
        mirrors=({"from": "dc1", "to": "dc2"},),
        sections={"security": {"listeners": "mtls"}, "registry": {"at": "dc2"},
                  "monitoring": {"enabled": True}},
    )
    lab.fab("up")
    lab.fab("verify")
    assert "0 of them not as it should be" in lab.fab("security.check").out
    assert lab.fab("plan").out == "plan: nothing to do\n"
    (host,) = lab.of("kafka")
    folder = lab.state / CERTIFICATES
    address = ("127.0.0.1", host.ssh_port + SECURE_OFFSET)
    authority, key = str(folder / AUTHORITY), str(folder / "client.pem")
    assert tls.refusal(address, tls.trusting(authority, key)) == ""
    assert "certificate required" in tls.refusal(address, tls.trusting(authority))


def overheard(lab: Lab) -> dict[str, str]:
    """What a record is to who listens in, by listener; the same at each broker."""
    said = lab.fab("security.check").out
    assert "attempts, 0 of them not as it should be" in said
    found = re.findall(r"^ +dc1 +(\S+) +([A-Z_]+) +((?:not )?readable) +as it should be *$", said,
                       re.MULTILINE)
    assert {host for host, _, _ in found} == {host.name for host in lab.of("kafka")}
    assert f"listened in on {len(found)} listeners, 0 of them not as it should be\n" in said
    hosts = [{listener: seen for host, listener, seen in found if host == name}
             for name in sorted({host for host, _, _ in found})]
    assert all(one == hosts[0] for one in hosts)
    return hosts[0]


def made(make_lab: MakeLab, shape: dict[str, Any]) -> Lab:
    """A lab whose listeners are open."""
    lab = make_lab("listeners", first=236, port_base=16400, datacenters=(shape,),
                   topics=({"name": TOPIC, "partitions": 4},),
                   sections={"kafka": {"min_insync_replicas": 1}})
    lab.fab("up")
    return lab


def opened(lab: Lab, kinds: str, to: str) -> None:
    """What the lab file says now is opened beside plaintext: in two steps, as the plan says."""
    plan = lab.fab("plan", expect=2).out
    assert f"1. brokers open {kinds} beside plaintext" in plan
    assert f"2. brokers and the lab's own clients go over to {to}" in plan
    run = lab.fab("up")
    assert f"{2 * len(lab.of('kafka'))} services restarted one at a time" in run.out


def there(lab: Lab) -> int:
    """It comes to TLS while somebody writes; how many records that were."""
    with writing(plain(lab)) as load:
        say(lab, ["plaintext", "tls"])
        opened(lab, "tls", "tls")
        load.turn(closed(lab))
        assert overheard(lab) == {
            "EXTERNAL": "readable", "INTERNAL": "readable",
            "EXTERNAL_TLS": "not readable", "INTERNAL_TLS": "not readable"}
        say(lab, "tls")
        assert "1. brokers close plaintext" in lab.fab("plan", expect=2).out
        lab.fab("up")
        assert lab.fab("plan").out == "plan: nothing to do\n"
        assert "in order, nothing to do" in lab.fab("up").out
        assert overheard(lab) == {
            "EXTERNAL_TLS": "not readable", "INTERNAL_TLS": "not readable"}
    for host in lab.of("kafka"):
        assert tls.refusal(("127.0.0.1", host.external_port or 0)) != ""
    return load.sent
