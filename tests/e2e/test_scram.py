"""People who log in: who has the password is who they say and may what the file says, and nobody
else gets anything; brokers come there and back while somebody writes."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer

from lab.paths import AUTHORITY, CERTIFICATES
from lab.topology import SECURE_OFFSET
from lab.versions import VERSIONS
from scripts.clients import tls
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab
from tests.e2e.test_listeners import BROKERS, ONE, QUORUM, TOPIC, opened, plain, read, writing

pytestmark = [pytest.mark.host, pytest.mark.area("security")]

APP = {"name": "app", "acls": [f"write topic {TOPIC}", f"read topic {TOPIC}", "read group reader"]}
SOON = 10.0  # seconds; a client that is refused is told at once, and does not wait for its time-out


def made(make_lab: MakeLab, shape: Mapping[str, Any], listeners: object) -> Lab:
    lab = make_lab("scram", first=240, port_base=16000, datacenters=(dict(shape),),
                   topics=({"name": TOPIC, "partitions": 4}, {"name": "other"}),
                   sections={"kafka": {"min_insync_replicas": 1}}, tables={"users": [APP]})
    say(lab, listeners)
    lab.fab("up")
    return lab


def say(lab: Lab, listeners: object) -> None:
    lab.sections["security"] = {"listeners": listeners, "acls": listeners != "plaintext"}
    lab.write()


def client(lab: Lab, **other: Any) -> dict[str, Any]:
    """What `fab client` writes for the user, a file that nobody else may read."""
    path = Path(lab.fab("client", "app", "--for", "python").out.splitlines()[0])
    assert path.stat().st_mode & 0o777 == 0o600
    found: dict[str, Any] = json.loads(path.read_text())
    return {**found, "log_level": 0, **other}


def refused(settings: Mapping[str, Any], topic: str) -> int:
    """The code of the error with which a record is not taken. Nobody is let wait for it."""
    codes: list[int] = []
    producer = Producer({**settings, "error_cb": lambda error: codes.append(error.code())})
    producer.produce(topic, "x", on_delivery=lambda error, _: codes.append(error.code()))
    began = time.monotonic()
    while not codes:
        producer.poll(0.1)
        assert time.monotonic() - began < SOON
    producer.purge()
    return codes[0]


def hidden(lab: Lab, having: tuple[str, ...] = ()) -> None:
    """The password is in its file and in those of clients, and nowhere else. `having`: files of
    hosts that have it, which nobody else there may read."""
    secret = (lab.state / "users" / "app").read_text().strip()
    assert [path for path in lab.folder.rglob("*") if path.is_file()
            and secret.encode() in path.read_bytes()
            and path.parent.name not in ("users", "clients")] == []
    for host in lab.topology.hosts:
        assert secret not in lab.inside(host, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        script = "grep -rlF -f /dev/stdin /etc /var/log /data /root /home /tmp 2>/dev/null || true"
        found = lab.inside(host, f"{script} <<'END'\n{secret}\nEND\n")
        assert set(found.split()) <= set(having), (host.name, found)
        for path in found.split():
            assert lab.inside(host, f"stat -c %a {path}").strip() == "600"


def held(lab: Lab, mine: Mapping[str, Any]) -> None:
    """Who logs in, with `mine`, may what the file says; everybody else is refused, and told so at
    once."""
    told = lab.fab("security.check").out
    assert "app's password" in told and "attempts, 0 of them not as it should be" in told
    assert f"listened in on {4 * len(lab.of('kafka'))} listeners, 0 of them" in told
    assert "0 of them not as the lab file says" in told and "not proven" not in told
    assert refused(mine, "other") == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert refused({**mine, "sasl.password": "wrong-password"}, TOPIC) == KafkaError._AUTHENTICATION
    consumer = Consumer({**mine, "group.id": "not-mine"})
    consumer.subscribe([TOPIC])
    with pytest.raises(KafkaException) as caught:
        while (message := consumer.poll(SOON)) is not None:
            if message.error():
                raise KafkaException(message.error())
    consumer.close()
    assert caught.value.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED
    hidden(lab)


def fast(lab: Lab) -> None:
    """The cipher is the one that a JVM with its first compiler alone is good at."""
    folder = lab.state / CERTIFICATES
    trust = tls.trusting(str(folder / AUTHORITY), str(folder / "client.pem"))
    (host,) = lab.of("kafka")
    address = ("127.0.0.1", host.ssh_port + SECURE_OFFSET)
    with socket.create_connection(address, 10) as plain, \
            trust.wrap_socket(plain, server_hostname=address[0]) as closed:
        assert (closed.cipher() or ("",))[0] == "TLS_CHACHA20_POLY1305_SHA256"


def typed(lab: Lab) -> None:
    """Who logs in on a broker's host types what books have him type."""
    (host,) = lab.of("kafka")
    servers = f"{host.fqdn}:9192"
    for line in (f"kafka-topics.sh --bootstrap-server {servers} --list",
                 f"kcat -b {servers} -L -t {TOPIC}"):
        assert TOPIC in lab.inside(host, f"su - student -c 'timeout 30 {line}'")


def test_who_logs_in_may_what_the_file_says(make_lab: MakeLab) -> None:
    """At Kafka of today, which takes no SCRAM of an old librdkafka."""
    lab = made(make_lab, {**ONE, "version": VERSIONS[0]}, "scram")
    mine = client(lab)
    assert mine["security.protocol"] == "SASL_SSL"
    assert mine["bootstrap.servers"] == lab.fab("status", "--json").json["datacenters"][0][
        "kafka"]["bootstrap"]
    producer = Producer({**mine, "acks": "all"})
    for number in range(10):
        producer.produce(TOPIC, str(number))
    assert producer.flush(30) == 0
    assert sorted(read(mine, 10)) == [str(number) for number in range(10)]
    held(lab, mine)
    fast(lab)
    typed(lab)
    assert lab.fab("plan").out == "plan: nothing to do\n"


@pytest.mark.full("security", sample=0)
@pytest.mark.parametrize("shape", [BROKERS, QUORUM], ids=["zookeeper", "kraft"])
def test_people_come_to_log_in_and_back_and_no_write_fails(
    make_lab: MakeLab, shape: dict[str, Any]
) -> None:
    lab = made(make_lab, shape, "plaintext")
    with writing(plain(lab)) as load:
        say(lab, ["plaintext", "scram"])
        opened(lab, "mtls, scram", "mtls")
        load.turn(client(lab))
        say(lab, "scram")
        assert "1. brokers close plaintext" in lab.fab("plan", expect=2).out
        lab.fab("up")
        assert lab.fab("plan").out == "plan: nothing to do\n"
        assert "in order, nothing to do" in lab.fab("up").out
        held(lab, client(lab))
        say(lab, ["scram", "plaintext"])
        lab.fab("up")
        load.turn(plain(lab))
        say(lab, "plaintext")
        lab.fab("up")
    lab.fab("verify")
    seen = read(plain(lab), load.sent)
    assert len(seen) == load.sent, "nothing is lost, and nothing came twice"
