"""The way of a lab on EC2, without AWS: what boto3 asks is the emulator, what SSH reaches is real.

The instances that the emulator tells of have the tags, private addresses and consoles of containers
that run. Only how an address is reached from here is replaced (KAFKALAB_ADDRESS_MAP); everything
else is what happens to instances.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.topology import Host
from scripts.hosts.deliver import CACHE, UNPACK
from scripts.platforms.local import Local
from scripts.platforms.local.engine import Engine
from scripts.workstation.paths import cache_dir
from tests.aws.conftest import Cloud, _server, emulator  # noqa: F401 - fixtures
from tests.aws.emulator import Emulator
from tests.e2e.lab_under_test import Lab, answers

pytestmark = pytest.mark.host

HOME = "/usr/local/kafka_2.13-3.9.2"
DATACENTERS: tuple[dict[str, int | str], ...] = (
    {"control": 1, "zookeeper": 1, "kafka": 2},
    {"control": 0, "zookeeper": 1, "kafka": 1, "region": "us-east-1"},
)


@dataclass
class Instances(Cloud):
    """A lab whose instances are containers. `beside` is the same lab, as other tests see theirs."""

    engine: Engine = field(kw_only=True)
    beside: Lab = field(init=False)

    def write(self) -> None:
        self.beside = Lab(
            self.engine, self.folder, self.name, "10.34", first=0, port_base=27000,
            datacenters=DATACENTERS, links=[("dc1", "dc2")], sections={"aws": {
                "region": "eu-central-1", "admin_cidrs": ["203.0.113.7/32"], "image": "debian12",
            }},
        )

    @property
    def file(self) -> Path:
        return self.beside.file

    @property
    def containers(self) -> Local:
        return Local(self.topology, engine=self.engine, state=self.state, say=self.said.append)

    def boot(self) -> None:
        """Run bare containers, and tell the emulator of them as Terraform's instances."""
        there = self.containers.create({})
        assert len(there) == len(self.topology.hosts)
        self.make(until=None)
        boxes = {one.labels["kafkalab.host"]: one for one in self.containers.engine.containers(
            f"kafkalab.lab={self.name}"
        )}
        consoles = self.engine.consoles(list(boxes.values()))
        for name, id in self.ids.items():
            self.emulator.consoles[id] = consoles[boxes[name].name]

    def reach(self, workstation: str) -> None:
        """From now on brokers are reached at `workstation`: their public address."""
        path = self.folder / "map.json"
        path.write_text(json.dumps({
            str(host.address): {
                "ssh": ["127.0.0.1", host.ssh_port],
                "external": [workstation, host.external_port or 0],
            } for host in self.topology.hosts
        }))
        self.beside.environment = {"LAB_PLATFORM": "aws", "KAFKALAB_ADDRESS_MAP": str(path)}

    def remove(self) -> None:
        self.fab("down", LAB_PLATFORM="local")
        assert self.containers.leftovers() == []
        ports = [host.ssh_port for host in self.topology.hosts]
        assert not any(answers(port) for port in ports)


@pytest.fixture
def cloud(engine: Engine, emulator: Emulator, tmp_path: Path) -> Iterator[Instances]:  # noqa: F811
    with (cache_dir() / "e2e-aws.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # its name, network and ports are its own, and fixed
        found = Instances(emulator, tmp_path / "lab", name="e2e-aws", engine=engine)
        found.remove()  # of a test run that was killed
        try:
            yield found
        finally:
            found.remove()


def test_from_instances_to_a_verified_lab_and_through_a_night(cloud: Instances) -> None:
    cloud.boot()
    lab = cloud.beside
    cloud.reach("localhost")
    assert "6 of 6 hosts changed" in lab.fab("up").out
    hosts_got_it_with_one_upload_a_datacenter(lab)
    assert keys(cloud) == {one.host_key for one in cloud.containers.instances().values()}

    verified(lab)
    status = lab.fab("status", "--json").json
    assert (status["platform"], status["healthy"]) == ("aws", True)
    assert "6 hosts in order, nothing to do" in lab.fab("up").out
    assert lab.fab("plan").out == "plan: nothing to do\n"

    a_corrupt_copy_on_the_seed_is_replaced(lab)
    a_corrupt_archive_is_never_unpacked(lab)

    # Stopped and started, an instance has another public address.
    cloud.reach("127.0.0.1")
    plan = lab.fab("plan", expect=2).out
    assert len(re.findall(r"^ +[~+]advertised\.listeners", plan, re.MULTILINE)) == 3, plan
    assert "3 of 6 hosts changed, 3 services restarted one at a time" in lab.fab("up").out
    verified(lab)
    assert "6 hosts in order, nothing to do" in lab.fab("up").out


def verified(lab: Lab) -> None:
    run = lab.fab("verify")
    assert "verified dc1, dc2" in run.out
    assert "failed" not in run.out + run.err


def uploads(lab: Lab) -> list[str]:
    return re.findall(r"(\S+): upload the archive -> 0", lab.log())


def sha256() -> str:
    """Of the archive in the workstation's cache."""
    with (cache_dir() / "kafka" / "kafka_2.13-3.9.2.tar").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(lab: Lab, host: Host) -> str:
    return lab.inside(host, f"cat {HOME}/.digest").strip()


def hosts_got_it_with_one_upload_a_datacenter(lab: Lab) -> None:
    """None of them had the distribution in its image."""
    hosts = lab.topology.hosts
    assert sorted(uploads(lab)) == sorted(d.seed.name for d in lab.topology.datacenters)
    assert len(re.findall("fetch and unpack the archive -> 0", lab.log())) == len(hosts)
    assert {digest(lab, host) for host in hosts} == {sha256()}
    for datacenter in lab.topology.datacenters:
        seed = datacenter.seed
        assert "8377" not in lab.inside(seed, "ss -Hltn"), "the file server still listens"
        assert lab.inside(seed, "systemctl list-units --all 'kafkalab-serve*' --no-legend") == ""
        for host in datacenter.hosts:
            kept = lab.inside(host, f"ls {CACHE} 2>/dev/null || true").split()
            assert len(kept) == (host == seed), (host.name, kept)
            unpacked = lab.inside(host, "ls -Ad /usr/local/*kafka* /usr/local/.kafka* || true")
            assert unpacked.split() == ["/usr/local/kafka", HOME]


def a_corrupt_copy_on_the_seed_is_replaced(lab: Lab) -> None:
    seed, broker = lab.of("control")[0], lab.of("kafka")[1]
    archive = lab.inside(seed, f"ls {CACHE}/*.tar").strip()
    lab.inside(seed, f"printf x | dd of={archive} bs=1 seek=5000000 conv=notrunc status=none")
    lab.inside(broker, f"rm {HOME}/libs/kafka-clients-*.jar")
    lab.fab("up")
    assert uploads(lab) == [seed.name]
    assert digest(lab, broker) == sha256()
    assert lab.inside(seed, f"sha256sum {archive}").split()[0] == sha256()
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


def keys(cloud: Instances) -> set[Any]:
    """The host keys that were read from the emulator's consoles."""
    return set(json.loads((cloud.state / "hostkeys-aws.json").read_text()).values())
