"""Removing what is left of a lab, in the order in which one thing holds another."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from scripts.errors import LabError, TimeoutExpired
from scripts.platforms.aws import kinds
from scripts.platforms.aws.audit import EVERYWHERE, PROFILE, ROLE, Left
from scripts.platforms.aws.clients import AwsError, Clients, fan_out, spoken

GONE_S = 600.0  # an instance is terminated, or a NAT gateway deleted, within minutes
FREE_S = 120.0  # what such a one held is let go soon after
POLL_S = 2.0
# AWS API reference, "Client error codes": something else still holds it.
HELD = {
    "DependencyViolation", "VolumeInUse", "InvalidNetworkInterface.InUse",
    "InvalidNetworkInterfaceID.InUse", "InvalidParameterValue", "InvalidIPAddress.InUse",
}


class Remover:
    """Removes what an audit found. What is gone already is as good as removed."""

    def __init__(self, clients: Clients, say: Callable[[str], None] = print) -> None:
        self._clients, self._say = clients, say
        self.pause_s, self.free_s, self.gone_s = POLL_S, FREE_S, GONE_S

    def remove(self, found: Sequence[Left]) -> None:
        """Remove all of `found`, region by region side by side, kind by kind.

        Where a kind cannot be removed, the kinds that it holds are left, too. Raises the first
        error when all else is done; a second run goes on from there.
        """
        regional = {one.region for one in found if one.region != EVERYWHERE}
        failed: list[LabError] = []

        def region(name: str) -> None:
            for kind in kinds.KINDS:
                mine = [one for one in found if (one.region, one.kind) == (name, kind.name)]
                if errors := self._kind(kind, name, mine):
                    failed.extend(errors)
                    return

        fan_out(region, sorted(regional))
        for kind_name in (PROFILE, ROLE):
            for one in found:
                if one.kind == kind_name:
                    failed += self._tried(one, self._identity)
        if failed:
            for error in failed[1:]:
                failed[0].add_note(str(error))
            raise failed[0]

    def _kind(self, kind: kinds.Kind, region: str, found: Sequence[Left]) -> list[LabError]:
        """Remove things of one kind in one region; the errors."""
        if kind.name == kinds.GROUP:  # groups may name each other in their rules
            errors = [error for one in found for error in self._tried(one, self._empty)]
            if errors:
                return errors
        failed = [
            error for one in found
            for error in self._tried(one, lambda one: self._one(kind, one))
        ]
        if kind.name in (kinds.INSTANCE, kinds.NAT) and found and not failed:
            failed += self._await_gone(kind, region, [one.id for one in found])
        return failed

    def _tried(self, one: Left, act: Callable[[Left], None]) -> list[LabError]:
        """Do it, again and again while something still holds the thing; the error that stays."""
        deadline = time.monotonic() + self.free_s
        while True:
            try:
                with spoken(one.region):
                    act(one)
            except AwsError as error:
                if error.gone:
                    return []
                if error.code in HELD and time.monotonic() < deadline:
                    time.sleep(self.pause_s)
                    continue
                error.add_note(f"{one} is still there")
                return [error]
            return []

    def _one(self, kind: kinds.Kind, one: Left) -> None:
        client = self._clients("ec2", one.region)
        if kind.name == kinds.INSTANCE and one.state == "shutting-down":
            return
        if kind.name == kinds.GATEWAY:
            for attached in one.item.get("Attachments", ()):
                _unless_gone(partial(
                    client.detach_internet_gateway, InternetGatewayId=one.id,
                    VpcId=attached["VpcId"],
                ))
        if kind.name == kinds.ADDRESS and (association := one.item.get("AssociationId")):
            _unless_gone(lambda: client.disassociate_address(AssociationId=association))
        if kind.name == kinds.TABLE:
            for association in one.item.get("Associations", ()):
                _unless_gone(partial(
                    client.disassociate_route_table,
                    AssociationId=association["RouteTableAssociationId"],
                ))
        many = kinds.LISTED.get(kind.remove)
        within = {"GroupId": one.item["GroupId"]} if kind.name == kinds.ALLOWED else {}
        getattr(client, kind.remove)(
            **({many: [one.id]} if many else {kind.id: one.id}), **within
        )
        self._say(f"removed {one} in {one.region}")

    def _empty(self, one: Left) -> None:
        """Take the rules out of a security group."""
        client = self._clients("ec2", one.region)
        if rules := one.item.get("IpPermissions"):
            client.revoke_security_group_ingress(GroupId=one.id, IpPermissions=rules)
        if rules := one.item.get("IpPermissionsEgress"):
            client.revoke_security_group_egress(GroupId=one.id, IpPermissions=rules)

    def _identity(self, one: Left) -> None:
        """Remove a role or an instance profile with what hangs on it."""
        iam: Any = self._clients("iam")
        if one.kind == PROFILE:
            for role in one.item.get("Roles", ()):
                iam.remove_role_from_instance_profile(
                    InstanceProfileName=one.id, RoleName=role["RoleName"]
                )
            iam.delete_instance_profile(InstanceProfileName=one.id)
        else:
            for policy in iam.list_attached_role_policies(RoleName=one.id)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=one.id, PolicyArn=policy["PolicyArn"])
            for name in iam.list_role_policies(RoleName=one.id)["PolicyNames"]:
                iam.delete_role_policy(RoleName=one.id, PolicyName=name)
            iam.delete_role(RoleName=one.id)
        self._say(f"removed {one}")

    def _await_gone(self, kind: kinds.Kind, region: str, ids: Sequence[str]) -> list[LabError]:
        """Wait until instances are terminated, or NAT gateways deleted."""
        deadline = time.monotonic() + self.gone_s
        name = "instance-id" if kind.name == kinds.INSTANCE else "nat-gateway-id"
        while True:
            listed = self._clients.items(
                "ec2", region, kind.operation, kind.items,
                Filters=[{"Name": name, "Values": list(ids)}],
            )
            if kind.name == kinds.INSTANCE:
                listed = [one for reservation in listed for one in reservation["Instances"]]
            left = [one[kind.id] for one in listed if kind.counts(one)]
            if not left:
                return []
            if time.monotonic() > deadline:
                return [TimeoutExpired(
                    f"{kind.name} {left[0]} is still there after {self.gone_s:g} s", where=region,
                    hint="run `fab audit --delete` again",
                )]
            time.sleep(self.pause_s)


def _unless_gone(act: Callable[[], object]) -> None:
    """Do it, unless it is done already."""
    try:
        with spoken(""):
            act()
    except AwsError as error:
        if not (error.gone or error.code.endswith("NotAttached")):
            raise
