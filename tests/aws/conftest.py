"""An account for each test, and labs in it as Terraform would have made them."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lab.aws import sizes, tags
from lab.file import load
from lab.topology import Host, Topology, build
from scripts.platforms.aws import Aws
from scripts.platforms.aws.clients import Clients
from tests import forked
from tests.aws import policy
from tests.aws.emulator import ENVIRONMENT, UNSET, Emulator

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "B" * 43
LAB_FILE = """\
name = "{name}"
owner = "{owner}"
links = [{{ between = ["dc1", "dc2"] }}]

[aws]
region = "eu-central-1"
admin_cidrs = ["203.0.113.7/32"]
ttl_hours = 8
{aws}

[[datacenters]]
name = "dc1"
cidr = "10.1.0.0/24"
zookeeper = 1
kafka = 2
{datacenter}

[[datacenters]]
name = "dc2"
cidr = "10.2.0.0/24"
region = "us-east-1"
control = 0
zookeeper = 1
kafka = 1
"""


@pytest.fixture(scope="session", autouse=True)
def _models_once() -> Iterator[None]:
    """Let all sessions of this process share the models of AWS's services, which are large."""
    import botocore.loaders

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.loaders.create_loader", functools.cache(
            botocore.loaders.create_loader
        ))
        yield


@pytest.fixture(scope="session")
def _server() -> Iterator[Emulator]:
    emulator = Emulator()
    yield emulator
    emulator.close()


@pytest.fixture
def emulator(_server: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    """An empty account, and an environment that knows no other.

    What the code under test calls in it is what docs/iam-policy.json allows.
    """
    _server.reset()
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", _server.url)
    yield _server
    called = {policy.action(*call) for call in _server.heard}
    assert [name for name in sorted(called) if not policy.allowed(name)] == []


@pytest.fixture
def clients(emulator: Emulator) -> Clients:
    return Clients()


@dataclass
class Cloud:
    """A lab file, and what there is of it in the account."""

    emulator: Emulator
    folder: Path
    name: str = "kafkalab"
    owner: str = "ann"
    aws: str = ""
    datacenter: str = ""
    said: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    vpcs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        self.write()

    @property
    def file(self) -> Path:
        return self.folder / "lab.toml"

    @property
    def state(self) -> Path:
        return self.folder / "state" / "kafkalab" / self.name

    def write(self) -> None:
        self.file.write_text(LAB_FILE.format(
            name=self.name, owner=self.owner, aws=self.aws, datacenter=self.datacenter
        ))

    @property
    def topology(self) -> Topology:
        return build(load(self.file).lab)

    @property
    def platform(self) -> Aws:
        return Aws(load(self.file), self.topology, state=self.state, say=self.said.append)

    def region(self, host: Host) -> str:
        topology = self.topology
        return sizes.region(topology, topology.datacenter(host.datacenter))

    def make(self, *, until: timedelta | None = timedelta(hours=8)) -> Cloud:
        """VPCs, subnets, gateways, groups, keys and instances of the whole lab."""
        for datacenter in self.topology.datacenters:
            region = sizes.region(self.topology, datacenter)
            client = self.emulator.client("ec2", region)
            mine = {
                tags.LAB: self.name, tags.OWNER: self.owner, tags.DATACENTER: datacenter.name,
            }
            vpc = client.create_vpc(
                CidrBlock=str(datacenter.cidr), TagSpecifications=spec("vpc", mine)
            )["Vpc"]["VpcId"]
            self.vpcs[datacenter.name] = vpc
            gateway = client.create_internet_gateway(
                TagSpecifications=spec("internet-gateway", mine)
            )["InternetGateway"]["InternetGatewayId"]
            client.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
            table = client.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
            client.create_route(
                RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
            )
            subnet = client.create_subnet(
                VpcId=vpc, CidrBlock=str(datacenter.subnets[0])
            )["Subnet"]["SubnetId"]
            client.associate_route_table(RouteTableId=table, SubnetId=subnet)
            group = client.create_security_group(
                GroupName="hosts", Description="hosts", VpcId=vpc,
                TagSpecifications=spec("security-group", mine),
            )["GroupId"]
            client.authorize_security_group_ingress(GroupId=group, IpPermissions=[
                {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]},
            ])
            client.create_key_pair(
                KeyName=f"{self.owner}-{self.folder.name}-{datacenter.name}",
                TagSpecifications=spec("key-pair", mine),
            )
            for host in datacenter.hosts:
                own = mine | {tags.NAME: host.name, tags.ROLE: host.role}
                if until is not None:
                    own[tags.EXPIRES] = tags.expires(datetime.now(UTC) + until)
                self.ids[host.name] = self.launch(host, own, subnet, group)
        return self

    def launch(self, host: Host, own: dict[str, str], subnet: str, group: str) -> str:
        client = self.emulator.client("ec2", self.region(host))
        run = client.run_instances(
            ImageId="ami-12345678", InstanceType=sizes.instance_type(self.topology, host),
            MinCount=1, MaxCount=1,
            NetworkInterfaces=[{
                "DeviceIndex": 0, "SubnetId": subnet, "PrivateIpAddress": str(host.address),
                "AssociatePublicIpAddress": True, "Groups": [group],
            }],
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {
                "VolumeSize": sizes.volume_gb(self.topology, host), "VolumeType": "gp3",
                "DeleteOnTermination": True,
            }}],
            TagSpecifications=[*spec("instance", own), *spec("volume", own)],
        )
        id: str = run["Instances"][0]["InstanceId"]
        self.emulator.consoles[id] = f"[  1.0] booting\nkafkalab host key: {KEY}\n"
        return id

    def of(self, region: str) -> list[str]:
        return [self.ids[h.name] for h in self.topology.hosts if self.region(h) == region]

    def states(self) -> dict[str, str]:
        """The state of every instance with the lab's name, by id."""
        return {
            one["InstanceId"]: one["State"]["Name"]
            for region in ("eu-central-1", "us-east-1")
            for r in self.emulator.client("ec2", region).describe_instances()["Reservations"]
            for one in r["Instances"]
        }

    def fab(self, *words: str, expect: int | None = 0, **environment: str) -> str:
        """Run `fab` in a process of its own; everything that it printed."""
        done = forked.fab(*words, timeout=300, environment={
            **os.environ, "LAB": str(self.file), "LAB_PLATFORM": "aws",
            "XDG_STATE_HOME": str(self.folder / "state"), **environment,
        })
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert expect in (None, done.returncode), said
        return said


def spec(kind: str, mine: dict[str, str]) -> list[dict[str, Any]]:
    """Tags as a call that makes something takes them."""
    return [{"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in mine.items()]}]


MakeCloud = Callable[..., Cloud]


@pytest.fixture
def make_cloud(emulator: Emulator, tmp_path: Path) -> MakeCloud:
    def make(**fields: Any) -> Cloud:
        folder = tmp_path / f"lab{len(list(tmp_path.iterdir()))}"
        return Cloud(emulator, folder, **fields)

    return make


@pytest.fixture
def cloud(make_cloud: MakeCloud) -> Cloud:
    """A lab file of six hosts in two regions; nothing of it is in the account yet."""
    return make_cloud()
