"""Every finding about an account in one run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from scripts.platforms.aws.preflight import Finding, check, standard
from tests.aws.conftest import KEY, Cloud, MakeCloud


def found(cloud: Cloud) -> dict[str, Finding]:
    """The findings by "where what"."""
    return {f"{one.where} {one.what}": one for one in check(cloud.platform)[0]}


def failed(cloud: Cloud) -> dict[str, str]:
    return {key: one.seen for key, one in found(cloud).items() if one.held is False}


def test_an_account_that_is_ready(cloud: Cloud) -> None:
    findings, bill = check(cloud.platform)
    assert [one.word for one in findings] == ["ok"] * len(findings)
    seen = {f"{one.where} {one.what}": one.seen for one in findings}
    assert seen["account credentials"].startswith("123456789012, arn:aws:")
    assert "ami-" in seen["eu-central-1 image"]
    assert seen["eu-central-1 vCPU quota"] == "32 vCPUs, 0 in use, 8 more needed"
    assert seen["us-east-1 VPC quota"] == "5 VPCs, 1 there, 1 more needed"
    assert bill is not None
    assert bill.complete
    own = cloud.state / "id_ed25519"
    assert seen["workstation key"] == f"made {own}, the lab's own"
    assert own.with_name("id_ed25519.pub").exists()
    assert found(cloud)["workstation key"].seen == str(own)


def test_a_lab_that_is_there_needs_no_more_of_the_account(cloud: Cloud) -> None:
    seen = {key: one.seen for key, one in found(cloud.make()).items()}
    assert seen["eu-central-1 vCPU quota"].endswith("in use, 0 more needed")
    assert seen["eu-central-1 VPC quota"] == "5 VPCs, 2 there, 0 more needed"
    assert seen["account hosts"] == "6 of the lab are there"


def test_brokers_that_the_file_has_no_more_are_to_be_emptied_before_terraform_ends_them(
    cloud: Cloud
) -> None:
    """Whether they are, EC2 cannot tell."""
    cloud.make()
    cloud.file.write_text(cloud.file.read_text().replace("kafka = 2", "kafka = 1"))
    one = found(cloud)["dc1 fewer brokers"]
    assert (one.word, one.seen) == ("unknown", (
        "not in the lab file: ann-dc1-kafka02; Terraform ends them with what they have: empty them "
        "first, `LAB_PLATFORM=aws fab kafka.balance --datacenter dc1`"))
    assert failed(cloud) == {}
    platform = cloud.platform
    (other,) = platform.context({}, platform.instances()).strangers
    assert (other.name, other.role, str(other.address)) == (
        "ann-dc1-kafka02", "kafka", "10.1.0.32")


def test_a_datacenter_that_the_file_has_no_more_is_told(cloud: Cloud) -> None:
    cloud.make()
    head, _, rest = cloud.file.read_text().partition('[[datacenters]]\nname = "dc2"')
    cloud.file.write_text(head.replace('links = [{ between = ["dc1", "dc2"] }]', "")
                          .replace('region = "eu-central-1"', 'region = "us-east-1"'))
    assert "region" in rest
    one = found(cloud)["dc2 a datacenter less"]
    assert one.seen == ("not in the lab file: ann-dc2-zk01, ann-dc2-kafka01; Terraform ends them "
                        "with all their data")


def test_all_that_is_wrong_is_told_at_once(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(aws=(
        'instance_types = { kafka = "t3.gigantic" }\npublic_key = "keys/none.pub"'
    ))
    cloud.emulator.quotas["L-1216C47A"] = 3.0
    client = cloud.emulator.client("ec2", "us-east-1")
    for number in range(4):
        client.create_vpc(CidrBlock=f"10.{100 + number}.0.0/16")
    cloud.emulator.fail("GetParameter", "AccessDeniedException", times=1)
    said = failed(cloud)
    assert "keys/none is missing" in said["workstation key"]
    assert said["us-east-1 VPC quota"].startswith("5 VPCs, 5 there, 1 more needed; ask for more")
    assert said["eu-central-1 instance types"] == "not offered: t3.gigantic"
    assert [key for key in said if key.endswith("image")]


def test_a_quota_that_is_too_small_names_itself(cloud: Cloud) -> None:
    cloud.emulator.quotas["L-1216C47A"] = 7.0
    said = failed(cloud)["eu-central-1 vCPU quota"]
    assert said == (
        "7 vCPUs, 0 in use, 8 more needed; ask for more: Service Quotas, L-1216C47A"
    )


def test_others_instances_count_and_spot_has_a_quota_of_its_own(make_cloud: MakeCloud) -> None:
    make_cloud(owner="bob").make()
    cloud = make_cloud()
    seen = found(cloud)["eu-central-1 vCPU quota"].seen
    used = int(seen.split(", ")[1].split()[0])
    assert used > 0
    spot = found(make_cloud(aws="spot = true"))["eu-central-1 vCPU quota"].seen
    assert spot == "32 vCPUs on spot, 0 in use, 8 more needed"


def test_a_region_that_is_not_enabled(cloud: Cloud) -> None:
    cloud.file.write_text(cloud.file.read_text().replace("us-east-1", "ap-east-1"))
    assert failed(cloud)["ap-east-1 region"] == "not-opted-in"


def test_a_network_that_is_peered_is_in_the_way_and_another_is_only_told(cloud: Cloud) -> None:
    client = cloud.emulator.client("ec2")
    neighbour = client.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    one = found(cloud)["eu-central-1 networks"]
    assert one.held
    assert f"10.1.0.0/24 of dc1 overlaps 10.1.0.0/16 of {neighbour}, which is not" in one.seen
    other = client.create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"]
    peering = client.create_vpc_peering_connection(VpcId=neighbour, PeerVpcId=other)
    client.accept_vpc_peering_connection(
        VpcPeeringConnectionId=peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    )
    assert f"of {neighbour}, which is peered" in failed(cloud)["eu-central-1 networks"]


def test_without_credentials_nothing_more_is_asked(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    findings, bill = check(cloud.platform)
    assert [one.what for one in findings] == ["key", "credentials"]
    assert not findings[1].held
    assert bill is None
    assert cloud.emulator.calls == []


def test_a_quota_that_may_not_be_read_is_unknown_and_stops_nobody(cloud: Cloud) -> None:
    cloud.emulator.fail("GetServiceQuota", "AccessDeniedException", times=4)
    findings = found(cloud)
    assert findings["eu-central-1 vCPU quota"].word == "unknown"
    assert failed(cloud) == {}


def pair(path: Path, passphrase: str = "") -> str:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True
    )
    return path.with_name(path.name + ".pub").read_text().strip()


def test_keys_that_cannot_log_in(
    make_cloud: MakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = pair(tmp_path / "mine")
    pair(tmp_path / "locked", "secret")

    def key(aws: str, path: str) -> Finding:
        monkeypatch.setenv("KAFKALAB_KEY", str(tmp_path / path))
        return found(make_cloud(aws=aws))["workstation key"]

    assert key(f'public_key = "{mine}"', "mine").held
    assert "does not fit" in key(f'public_key = "{KEY}"', "mine").seen
    assert "locked: " in key("", "locked").seen
    assert not key("", "locked").held
    (tmp_path / "mine").chmod(0o644)
    assert "chmod 600" in key("", "mine").seen


def test_families_of_the_standard_quota() -> None:
    assert all(map(standard, ("t3.micro", "m7g.large", "im4gn.large", "z1d.large", "a1.medium")))
    assert not any(map(standard, ("g5.xlarge", "p4d.24xlarge", "inf2.xlarge", "hpc7g.4xlarge",
                                  "u7i-12tb.224xlarge", "x2gd.large", "trn1.2xlarge", "dl1.24xl")))
