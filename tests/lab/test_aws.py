"""The [aws] section: harmless by default, and every error with a way out."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lab.aws.checks import for_aws, terraform_settings
from lab.file import LabFileError, parse
from lab.options.aws import architecture

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43 + " me@here"
GOOD: dict[str, Any] = {
    "owner": "ann",
    "aws": {"region": "eu-central-1", "admin_cidrs": ["203.0.113.7/32"]},
    "datacenters": [
        {"name": "dc1", "cidr": "10.1.0.0/24"}, {"name": "dc2", "cidr": "10.2.0.0/24"},
    ],
}


def with_aws(**fields: Any) -> dict[str, Any]:
    data = copy.deepcopy(GOOD)
    data["aws"] |= fields
    return data


@pytest.mark.parametrize(("field", "value", "words"), [
    ("region", "europe", "eu-central-1"),
    ("admin_cidr", ["10.0.0.1/32"], "did you mean admin_cidrs?"),
    ("admin_cidrs[1]", "0.0.0.0/0", "world_open = true"),
    ("admin_cidrs[1]", "128.0.0.0/1", "world_open = true"),
    ("admin_cidrs[1]", "10.0.0.1/24", "without host bits"),
    ("image", "ubuntu", "'al2023' or 'debian12'"),
    ("instance_types", {"kafka": "large"}, "t3.small"),
    ("instance_types", {"kafka": "mac2.metal"}, "runs Linux"),
    ("instance_types", {"brokers": "t3.large"}, "unknown key"),
    ("volume_gb", {"kafka": 4}, "greater than or equal to 8"),
    ("instance_profile", "arn:aws:iam::1:instance-profile/x", "not its ARN"),
    ("ttl_hours", 0, "greater than or equal to 1"),
    ("public_key", "-----BEGIN OPENSSH PRIVATE KEY-----", ".pub"),
    ("public_key", KEY.replace("ed25519", "dss"), "ssh-rsa"),
    ("endpoint_url", "localhost:5000", "http://127.0.0.1:5000"),
    ("backend", {"kind": "gcs"}, "'local' or 's3'"),
    ("backend", {"kind": "s3", "bucket": "Lab"}, "3 to 63"),
    ("backend", {"kind": "s3", "bucket": "lab", "key_prefix": "/a"}, "slashes"),
    ("backend", {"kind": "s3"}, "missing"),
    ("backend", {"bucket": "lab"}, "'s3'"),
    ("image_ids", {"eu-central-1": "al2023"}, "ami-0123456789abcdef0"),
    ("image_ids", {"here": "ami-0123456789abcdef0"}, "eu-central-1"),
    ("tags", {"a" * 129: "x"}, "1 to 128"),
    ("tags", {"AWS:x": "x"}, "not beginning with aws:"),
    ("tags", {"x": "${file}"}, "the value of 'x'"),
    ("tags", {"x": "a" * 257}, "up to 256"),
    ("tags", {"lab": "x"}, "is the lab's own tag"),
    ("tags", {f"k{number}": "x" for number in range(41)}, "40"),
])
def test_an_error_names_its_field_and_what_would_be_accepted(
    field: str, value: Any, words: str
) -> None:
    name = field.removesuffix("[1]")
    with pytest.raises(LabFileError) as caught:
        parse(with_aws(**{name: [value] if field != name else value}))
    (problem,) = caught.value.problems
    assert problem.field.startswith(f"aws.{field}")
    assert words in problem.message


def test_two_admin_networks_that_overlap_are_one_too_many() -> None:
    with pytest.raises(LabFileError, match=r"admin_cidrs\[2\].*overlaps 203\.0\.113\.0/24"):
        parse(with_aws(admin_cidrs=["203.0.113.0/24", "203.0.113.7"]))


def test_the_whole_world_has_to_be_meant_and_is_warned_of() -> None:
    file = parse(with_aws(admin_cidrs=["0.0.0.0/0"], world_open=True))
    assert [warning.field for warning in file.warnings] == ["aws.world_open"]


def test_a_local_lab_needs_nothing_of_it_and_aws_says_what_it_lacks() -> None:
    data = copy.deepcopy(GOOD)
    del data["aws"]
    data["datacenters"][0]["region"] = "us-east-1"
    lab = parse(data).lab
    assert [problem.field for problem in for_aws(lab)] == ["aws.admin_cidrs", "aws.region"]
    data["datacenters"][1] |= {"region": "eu-west-1", "cidr": "10.16.0.0/12"}
    data["aws"] = {"admin_cidrs": ["203.0.113.7"], "backend": {"kind": "s3", "bucket": "lab"}}
    fields = [problem.field for problem in for_aws(parse(data).lab)]
    assert fields == ["aws.backend.region", "datacenters[2].cidr"]
    assert for_aws(parse(GOOD).lab) == ()


def test_a_datacenter_may_not_take_the_name_of_the_links() -> None:
    data = copy.deepcopy(GOOD)
    data["datacenters"][0]["name"] = "links"
    parse(data)
    data["links"] = [{"between": ["links", "dc2"]}]
    with pytest.raises(LabFileError, match=r"datacenters\[1\]\.name"):
        parse(data)


@pytest.mark.parametrize(("types", "expected"), [
    ("t3.micro t3a.small m5.large c6i.large m7i-flex.large g4dn.xlarge g5.xlarge r5b.large "
     "u7i-12tb.224xlarge", "x86_64"),
    ("t4g.nano m7g.large m7gd.large c7gn.xlarge im4gn.large is4gen.medium g5g.xlarge a1.medium "
     "hpc7g.4xlarge r8g.large", "arm64"),
])
def test_architectures(types: str, expected: str) -> None:
    assert {architecture(one) for one in types.split()} == {expected}


@pytest.mark.parametrize(("name", "value", "good"), [
    ("TF_DATA_DIR", "/var/tmp/terraform", False), ("TF_DATA_DIR", ".terraform-ci", True),
    ("TF_DATA_DIR", "", True), ("TF_WORKSPACE", "work", False), ("TF_WORKSPACE", "default", True),
    ("TF_CLI_ARGS_plan", "-lock=false", True), ("TF_CLI_ARGS", "-no-color", True),
    ("TF_CLI_ARGS_plan", "-no-color -target=aws_vpc.vpc", False),
    ("TF_CLI_ARGS_plan", "--destroy", False), ("TF_CLI_ARGS", "-state /tmp/state", False),
    ("TF_CLI_ARGS_init", "-backend-config=bucket=theirs", False), ("TF_CLI_ARGSX", "-state", True),
])
def test_settings_of_terraform_for_other_work_are_refused(
    name: str, value: str, good: bool
) -> None:
    """One data folder for all stacks: each overwrites what another remembers of its backend.
    Arguments of its own: `fab tf.plan` would plan to destroy, or a part, and call it the lab."""
    found = [problem.field for problem in terraform_settings({name: value})]
    assert found == ([] if good else [name])


NETWORK = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]}


@pytest.mark.parametrize(("first", "second", "more", "field", "words"), [
    ({"vpc_id": "vpc-1"}, {}, {}, "datacenters[1].vpc_id", "vpc-0123456789abcdef0"),
    ({"vpc_id": NETWORK["vpc_id"]}, {}, {}, "datacenters[1].subnet_ids", "zones, which are 1"),
    ({"subnet_ids": NETWORK["subnet_ids"]}, {}, {}, "datacenters[1].vpc_id", "missing"),
    ({**NETWORK, "zones": 2, "subnet_ids": NETWORK["subnet_ids"] * 2}, {}, {},
     "datacenters[1].subnet_ids", "each subnet once"),
    (NETWORK, {}, {"links": [{"between": ["dc2", "dc1"]}]}, "links[1].between",
     "the network of dc1 exists already"),
])
def test_a_network_that_exists_is_named_whole(
    first: dict[str, Any], second: dict[str, Any], more: dict[str, Any], field: str, words: str
) -> None:
    content = copy.deepcopy(GOOD) | more
    content["datacenters"][0] |= first
    content["datacenters"][1] |= second
    with pytest.raises(LabFileError) as caught:
        parse(content)
    (problem,) = caught.value.problems
    assert problem.field.startswith(field)
    assert words in problem.message


def test_hosts_without_a_public_address_need_a_network_with_a_way_out() -> None:
    content = with_aws(public_addresses=False)
    with pytest.raises(LabFileError, match=r"hosts of dc1 would have no way out"):
        parse(content)
    for index, one in enumerate(content["datacenters"]):
        one |= {**NETWORK, "subnet_ids": [f"subnet-0123456789abcdef{index}"]}
    parse(content)


def test_an_image_is_named_for_each_region_and_of_one_architecture() -> None:
    content = with_aws(image_ids={"eu-central-1": "ami-0123456789abcdef0"})
    assert for_aws(parse(content).lab) == ()
    content["datacenters"][1]["region"] = "us-east-1"
    content["aws"]["instance_types"] = {"kafka": "t4g.small"}
    first, second = for_aws(parse(content).lab)
    assert (first.field, first.message) == (
        "aws.image_ids", "missing for us-east-1, where a datacenter is")
    assert "x86_64 or arm64" in second.message
