"""Two users of one lab, ports that were lost, somebody's own container: as a person meets them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.topology import Topology
from tests.e2e.lab_under_test import Lab
from tests.e2e.test_local_platform import lose_ports

pytestmark = [pytest.mark.host, pytest.mark.area("security")]

# A connection that cannot come about is given up earlier than a busy machine would want.
HASTY = """
from scripts.hosts import fleet
from scripts.platforms import sshd
fleet.CONNECT_TIMEOUT, fleet.BOOT_SECONDS, sshd.BANNER_S = 2, 0, 1
"""
IN_ORDER = "plan: nothing to do\n"
KEYS = "/etc/ssh/authorized_keys/student"


def test_a_second_user_joins_and_the_first_one_stays(lab: Lab, tmp_path: Path) -> None:
    second = {"XDG_STATE_HOME": str(tmp_path)}
    processes = lab.main_pids()
    run = lab.fab("plan", expect=2, **second)
    assert "~ 9 hosts (" in run.out and "add it beside those that are" in run.out, run
    run = lab.fab("status", expect=1, **second)
    assert [line for line in run.out.splitlines() if line.startswith("problem: dc1: ")] == [
        line for line in run.out.splitlines() if line.startswith("problem: dc1: 7 hosts (")
    ], run
    run = lab.fab("verify", expect=1, **second)
    assert len(run.lines) == 1 and run.lines[0].endswith("(run `fab up`)"), run
    assert "login key added on 9 hosts" in lab.fab("up", **second).out
    assert lab.fab("plan", **second).out == lab.fab("plan").out == IN_ORDER
    assert lab.main_pids() == processes


def test_a_key_that_hosts_no_longer_take_is_one_line_and_comes_back(lab: Lab) -> None:
    for host in lab.topology.hosts:
        lab.inside(host, f"sed -i 's/AAAA/BBBB/' {KEYS}")
    run = lab.fab("plan", expect=2)
    assert run.out.count("login key") == 1 and "~ 9 hosts (" in run.out, run
    run = lab.fab("zookeeper", "--datacenter", "dc2")  # each task that changes hosts mends its own
    assert "2 hosts (" not in run.out and "login key" in run.out, run
    assert "8 hosts (" in lab.fab("up").out
    assert lab.fab("plan").out == IN_ORDER


def test_ports_that_were_lost_are_told_and_published_again(lab: Lab) -> None:
    processes = lab.main_pids()
    lose_ports("10.30.")
    what = "ports no longer published on 127.0.0.1, though sshd answers inside"
    run = lab.fab("status", expect=1, before=HASTY)
    assert f"problem: dc2: 2 hosts (ann-dc2-zk01, ann-dc2-kafka01): {what} (`fab up`: " in run.out
    assert "no ZooKeeper runs" not in run.out, run
    run = lab.fab("plan", expect=2, before=HASTY)
    assert f"{what}: reconnect" in run.out and "9 to reach again" in run.out, run
    assert f"{what}: reconnect" in lab.fab("up", before=HASTY).out
    assert lab.main_pids() == processes
    assert lab.fab("plan").out == IN_ORDER
    lab.fab("verify")


@pytest.fixture
def guest(lab: Lab) -> Iterator[list[str]]:
    """A container of the lab's own image, as somebody runs it; the words that run in it."""
    engine, name = lab.engine, f"{lab.name}-guest"
    runtime = ("--runtime", engine.runtime) if engine.runtime else ()
    try:
        engine(
            "run", "--detach", "--name", name, "--label", "kafkalab.test=guest", *runtime,
            *engine.limits(), "--pull", "never", *shlex.split(lab.fab("container").out),
            f"localhost/kafkalab/lab:{lab.name}", "sleep", "1000",
        )
        yield ["exec", name, "timeout", "20"]
    finally:
        engine("rm", "--force", "--time", "0", name, check=False)


def test_a_container_of_ones_own_uses_the_internal_listener(
    lab: Lab, guest: list[str]
) -> None:
    topology: Topology = lab.topology
    one, other = (lab.of("kafka", name)[0] for name in ("dc1", "dc2"))
    engine = lab.engine
    text = engine(*guest, "kcat", "-b", f"{one.fqdn}:9092", "-L").stdout
    assert all(f"{host.fqdn}:9092" in text for host in topology.datacenter("dc1").by_role("kafka"))
    produce = [*guest, "kcat", "-b", f"{one.fqdn}:9092", "-t", "of-a-guest"]
    engine(guest[0], "--interactive", *produce[1:], "-P", stdin=b"hello")
    assert engine(*produce, "-C", "-e", "-q").stdout == "hello\n"
    closed = engine(
        *guest[:2], "timeout", "2", "bash", "-c", f"</dev/tcp/{other.fqdn}/9092", check=False
    )
    assert closed.returncode == 124, "dc2 is not linked with dc1"
    name = guest[1]
    said = lab.fab("--dry", "down").out
    assert f"would leave network kafkalab-{lab.name}: used by {name}, not the lab's" in said
    assert f"container {name}" not in said
