"""What hosts and ZooKeeper tell of a migration, and how a quorum's traces are taken away."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lab.migration.world import Node
from lab.versions import BOTH, KRAFT, ZOOKEEPER
from scripts.clients.znodes import Moved, Znodes
from scripts.drivers.migrating import READ, Words, node, release, words
from tests.scripts.clients.test_znodes import Server

PLAIN = "zookeeper.connect=zk:2181\n"
BETWEEN = f"{PLAIN}zookeeper.metadata.migration.enable=true\n"
ROLES = "process.roles=broker\n"
QUORUM = {"version": 2, "brokerid": 3001, "timestamp": "1", "kraftControllerEpoch": 4}
MIGRATION = {"version": 0, "kraft_metadata_offset": 70, "kraft_controller_id": 3001,
             "kraft_metadata_epoch": 4, "kraft_controller_epoch": 5}


@pytest.mark.parametrize(("files", "expected"), [
    ({}, Node()),
    ({"etc/kafka/server.properties": PLAIN, "data/kafka-logs/meta.properties": "cluster.id=x\n"},
     Node(broker=ZOOKEEPER, cluster="x")),
    ({"etc/kafka/server.properties": BETWEEN,
      "data/kafka-logs/__cluster_metadata-0/quorum-state": ""}, Node(broker=BOTH)),
    ({"etc/kafka/server.properties": PLAIN,
      "data/kafka-logs/__cluster_metadata-0/quorum-state": ""}, Node(broker=ZOOKEEPER, left=True)),
    ({"etc/kafka/server.properties": ROLES}, Node(broker=KRAFT)),
    ({"etc/controller/controller.properties": ROLES + BETWEEN, "zookeeper": "", "controller": "",
      "data/controller/meta.properties": "node.id=1\ncluster.id=x\n"},
     Node(controller=BOTH, server=True, cluster="x")),
    ({"etc/controller/controller.properties": ROLES, "controller": ""}, Node(controller=KRAFT)),
    ({"etc/controller/controller.properties": ROLES + BETWEEN, "zookeeper": "",
      "data/controller/meta.properties": "cluster.id=x\n"},
     Node(server=True, cluster="x", left=True)),
    ({"etc/kafka/server.properties": f"inter.broker.protocol.version=3.8\n{PLAIN}"},
     Node(broker=ZOOKEEPER, protocol="3.8")),
])
def test_a_host_tells_how_it_keeps_metadata(
    tmp_path: Path, files: dict[str, str], expected: Node
) -> None:
    """By the script itself, in a folder that stands for the host's root."""
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    for name, text in files.items():
        if "/" not in name:
            (wants / f"{name}.service").symlink_to("/dev/null")
            continue
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    script = READ.replace("/etc/", f"{tmp_path}/etc/").replace("/data/", f"{tmp_path}/data/")
    done = subprocess.run([str(shutil.which("bash")), "-s"], input=script, capture_output=True,
                          text=True, check=True)
    assert node(done.stdout.replace(f"{tmp_path}/data/", "/data/")) == expected


def test_what_a_broker_runs_is_what_its_process_was_started_from(tmp_path: Path) -> None:
    """Its files may be of a run that was cut off before the restart."""
    (tmp_path / "7").mkdir()
    jars = "@/usr/local/kafka_2.13-3.8.1/libs/classpath"
    (tmp_path / "7/cmdline").write_text("\0".join(["java", "-Xmx1m", jars, "kafka.Kafka", ""]))
    script = f"systemctl() {{ echo 7; }}\n{READ}".replace("/proc/", f"{tmp_path}/").replace(
        "/etc/", f"{tmp_path}/").replace("/data/", f"{tmp_path}/")
    done = subprocess.run([str(shutil.which("bash")), "-s"], input=script, capture_output=True,
                          text=True, check=True)
    assert node(done.stdout) == Node(version="3.8.1")


def test_half_an_answer_is_none() -> None:
    with pytest.raises(ValueError, match="cut off"):
        node("broker zookeeper.connect=zk:2181\n")


def held(**nodes: Any) -> Server:
    return Server({
        "/controller_epoch": (b"2", 6),
        **{f"/{name}": (json.dumps(one).encode(), 0) for name, one in nodes.items()},
    })


def test_zookeeper_tells_who_controls_and_how_far_it_is() -> None:
    with Znodes(held(controller=QUORUM, migration=MIGRATION), "zk1") as session:
        found = words(session)
    assert (found.quorum, found.completed, found.claimed, found.copied) == (True, True, True, 70)
    assert (found.epoch, found.quorum_epoch) == (2, 5)
    with Znodes(held(controller={"brokerid": 1}), "zk1") as session:
        found = words(session)
    assert (found.quorum, found.completed, found.claimed, found.quorum_epoch) == (
        False, False, False, -1)


def test_a_quorums_traces_are_taken_away_and_the_epoch_is_no_lower_than_its_own() -> None:
    """KAFKA-20488: partitions that a quorum has marked go offline under a lower epoch."""
    server = held(controller=QUORUM, migration=MIGRATION)
    with Znodes(server, "zk1") as session:
        assert isinstance(release(session, -1), Words)
    assert server.nodes == {"/controller_epoch": (b"5", 7)}
    server = held(controller=QUORUM, migration=MIGRATION)
    with Znodes(server, "zk1") as session:
        release(session, 12)  # by its own word it had more elections
    assert server.nodes["/controller_epoch"] == (b"12", 7)


def test_a_broker_that_is_the_controller_stays_it() -> None:
    broker = {"brokerid": 1, "kraftControllerEpoch": -1}
    server = held(controller=broker, migration={**MIGRATION, "kraft_metadata_offset": -1})
    with Znodes(server, "zk1") as session:
        release(session, 3)
    assert server.nodes.keys() == {"/controller_epoch", "/controller"}
    assert server.nodes["/controller_epoch"] == (b"2", 6)


def test_an_election_in_between_is_noticed() -> None:
    server = held(controller=QUORUM)
    with Znodes(server, "zk1") as session:
        before = Znodes.get

        def elected(self: Znodes, path: str) -> Any:
            found = before(self, path)
            if path == "/cluster/id":
                server.nodes["/controller_epoch"] = (b"3", 7)
            return found

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Znodes, "get", elected)
            with pytest.raises(Moved):
                release(session, -1)
    assert "/controller" in server.nodes
