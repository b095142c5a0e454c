"""The platform: what it waits for, what it sends a person to do, and what it tells the services."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.file import LabFileError, load
from lab.services.context import Context
from lab.services.kafka import settings
from lab.topology import build
from scripts.errors import LabError, TimeoutExpired
from scripts.platforms import aws as module
from scripts.platforms.aws import Aws, private_key
from scripts.platforms.aws.inventory import Machine
from scripts.platforms.aws.terraform.stacks import Project
from scripts.session import Session
from tests.aws.conftest import KEY, Cloud, MakeCloud
from tests.labs import DIGESTS


@pytest.fixture
def sshd() -> Iterator[int]:
    """A port that talks like sshd."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve() -> None:
            while True:
                try:
                    stream, _ = listener.accept()
                except OSError:
                    return
                stream.sendall(b"SSH-2.0-test\r\n")
                stream.close()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def map_to(cloud: Cloud, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every host is reached at one port of this machine."""
    path = cloud.folder / "map.json"
    path.write_text(json.dumps({
        str(host.address): {"ssh": ["127.0.0.1", port], "external": ["localhost", host.number]}
        for host in cloud.topology.hosts
    }))
    monkeypatch.setenv("KAFKALAB_ADDRESS_MAP", str(path))


def test_a_lab_that_is_there_can_be_logged_in_to(
    cloud: Cloud, sshd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    map_to(cloud.make(), sshd, monkeypatch)
    found = cloud.platform.create({})
    assert found.keys() == cloud.ids.keys()
    for host in cloud.topology.hosts:
        one = found[host.name]
        assert (one.ssh_host, one.ssh_port, one.user) == ("127.0.0.1", sshd, "student")
        assert (one.host_key, one.address, one.running) == (KEY, str(host.address), True)


def test_missing_hosts_are_terraforms_to_make(cloud: Cloud) -> None:
    with pytest.raises(LabError, match=r"not in AWS: ann-dc1-ctl01.* and 3 more.*cdktf deploy"):
        cloud.platform.create({})


def test_stopped_hosts_are_the_persons_to_start(cloud: Cloud) -> None:
    cloud.make()
    cloud.emulator.client("ec2").stop_instances(InstanceIds=[cloud.ids["ann-dc1-zk01"]])
    with pytest.raises(LabError, match=r"stopped: ann-dc1-zk01 \(`fab lab.start`"):
        cloud.platform.create({})


def test_an_sshd_that_stays_silent_has_a_deadline(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "READY_S", 0.1)
    monkeypatch.setattr(module, "POLL_S", 0.05)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        map_to(cloud.make(), unused.getsockname()[1], monkeypatch)
        with pytest.raises(TimeoutExpired, match=r"sshd does not answer.*admin_cidrs"):
            cloud.platform.create({})


def test_with_a_map_no_other_address_is_ever_used(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    map_to(cloud.make(), 1, monkeypatch)
    path = Path(cloud.folder / "map.json")
    path.write_text(json.dumps(
        {k: v for k, v in json.loads(path.read_text()).items() if k != "10.2.0.31"}
    ))
    with pytest.raises(LabError, match="ann-dc2-kafka01: is not in the address map"):
        cloud.platform.create({})
    found = cloud.platform.instances()
    public = {m.public for m in cloud.platform.machines().values()}
    assert not public & {one.ssh_host for one in found.values()}


def test_down_is_terraforms_and_then_looked_at(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Terraform's own part played: what it leaves is named."""
    asked: list[str] = []

    def destroy(project: Project, terraform: object, *, yes: str, ask: object) -> int:
        asked.append(f"{project.lab} {project.lab_file} {yes}")
        cloud.emulator.client("ec2").terminate_instances(InstanceIds=cloud.of("eu-central-1"))
        return 42

    monkeypatch.setattr("scripts.platforms.aws.terraform.teardown.destroy", destroy)
    platform = cloud.make().platform
    platform.host_keys.learn(platform.machines().values())
    assert platform.destroy() == [
        "42 resources of kafkalab", f"file {cloud.state / 'hostkeys-aws.json'}"
    ]
    assert asked == [f"kafkalab {cloud.file} kafkalab"]
    left = platform.leftovers()
    assert f"instance {cloud.ids['ann-dc2-kafka01']} (ann-dc2-kafka01) in us-east-1" in left
    assert not [line for line in left if "ann-dc1-kafka" in line]


def context(platform: Aws) -> Context:
    return platform.context(DIGESTS, platform.instances())


def test_brokers_advertise_public_addresses_and_new_ones_after_a_night(cloud: Cloud) -> None:
    """The desired state differs then, which the next `fab up` repairs."""
    platform = cloud.make().platform
    brokers = [h for d in cloud.topology.datacenters for h in d.by_role("kafka")]
    before = context(platform)
    machines = platform.machines()
    for host in brokers:
        public = machines[host.name].public
        listeners = str(settings(host, before)["advertised.listeners"])
        assert listeners.endswith(f",EXTERNAL://{public}:9094")
        assert settings(host, before)["broker.rack"] == machines[host.name].zone
    for region in platform.regions:
        client = cloud.emulator.client("ec2", region)
        client.stop_instances(InstanceIds=cloud.of(region))
        client.start_instances(InstanceIds=cloud.of(region))
    cloud.emulator.readdress("eu-central-1", cloud.ids["ann-dc1-kafka01"], "203.0.113.99")
    after = context(platform)
    changed = [
        host.name for host in brokers if settings(host, before) != settings(host, after)
    ]
    assert "ann-dc1-kafka01" in changed
    first = settings(brokers[0], after)
    assert str(first["advertised.listeners"]).endswith(",EXTERNAL://203.0.113.99:9094")


@pytest.fixture
def machines(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> dict[str, Machine]:
    """Those that a session of this process finds, and knows."""
    monkeypatch.setenv("LAB", str(cloud.file))
    monkeypatch.setenv("LAB_PLATFORM", "aws")
    monkeypatch.setenv("XDG_STATE_HOME", str(cloud.folder / "state"))
    found = cloud.make().platform.machines()
    cloud.platform.host_keys.learn(found.values())
    return found


def test_ssh_knows_the_host_by_its_address_alone(
    cloud: Cloud, machines: dict[str, Machine]
) -> None:
    """As OpenSSH looks it up on port 22."""
    public = machines["ann-dc1-ctl01"].public
    argv = Session().ssh_command("ann-dc1-ctl01")
    assert argv[-1] == f"student@{public}"
    assert argv[argv.index("-p") + 1] == "22"
    known = cloud.state / "known_hosts"
    assert f"{public} {KEY}\n" in known.read_text().splitlines(keepends=True)
    assert [one.name for one in cloud.state.glob("known_hosts*")] == [known.name]


def test_who_is_on_one_host_keeps_the_key_of_it_when_another_one_is_asked_for(
    cloud: Cloud, machines: dict[str, Machine]
) -> None:
    for name in ("ann-dc1-ctl01", "ann-dc1-kafka01"):
        Session().ssh_command(name)
    known = {line.split()[0] for line in (cloud.state / "known_hosts").read_text().splitlines()}
    assert {machines[f"ann-dc1-{one}"].public for one in ("ctl01", "kafka01")} <= known


def test_a_broker_without_an_address_is_given_under_its_name(cloud: Cloud) -> None:
    platform = cloud.platform
    found = context(platform)
    assert found.reached["ann-dc1-kafka01", 9094] == ("ann-dc1-kafka01.lab.internal", 9094)
    assert not found.own_firewall
    assert found.machine
    assert [str(one) for one in found.admin] == ["203.0.113.7/32"]


def test_the_image_decides_whose_packages_are_taken(make_cloud: MakeCloud) -> None:
    assert context(make_cloud().platform).family == "amazon"
    assert context(make_cloud(aws='image = "debian12"').platform).family == "debian"


def test_a_lab_file_that_lacks_what_aws_needs_names_all_of_it(cloud: Cloud) -> None:
    text = cloud.file.read_text().replace('region = "eu-central-1"', "")
    cloud.file.write_text(text.replace('admin_cidrs = ["203.0.113.7/32"]', ""))
    file = load(cloud.file)
    with pytest.raises(LabFileError) as caught:
        Aws(file, build(file.lab), state=cloud.state)
    assert [one.field for one in caught.value.problems] == ["aws.admin_cidrs", "aws.region"]


def test_where_the_private_key_is(make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(aws: str = "") -> Path:
        cloud = make_cloud(aws=aws)
        path = private_key(load(cloud.file), cloud.state)
        return path.relative_to(cloud.folder) if path.is_relative_to(cloud.folder) else path

    own = Path("state/kafkalab/kafkalab/id_ed25519")
    assert found() == own
    assert found(f'public_key = "{KEY}"') == own
    assert found('public_key = "keys/lab.pub"') == Path("keys/lab")
    assert found('public_key = "~/.ssh/id_rsa.pub"') == Path("~/.ssh/id_rsa").expanduser()
    monkeypatch.setenv("KAFKALAB_PUBLIC_KEY", "/keys/env.pub")
    assert found() == Path("/keys/env")
    assert found('public_key = "keys/lab.pub"') == Path("keys/lab")
    monkeypatch.setenv("KAFKALAB_KEY", "/keys/own")
    assert found('public_key = "keys/lab.pub"') == Path("/keys/own")
