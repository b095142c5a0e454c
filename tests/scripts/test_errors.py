"""What clients raise because of their surroundings is one line; a bug stays a bug."""

from __future__ import annotations

import http.client
import socket

import paramiko
import pytest
from confluent_kafka import KafkaError, KafkaException

from scripts.drivers.driver import Report
from scripts.errors import CommandError, LabError, foreign
from tests.fakes import FakeFleet, FakeHost

RAISED = (
    (KafkaException(KafkaError(KafkaError._TRANSPORT)), "Kafka: Local: Broker transport failure"),
    (KafkaException(KafkaError(KafkaError.NOT_CONTROLLER)), "Kafka: Broker: Not controller"),
    (paramiko.SSHException("No existing session"), "SSH: No existing session"),
    (http.client.RemoteDisconnected("gone"), "HTTP: gone"),
    (TimeoutError(), "network: TimeoutError"),
    (socket.gaierror(-2, "Name or service not known"), "network: [Errno -2] Name or service not"),
)


@pytest.mark.parametrize(("error", "line"), RAISED)
def test_a_client_that_fails_makes_a_line(error: Exception, line: str) -> None:
    told = foreign(error)
    assert told is not None and told.what.startswith(line) and "\n" not in str(told)
    assert told.__cause__ is error

    def work() -> str:
        raise error

    report = Report("dc1")
    assert not report.check("kafka", "topic", work)
    assert report.lines[0].seen == str(told)


@pytest.mark.parametrize("error", [KeyError("x"), FileNotFoundError("x"), AssertionError()])
def test_a_bug_stays_one(error: Exception) -> None:
    assert foreign(error) is None
    assert foreign(LabError("x")) is None

    def work() -> str:
        raise error

    with pytest.raises(type(error)):
        Report("dc1").check("kafka", "topic", work)


def test_of_many_hosts_a_client_that_fails_is_no_traceback() -> None:
    fleet = FakeFleet([FakeHost("a", {}), FakeHost("b", {})])

    def work(name: str) -> None:
        raise RAISED[0][0]

    with pytest.raises(LabError, match="Kafka: Local"):
        fleet.each(work, ["a", "b"])


def test_the_reason_that_a_script_names_is_the_line() -> None:
    said = "W: an error elsewhere\nreason: kafka.service ended: no disk\nfailed: wait\n"
    assert str(CommandError("change", 1, "", said)).endswith("with 1: kafka.service ended: no disk")
