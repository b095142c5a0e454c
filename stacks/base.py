"""What every stack of a lab has: where its state is, and which AWS it talks to."""

from __future__ import annotations

import os
from collections.abc import Mapping

from lab.model import Lab
from lab.topology import Topology
from stacks import aws
from stacks.engine import cdk

STATE_SUFFIX = ".tfstate"
LOCKING_TERRAFORM = ">= 1.10"  # the first with locks in the bucket itself


def endpoint_url(lab: Lab) -> str | None:
    """The emulator that stands in for AWS: the lab file's, or the environment's."""
    return lab.aws.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or None


def add_backend(stack: cdk.TerraformStack, topology: Topology) -> None:
    """Say where the state of a stack is kept. Local is the engine's default: beside cdktf.json."""
    backend = topology.config.aws.backend
    if backend.kind == "local":
        return
    owner = topology.config.owner
    name = stack.node.id
    element = cdk.S3Backend(
        stack,
        bucket=backend.bucket or "",
        key=f"{backend.key_prefix}/{owner}/{name}{STATE_SUFFIX}",
        region=backend.region or topology.config.aws.region,
        encrypt=True,
    )
    # cdktf 0.21 is older than these settings of Terraform.
    element.add_override("use_lockfile", backend.use_lockfile)
    if backend.use_lockfile:
        stack.add_override("terraform.required_version", LOCKING_TERRAFORM)
    if url := endpoint_url(topology.config):
        element.add_override("endpoints", {"s3": url})
        element.add_override("use_path_style", True)


def add_provider(
    stack: cdk.TerraformStack,
    topology: Topology,
    region: str,
    tags: Mapping[str, str],
    *,
    alias: str | None = None,
) -> aws.AwsProvider:
    """Configure the AWS provider for one region, with the tags of everything made through it."""
    url = endpoint_url(topology.config)
    return aws.AwsProvider(
        stack,
        f"aws-{alias}" if alias else "aws",
        alias=alias,
        region=region,
        default_tags=[aws.AwsProviderDefaultTags(tags=tags)],
        endpoints=[aws.AwsProviderEndpoints(ec2=url, iam=url, ssm=url, sts=url)] if url else None,
        skip_metadata_api_check="true" if url else None,
    )


