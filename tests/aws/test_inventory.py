"""What of the lab is in EC2, however many pages, regions and other people's things there are."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from lab.aws import tags
from scripts.errors import LabError, UsageError
from scripts.platforms.aws.clients import AwsError, Clients
from scripts.platforms.aws.inventory import Addresses, _machine, machines
from tests.aws.conftest import Cloud, MakeCloud, spec
from tests.aws.emulator import Emulator

BOTH = ("eu-central-1", "us-east-1")


def test_every_host_of_every_region_and_nobody_elses(make_cloud: MakeCloud) -> None:
    mine = make_cloud().make()
    make_cloud(owner="bob").make()
    make_cloud(name="other").make()
    found = machines(Clients(), BOTH, "kafkalab", "ann")
    assert {name: one.id for name, one in found.items()} == mine.ids
    for host in mine.topology.hosts:
        one = found[host.name]
        assert (one.private, one.region) == (str(host.address), mine.region(host))
        assert one.running
        assert one.public
        assert one.expires is not None
        assert one.datacenter == host.datacenter


def test_stopped_ones_are_there_and_terminated_ones_are_not(cloud: Cloud) -> None:
    cloud.make()
    client = cloud.emulator.client("ec2")
    stopped, ended, *_ = (h.name for h in cloud.topology.hosts)
    client.stop_instances(InstanceIds=[cloud.ids[stopped]])
    client.terminate_instances(InstanceIds=[cloud.ids[ended]])
    found = cloud.platform.instances()
    assert not found[stopped].running
    assert found.keys() == cloud.ids.keys() - {ended}


def test_two_instances_of_one_name_are_an_error_that_names_both(make_cloud: MakeCloud) -> None:
    one, other = make_cloud().make(), make_cloud().make()
    with pytest.raises(LabError) as caught:
        one.platform.instances()
    for cloud in (one, other):
        assert cloud.ids["ann-dc1-ctl01"] in str(caught.value)
    assert str(caught.value).startswith("ann-dc1-ctl01: ")


def test_an_instance_without_a_name_is_an_error(emulator: Emulator) -> None:
    client = emulator.client("ec2")
    mine = {tags.LAB: "kafkalab", tags.OWNER: "ann"}
    client.run_instances(
        ImageId="ami-12345678", MinCount=1, MaxCount=1, TagSpecifications=spec("instance", mine)
    )
    with pytest.raises(LabError, match="no Name"):
        machines(Clients(), BOTH, "kafkalab", "ann")


def test_a_zone_is_named_by_its_id() -> None:
    """The name eu-central-1a is another place in every account; the id is not."""
    placed = {"AvailabilityZone": "eu-central-1a", "AvailabilityZoneId": "euc1-az2"}
    found = _machine({
        "InstanceId": "i-1", "InstanceType": "t3.small", "State": {"Name": "running"},
        "Placement": placed,
    }, "eu-central-1")
    assert found.zone == "euc1-az2"


def test_a_hundred_hosts_are_one_walk_through_the_pages(emulator: Emulator) -> None:
    client = emulator.client("ec2")
    for number in range(120):
        mine = {tags.LAB: "big", tags.OWNER: "ann", tags.NAME: f"ann-{number:03}"}
        client.run_instances(
            ImageId="ami-12345678", MinCount=1, MaxCount=1,
            TagSpecifications=spec("instance", mine),
        )
    emulator.calls.clear()
    found = machines(Clients(), ["eu-central-1"], "big", "ann")
    assert list(found) == [f"ann-{number:03}" for number in range(120)]
    assert emulator.count("DescribeInstances") == 2  # of which moto lists 100 each


def test_throttling_is_waited_out(cloud: Cloud) -> None:
    cloud.make()
    cloud.emulator.fail("DescribeInstances", "RequestLimitExceeded", times=2, status=503)
    assert len(cloud.platform.instances()) == len(cloud.topology.hosts)


def test_what_is_refused_says_what_is_needed(cloud: Cloud) -> None:
    cloud.emulator.fail("DescribeInstances", "UnauthorizedOperation", times=9, status=403)
    with pytest.raises(AwsError, match=r"(us-east|eu-central)-1: DescribeInstances.*iam-policy"):
        cloud.platform.instances()


def test_old_credentials_say_how_to_get_new_ones(cloud: Cloud) -> None:
    cloud.emulator.fail("DescribeInstances", "RequestExpired", times=9)
    with pytest.raises(AwsError, match="aws sso login"):
        cloud.platform.instances()


def test_no_credentials_are_one_line(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AwsError, match="no AWS credentials"):
        cloud.platform.instances()


def test_an_unknown_profile_is_one_line(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(AwsError, match="nobody"):
        cloud.platform.instances()


def test_nobody_there_is_one_line(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.platforms.aws.clients.ATTEMPTS", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(AwsError, match=r"does not answer.*does the emulator run"):
        cloud.platform.instances()


def test_without_boto3_one_line_says_so(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    importing = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("boto"):
            raise ModuleNotFoundError(name)
        return importing(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(LabError, match=r"boto3 is not installed.*make venv"):
        cloud.platform.instances()


def test_the_lab_files_endpoint_wins(make_cloud: MakeCloud, emulator: Emulator) -> None:
    cloud = make_cloud(aws='endpoint_url = "http://127.0.0.1:9"')
    assert cloud.platform.clients.endpoint_url == "http://127.0.0.1:9"
    assert Clients().endpoint_url == emulator.url


def test_an_address_map_that_cannot_be_read_says_what_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "map.json"
    monkeypatch.setenv("KAFKALAB_ADDRESS_MAP", str(path))
    for text in (None, "[]", '{"10.1.0.10": {"ssh": ["127.0.0.1"]}}', "{"):
        if text is not None:
            path.write_text(text)
        with pytest.raises(UsageError, match="accepted"):
            Addresses()


def test_the_emulator_tells_of_an_instance_the_groups_that_its_interface_has(cloud: Cloud) -> None:
    """As EC2 does; Terraform would take the groups of an instance for lost."""
    cloud.make()
    for reservation in cloud.emulator.client("ec2").describe_instances()["Reservations"]:
        for one in reservation["Instances"]:
            (group,) = one["SecurityGroups"]
            assert group == one["NetworkInterfaces"][0]["Groups"][0]
