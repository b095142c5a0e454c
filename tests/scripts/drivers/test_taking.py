"""Brokers that wait in vain for a controller which is no more: known by their logs, restarted."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.migration.stages import Stage
from lab.migration.way import at, clean
from lab.services.local import local_context
from scripts.clients.kafka import View
from scripts.drivers import taking
from scripts.drivers.registry import driver
from scripts.drivers.taking import LOOK, stuck
from scripts.errors import LabError, TimeoutExpired
from tests.fakes import FakeFleet, FakeHost
from tests.lab.test_migration import BROKERS, DATACENTER, topology

# As Kafka 3.9.2 wrote it.
LINE = (
    "[2026-11-27 21:40:41,993] INFO [Partition orders-1 broker=2] Failed to alter partition to "
    "PendingExpandIsr(newInSyncReplicaId=3, sentLeaderAndIsr=LeaderAndIsr(leader=2, "
    "leaderEpoch=12, partitionEpoch=23), leaderRecoveryState=RECOVERED) since the controller "
    "rejected the request with OPERATION_NOT_ATTEMPTED. Partition state has been reset to the "
    "latest committed state (kafka.cluster.Partition)\n"
)
OTHER = "[2026-11-27 21:40:41,993] INFO [Broker id=2] Finished (state.change.logger)\n"
RESTART = "restart a broker that waits in vain"


@pytest.mark.parametrize(("log", "said"), [
    (LINE * 30, "stuck\n"), (OTHER + LINE, "stuck\n"), (OTHER, ""), (None, ""),
    (LINE + OTHER * 20, ""), (LINE.replace("OPERATION_NOT_ATTEMPTED", "FENCED"), ""),
])
def test_it_is_known_by_what_it_has_just_written(
    tmp_path: Path, log: str | None, said: str
) -> None:
    if log is not None:
        (tmp_path / "server.log").write_text(log)
    done = subprocess.run([str(shutil.which("bash")), "-s"], capture_output=True, text=True,
                          input=LOOK.replace("/var/log/kafka", str(tmp_path)), check=True)
    assert done.stdout == said


class Cluster:
    """Whole once the broker that waits in vain was restarted; `never`: not even then."""

    def __init__(self, host: FakeHost, *, whole: bool = False, never: bool = False) -> None:
        self.host, self.whole, self.never, self.waits = host, whole, never, list[float]()

    def wait_healthy(self, timeout: float = 180) -> View:
        self.waits.append(timeout)
        if self.whole or (RESTART in self.host.labels and not self.never):
            return View((1, 2, 3), 1, ())
        raise TimeoutExpired(f"still not healthy after {timeout:g} s", where="d")


def place(second: FakeHost, cluster: Cluster, *, moves: bool = True) -> Any:
    """Of a datacenter whose metadata moves, or has moved."""
    others = [FakeHost(name, {"waits in vain?": ""}) for name in BROKERS if name != second.name]
    shape = at(topology(), {"d": clean(DATACENTER, Stage.DUAL_WRITE)}) if moves else topology()
    return SimpleNamespace(
        name="d", fleet=FakeFleet([*others, second]), kafka=cluster,
        context=local_context(shape, {}), datacenter=shape.datacenter("d"),
        quorum=SimpleNamespace(hosts=(), wait=lambda: None),
        carriers=lambda name: (), seen=lambda view: view)


def waiting(said: str = "stuck\n") -> FakeHost:
    return FakeHost(BROKERS[1], {"waits in vain?": said, RESTART: ""})


def test_the_one_that_waits_is_restarted_and_no_other() -> None:
    host = waiting()
    cluster = Cluster(host)
    site = place(host, cluster)
    assert [one.name for one in stuck(site)] == [host.name]
    assert driver("kafka").settled(site).brokers == (1, 2, 3)
    assert host.labels == ["waits in vain?", "waits in vain?", RESTART]
    assert cluster.waits == [taking.STUCK_SECONDS, 180]
    assert "kafka.service" in host.heard[-1][1]


def test_nobody_is_asked_where_all_is_whole_or_nothing_moves() -> None:
    host = waiting()
    driver("kafka").settled(place(host, Cluster(host, whole=True)))
    cluster = Cluster(host)
    with pytest.raises(TimeoutExpired):
        driver("kafka").settled(place(host, cluster, moves=False))
    assert (host.labels, cluster.waits) == ([], [180])


@pytest.mark.parametrize("said", ["", "stuck\n"])
def test_what_is_short_of_replicas_for_another_reason_is_told_as_ever(said: str) -> None:
    host = waiting(said)
    with pytest.raises(LabError, match="still not healthy after 180 s"):
        driver("kafka").settled(place(host, Cluster(host, never=True)))
    assert (RESTART in host.labels) is bool(said)
