"""What is left of a lab is found, whatever it is, and removed with nothing else."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from lab.aws import tags
from scripts.platforms.aws.audit import Left, enabled_regions, find, priced
from scripts.platforms.aws.clients import AwsError, Clients
from scripts.platforms.aws.prices import Prices
from scripts.platforms.aws.remove import Remover
from tests.aws.conftest import Cloud, MakeCloud, spec

REGIONS = ("eu-central-1", "us-east-1")
MINE = {tags.LAB: "kafkalab", tags.OWNER: "ann"}
WHOLE = {
    "instance": 6, "volume": 6, "network interface": 6, "subnet": 2, "route table": 2,
    "internet gateway": 2, "security group": 2, "VPC": 2, "key pair": 2,
}


def left(owner: str = "ann") -> list[Left]:
    return find(Clients(), REGIONS, "kafkalab", owner)


def counted(found: list[Left]) -> dict[str, int]:
    return dict(Counter(one.kind for one in found))


def remove(found: list[Left]) -> list[str]:
    said: list[str] = []
    remover = Remover(Clients(), said.append)
    remover.pause_s = 0.01
    remover.free_s = 0.2
    remover.remove(found)
    return said


def extras(cloud: Cloud) -> None:
    """All kinds that the stacks do not make, or not always."""
    client, iam = cloud.emulator.client("ec2"), cloud.emulator.client("iam")
    one, other = (
        cloud.vpcs["dc1"], client.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"],
    )
    client.create_vpc_peering_connection(
        VpcId=one, PeerVpcId=other, TagSpecifications=spec("vpc-peering-connection", MINE)
    )
    client.allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip", MINE))
    used = client.allocate_address(Domain="vpc", TagSpecifications=spec("elastic-ip", MINE))
    client.associate_address(
        AllocationId=used["AllocationId"], InstanceId=cloud.ids["ann-dc1-ctl01"]
    )
    volume = client.create_volume(
        Size=10, AvailabilityZone="eu-central-1a", VolumeType="gp3",
        TagSpecifications=spec("volume", MINE),
    )["VolumeId"]
    client.create_snapshot(VolumeId=volume, TagSpecifications=spec("snapshot", MINE))
    client.create_network_acl(VpcId=one)
    role = {"Version": "2012-10-17", "Statement": []}
    own = [{"Key": key, "Value": value} for key, value in MINE.items()]
    iam.create_role(RoleName="lab", AssumeRolePolicyDocument=str(role), Tags=own)
    iam.put_role_policy(RoleName="lab", PolicyName="inline", PolicyDocument=(
        '{"Version": "2012-10-17", "Statement": '
        '[{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'
    ))
    policy = iam.create_policy(PolicyName="p", PolicyDocument=(
        '{"Version": "2012-10-17", "Statement": '
        '[{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}'
    ))["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="lab", PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName="lab", Tags=own)
    iam.add_role_to_instance_profile(InstanceProfileName="lab", RoleName="lab")
    iam.create_role(RoleName="other", AssumeRolePolicyDocument=str(role))


def test_an_empty_account_has_nothing(cloud: Cloud) -> None:
    assert left() == []


def test_everything_with_the_labs_tags_and_everything_in_its_networks(cloud: Cloud) -> None:
    assert counted(cloud.make() and left()) == WHOLE
    extras(cloud)
    found = counted(left())
    assert found == WHOLE | {
        "volume": 7, "snapshot": 1, "address": 2, "peering": 1, "network ACL": 1,
        "IAM role": 1, "IAM instance profile": 1,
    }


def test_a_peering_is_one_of_the_network_whoever_asked_for_it(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what is asked: moto answers with every peering, whatever the filter."""
    cloud.make()
    asked, items = set(), Clients.items

    def heard(self: Clients, service: str, region: str, operation: str, *words: str, **more: Any
              ) -> list[Any]:
        if operation == "describe_vpc_peering_connections":
            asked.update(one["Name"] for one in more["Filters"])
        return items(self, service, region, operation, *words, **more)

    monkeypatch.setattr(Clients, "items", heard)
    left()
    assert {"requester-vpc-info.vpc-id", "accepter-vpc-info.vpc-id"} <= asked


