"""A lab in a company's account: its images, its network, its addresses, its tags."""

from __future__ import annotations

import pytest

from lab.aws import tags
from scripts.platforms.aws import cost
from scripts.platforms.aws.inventory import Addresses, machines
from scripts.platforms.aws.preflight import Finding, check
from tests.aws.conftest import Cloud, MakeCloud

IMAGE = "ami-0123456789abcdef0"


def found(cloud: Cloud) -> dict[str, Finding]:
    return {f"{one.where} {one.what}": one for one in check(cloud.platform)[0]}


def images(cloud: Cloud, *, architecture: str = "x86_64") -> str:
    """An image of the company's in both regions; what the lab file says of it."""
    ids = {}
    for region in ("eu-central-1", "us-east-1"):
        ids[region] = cloud.emulator.image(region, "hardened", architecture)
    return "image_ids = {" + ", ".join(f'{one} = "{id}"' for one, id in ids.items()) + "}"


def network(cloud: Cloud, cidr: str = "10.1.0.0/20") -> tuple[str, str]:
    """A VPC of the company's in the first region with one subnet."""
    client = cloud.emulator.client("ec2")
    vpc = client.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    return vpc, client.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["SubnetId"]


def unlinked(cloud: Cloud) -> None:
    text = cloud.file.read_text()
    cloud.file.write_text(text.replace('links = [{ between = ["dc1", "dc2"] }]\n', ""))


def test_an_image_by_its_id_is_looked_at(make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    cloud.aws = images(cloud)
    cloud.write()
    one = found(cloud)["eu-central-1 image"]
    assert (one.word, one.seen.partition(" ")[2]) == ("ok", "(hardened), x86_64")
    assert cloud.emulator.count("GetParameter") == 0
    cloud.aws = images(cloud, architecture="arm64")
    cloud.write()
    one = found(cloud)["us-east-1 image"]
    assert one.word == "failed"
    assert one.seen.endswith("arm64; the instance types are x86_64")
    cloud.aws = f'image_ids = {{ eu-central-1 = "{IMAGE}", us-east-1 = "{IMAGE}" }}'
    cloud.write()
    assert found(cloud)["eu-central-1 image"].word == "failed"


def test_subnets_that_exist_have_room_for_the_hosts(make_cloud: MakeCloud) -> None:
    cloud = make_cloud()
    vpc, subnet = network(cloud)
    cloud.datacenter = f'vpc_id = "{vpc}"\nsubnet_ids = ["{subnet}"]'
    cloud.write()
    unlinked(cloud)
    findings = found(cloud)
    assert (findings["dc1 subnets"].word, findings["dc1 subnets"].seen) == ("ok", subnet)
    assert "dc2 subnets" not in findings
    assert findings["eu-central-1 VPC quota"].seen == "5 VPCs, 2 there, 0 more needed"
    assert findings["eu-central-1 networks"].seen == "no clash"
    interface = cloud.emulator.client("ec2").create_network_interface(
        SubnetId=subnet, PrivateIpAddress="10.1.0.31"
    )["NetworkInterface"]["NetworkInterfaceId"]
    one = found(cloud)["dc1 subnets"]
    assert (one.word, one.seen) == (
        "failed", f"10.1.0.31 of ann-dc1-kafka01 is taken by {interface}")


@pytest.mark.parametrize("wrong", ["small", "elsewhere", "nowhere"])
def test_subnets_that_do_not_fit_are_told(make_cloud: MakeCloud, wrong: str) -> None:
    cloud = make_cloud()
    vpc, subnet = network(cloud, "10.1.0.0/25" if wrong == "small" else "10.1.0.0/24")
    if wrong == "elsewhere":
        vpc, other = network(cloud)[0], vpc
        told = f"{subnet} is in {other}, not in {vpc}"
    elif wrong == "nowhere":
        subnet = "subnet-0123456789abcdef0"
        told = f"{subnet} is not there"
    else:
        told = f"{subnet} has 10.1.0.0/25, which does not hold 10.1.0.0/24"
    cloud.datacenter = f'vpc_id = "{vpc}"\nsubnet_ids = ["{subnet}"]'
    cloud.write()
    unlinked(cloud)
    one = found(cloud)["dc1 subnets"]
    assert (one.word, one.seen) == ("failed", told)


def test_hosts_without_a_public_address_are_reached_at_their_own(cloud: Cloud) -> None:
    there = machines(cloud.make().platform.clients, cloud.platform.regions, "kafkalab", "ann")
    machine = there["ann-dc1-kafka01"]
    reached = Addresses(public=False).of(machine)
    assert reached is not None
    assert reached.ssh == ("10.1.0.31", 22)
    assert reached.external[0] == "10.1.0.31"
    public = Addresses().of(machine)
    assert public is not None
    assert public.ssh == (machine.public, 22)


def test_private_addresses_cost_nothing(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(aws="public_addresses = false", datacenter=(
        'vpc_id = "vpc-0123456789abcdef0"\nsubnet_ids = ["subnet-0123456789abcdef0"]'
    ))
    text = cloud.file.read_text().replace(
        'region = "us-east-1"', 'region = "us-east-1"\nvpc_id = "vpc-0123456789abcdef1"\n'
        'subnet_ids = ["subnet-0123456789abcdef1"]',
    )
    cloud.file.write_text(text)
    assert cost.ADDRESS not in {one.kind for one in cost.items(cloud.topology)}


def test_rules_for_a_while_have_the_companys_tags(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(aws='tags = { cost-center = "4711" }').make()
    cloud.fab("allow", "--cidr", "198.51.100.9")
    (rule, *_) = cloud.emulator.client("ec2").describe_security_group_rules(
        Filters=[{"Name": "tag-key", "Values": [tags.ALLOWED_BY]}]
    )["SecurityGroupRules"]
    assert {"Key": "cost-center", "Value": "4711"} in rule["Tags"]
