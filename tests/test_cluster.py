"""Requests to a cluster that is not there."""

from __future__ import annotations

import socket

import pytest

from scripts import cluster
from scripts.cluster import forget_group


def test_a_group_whose_cluster_does_not_answer_is_let_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """`fab verify` of a lab that is down says what is down, and does not end in a traceback."""
    monkeypatch.setattr(cluster, "FORGET_SECONDS", 1.0)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        forget_group(f"127.0.0.1:{nobody.getsockname()[1]}", "group")
