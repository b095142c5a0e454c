"""Drills on a real lab: each fails something, scores it, and leaves the lab healthy."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.clients import Client
from tests.e2e.conftest import FAILED, MakeLab
from tests.e2e.lab_under_test import Lab, Run, killed_at_last, until

pytestmark = pytest.mark.host
LOAD = ("--rate", "400", "--duration", "3")
REHEARSED = pytest.mark.full("drills", sample=1, of="drills")


@pytest.fixture(scope="module")
def _lab(make_lasting: MakeLab) -> Lab:
    lab = make_lasting(
        "drill", first=90, port_base=30700,
        datacenters=(
            {"control": 1, "zookeeper": 3, "kafka": 2}, {"control": 1, "zookeeper": 1, "kafka": 1},
        ),
        links=[("dc1", "dc2")],
        mirrors=[{"from": "dc1", "to": "dc2"}, {"from": "dc2", "to": "dc1"}],
    )
    lab.fab("up")
    return lab


@pytest.fixture
def lab(request: pytest.FixtureRequest, _lab: Lab) -> Iterator[Lab]:
    yield _lab
    _lab.sections.clear()
    _lab.write()
    if request.node.stash.get(FAILED, False):
        _lab.fab("up")


def pages(lab: Lab) -> list[Path]:
    return sorted((lab.state / "drills").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)


def drill(lab: Lab, *words: str, expect: int = 0) -> tuple[Run, dict[str, Any]]:
    """One drill and its JSON. Whatever it was, the lab is healthy and as the lab file says."""
    before = pages(lab)
    run = lab.fab(*words, expect=expect)
    (path,) = [one for one in pages(lab) if one not in before]
    found: dict[str, Any] = json.loads(path.read_text())
    assert found["passed"] is (expect == 0)
    page = path.with_suffix(".html").read_text()
    assert found["sentence"] in run.out
    assert f"page: {path.with_suffix('.html')}" in run.out
    assert all(event["text"] in page for event in found["events"])
    in_order(lab)
    return run, found


def in_order(lab: Lab) -> None:
    lab.fab("status")
    lab.fab("plan")
    assert lab.fab("mirror.status", "--json").json["healthy"]


def kinds(found: dict[str, Any]) -> list[str]:
    return [event["kind"] for event in found["events"]]


@pytest.mark.full("faults", sample=2, of="what may befall a mirror")
def test_a_topic_that_is_deleted_stays_deleted(lab: Lab) -> None:
    """Although these brokers make whatever topic a client asks for."""
    source, target = Client(lab.bootstrap("dc1")), Client(lab.bootstrap("dc2"))
    source.write("made-for-its-writer", ["one"])
    values = source.write("deleted", [f"{n}" for n in range(100)])
    for topic, last in (("made-for-its-writer", "one"), ("deleted", values[-1])):
        target.read(f"dc1.{topic}", {0: last})
    source.delete("deleted")
    source.make("later")
    until(lambda: "dc1.later" in target.topics(), "the mirror has looked at all topics again")
    assert "deleted" not in source.topics()
    shown = lab.fab("mirror.status").out
    assert "dc1-to-dc2: note: deleted is gone from dc1; its copy dc1.deleted stays\n" in shown
    in_order(lab)


@REHEARSED
def test_a_datacenter_dies_and_its_clients_come_home(lab: Lab) -> None:
    _, found = drill(lab, "drill.failover", "--from", "dc1", "--to", "dc2", "--failback", *LOAD)
    assert kinds(found) == ["start", "fault", "detected", "moved", "repair", "healthy",
                            "caught-up", "home", "end"]
    score = found["score"]
    assert score["acknowledged"] == score["sent"] == score["consumed"] > 1000
    assert score["failback"]["lost"] == score["skipped"] == score["corrupt"] == 0
    assert score["rto_seconds"] > 3  # it waits for so long before it gives the datacenter up
    assert score["duplicates"] > 0  # translated offsets lie before the committed ones, never behind
    assert all(one["error"] is None or one["error"] >= 0 for one in score["translation"])
    assert 0 < score["mirror_latency"]["median"] < 3


@REHEARSED
def test_its_services_die_and_its_clients_stay_away(lab: Lab) -> None:
    before = lab.main_pids("dc2")
    _, found = drill(
        lab, "drill.failover", "--from", "dc2", "--to", "dc1", "--mode", "services", *LOAD
    )
    # The clients stay away, and yet the datacenter is put right.
    assert kinds(found) == ["start", "fault", "detected", "moved", "end", "repair", "healthy"]
    assert found["score"]["failback"] is None
    after = lab.main_pids("dc2")
    assert all(after[name] not in (0, before[name]) for name in before)


@REHEARSED
def test_a_cut_link_heals_by_itself_when_its_drill_was_killed(lab: Lab) -> None:
    table = "nft list table inet kafkalab_drill"
    here = lab.of("control")[0]
    status = interrupt(
        lab, "cut the link -> 0", signal.SIGKILL,
        "drill.failover", "--from", "dc1", "--to", "dc2", "--mode", "link", *LOAD,
    )
    assert status == -signal.SIGKILL
    seconds = [int(text) for text in re.findall(r"expires (?:(?:\d+)m)?(\d+)s", lab.inside(
        here, table
    ))]
    assert len(seconds) == len(lab.topology.datacenter("dc2").hosts)
    broker, peer = lab.of("kafka")[0], lab.of("kafka", "dc2")[0]
    # The drill's minutes as seconds, on one host: its packets come through again.
    lab.inside(broker, "nft -f - <<'END'\nflush set inet kafkalab_drill lost\n"
               f"add element inet kafkalab_drill lost {{ {peer.address} timeout 5s }}\nEND")
    assert not lab.open_between(peer, broker, 9092)
    until(lambda: lab.open_between(peer, broker, 9092), "open again", pause=0.5)
    # The next one puts right what that left, and what it breaks itself.
    _, found = drill(
        lab, "drill.failover", "--from", "dc1", "--to", "dc2", "--mode", "link", "--failback",
        *LOAD,
    )
    assert found["score"]["failback"]["lost"] == 0
    assert found["score"]["rpo_records"] > 0  # the datacenter that is given up went on
    assert "No such file" in lab.inside(here, f"{table} 2>&1", check=False)
    assert lab.open_between(peer, broker, 9092)


@REHEARSED
@pytest.mark.parametrize(("words", "role"), [
    (("drill.broker",), "-kafka"), (("drill.broker", "--controller"), "-kafka"),
    (("drill.zookeeper",), "-zk"), (("drill.disk",), "-kafka"),
], ids=["broker", "controller", "zookeeper", "disk"])
def test_one_server_fails_and_nothing_is_lost(
    lab: Lab, words: tuple[str, ...], role: str
) -> None:
    before = lab.main_pids()
    _, found = drill(lab, *words, *LOAD)
    mended = ["repair"] if "drill.disk" in words else []
    assert kinds(found) == ["start", "fault", *mended, "healthy", "end"]
    score = found["score"]
    assert (score["resync_seconds"] is not None) is bool(mended)
    assert score["acknowledged"] == score["sent"] == score["consumed"] > 1000
    assert score["lost"] == score["skipped"] == 0
    assert score["recovery_seconds"] > 1  # systemd waits for two
    assert 0 < score["max_ack_gap_seconds"] <= score["worst_key_gap_seconds"]
    after = lab.main_pids()
    changed = [name for name in before if before[name] != after[name]]
    assert [name for name in changed if name in found["events"][1]["text"]] == changed
    assert len(changed) == 1
    assert role in changed[0]


@REHEARSED
def test_all_brokers_restart_and_an_objective_that_is_not_met_is_told(lab: Lab) -> None:
    lab.sections["objectives"] = {"max_ack_gap_seconds": 0}
    lab.write()
    before = lab.main_pids()
    run, found = drill(lab, "drill.rolling", *LOAD, expect=1)
    assert re.search(r"failed: longest write gap: [\d.]+ s, accepted: at most 0 s", run.out)
    assert "FAILED; page: " in run.out
    assert found["score"]["lost"] == 0
    after = lab.main_pids()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {host.name for host in lab.of("kafka")}


@REHEARSED
def test_a_drill_that_is_stopped_by_hand_repairs_first(lab: Lab) -> None:
    before = pages(lab)
    status = interrupt(
        lab, "cut the link -> 0", signal.SIGINT,
        "drill.failover", "--from", "dc2", "--to", "dc1", "--mode", "link", *LOAD,
    )
    assert status == 130
    assert pages(lab) == before
    assert lab.open_between(lab.of("kafka")[0], lab.of("kafka", "dc2")[0], 9092)
    in_order(lab)


@REHEARSED
def test_what_a_killed_drill_left_is_repaired_by_up(lab: Lab) -> None:
    """Killed while the datacenter is down: nobody is left who could repair it."""
    status = interrupt(
        lab, " kill --signal KILL ", signal.SIGKILL,
        "drill.failover", "--from", "dc2", "--to", "dc1", *LOAD,
    )
    assert status == -signal.SIGKILL
    refused = lab.fab("drill.broker", "--datacenter", "dc2", expect=1)
    assert re.match(r"error: no drill on a lab that is not healthy: (\d hosts? \()?ann-dc2-",
                    refused.lines[0]), refused
    assert len(refused.lines) == 1
    lab.fab("up")
    in_order(lab)


def interrupt(lab: Lab, pattern: str, number: signal.Signals, *words: str) -> int:
    """Start a drill, send it a signal once its log has a line like `pattern`; how it ended."""
    before = set(lab.logs())
    process: subprocess.Popen[str] = lab.start(*words)
    with killed_at_last(process):
        def there() -> bool:
            text = "".join(path.read_text() for path in set(lab.logs()) - before)
            assert process.poll() is None, f"ended first: {process.communicate()}\n{text}"
            return re.search(pattern, text) is not None

        until(there, f"{pattern!r} in the log", pause=0.02)
        os.killpg(process.pid, number)
        process.communicate(timeout=180)
        return process.returncode
