"""What exists already and a lab is to use: an image by its id, the subnets of a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from lab.options.aws import architecture
from scripts.platforms.aws.clients import Clients

if TYPE_CHECKING:
    from lab.topology import Datacenter
    from scripts.platforms.aws import Aws


def image(clients: Clients, region: str, id: str, types: Iterable[str]) -> tuple[bool, str]:
    """Whether an image is there, and of the architecture of the instance types; in words."""
    there = clients.items("ec2", region, "describe_images", "Images", ImageIds=[id])
    if not there:
        return False, f"{id} is not there, or not shared with the account"
    found, state = there[0]["Architecture"], there[0].get("State", "")
    wanted = {architecture(one) for one in types}
    if state != "available":
        return False, f"{id} is {state}"
    seen = f"{id} ({there[0].get('Name', 'without a name')}), {found}"
    if wanted == {found}:
        return True, seen
    return False, f"{seen}; the instance types are {', '.join(sorted(wanted))}"


def unfit(aws: Aws, region: str, datacenter: Datacenter) -> Iterator[str]:
    """Why the subnets of a datacenter's network cannot hold its hosts at their addresses."""
    vpc, ids = datacenter.config.vpc_id, list(datacenter.config.subnet_ids)
    there = {
        one["SubnetId"]: one for one in aws.clients.items(
            "ec2", region, "describe_subnets", "Subnets",
            Filters=[{"Name": "subnet-id", "Values": ids}],
        )
    }
    taken = {
        one["PrivateIpAddress"]: one["NetworkInterfaceId"] for one in aws.clients.items(
            "ec2", region, "describe_network_interfaces", "NetworkInterfaces",
            Filters=[{"Name": "subnet-id", "Values": ids}],
        ) if not _labs_own(aws, one)
    }
    for id, cidr in zip(ids, datacenter.subnets, strict=True):
        if id not in there:
            yield f"{id} is not there"
        elif there[id]["VpcId"] != vpc:
            yield f"{id} is in {there[id]['VpcId']}, not in {vpc}"
        elif not cidr.subnet_of(IPv4Network(there[id]["CidrBlock"])):
            yield f"{id} has {there[id]['CidrBlock']}, which does not hold {cidr}"
    for host in datacenter.hosts:
        if interface := taken.get(str(host.address)):
            yield f"{host.address} of {host.name} is taken by {interface}"


def _labs_own(aws: Aws, interface: Mapping[str, Any]) -> bool:
    """Whether a network interface is one of this lab's hosts: they are in its security group."""
    config = aws.topology.config
    titles = {f"{config.owner}-{config.name}-{one.name}" for one in aws.topology.datacenters}
    return any(one["GroupName"] in titles for one in interface.get("Groups", ()))
