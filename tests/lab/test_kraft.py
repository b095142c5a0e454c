"""What a KRaft node begins with: bytes that Kafka reads, the same on every host, never twice."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from lab import kraft, state
from lab.file import LabFileError, parse
from lab.services.context import Context
from lab.services.local import local_context
from lab.services.quorum import FORMAT, controllers, keepers, node_id, words
from lab.services.registry import carriers, desired_state
from lab.state import Key
from lab.topology import Topology, build
from lab.versions import VERSIONS, has_quorums, has_zookeeper

IDS = st.text("abcdefgh-0123456789", min_size=1, max_size=20)


def topology(**datacenter: Any) -> Topology:
    return build(parse({
        "owner": "ann", "kafka": {"version": "4.3.1", "metadata": "kraft"},
        "datacenters": [{"name": "d", "cidr": "10.1.0.0/24", **datacenter}],
    }).lab)


def context(**datacenter: Any) -> Context:
    return local_context(topology(**datacenter), {})


def file(name: str, path: str, of: Context) -> state.File:
    host = next(one for one in of.topology.hosts if one.name == name)
    found = desired_state(host, of)[Key("file", path)]
    assert isinstance(found, state.File)
    return found


def test_the_checksum_is_castagnolis() -> None:
    """The check value of its entry in the catalogue of CRC algorithms."""
    assert kraft.crc32c(b"123456789") == 0xE3069283


@given(IDS, IDS, st.integers(0, 4000))
def test_ids_are_of_a_form_that_kafka_takes(lab: str, datacenter: str, node: int) -> None:
    cluster = kraft.cluster_id(lab, datacenter)
    assert len(cluster) == 22 and not cluster.startswith("-")
    assert cluster == kraft.cluster_id(lab, datacenter)
    assert cluster != kraft.cluster_id(lab, f"{datacenter}x")
    assert kraft.directory_id(cluster, node) != kraft.directory_id(cluster, node + 1)


def test_a_snapshot_has_whole_batches_whose_checksums_are_right() -> None:
    found = kraft.voters([kraft.Voter(3001, b"d" * 16, "CONTROLLER", "h.lab", 9093)])
    for data in (found, kraft.bootstrap(kraft.features("4.3.1"))):
        at = count = offset = 0
        while at < len(data):
            first = int.from_bytes(data[at:at + 8], "big")
            size = int.from_bytes(data[at + 8:at + 12], "big")
            batch = data[at + 12:at + 12 + size]
            assert first == offset and len(batch) == size
            assert int.from_bytes(batch[5:9], "big") == kraft.crc32c(batch[9:])
            offset += int.from_bytes(batch[45:49], "big")
            at, count = at + 12 + size, count + 1
        assert count == (2 if data is found else 3)


def test_voters_are_the_same_bytes_on_all_controllers_and_on_no_broker() -> None:
    of = context()
    paths = {file(host.name, "/etc/controller/first/voters.checkpoint", of).data
             for host in of.topology.datacenters[0].by_role("controller")}
    assert len(paths) == 1
    broker = of.topology.datacenters[0].by_role("kafka")[0]
    assert not [key for key in desired_state(broker, of) if "checkpoint" in key.name]


def test_controllers_have_ids_of_their_own_or_those_of_the_brokers_that_they_are() -> None:
    own, combined = topology(), topology(combined=3, kafka=4)
    assert [node_id(one) for one in controllers(own.datacenters[0])] == [3001, 3002, 3003]
    assert [node_id(one) for one in controllers(combined.datacenters[0])] == [1, 2, 3]
    assert carriers("controller", combined.datacenters[0], combined.config) == ()
    assert own.datacenters[0].by_role("controller")[0].name == "ann-d-kraft01"


def test_hosts_that_zookeeper_has_left_keep_their_names_and_have_controllers() -> None:
    of = topology(zookeeper=3)
    (datacenter,) = of.datacenters
    assert [one.name for one in controllers(datacenter)] == [
        f"ann-d-zk0{number}" for number in (1, 2, 3)
    ]
    assert carriers("zookeeper", datacenter, of.config) == ()
    assert carriers("controller", datacenter, of.config) == controllers(datacenter)


@pytest.mark.parametrize(("datacenter", "field", "words"), [
    ({"metadata": "zookeeper"}, "datacenters[1].version", "no ZooKeeper"),
    ({"version": "3.8.1"}, "datacenters[1].metadata", "KIP-853"),
    ({"controller": 0}, "datacenters[1].controller", "needs controllers"),
    ({"controller": 3, "combined": 1}, "datacenters[1].controller", "one of"),
    ({"combined": 4}, "datacenters[1].combined", "more than its 3"),
    ({"metadata": "zookeeper", "version": "3.9.2", "controller": 3}, "datacenters[1].controller",
     "only with metadata"),
])
def test_what_does_not_go_together_is_refused_with_the_reason(
    datacenter: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(LabFileError) as error:
        topology(**datacenter)
    found = {one.field: one.message for one in error.value.problems}
    assert words in found[field]


@given(st.sampled_from(VERSIONS), st.sampled_from(["zookeeper", "kraft"]))
def test_each_version_is_taken_with_the_metadata_that_it_can_keep(version: str, kept: str) -> None:
    fits = has_zookeeper(version) if kept == "zookeeper" else has_quorums(version)
    try:
        topology(version=version, metadata=kept)
    except LabFileError:
        assert not fits
    else:
        assert fits and (kept == "zookeeper" or kraft.features(version))


def formatted(tmp_path: Path, *, controller: bool = True) -> tuple[Path, Path, Path]:
    script, first, data = tmp_path / "format", tmp_path / "first", tmp_path / "data"
    script.write_text(FORMAT)
    first.mkdir()
    data.mkdir()
    (first / "meta.properties").write_text("version=1\n")
    for name in ("voters", "bootstrap") if controller else ():
        (first / f"{name}.checkpoint").write_text(name)
    return script, first, data


def run(*words: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", *map(str, words)], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("controller", [True, False])
def test_an_empty_directory_is_formatted_once(tmp_path: Path, controller: bool) -> None:
    script, first, data = formatted(tmp_path, controller=controller)
    assert run(script, first, data).returncode == 0
    there = {str(one.relative_to(data)) for one in data.rglob("*") if one.is_file()}
    more = {f"{kraft.METADATA_LOG}/{kraft.SNAPSHOT}", kraft.BOOTSTRAP} if controller else set()
    assert there == {"meta.properties", *more}
    (data / "meta.properties").write_text("mine\n")
    assert run(script, first, data).returncode == 0
    assert (data / "meta.properties").read_text() == "mine\n"


def test_a_directory_with_data_is_not_formatted(tmp_path: Path) -> None:
    script, first, data = formatted(tmp_path)
    (data / "orders-0").mkdir()
    (data / "orders-0" / "00000000000000000000.log").write_text("")
    done = run(script, first, data)
    assert done.returncode == 1 and "it is not formatted over them" in done.stderr
    assert not (data / "meta.properties").exists()


def test_who_keeps_the_metadata_shows_in_a_brokers_settings() -> None:
    of = context()
    text = file("ann-d-kafka01", "/etc/kafka/server.properties", of).text
    assert keepers(text) == ("ann-d-kraft01", "ann-d-kraft02", "ann-d-kraft03")
    assert keepers("zookeeper.connect=a:2181\n") == ("ZooKeeper",)
    assert keepers("broker.id=1\n") == ()
    assert words(("ZooKeeper",)) == "in ZooKeeper"
    both = keepers("zookeeper.connect=a:2181\ncontroller.quorum.bootstrap.servers=b.lab:9093\n")
    assert words(both) == "in ZooKeeper and with the controller b"
