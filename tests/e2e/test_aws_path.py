"""The way of a lab on EC2, without AWS: what boto3 asks is the emulator, what SSH reaches is real.

The instances that the emulator tells of have the tags, private addresses and consoles of containers
that run. Only how an address is reached from here is replaced (KAFKALAB_ADDRESS_MAP); everything
else is what happens to instances.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.platforms.local import Local
from scripts.platforms.local.engine import Engine
from scripts.workstation.paths import cache_dir
from tests.aws.conftest import Cloud, _server, emulator  # noqa: F401 - fixtures
from tests.aws.emulator import Emulator
from tests.e2e.lab_under_test import answers

pytestmark = pytest.mark.host

LAB_FILE = """\
name = "e2e-aws"
owner = "ann"
links = [{ between = ["dc1", "dc2"] }]

[aws]
region = "eu-central-1"
admin_cidrs = ["203.0.113.7/32"]
image = "debian12"

[local]
port_base = 27000

[[datacenters]]
name = "dc1"
cidr = "10.34.0.0/24"
zookeeper = 1
kafka = 2

[[datacenters]]
name = "dc2"
cidr = "10.34.1.0/24"
region = "us-east-1"
control = 0
zookeeper = 1
kafka = 1
"""


class Instances(Cloud):
    """A lab whose instances are containers."""

    engine: Engine

    def write(self) -> None:
        self.file.write_text(LAB_FILE)

    @property
    def containers(self) -> Local:
        return Local(self.topology, engine=self.engine, state=self.state, say=self.said.append)

    def boot(self) -> None:
        """Run bare containers, and tell the emulator of them as Terraform's instances."""
        there = self.containers.create(None)
        assert len(there) == len(self.topology.hosts)
        self.make(until=None)
        boxes = {one.labels["kafkalab.host"]: one for one in self.containers.engine.containers(
            f"kafkalab.lab={self.name}"
        )}
        consoles = self.engine.consoles(list(boxes.values()))
        for name, id in self.ids.items():
            self.emulator.consoles[id] = consoles[boxes[name].name]

    def reach(self, workstation: str) -> dict[str, str]:
        """The environment in which brokers are reached at `workstation`: their public address."""
        path = self.folder / "map.json"
        path.write_text(json.dumps({
            str(host.address): {
                "ssh": ["127.0.0.1", host.ssh_port],
                "external": [workstation, host.external_port or 0],
            } for host in self.topology.hosts
        }))
        return {"KAFKALAB_ADDRESS_MAP": str(path)}

    def remove(self) -> None:
        self.fab("down", LAB_PLATFORM="local")
        assert self.containers.leftovers() == []
        ports = [host.ssh_port for host in self.topology.hosts]
        assert not any(answers(port) for port in ports)


@pytest.fixture
def cloud(engine: Engine, emulator: Emulator, tmp_path: Path) -> Iterator[Instances]:  # noqa: F811
    with (cache_dir() / "e2e-aws.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # its name, network and ports are its own, and fixed
        found = Instances(emulator, tmp_path / "lab", name="e2e-aws")
        found.engine = engine
        found.remove()  # of a test run that was killed
        try:
            yield found
        finally:
            found.remove()


def test_from_instances_to_a_verified_lab_and_through_a_night(cloud: Instances) -> None:
    cloud.boot()
    day = cloud.reach("localhost")
    said = cloud.fab("up", **day)
    assert "6 of 6 hosts changed" in said
    assert keys(cloud) == {one.host_key for one in cloud.containers.instances().values()}

    said = cloud.fab("verify", **day)
    assert "verified dc1, dc2" in said
    assert "failed" not in said
    status = json.loads(cloud.fab("status", "--json", **day))
    assert (status["platform"], status["healthy"]) == ("aws", True)

    assert re.search(r"6 hosts in order, nothing to do", cloud.fab("up", **day))
    assert cloud.fab("plan", **day) == "plan: nothing to do\n"

    # Stopped and started, an instance has another public address.
    night = cloud.reach("127.0.0.1")
    said = cloud.fab("plan", expect=2, **night)
    assert said.count("+advertised.listeners") == 3
    said = cloud.fab("up", **night)
    assert "3 of 6 hosts changed, 3 services restarted one at a time" in said
    assert "verified dc1, dc2" in cloud.fab("verify", **night)
    assert "6 hosts in order, nothing to do" in cloud.fab("up", **night)


def keys(cloud: Instances) -> set[Any]:
    """The host keys that were read from the emulator's consoles."""
    return set(json.loads((cloud.state / "hostkeys-aws.json").read_text()).values())
