"""Host keys in the bucket: for a machine that never met the hosts, when no console has them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import LabError
from scripts.platforms.aws import Aws
from scripts.platforms.aws.backend import Bucket
from scripts.platforms.aws.console import HostKeys
from tests.aws.conftest import KEY, Cloud, MakeCloud

BUCKET = "kafkalab-states"
BACKEND = f'[aws.backend]\nkind = "s3"\nbucket = "{BUCKET}"'
PLACE = "kafkalab/ann/kafkalab/hostkeys.json"


@pytest.fixture
def cloud(make_cloud: MakeCloud) -> Cloud:
    return make_cloud(aws=BACKEND)


@pytest.fixture
def s3(cloud: Cloud) -> Any:
    client = cloud.emulator.client("s3")
    client.create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return client


def kept(s3: Any) -> dict[str, str]:
    found: dict[str, str] = json.loads(s3.get_object(Bucket=BUCKET, Key=PLACE)["Body"].read())
    return found


def runner(cloud: Cloud) -> Aws:
    """The same lab from a machine that remembers nothing."""
    other = replace(cloud, folder=cloud.folder / "runner", said=[])
    return other.platform


def test_what_one_machine_has_read_another_finds(cloud: Cloud, s3: Any) -> None:
    platform = cloud.make().platform
    platform.host_keys.learn(platform.machines().values())
    expected = dict.fromkeys(cloud.ids.values(), KEY)
    assert kept(s3) == expected
    cloud.emulator.consoles.clear()  # as they are a few boots later
    cloud.emulator.calls.clear()
    there = runner(cloud).instances()
    assert {one.host_key for one in there.values()} == {KEY}
    assert cloud.emulator.count("GetConsoleOutput") == 0


def test_a_machine_that_knows_them_asks_nobody(cloud: Cloud, s3: Any) -> None:
    platform = cloud.make().platform
    platform.host_keys.learn(platform.machines().values())
    cloud.emulator.calls.clear()
    assert all(one.host_key for one in cloud.platform.instances().values())
    assert {service for service, _ in cloud.emulator.calls} == {"ec2"}


def test_new_hosts_are_added_to_those_of_others(cloud: Cloud, s3: Any) -> None:
    platform = cloud.make().platform
    s3.put_object(Bucket=BUCKET, Key=PLACE, Body=json.dumps({"i-1": KEY}).encode())
    platform.host_keys.learn(platform.machines().values())
    assert kept(s3).keys() == {"i-1", *cloud.ids.values()}


def test_keys_from_before_the_bucket_are_written_by_fab_backend(cloud: Cloud, s3: Any) -> None:
    cloud.make()
    (cloud.state / "hostkeys-aws.json").write_text(
        json.dumps(dict.fromkeys(cloud.ids.values(), KEY)))
    for said in ("6 host keys written there\n", "nothing to do\n"):
        # moto refuses all where a policy refuses some: here what comes without TLS.
        cloud.emulator.hooks["GET object"].append(lambda: s3.delete_bucket_policy(Bucket=BUCKET))
        assert said in cloud.fab("backend")
        s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps({"Statement": [
            Bucket(cloud.platform.clients, BUCKET, "eu-central-1")._statement()]}))
    s3.delete_bucket_policy(Bucket=BUCKET)
    assert kept(s3).keys() == set(cloud.ids.values())


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"%s": "ssh-dss AAAA"}', b'{"%s": 7}'])
def test_what_is_no_key_there_is_none(cloud: Cloud, s3: Any, body: bytes) -> None:
    cloud.make()
    one = next(iter(cloud.ids.values())).encode()
    s3.put_object(Bucket=BUCKET, Key=PLACE, Body=body.replace(b"%s", one))
    assert not any(each.host_key for each in cloud.platform.instances().values())


def test_without_the_bucket_or_the_right_to_it_the_consoles_tell(cloud: Cloud) -> None:
    """A role that may only read has what there is, and what it reads stays its own."""
    platform = cloud.make().platform
    assert len(platform.host_keys.learn(platform.machines().values())) == 6
    for code, status in (("AccessDenied", 403), ("NoSuchKey", 404)):
        cloud.emulator.fail("GET object", code, status=status)
        assert not any(one.host_key for one in runner(cloud).instances().values())


def test_no_bucket_no_question(make_cloud: MakeCloud) -> None:
    cloud = make_cloud().make()
    platform = cloud.platform
    assert platform.host_keys.keep() == 0
    assert not any(one.host_key for one in platform.instances().values())
    assert {service for service, _ in cloud.emulator.calls} == {"ec2"}


def test_the_end_of_the_lab_is_theirs(cloud: Cloud, s3: Any) -> None:
    platform = cloud.make().platform
    platform.host_keys.learn(platform.machines().values())
    assert platform.host_keys.forget() == [f"file {cloud.state / 'hostkeys-aws.json'}"]
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)
    assert HostKeys(Path("/nonexistent"), platform.clients).forget() == []


def test_a_bucket_that_does_not_answer_is_an_error(cloud: Cloud, s3: Any) -> None:
    platform = cloud.make().platform
    cloud.emulator.fail("GET object", "InternalError", times=20, status=400)
    with pytest.raises(LabError, match="InternalError"):
        platform.instances()
