"""Runs against each other and against the machine: locks, ports, kills, labs side by side."""

from __future__ import annotations

import os
import re
import signal
import socket

import pytest

from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab, answers, killed_at_last, until

pytestmark = pytest.mark.host

SMALL = ({"control": 0, "zookeeper": 1, "kafka": 1},)


def test_a_second_run_says_who_holds_the_lab(lab: Lab) -> None:
    before = set(lab.logs())
    first = lab.start("up")
    with killed_at_last(first):
        until(lambda: set(lab.logs()) - before and "connect" in lab.log(), "a run under way",
              pause=0.005)
        os.killpg(first.pid, signal.SIGSTOP)
        second = lab.fab("up", expect=1)
        assert len(second.lines) == 1, second
        assert re.fullmatch(
            rf"error: another run holds the lab: `fab up` of \w+ on \S+, process {first.pid}, "
            r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(wait for it to end\)",
            second.lines[0],
        ), second
        assert lab.fab("verify", expect=1).lines == second.lines
        # Who only looks need not wait.
        assert lab.fab("plan").out == "plan: nothing to do\n"
        assert lab.fab("status", "--json").json["healthy"]
        os.killpg(first.pid, signal.SIGCONT)
        assert first.wait(60) == 0
    lab.fab("up")


def test_a_run_that_is_stopped_by_hand_says_so(lab: Lab) -> None:
    before = set(lab.logs())
    process = lab.start("verify")
    with killed_at_last(process):
        until(lambda: set(lab.logs()) - before and "connect" in lab.log(), "a run under way",
              pause=0.005)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines() == ["stopped by hand; the next `fab up` completes what was begun"]
    lab.fab("verify")


def test_a_port_that_is_taken_is_named_before_anything_is_made(make_lab: MakeLab) -> None:
    lab = make_lab("busy", first=20, port_base=30200, datacenters=SMALL)
    broker = lab.of("kafka")[0]
    for port, whose in (
        (broker.ssh_port, f"SSH of {broker.name}"),
        (broker.external_port, f"broker {broker.name}"),
    ):
        with socket.create_server(("127.0.0.1", port or 0)):
            run = lab.fab("up", expect=1)
        assert len(run.lines) == 1, run
        assert f"port {port} of 127.0.0.1 ({whose}) is taken" in run.lines[0]
        assert "port_base" in run.lines[0]
        assert lab.leftovers() == []


def test_networks_that_overlap_are_named_before_anything_is_made(
    make_lab: MakeLab, lab: Lab
) -> None:
    other = make_lab("overlap", first=0, port_base=30300, datacenters=SMALL)
    run = other.fab("up", expect=1)
    assert len(run.lines) == 1, run
    assert f"the lab {lab.name} with " in run.lines[0], run
    assert f"has the network {lab.topology.network}" in run.lines[0], run
    assert other.leftovers() == []


@pytest.mark.full("kills", sample=1)
@pytest.mark.parametrize("point", [" build .* -> 0", " network create .* -> 0", " run .* -> 0"])
def test_down_removes_what_a_killed_up_left(make_lab: MakeLab, point: str) -> None:
    lab = make_lab("cut", first=22, port_base=30400, datacenters=SMALL)
    lab.kill_when(point, "up")
    assert lab.leftovers() != []
    lab.fab("down")
    assert lab.leftovers() == []


def test_a_killed_creation_is_completed_beside_another_lab(make_lab: MakeLab, lab: Lab) -> None:
    """Two labs on one machine: one comes, is killed, comes again and goes; the other is as ever."""
    before = {name: lab.main_pids(name) for name in ("dc1", "dc2")}
    beside = make_lab("beside", first=24, port_base=30700, datacenters=SMALL)
    beside.kill_when(r" run .*beside.* -> 0", "up")
    beside.fab("up")
    beside.fab("verify")
    assert beside.fab("plan").out == "plan: nothing to do\n"
    assert beside.fab("up").out.startswith("2 hosts in order, nothing to do")
    a_lab_that_grows_and_shrinks_loses_nothing(beside)
    beside.fab("down")
    assert beside.leftovers() == []
    assert lab.fab("status", "--json").json["healthy"]
    assert {name: lab.main_pids(name) for name in ("dc1", "dc2")} == before


def a_lab_that_grows_and_shrinks_loses_nothing(lab: Lab) -> None:
    """A broker that is taken out of the file is removed, once somebody agrees and the other one has
    what it had. Until then it is left alone with its data."""
    server = lab.main_pid(lab.of("zookeeper")[0])
    lab.datacenters = ({"control": 0, "zookeeper": 1, "kafka": 2},)
    lab.write()
    added = lab.of("kafka")[1]
    assert f"+ host {added.name} (kafka) at {added.address}" in lab.fab("plan", expect=2).out
    assert "1 host created or started" in lab.fab("up", LAB_PREBUILT="0").out
    # The new host is not of the image that has the distribution, and the old ones need none.
    assert lab.log().count("fetch and unpack the archive -> 0") == 1
    assert f"{added.name}: fetch and unpack the archive -> 0" in lab.log()
    lab.fab("kafka.balance")
    process = lab.main_pid(added)
    lab.datacenters = SMALL
    lab.write()
    plan = lab.fab("plan", expect=2).out
    assert f"- host {added.name} (kafka of dc1) at {added.address}, " in plan
    asks = f"nobody here to ask whether {added.name} with all its data may be removed (say so with "
    assert asks in lab.fab("up", expect=2).err
    assert lab.main_pid(added) == process
    assert f"removed host {added.name}" in lab.fab("up", "--yes").out
    assert not any(added.name in one for one in lab.leftovers()) and not answers(added.ssh_port)
    lab.fab("verify")
    assert lab.fab("plan").out == "plan: nothing to do\n"
    assert lab.main_pid(lab.of("zookeeper")[0]) == server


def test_down_of_what_is_not_there_is_no_error(make_lab: MakeLab) -> None:
    lab = make_lab("none", first=26, port_base=30600,
                   datacenters=({"control": 0, "zookeeper": 2, "kafka": 1},))
    nothing = f"nothing of {lab.name} is left on this machine"
    assert lab.fab("down").out.splitlines()[1:] == [nothing]  # after the warning of the file
    for task in ("hosts", "zookeeper", "kafka", "verify"):
        run = lab.fab(task, expect=1)
        assert run.lines == ["error: ann-dc1-zk01: does not exist (run `fab up`)"] or (
            task == "kafka"
            and run.lines == ["error: ann-dc1-kafka01: does not exist (run `fab up`)"]
        ), run
    assert not lab.fab("status", "--json", expect=1).json["healthy"]
    plan = lab.fab("plan", expect=2).out
    assert "+ host ann-dc1-zk01 (zookeeper) at 10.30.26.21" in plan
    assert plan.startswith(f"warning: {lab.file}: datacenters[1].zookeeper = 2: an even ensemble")
    assert lab.leftovers() == []
