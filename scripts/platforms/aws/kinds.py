"""What can be left of a lab in a region: how each kind is listed, and how it is removed.

In the order in which things must be removed: what comes first holds what comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.aws.tags import ALLOWED_BY, EXPIRES


def _state(item: Mapping[str, Any]) -> str:
    state = item.get("State") or item.get("Status") or ""
    return str(state.get("Name") or state.get("Code") if isinstance(state, dict) else state)


def _tag(item: Mapping[str, Any], name: str) -> str:
    found = {tag["Key"]: str(tag["Value"]) for tag in item.get("Tags") or ()}
    return found.get(name, "")


def _always(item: Mapping[str, Any]) -> bool:
    return True


@dataclass(frozen=True)
class Kind:
    """One kind of thing in EC2.

    `operation` lists it under `items`, `id` names it. `vpc` is the filter that leaves those in a
    VPC (or the filters, one after another), "" where it is in none. `asked` are further arguments.
    `counts` tells what is there to be removed from what goes with something else, or is gone
    already. `remove` takes one `id`.
    """

    name: str
    operation: str
    items: str
    id: str
    remove: str
    vpc: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)
    state: Callable[[Mapping[str, Any]], str] = _state
    counts: Callable[[Mapping[str, Any]], bool] = _always


INSTANCE, VOLUME, ADDRESS, GROUP, GATEWAY, VPC = (
    "instance", "volume", "address", "security group", "internet gateway", "VPC"
)
SPOT_REQUEST, NAT, TABLE = "spot request", "NAT gateway", "route table"
ALLOWED = "allowed address"

# AWS API reference of each operation: its filters, and its states.
KINDS: tuple[Kind, ...] = (
    Kind(SPOT_REQUEST, "describe_spot_instance_requests", "SpotInstanceRequests",
         "SpotInstanceRequestId", "cancel_spot_instance_requests",
         counts=lambda one: one["State"] in ("open", "active", "disabled")),
    Kind(INSTANCE, "describe_instances", "Reservations", "InstanceId", "terminate_instances",
         vpc="vpc-id", counts=lambda one: one["State"]["Name"] != "terminated"),
    Kind(NAT, "describe_nat_gateways", "NatGateways", "NatGatewayId", "delete_nat_gateway",
         vpc="vpc-id", counts=lambda one: one["State"] not in ("deleted", "failed")),
    Kind("VPC endpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId",
         "delete_vpc_endpoints", vpc="vpc-id",
         counts=lambda one: one["State"].lower() not in ("deleted", "deleting")),
    Kind("peering", "describe_vpc_peering_connections", "VpcPeeringConnections",
         "VpcPeeringConnectionId", "delete_vpc_peering_connection",
         vpc="requester-vpc-info.vpc-id accepter-vpc-info.vpc-id",
         state=lambda one: one["Status"]["Code"],
         counts=lambda one: one["Status"]["Code"] in (
             "initiating-request", "pending-acceptance", "provisioning", "active"
         )),
    Kind(ADDRESS, "describe_addresses", "Addresses", "AllocationId", "release_address",
         state=lambda one: "in use" if one.get("AssociationId") else "idle"),
    Kind("network interface", "describe_network_interfaces", "NetworkInterfaces",
         "NetworkInterfaceId", "delete_network_interface", vpc="vpc-id",
         state=lambda one: one["Status"]),
    Kind(VOLUME, "describe_volumes", "Volumes", "VolumeId", "delete_volume"),
    Kind("snapshot", "describe_snapshots", "Snapshots", "SnapshotId", "delete_snapshot",
         asked={"OwnerIds": ["self"]}),
    Kind(GATEWAY, "describe_internet_gateways", "InternetGateways", "InternetGatewayId",
         "delete_internet_gateway", vpc="attachment.vpc-id",
         state=lambda one: "attached" if one.get("Attachments") else "detached"),
    Kind("subnet", "describe_subnets", "Subnets", "SubnetId", "delete_subnet", vpc="vpc-id"),
    Kind(TABLE, "describe_route_tables", "RouteTables", "RouteTableId",
         "delete_route_table", vpc="vpc-id", state=lambda one: "",
         counts=lambda one: not any(a.get("Main") for a in one.get("Associations", ()))),
    Kind("network ACL", "describe_network_acls", "NetworkAcls", "NetworkAclId",
         "delete_network_acl", vpc="vpc-id", state=lambda one: "",
         counts=lambda one: not one["IsDefault"]),
    # Other rules go with their group.
    Kind(ALLOWED, "describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId",
         "revoke_security_group_ingress", state=lambda one: f"until {_tag(one, EXPIRES)}",
         counts=lambda one: bool(_tag(one, ALLOWED_BY))),
    Kind(GROUP, "describe_security_groups", "SecurityGroups", "GroupId", "delete_security_group",
         vpc="vpc-id", state=lambda one: "", counts=lambda one: one["GroupName"] != "default"),
    Kind(VPC, "describe_vpcs", "Vpcs", "VpcId", "delete_vpc"),
    Kind("key pair", "describe_key_pairs", "KeyPairs", "KeyName", "delete_key_pair",
         state=lambda one: ""),
)
NAMES = [kind.name for kind in KINDS]
# What tags call these kinds (EC2 API reference, "TagSpecification"). A tag may outlive its thing
# for a while, so of these kinds only what is listed counts. A rule goes with its group.
TYPES = {
    "elastic-ip", "instance", "internet-gateway", "key-pair", "natgateway", "network-acl",
    "network-interface", "route-table", "security-group", "security-group-rule", "snapshot",
    "spot-instances-request", "subnet", "volume", "vpc", "vpc-endpoint", "vpc-peering-connection",
}
# Removed in groups, by a list of ids.
LISTED = {
    "terminate_instances": "InstanceIds",
    "cancel_spot_instance_requests": "SpotInstanceRequestIds",
    "delete_vpc_endpoints": "VpcEndpointIds",
    "revoke_security_group_ingress": "SecurityGroupRuleIds",
}
