"""What brokers are told of TLS: which cipher is first hangs on what their JVM is good at."""

from __future__ import annotations

from typing import Any

import pytest

from lab.file import parse
from lab.services.local import local_context
from lab.services.registry import desired_state
from lab.services.secured import CIPHERS
from lab.state import File, Key
from lab.topology import build

CHOSEN = "ssl.cipher.suites"


def told(listeners: str, **kafka: Any) -> dict[str, str]:
    """A broker's settings."""
    topology = build(parse({
        "owner": "ann", "security": {"listeners": listeners}, "kafka": kafka,
        "datacenters": [{"name": "dc1", "cidr": "10.1.0.0/24", "kafka": 1, "zookeeper": 1}],
    }).lab)
    (broker,) = topology.datacenters[0].by_role("kafka")
    file = desired_state(broker, local_context(topology, {}))[
        Key("file", "/etc/kafka/server.properties")]
    assert isinstance(file, File)
    return dict(line.split("=", 1) for line in file.text.splitlines() if "=" in line)


@pytest.mark.parametrize("listeners", ["tls", "mtls", "scram"])
def test_a_jvm_with_its_first_compiler_alone_chooses_what_that_is_good_at(listeners: str) -> None:
    chosen = told(listeners)[CHOSEN].split(",")
    assert chosen == list(CIPHERS)
    assert "CHACHA20" in chosen[0]
    # Each protocol has one of either kind, for clients that know the other one only.
    for protocol in ("TLS_ECDHE_ECDSA_WITH_", "TLS_"):
        kinds = [one.removeprefix(protocol).partition("_")[0] for one in chosen
                 if one.startswith(protocol) and ("ECDHE" in one) == ("ECDHE" in protocol)]
        assert kinds == ["CHACHA20", "AES", "AES"]


def test_elsewhere_java_chooses() -> None:
    assert CHOSEN not in told("plaintext")
    assert CHOSEN not in told("tls", jvm_options=["-XX:+UseG1GC"])
    assert told("tls", config={CHOSEN: "TLS_AES_256_GCM_SHA384"})[CHOSEN] == (
        "TLS_AES_256_GCM_SHA384")