def test_what_costs_what(cloud: Cloud) -> None:
    cloud.make()
    cloud.emulator.client("ec2").stop_instances(InstanceIds=[cloud.ids["ann-dc1-ctl01"]])
    found = {one.name + one.kind: one for one in priced(left(), Prices(Clients()))}
    assert found["ann-dc1-kafka01instance"].hourly == Decimal("0.024") + Decimal("0.005")
    assert found["ann-dc1-ctl01instance"].hourly == 0
    volume = found["ann-dc1-kafka01volume"]
    assert volume.hourly == pytest.approx(20 * Decimal("0.0952") / 730)
    cloud.emulator.offline.add("pricing")
    unpriced = priced(left(), Prices(Clients()))
    assert {one.hourly for one in unpriced if one.kind == "volume"} == {None}


def test_all_of_it_is_removed_and_nothing_of_anybody_else(make_cloud: MakeCloud) -> None:
    mine, others = make_cloud().make(), make_cloud(owner="bob").make()
    extras(mine)
    before = counted(left("bob"))
    said = remove(left())
    assert left() == []
    assert counted(left("bob")) == before == WHOLE
    assert set(mine.states().values()) == {"terminated", "running"}
    assert all(mine.states()[id] == "running" for id in others.ids.values())
    roles = [one["RoleName"] for one in mine.emulator.client("iam").list_roles()["Roles"]]
    assert roles == ["other"]
    assert any("ann-dc1-kafka01" in line for line in said)


def test_what_is_gone_by_then_is_as_good_as_removed(cloud: Cloud) -> None:
    found = cloud.make() and left()
    remove(found)
    remove(found)
    assert left() == []


def test_kinds_that_nobody_thought_of_are_found_all_the_same(cloud: Cloud) -> None:
    client = cloud.emulator.client("ec2")
    image = client.register_image(Name="mine", RootDeviceName="/dev/xvda")["ImageId"]
    client.create_tags(Resources=[image], Tags=spec("image", MINE)[0]["Tags"])
    (found,) = left()
    assert (found.kind, found.id, found.hourly) == ("image", image, None)
    remove([found])
    assert left() == [found]


def test_groups_that_name_each_other_are_emptied_first(cloud: Cloud) -> None:
    cloud.make()
    client = cloud.emulator.client("ec2")
    one, other = (
        client.create_security_group(GroupName=n, Description=n, VpcId=cloud.vpcs["dc1"])["GroupId"]
        for n in "ab"
    )
    for this, that in ((one, other), (other, one)):
        client.authorize_security_group_ingress(GroupId=this, IpPermissions=[
            {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": that}]},
        ])
    remove(left())
    assert left() == []


def test_something_that_is_held_is_tried_again_and_then_told(cloud: Cloud) -> None:
    cloud.make()
    cloud.emulator.fail("DeleteVpc", "DependencyViolation", times=2)
    remove(left())
    assert left() == []
    cloud.make()
    cloud.emulator.fail("DeleteVpc", "DependencyViolation", times=10_000)
    with pytest.raises(AwsError, match="DeleteVpc: DependencyViolation"):
        remove(left())
    assert counted(left()) == {"VPC": 2, "key pair": 2}


def test_a_refusal_stops_its_region_and_no_other(cloud: Cloud) -> None:
    cloud.make()
    cloud.emulator.fail("TerminateInstances", "UnauthorizedOperation", status=403)
    with pytest.raises(AwsError, match="TerminateInstances"):
        remove(left())
    found = left()
    assert {one.kind for one in found} == set(WHOLE)
    assert len({one.region for one in found}) == 1


def test_the_enabled_regions_are_asked_of_the_account(cloud: Cloud) -> None:
    found = enabled_regions(Clients(), "eu-central-1")
    assert {"eu-central-1", "us-east-1"} <= set(found)
    assert "ap-east-1" not in found  # which moto gives as not opted in
