"""What brokers have run, from their logs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.learning.facts import Lived, Start
from scripts.learning import live, lived as module
from tests.fakes import FakeFleet, FakeHost
from tests.scripts.learning.fakes import topology

LINE = "[{}] INFO Kafka version: {} (org.apache.kafka.common.utils.AppInfoParser)\n"
OTHER = "[1970-01-01 00:00:09,000] INFO [KafkaServer id=1] started (kafka.server.KafkaServer)\n"


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeHost:
    """One whose broker runs, with its files in a folder."""
    monkeypatch.setattr(module, "LOGS", str(tmp_path))
    monkeypatch.setattr(module, "CONFIG", str(tmp_path / "server.properties"))
    (tmp_path / "server.properties").write_text("broker.id=1\n")

    def run(text: str) -> str:
        done = subprocess.run(
            ["bash", "-c", f"systemctl() {{ [ -e '{tmp_path}/server.log' ]; }}\n{text}"],
            capture_output=True, text=True, check=False, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"})
        assert not done.stderr
        return done.stdout

    return FakeHost("ann-dc1-kafka01", {"what it has run": run})


def seen(*hosts: FakeHost) -> dict[int, Lived]:
    site: Any = SimpleNamespace(fleet=FakeFleet(hosts), datacenter=topology().datacenters[0])
    one: Any = object.__new__(live.Live)
    one.site, one._cluster, one._extents, one._logs = site, None, {}, {}
    return dict(live.facts({"dc1": one}, "dc1", {}).releases())


def test_each_start_has_its_time_and_version_also_of_a_log_before(
    host: FakeHost, tmp_path: Path
) -> None:
    (tmp_path / "server.log.1").write_text(LINE.format("1970-01-01 00:00:01,250", "3.8.1") + OTHER)
    (tmp_path / "server.log").write_text(
        OTHER + LINE.format("1970-01-02 00:00:00,007", "3.9.2") + "INFO Kafka version: 9.9.9\n")
    starts = (Start(1_250, "3.8.1"), Start(86_400_007, "3.9.2"))
    assert seen(host) == {1: Lived(starts, "3.9")}, "that of its release where nothing else is said"
    (tmp_path / "server.properties").write_text("a=b\ninter.broker.protocol.version=3.8\n")
    assert seen(host) == {1: Lived(starts, "3.8")}


def test_a_broker_that_does_not_run_or_never_came_up_tells_nothing(
    host: FakeHost, tmp_path: Path
) -> None:
    assert seen(host) == {}
    (tmp_path / "server.log").write_text(OTHER)
    assert seen(host) == {}
