"""A client's settings: what each library reads, and no password where nobody asks for one."""

from __future__ import annotations

import json

import pytest

from lab.endpoint import Endpoint
from lab.versions import VERSIONS
from scripts.drivers.ready import KINDS, text, too_old

OPEN = Endpoint("127.0.0.1:1,127.0.0.1:2")
CLOSED = Endpoint("127.0.0.1:1", {
    "security.protocol": "SASL_SSL", "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.username": "kafkalab", "sasl.password": "the-labs-own", "ssl.ca.location": "/ca.pem",
})


@pytest.mark.parametrize("kind", KINDS)
def test_where_nobody_asks_the_file_has_a_name_and_no_password(kind: str) -> None:
    found = text(kind, OPEN, "app", "secret-1")
    assert "secret" not in found and "sasl" not in found
    assert "127.0.0.1:1,127.0.0.1:2" in found and "app" in found


@pytest.mark.parametrize("kind", KINDS)
def test_where_somebody_asks_it_has_the_users_and_nothing_of_the_labs(kind: str) -> None:
    found = text(kind, CLOSED, "app", "secret-1")
    assert "secret-1" in found and "SASL_SSL" in found and "/ca.pem" in found
    assert "labs-own" not in found and "kafkalab" not in found.replace("kafka.common", "")


def test_python_reads_json_and_kcat_lines() -> None:
    found = json.loads(text("python", CLOSED, "app", "secret-1"))
    assert found["sasl.username"] == found["client.id"] == "app"
    assert found["sasl.mechanism"] == "SCRAM-SHA-512"
    lines = dict(line.split("=", 1) for line in text("kcat", CLOSED, "app", "s").splitlines())
    assert lines == {**found, "sasl.password": "s"}


def test_java_reads_a_login_module() -> None:
    line = next(line for line in text("java", CLOSED, "app", "a=b:c").splitlines()
                if line.startswith("sasl.jaas.config="))
    assert line.endswith('ScramLoginModule required username="app" password="a=b:c";')


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_kcat_may_be_too_old_for_a_password_at_kafka_4(kind: str, version: str) -> None:
    said = too_old(kind, CLOSED, version)
    assert bool(said) is (kind == "kcat" and version.startswith("4."))
    assert not said or f"Kafka {version} " in said
    assert too_old(kind, OPEN, version) == ""
