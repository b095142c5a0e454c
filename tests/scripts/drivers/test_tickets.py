"""Tickets tried at brokers: what the control host is told, and what its answers mean."""

from __future__ import annotations

import re

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.topology import build
from scripts.drivers.driver import Site
from scripts.drivers.tickets import tickets_tried
from scripts.drivers.tries import Try
from scripts.errors import LabError
from tests.fakes import FakeFleet, FakeHost


def tries(answers: str, **more: object) -> tuple[list[Try], str]:
    """What came of them, and the script."""
    topology = build(parse({
        "owner": "a", "security": {"listeners": "kerberos"}, "users": [{"name": "app"}],
        "datacenters": [{"name": "d", "cidr": "10.1.0.0/24", "zookeeper": 1, "kafka": 2}], **more,
    }).lab)
    control = FakeHost("a-d-ctl01", {"try tickets": answers})
    site = Site(FakeFleet([control]), local_context(topology, {}), topology.datacenters[0])
    found = list(tickets_tried(site))
    return found, control.heard[0][1] if control.heard else ""


def test_each_broker_takes_the_users_ticket_and_none_for_anothers_keys() -> None:
    found, script = tries("answers\nanswers\nPreauthentication failed\n")
    assert [(one.host, one.listener, one.with_what, one.meant) for one in found] == [
        ("a-d-kafka01", "INTERNAL_KERBEROS", "app's keys", True),
        ("a-d-kafka02", "INTERNAL_KERBEROS", "app's keys", True),
        ("a-d-kafka01", "INTERNAL_KERBEROS", "another's keys", False),
    ]
    assert all(one.held for one in found)
    assert re.findall("^ask .*$", script, re.MULTILINE) == [
        "ask /etc/kafkalab/users/app.keytab a-d-kafka01.lab.internal:9392",
        "ask /etc/kafkalab/users/app.keytab a-d-kafka02.lab.internal:9392",
        'ask "$folder/another" a-d-kafka01.lab.internal:9392',
    ]


@pytest.mark.parametrize(("answers", "wrong"), [
    ("no ticket\nanswers\nfailed\n", ["app's keys"]),
    ("answers\nanswers\nanswers\n", ["another's keys"]),
])
def test_what_is_not_as_it_should_be_is_seen(answers: str, wrong: list[str]) -> None:
    found, _ = tries(answers)
    assert [one.with_what for one in found if not one.held] == wrong


def test_a_host_that_tries_only_some_is_no_proof() -> None:
    with pytest.raises(LabError, match="did not try all"):
        tries("answers\n")


def test_where_there_is_no_user_nobody_has_a_ticket() -> None:
    assert tries("", users=[]) == ([], "")
