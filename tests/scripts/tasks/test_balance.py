"""What `fab kafka.balance` prints and ends with, of a cluster in memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from lab.endpoint import Endpoint
from scripts.clients import brokers
from scripts.clients.reassigning import REPLICAS
from scripts.drivers import balancing as driver
from scripts.errors import LabError, UsageError
from scripts.tasks import balance as module
from tests.fake_cluster import FakeCluster
from tests.scripts.drivers.test_balancing import Never, grown

SESSION: Any = SimpleNamespace(say=print)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    made = grown()
    hosts = [SimpleNamespace(number=n, name=f"ann-dc1-kafka0{n}") for n in (1, 2, 3, 4)]
    site = SimpleNamespace(
        name="dc1", kafka=SimpleNamespace(endpoint=Endpoint("h:1"), expected=(1, 2, 3, 4)),
        leaving={},
        datacenter=SimpleNamespace(by_role=lambda role: hosts if role == "kafka" else ()),
    )

    @contextmanager
    def opened(session: Any, datacenter: Any) -> Iterator[Any]:
        assert session is SESSION
        yield {"dc1": site}, {host.name for host in hosts}

    @contextmanager
    def stoppable() -> Iterator[Any]:
        yield Never()

    monkeypatch.setattr(module, "sites_of", opened)
    monkeypatch.setattr("scripts.workstation.stopping.stoppable", stoppable)
    monkeypatch.setattr(brokers, "python_admin", made.admin)
    monkeypatch.setattr(driver, "spread_leaders", made.elect)
    monkeypatch.setattr(driver, "LOOK_SECONDS", 0)
    return made


def run(**options: Any) -> int:
    status: int = module.balance.body.__wrapped__(SESSION, **options)
    return status


def test_a_plan_shows_what_would_move_and_moves_nothing(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dict(cluster.parts)
    assert run(plan=True) == 2
    assert module._planned(SESSION) == 2
    out = capsys.readouterr().out
    assert re.search(r"dc1 now *\n(.*\n){3} +1 +ann-dc1-kafka01 +8 +4 +8.0kB *\n", out), out
    assert re.search(r"\n +4 +ann-dc1-kafka04 +0 +0 +0B *\n", out)
    assert re.search(r"dc1 balanced *\n(.*\n){6} +4 +ann-dc1-kafka04 +6 +3 +6.0kB *\n", out), out
    assert re.search(r"moves in dc1 *\n(.*\n){3} +a +\d +\d,\d +\d,\d +to 4 +1.0kB *\n", out)
    assert "\ndc1: 6 replicas to copy, 6.0kB (at least 6 have to move); " in out
    assert cluster.parts == before
    assert not {"alter_configs", "alter_partition_reassignments"} & {*cluster.requests}


def test_it_is_carried_out_and_then_there_is_nothing_to_do(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(rate=3) == 0
    out = capsys.readouterr().out
    assert re.search(r"dc1: balanced in \d+.\d s\n$", out), out
    assert re.search(r"6 of 6 partitions moved, 6.0kB of 6.0kB\n", out)
    assert re.search(r"dc1 now *\n(.*\n){6} +4 +ann-dc1-kafka04 +6 +3 +6.0kB *\n", out), out
    assert cluster.highest_rates == {"3000000"}
    assert run(plan=True) == 0
    out = capsys.readouterr().out
    assert out.endswith("dc1: nothing to do\n")
    assert "moves" not in out


def test_what_another_run_left_is_told(
    cluster: FakeCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    run()
    cluster.settings["topic", "a"] = {REPLICAS[0]: "1:1"}
    capsys.readouterr()
    assert run(plan=True) == 2
    assert capsys.readouterr().out.endswith("dc1: 1 limit of a run before to remove\n")


def test_errors_are_no_plans(cluster: FakeCluster) -> None:
    with pytest.raises(UsageError, match="--rate 0"):
        run(rate=0)
    del cluster.racks[2]
    with pytest.raises(LabError, match="broker 2 not registered"):
        run(plan=True)
