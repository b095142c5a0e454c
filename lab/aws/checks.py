"""What a lab file must and must not say for a lab on AWS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePath

from lab.aws.sizes import instance_mb, instance_type, needed_mb
from lab.aws.tags import OURS
from lab.model import Lab
from lab.options.aws import architecture
from lab.problems import Problem
from lab.topology import build

WIDEST_ADMIN_PREFIX = 8  # no organization is larger; two halves of the internet are the internet
WIDEST_VPC_PREFIX = 16  # VPC user guide, "VPC CIDR blocks"
LINKS = "links"
# Terraform takes arguments from its environment, too: those that choose another state, or change
# what of a stack is planned.
OTHER_ARGUMENTS = "TF_CLI_ARGS"
OTHER_WORK = frozenset({
    "-backend", "-backend-config", "-destroy", "-force-copy", "-from-module", "-migrate-state",
    "-refresh-only", "-replace", "-state", "-state-out", "-target",
})


def findings(lab: Lab) -> Iterator[Problem]:
    for index, cidr in enumerate(lab.aws.admin_cidrs, 1):
        field = f"aws.admin_cidrs[{index}]"
        if cidr.prefixlen < WIDEST_ADMIN_PREFIX and not lab.aws.world_open:
            yield Problem(
                field, repr(str(cidr)),
                "lets (nearly) everybody in; accepted: your own address, such as 203.0.113.7/32 "
                "(or world_open = true, if you mean it)",
            )
        for other in lab.aws.admin_cidrs[: index - 1]:
            if cidr.overlaps(other):
                yield Problem(field, repr(str(cidr)), f"overlaps {other}; accepted: one of them")
                break
    yield from _company(lab)
    backend = lab.aws.backend
    if backend.kind == "s3" and backend.bucket is None:
        yield Problem("aws.backend.bucket", "", "missing, and needed with kind = 's3'")
    if backend.kind == "local" and backend.bucket is not None:
        yield Problem(
            "aws.backend.kind", "'local'", "would not use the bucket; accepted with it: 's3'"
        )
    if lab.links:
        for index, datacenter in enumerate(lab.datacenters, 1):
            if datacenter.name == LINKS:
                yield Problem(
                    f"datacenters[{index}].name", repr(LINKS),
                    "is what the stack of the links is called; accepted: any other name",
                )


def _company(lab: Lab) -> Iterator[Problem]:
    """Tags, images and networks that are there already."""
    if lab.aws.session_manager and lab.aws.bastion:
        yield Problem("aws.bastion", repr(lab.aws.bastion),
                      "beside session_manager = true; accepted: one of them")
    if lab.aws.session_manager and not lab.aws.instance_profile:
        yield Problem("aws.instance_profile", "", "missing, and needed with session_manager: a "
                      "profile with AWS's policy AmazonSSMManagedInstanceCore")
    for key in lab.aws.tags:
        if key in OURS:
            yield Problem("aws.tags", repr(key), "is the lab's own tag; accepted: any other key")
    for index, one in enumerate(lab.datacenters, 1):
        given = len(one.subnet_ids)
        if one.vpc_id and given != one.zones:
            yield Problem(
                f"datacenters[{index}].subnet_ids", f"{given} of them",
                f"accepted: one for each of its zones, which are {one.zones}",
            )
        if given and not one.vpc_id:
            yield Problem(
                f"datacenters[{index}].vpc_id", "", "missing, and needed with subnet_ids",
            )
        if len(set(one.subnet_ids)) < given:
            yield Problem(f"datacenters[{index}].subnet_ids", "", "accepted: each subnet once")
        if not lab.aws.public_addresses and not one.vpc_id:
            yield Problem(
                "aws.public_addresses", "false",
                f"hosts of {one.name} would have no way out; accepted with vpc_id and subnet_ids, "
                "a network that has one",
            )
    there = {one.name: bool(one.vpc_id) for one in lab.datacenters}
    for index, link in enumerate(lab.links, 1):
        first, second = link.between
        if there.get(first, False) != there.get(second, False):
            made, found = sorted(link.between, key=lambda name: there.get(name, False))
            yield Problem(
                f"links[{index}].between", f"{first!r}, {second!r}",
                f"the network of {found} exists already, and the lab changes no route in it; "
                f"accepted: the network of {made} exists, too, and routes to it",
            )


def for_aws(lab: Lab) -> tuple[Problem, ...]:
    """What a lab that may be made of containers still lacks before it can be made in AWS."""
    return tuple(_lacking_for_aws(lab))


def terraform_settings(environment: Mapping[str, str]) -> Iterator[Problem]:
    """What of Terraform's own environment, set for other work, a lab's stacks cannot live with.

    Each stack has a folder of its own, in which Terraform remembers its backend. With one folder
    for all, each would overwrite what another remembers, and the remedy that Terraform then names,
    `init -migrate-state`, would write one datacenter's state into another's.
    """
    data, workspace = environment.get("TF_DATA_DIR", ""), environment.get("TF_WORKSPACE", "")
    if PurePath(data).is_absolute():
        yield Problem("TF_DATA_DIR", repr(data),
                      "would be shared by all stacks; accepted: unset, or a relative path")
    if workspace not in ("", "default"):
        yield Problem("TF_WORKSPACE", repr(workspace),
                      "other states than the lab's; accepted: unset, or default")
    for name, value in sorted(environment.items()):
        if name == OTHER_ARGUMENTS or name.startswith(f"{OTHER_ARGUMENTS}_"):
            given = {f"-{word.lstrip('-').partition('=')[0]}" for word in value.split()}
            if strange := sorted(given & OTHER_WORK):
                yield Problem(name, repr(value), f"would make another plan or state of every "
                              f"stack; accepted: without {', '.join(strange)}")


def _lacking_for_aws(lab: Lab) -> Iterator[Problem]:
    if not lab.aws.admin_cidrs:
        yield Problem(
            "aws.admin_cidrs", "",
            "missing, and needed on AWS: where you sit, such as [\"203.0.113.7/32\"]",
        )
    if lab.aws.region is None and any(one.region is None for one in lab.datacenters):
        yield Problem("aws.region", "", "missing, and needed on AWS, such as \"eu-central-1\"")
    if lab.aws.backend.kind == "s3" and not (lab.aws.backend.region or lab.aws.region):
        yield Problem("aws.backend.region", "", "missing, and needed: where the bucket is")
    if lab.aws.image_ids:
        yield from _without_image(lab)
    yield from _too_small(lab)
    for index, datacenter in enumerate(lab.datacenters, 1):
        if datacenter.cidr.prefixlen < WIDEST_VPC_PREFIX:
            yield Problem(
                f"datacenters[{index}].cidr", repr(str(datacenter.cidr)),
                f"too large for a VPC; accepted on AWS: /{WIDEST_VPC_PREFIX} or smaller",
            )


def _too_small(lab: Lab) -> Iterator[Problem]:
    """Roles whose instance type has less memory than what runs on one of their hosts."""
    topology = build(lab)
    most = {host.role: host for host in sorted(
        topology.hosts, key=lambda host: needed_mb(topology, host))}
    for role, host in sorted(most.items()):
        chosen, need = instance_type(topology, host), needed_mb(topology, host)
        have = instance_mb(chosen)
        if have is not None and have < need:
            yield Problem(
                f"aws.instance_types.{role}", repr(chosen),
                f"has {have:,} MB, and what runs on {host.name} wants {need:,}; accepted: a "
                "larger one",
            )


def _without_image(lab: Lab) -> Iterator[Problem]:
    """Regions for which no image is named; and types of two kinds, of which an image is of one."""
    regions = {one.region or lab.aws.region for one in lab.datacenters} - {None}
    for region in sorted(filter(None, regions - lab.aws.image_ids.keys())):
        yield Problem("aws.image_ids", "", f"missing for {region}, where a datacenter is")
    roles = {host.role for host in build(lab).hosts}
    kinds = {architecture(lab.aws.instance_types.of(role)) for role in roles}
    if len(kinds) > 1:
        yield Problem(
            "aws.image_ids", "", "an image is x86_64 or arm64, and instance_types are of both; "
            "accepted: types of one of them",
        )
