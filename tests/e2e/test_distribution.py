"""The Kafka distribution on its way: over the network, and refused where it is not what it was."""

from __future__ import annotations

import hashlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from lab.topology import Host
from scripts.hosts.deliver import CACHE, PORT, UNPACK
from scripts.workstation.paths import cache_dir
from tests.e2e.conftest import MakeLab
from tests.e2e.lab_under_test import Lab

pytestmark = pytest.mark.host

HOME = "/usr/local/kafka_2.13-3.9.2"


def flip(path: Path, at: int) -> None:
    """Change one byte of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0xFF]))


def uploads(lab: Lab) -> list[str]:
    return re.findall(r"(\S+): upload the archive -> 0", lab.log())


def digest(lab: Lab, host: Host) -> str:
    return lab.inside(host, f"cat {HOME}/.digest").strip()


def test_hosts_without_it_get_it_with_one_upload_a_datacenter(make_lab: MakeLab) -> None:
    lab = make_lab("upload", first=10, port_base=30100, environment={"LAB_PREBUILT": "0"},
                   datacenters=({"control": 1, "zookeeper": 1, "kafka": 2},
                                {"control": 0, "zookeeper": 1, "kafka": 1}))
    lab.fab("up")
    hosts = lab.topology.hosts
    assert sorted(uploads(lab)) == sorted(d.seed.name for d in lab.topology.datacenters)
    assert len(re.findall("fetch and unpack the archive -> 0", lab.log())) == len(hosts)
    tar = cache_dir() / "kafka" / "kafka_2.13-3.9.2.tar"
    with tar.open("rb") as file:
        wanted = hashlib.file_digest(file, "sha256").hexdigest()
    assert {digest(lab, host) for host in hosts} == {wanted}
    for datacenter in lab.topology.datacenters:
        seed = datacenter.seed
        assert "8377" not in lab.inside(seed, "ss -Hltn"), "the file server still listens"
        assert lab.inside(seed, "systemctl list-units --all 'kafkalab-serve*' --no-legend") == ""
        for host in datacenter.hosts:
            kept = lab.inside(host, f"ls {CACHE} 2>/dev/null || true").split()
            assert len(kept) == (host == seed), (host.name, kept)
            unpacked = lab.inside(host, "ls -Ad /usr/local/*kafka* /usr/local/.kafka* || true")
            assert unpacked.split() == ["/usr/local/kafka", HOME]
    lab.fab("verify")
    assert lab.fab("plan").out == "plan: nothing to do\n"
    a_corrupt_copy_on_the_seed_is_replaced(lab, wanted)
    a_corrupt_archive_is_never_unpacked(lab)


def a_corrupt_copy_on_the_seed_is_replaced(lab: Lab, wanted: str) -> None:
    seed, broker = lab.of("control")[0], lab.of("kafka")[1]
    archive = lab.inside(seed, f"ls {CACHE}/*.tar").strip()
    lab.inside(seed, f"printf x | dd of={archive} bs=1 seek=5000000 conv=notrunc status=none")
    lab.inside(broker, f"rm {HOME}/libs/kafka-clients-*.jar")
    lab.fab("up")
    assert uploads(lab) == [seed.name]
    assert digest(lab, broker) == wanted
    assert lab.inside(seed, f"sha256sum {archive}").split()[0] == wanted
    assert lab.fab("plan").out == "plan: nothing to do\n"
    # A good copy that lies there is not brought again.
    lab.inside(broker, f"rm {HOME}/libs/kafka-clients-*.jar")
    lab.fab("up")
    assert uploads(lab) == []
    assert lab.inside(broker, f"ls {HOME}/libs/kafka-clients-*.jar")


def a_corrupt_archive_is_never_unpacked(lab: Lab) -> None:
    """Whatever the way on which it came: the host itself hashes it before it unpacks."""
    seed = lab.of("control")[0]
    archive = lab.inside(seed, f"ls {CACHE}/*.tar").strip()
    before = lab.inside(seed, f"stat -c %i {HOME}")
    unpack = ["bash", "-c", UNPACK, "unpack", "kafka_2.13-3.9.2", "ab" * 32, archive]
    said = lab.inside(seed, f"{shlex.join(unpack)} 2>&1; echo $?", check=False).splitlines()
    assert said[-2:] == ["the archive that arrived is corrupt; it was removed", "1"]
    assert lab.inside(seed, f"ls {CACHE}") == ""
    assert lab.inside(seed, f"stat -c %i {HOME}") == before


def test_the_port_of_the_file_server_is_no_service_of_the_lab(lab: Lab) -> None:
    assert not lab.open_between(lab.of("kafka")[0], lab.of("control")[0], PORT)


@pytest.fixture
def own_cache(tmp_path: Path) -> Path:
    """A cache with copies of the real one's Kafka files; images are the real ones."""
    kafka = tmp_path / "kafkalab" / "kafka"
    kafka.mkdir(parents=True)
    for path in (cache_dir() / "kafka").glob("kafka_*"):
        shutil.copy2(path, kafka)
    (tmp_path / "kafkalab" / "images").symlink_to(cache_dir() / "images")
    return tmp_path


def test_a_corrupt_archive_in_the_cache_is_refused_and_fetched_again(
    lab: Lab, own_cache: Path
) -> None:
    tar = own_cache / "kafkalab" / "kafka" / "kafka_2.13-3.9.2.tar"
    good = hashlib.sha256(tar.read_bytes()).hexdigest()
    flip(tar, 3_000_000)
    run = lab.fab("kafka", KAFKALAB_KAFKA_SOURCES="cache", XDG_CACHE_HOME=str(own_cache), expect=1)
    assert len(run.lines) == 1, run
    assert "is refused and removed: its SHA-256 is not the one beside it" in run.lines[0]
    assert not tar.exists()
    run = lab.fab("kafka", KAFKALAB_KAFKA_SOURCES="cache,maven", XDG_CACHE_HOME=str(own_cache))
    assert "Kafka 3.9.2: from Maven" in run.out
    assert hashlib.sha256(tar.read_bytes()).hexdigest() == good, "the build is not reproducible"
    assert "nothing to do" in run.out


def test_without_any_source_the_hosts_are_left_alone(lab: Lab, tmp_path: Path) -> None:
    before = lab.main_pids()
    run = lab.fab("up", KAFKALAB_KAFKA_SOURCES="cache", XDG_CACHE_HOME=str(tmp_path), expect=1)
    assert len(run.lines) == 1, run
    assert re.match(r"error: Kafka 3\.9\.2 could not be had: cache: nothing in", run.lines[0])
    assert "put kafka_2.13-3.9.2.tgz" in run.lines[0]
    assert lab.main_pids() == before


def test_the_archive_that_was_built_is_the_one_that_runs(lab: Lab) -> None:
    """What Kafka itself says of its version, on a host that had the archive in its image."""
    host = lab.of("control")[0]
    said = lab.inside(host, "/usr/local/kafka/bin/kafka-topics.sh --version")
    assert said.split()[0] == "3.9.2"
    done = subprocess.run(
        [*lab.engine.prefix, "exec", f"{lab.name}.{host.name}", "readlink", "/usr/local/kafka"],
        capture_output=True, text=True, check=True,
    )
    assert done.stdout.strip() == HOME
