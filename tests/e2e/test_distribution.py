"""The Kafka distribution on its way: over the network, and refused where it is not what it was."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.hosts.deliver import PORT
from scripts.workstation.paths import cache_dir
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
