"""Nights, hours and buckets: stop and start, extend, backend."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from lab.aws import tags
from lab.file import load
from scripts.errors import LabError, UsageError
from scripts.platforms import aws as module
from scripts.platforms.aws import ttl
from scripts.platforms.aws.backend import Bucket, settle
from scripts.platforms.aws.clients import Clients
from tests.aws.conftest import Cloud, MakeCloud


def test_stop_takes_the_brokers_first_and_says_once_what_it_did(cloud: Cloud) -> None:
    cloud.make()
    assert sorted(cloud.platform.stop(cloud.ids)) == sorted(cloud.ids)
    assert set(cloud.states().values()) == {"stopped"}
    assert cloud.emulator.count("StopInstances") == 4  # two groups in two regions
    assert cloud.platform.stop(cloud.ids) == []
    assert cloud.emulator.count("StopInstances") == 4


def test_start_waits_for_ssh_and_warns_of_hosts_that_have_expired(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.make(until=timedelta(hours=-1))
    cloud.platform.stop(cloud.ids)
    waited: list[str] = []
    monkeypatch.setattr(module.Aws, "await_sshd", lambda self, names: waited.extend(names))
    assert sorted(cloud.platform.start(cloud.ids)) == sorted(cloud.ids) == sorted(waited)
    assert set(cloud.states().values()) == {"running"}
    assert sum("has expired" in line for line in cloud.said) == len(cloud.ids)
    assert cloud.platform.start(cloud.ids) == []


def test_a_datacenter_loses_its_power_and_gets_it_back(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a drill does: one datacenter's instances, forced, and the same ones again."""
    cloud.make()
    waited: list[str] = []
    monkeypatch.setattr(module.Aws, "await_sshd", lambda self, names: waited.extend(names))
    lost = [name for name in cloud.ids if name.startswith("ann-dc1-")]
    assert 0 < len(lost) < len(cloud.ids)
    cloud.platform.kill(lost)
    stopped = {one for one, state in cloud.states().items() if state != "running"}
    assert stopped == {cloud.ids[name] for name in lost}
    cloud.platform.kill(lost)  # what stands still is left alone
    cloud.platform.revive(lost)
    assert set(cloud.states().values()) == {"running"}
    assert sorted(waited) == sorted(lost)


def test_hosts_on_spot_cannot_be_stopped(cloud: Cloud) -> None:
    cloud.make()
    cloud.emulator.spot(cloud.ids["ann-dc1-zk01"], "eu-central-1")
    with pytest.raises(LabError, match="ann-dc1-zk01: is on spot"):
        cloud.platform.stop(cloud.ids)
    with pytest.raises(LabError, match="ann-dc1-zk01: is on spot"):
        cloud.platform.kill(cloud.ids)
    assert set(cloud.states().values()) == {"running"}


def test_a_host_that_vanishes_before_it_is_stopped(cloud: Cloud) -> None:
    cloud.make()
    gone = cloud.ids["ann-dc1-kafka01"]
    cloud.emulator.hooks["StopInstances"].append(
        lambda: cloud.emulator.forget(gone, "eu-central-1")
    )
    with pytest.raises(LabError, match=r"gone since it was listed.*run it again"):
        cloud.platform.stop(cloud.ids)
    assert "ann-dc1-kafka01" not in cloud.platform.stop(cloud.ids)


def ends(cloud: Cloud) -> set[datetime | None]:
    """What the tags of all instances and volumes say."""
    return {
        tags.moment({tag["Key"]: tag["Value"] for tag in one["Tags"]}.get(tags.EXPIRES))
        for region in cloud.platform.regions
        for one in [
            *(i for r in cloud.emulator.client("ec2", region).describe_instances()["Reservations"]
              for i in r["Instances"]),
            *cloud.emulator.client("ec2", region).describe_volumes()["Volumes"],
        ]
    }


@pytest.mark.parametrize("hours", [1, 100])
def test_extend_moves_the_end_of_every_host_and_disk(cloud: Cloud, hours: int) -> None:
    cloud.make()
    cloud.emulator.client("ec2").stop_instances(InstanceIds=[cloud.ids["ann-dc1-ctl01"]])
    end, count = ttl.extend(cloud.platform, hours)
    assert count == len(cloud.ids)
    assert ends(cloud) == {end}
    assert abs(end - datetime.now(UTC) - timedelta(hours=hours)) < timedelta(minutes=1)


def test_extend_needs_hosts_that_end(cloud: Cloud) -> None:
    with pytest.raises(LabError, match="no host of the lab is in AWS"):
        ttl.extend(cloud.platform, 1)
    cloud.make(until=None)
    with pytest.raises(LabError, match="ttl_hours"):
        ttl.extend(cloud.platform, 1)


BACKEND = '[aws.backend]\nkind = "s3"\nbucket = "kafkalab-states"'


def test_the_bucket_is_made_once_and_mended_where_it_differs(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(aws=BACKEND)
    file, clients = load(cloud.file), Clients()
    settle(clients, file, cloud.said.append)
    s3, name = cloud.emulator.client("s3"), {"Bucket": "kafkalab-states"}
    assert s3.get_bucket_location(**name)["LocationConstraint"] == "eu-central-1"
    assert s3.get_bucket_versioning(**name)["Status"] == "Enabled"
    assert all(s3.get_public_access_block(**name)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]["Rules"]
    (rule,) = json.loads(s3.get_bucket_policy(**name)["Policy"])["Statement"]
    assert (rule["Effect"], rule["Condition"]) == (
        "Deny", {"Bool": {"aws:SecureTransport": "false"}}
    )
    settle(clients, file, cloud.said.append)
    s3.put_bucket_versioning(**name, VersioningConfiguration={"Status": "Suspended"})
    other = {**rule, "Sid": "Other"}
    s3.put_bucket_policy(**name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [other]}))
    settle(clients, file, cloud.said.append)
    at = "bucket kafkalab-states in eu-central-1: "
    whole = "made, versioned, encrypted, closed to the public, closed to connections without TLS"
    assert cloud.said == [
        at + whole, at + "in order, nothing to do",
        at + "versioned, closed to connections without TLS",
    ]
    policy = json.loads(s3.get_bucket_policy(**name)["Policy"])
    assert policy["Statement"] == [other, rule]


def test_the_first_region_of_all_takes_no_constraint(cloud: Cloud) -> None:
    assert Bucket(Clients(), "kafkalab-first", "us-east-1").settle()[0] == "made"
    assert Bucket(Clients(), "kafkalab-first", "us-east-1").settle() == []


def test_somebody_elses_bucket_is_refused(cloud: Cloud) -> None:
    cloud.emulator.fail("HEAD", "403", status=403)
    with pytest.raises(LabError, match="kafkalab-states: belongs to another account"):
        Bucket(Clients(), "kafkalab-states", "eu-central-1").settle()


def test_a_local_state_needs_no_bucket(cloud: Cloud) -> None:
    with pytest.raises(UsageError, match='kind = "s3"'):
        settle(Clients(), load(cloud.file), cloud.said.append)
