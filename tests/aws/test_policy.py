"""docs/iam-policy.json against the code: what it calls is allowed, and little else is.

Beside this, the `emulator` fixture holds every call of every test against the policy.
"""

from __future__ import annotations

import re
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from scripts.platforms import aws
from tests.aws.policy import POLICY, action, actions, allowed

SERVICES = ("ec2", "iam", "pricing", "s3", "service-quotas", "ssm", "sts")
SOURCES = sorted(Path(aws.__file__).parent.glob("*.py"))


def called() -> set[str]:
    """The actions of all operations whose names stand in the code."""
    words = {word for path in SOURCES for word in re.findall(r"\b[a-z0-9_]+\b", path.read_text())}
    session = botocore.session.Session()
    return {
        action(service, operation)
        for service in SERVICES
        for operation in session.get_service_model(service).operation_names
        if xform_name(operation) in words
    }


def test_every_operation_that_the_code_names_is_allowed() -> None:
    found = called()
    assert {"ec2:DescribeInstances", "s3:ListBucket", "iam:DeleteRole",
            "servicequotas:GetServiceQuota", "pricing:GetProducts"} <= found
    assert [name for name in sorted(found) if not allowed(name)] == []


def test_nothing_ends_or_changes_what_is_of_no_lab() -> None:
    """But for rules of the default group, which has no tag before it is emptied."""
    for statement in POLICY["Statement"]:
        given = statement["Action"]
        names = [given] if isinstance(given, str) else given
        ending = [name for name in names if re.search(
            r":(Delete|Terminate|Stop|Start|Release|Detach|Modify|Cancel|Remove)", name
        )]
        if ending and not statement["Sid"].endswith("States"):
            assert statement["Condition"] == {"Null": {"aws:ResourceTag/lab": "false"}}, statement


def test_the_policy_is_one() -> None:
    assert POLICY["Version"] == "2012-10-17"
    sids = [statement["Sid"] for statement in POLICY["Statement"]]
    assert len(sids) == len(set(sids))
    assert len(str(POLICY)) < 6144  # IAM and STS quotas: characters of a managed policy
    for name in actions():
        assert re.fullmatch(r"[a-z0-9]+:[A-Z][A-Za-z0-9]+\*?", name), name
        assert name == "ec2:Describe*" or "*" not in name


@pytest.mark.parametrize("name", [
    "ec2:RunInstances", "ec2:CreateVpc", "ec2:CreateSubnet", "ec2:CreateRoute", "ec2:ImportKeyPair",
    "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateVpcPeeringConnection", "ec2:ModifyVpcAttribute",
    "ec2:AcceptVpcPeeringConnection", "s3:PutObject", "s3:DeleteObject", "iam:PassRole",
])
def test_what_the_stacks_need_is_there(name: str) -> None:
    assert allowed(name)
