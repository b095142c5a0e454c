"""Addresses that are let in for a while: opened, listed, prolonged, and gone at their end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from typing import Any

import pytest

from lab.aws import tags
from scripts.errors import LabError
from scripts.platforms.aws import Aws, allow, audit
from scripts.platforms.aws.remove import Remover
from tests.aws.conftest import Cloud, MakeCloud

HERE, THERE = IPv4Network("198.51.100.9/32"), IPv4Network("192.0.2.0/24")
HOUR = timedelta(hours=1)


def soon(wait: timedelta = HOUR) -> datetime:
    return (datetime.now(UTC) + wait).replace(microsecond=0)


def rules(cloud: Cloud, region: str = "eu-central-1") -> list[dict[str, Any]]:
    """What lets a network in, by its ports."""
    found = cloud.emulator.client("ec2", region).describe_security_group_rules()
    return sorted(
        (one for one in found["SecurityGroupRules"] if one.get("CidrIpv4") and not one["IsEgress"]),
        key=lambda one: one["FromPort"],
    )


def test_ssh_and_the_labs_ports_are_opened_in_every_group(cloud: Cloud) -> None:
    end = soon()
    assert allow.let_in(cloud.make().platform, HERE, end) == 2
    for region in ("eu-central-1", "us-east-1"):
        found = rules(cloud, region)
        assert [(one["FromPort"], one["ToPort"]) for one in found] == [(0, 65535), (22, 22)]
        assert {one["CidrIpv4"] for one in found} == {str(HERE)}
        has = {tag["Key"]: tag["Value"] for tag in found[0]["Tags"]}
        assert has[tags.EXPIRES] == tags.expires(end)
        assert has[tags.ALLOWED_BY].startswith("arn:aws:sts::")
        assert (has[tags.LAB], has[tags.OWNER]) == ("kafkalab", "ann")
    listed = allow.listed(cloud.platform)
    assert {(one.region, one.ports, one.until) for one in listed} == {
        (region, ports, end) for region in ("eu-central-1", "us-east-1")
        for ports in ("22", "0-65535")
    }


def test_said_again_it_has_the_new_end(cloud: Cloud) -> None:
    platform, later = cloud.make().platform, soon(2 * HOUR)
    allow.let_in(platform, HERE, soon())
    before = {one["SecurityGroupRuleId"] for one in rules(cloud)}
    allow.let_in(platform, HERE, later)
    assert {one["SecurityGroupRuleId"] for one in rules(cloud)} == before
    assert {one.until for one in allow.listed(platform)} == {later}


def test_a_run_after_the_end_takes_it_away_and_nothing_else(cloud: Cloud) -> None:
    platform = cloud.make().platform
    allow.let_in(platform, HERE, soon(-HOUR))
    allow.let_in(platform, THERE, soon())
    group = rules(cloud)[0]["GroupId"]
    cloud.emulator.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
    ])
    Aws(platform.file, platform.topology, state=cloud.state, dry=True).machines()
    assert len(rules(cloud)) == 5
    platform.machines()
    assert {one["CidrIpv4"] for one in rules(cloud)} == {str(THERE), "10.0.0.0/8"}
    assert {one["CidrIpv4"] for one in rules(cloud, "us-east-1")} == {str(THERE)}
    assert cloud.said == [f"no longer let in, its time is over: {HERE} (4 rules)"]
    asked = cloud.emulator.count("DescribeSecurityGroupRules")
    platform.machines()
    assert cloud.emulator.count("DescribeSecurityGroupRules") == asked


def test_a_rule_whose_end_cannot_be_read_has_none(cloud: Cloud) -> None:
    platform = cloud.make().platform
    allow.let_in(platform, HERE, soon())
    cloud.emulator.client("ec2").create_tags(
        Resources=[rules(cloud)[0]["SecurityGroupRuleId"]],
        Tags=[{"Key": tags.EXPIRES, "Value": "tomorrow"}],
    )
    allow.sweep(platform)
    assert [one["FromPort"] for one in rules(cloud)] == [22]


def test_who_may_not_shut_out_is_not_stopped_by_it(cloud: Cloud) -> None:
    platform = cloud.make().platform
    allow.let_in(platform, HERE, soon(-HOUR))
    cloud.emulator.fail("RevokeSecurityGroupIngress", "UnauthorizedOperation", times=2)
    assert len(platform.machines()) == 6
    assert not cloud.said
    cloud.emulator.fail("DescribeSecurityGroupRules", "UnauthorizedOperation", times=2)
    assert len(cloud.platform.machines()) == 6


def test_another_labs_rules_are_left_alone(make_cloud: MakeCloud) -> None:
    mine, other = make_cloud().make(), make_cloud(owner="bob").make()
    allow.let_in(other.platform, HERE, soon(-HOUR))
    allow.sweep(mine.platform)
    assert allow.listed(mine.platform) == []
    assert len(allow.listed(other.platform)) == 4


def test_what_somebody_made_without_an_end_is_told(cloud: Cloud) -> None:
    cloud.make()
    client = cloud.emulator.client("ec2")
    found = client.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["hosts"]}])
    client.authorize_security_group_ingress(
        GroupId=found["SecurityGroups"][0]["GroupId"], IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
             "IpRanges": [{"CidrIp": str(HERE)}]},
        ],
    )
    with pytest.raises(LabError, match=rf"{HERE} is let in to 22 already, by a rule without an en"):
        allow.let_in(cloud.platform, HERE, soon())


def test_the_audit_lists_and_removes_them(cloud: Cloud) -> None:
    platform = cloud.make().platform
    end = soon()
    allow.let_in(platform, HERE, end)
    found = [
        one for one in audit.find(platform.clients, platform.regions, "kafkalab", "ann")
        if one.kind == "allowed address"
    ]
    assert len(found) == 4
    assert (found[0].name, found[0].state) == (f"allowed {HERE}", f"until {tags.expires(end)}")
    Remover(platform.clients, cloud.said.append).remove(found)
    assert allow.listed(platform) == []


def test_a_lab_that_is_not_there_lets_nobody_in(cloud: Cloud) -> None:
    with pytest.raises(LabError, match="no security group of the lab is in AWS"):
        allow.let_in(cloud.platform, HERE, soon())


def test_from_the_command_line(cloud: Cloud) -> None:
    assert "(name it with --cidr)" in cloud.fab("allow", expect=2)
    cloud.make()
    said = cloud.fab("allow", "--cidr", str(HERE), "--cidr", "203.0.113.7/32", "--for", "90m")
    assert f"{HERE} is let in until 20" in said
    assert "in 2 security groups" in said
    assert "203.0.113.7/32 is let in already: 203.0.113.7/32 is in aws.admin_cidrs" in said
    said = cloud.fab("allow", "--list")
    assert said.count(str(HERE)) == 4
    assert said.count("0-65535") == 2
    assert "allowed address" in cloud.fab("audit", expect=1)
    assert "4 rules removed" in cloud.fab("allow", "--remove", "--cidr", str(HERE))
    assert "nobody is let in but aws.admin_cidrs" in cloud.fab("allow", "--list")
    assert "say one of them" in cloud.fab("allow", "--list", "--remove", expect=2)
    everybody = ("--cidr", "0.0.0.0/0")
    said = cloud.fab("allow", *everybody, expect=2)
    assert "say it twice if you mean it: --cidr 0.0.0.0/0 --cidr 0.0.0.0/0" in said
    assert allow.listed(cloud.platform) == []
    assert "0.0.0.0/0 is let in until" in cloud.fab("allow", *everybody, *everybody)
    assert "4 rules removed" in cloud.fab("allow", "--remove")
