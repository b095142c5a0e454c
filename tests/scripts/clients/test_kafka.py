"""Requests to a cluster that is not there."""

from __future__ import annotations

import socket

import pytest

from lab.endpoint import Endpoint
from scripts.clients import kafka as cluster
from scripts.clients.kafka import client_settings, forget_group, spread_leaders
from scripts.errors import LabError


@pytest.mark.own_port
def test_a_group_whose_cluster_does_not_answer_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """`fab verify` of a lab that is down says what is down, and does not end in a traceback."""
    monkeypatch.setattr(cluster, "FORGET_SECONDS", 0.3)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        forget_group(Endpoint(f"127.0.0.1:{nobody.getsockname()[1]}"), "group")


@pytest.mark.own_port
def test_leaders_of_a_cluster_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ELECT_SECONDS", 0.3)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(LabError, match="dc1: leaders cannot be elected") as raised:
            spread_leaders(Endpoint(f"127.0.0.1:{nobody.getsockname()[1]}"), where="dc1")
    assert raised.value.hint == "see `fab status`"


def test_no_client_lets_a_broker_make_what_it_asks_for() -> None:
    """librdkafka's producers would, unless they are told so (its consumers would not)."""
    assert client_settings(Endpoint("h:1"))["allow.auto.create.topics"] is False
    assert client_settings(Endpoint("h:1"), acks="all")["allow.auto.create.topics"] is False
