"""What of a lab is in an account: everything with its tags, and everything in its VPCs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from lab.aws import tags
from scripts.platforms.aws import kinds
from scripts.platforms.aws.clients import GLOBAL_REGION, Clients, fan_out, spoken
from scripts.platforms.aws.inventory import owned
from scripts.platforms.aws.kinds import Kind
from scripts.platforms.aws.prices import Prices, PriceUnknown

EVERYWHERE = "global"  # IAM knows no regions
ROLE, PROFILE = "IAM role", "IAM instance profile"
ENABLED = ("opt-in-not-required", "opted-in")


@dataclass(frozen=True)
class Left:
    """One thing that is still there. `hourly` in US dollars; None where it is not known.

    `item` is what AWS told of it.
    """

    kind: str
    region: str
    id: str
    name: str
    state: str
    item: Mapping[str, Any]
    hourly: Decimal | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.id}" + (f" ({self.name})" if self.name else "")


def enabled_regions(clients: Clients, near: str) -> list[str]:
    """Every region that is enabled for the account; `near` is one that is asked."""
    found = clients.items("ec2", near, "describe_regions", "Regions", AllRegions=True)
    return sorted(one["RegionName"] for one in found if one.get("OptInStatus") in ENABLED)


def find(clients: Clients, regions: Iterable[str], lab: str, owner: str) -> list[Left]:
    """Everything of the lab, by region, in the order in which it can be removed."""
    regions = list(regions)
    by_region = clients.each(lambda region: _in_region(clients, region, lab, owner), regions)
    found = [one for region in regions for one in by_region[region]]
    return found + list(_identities(clients, lab, owner))


def _in_region(clients: Clients, region: str, lab: str, owner: str) -> list[Left]:
    mine, tagged = owned(lab, owner), _tagged(clients, region, lab, owner)
    if not tagged:
        return []
    vpcs = sorted(id for id, type in tagged.items() if type == "vpc")

    def listed(name: str) -> dict[str, Left]:
        kind = kinds.KINDS[kinds.NAMES.index(name)]
        # Nothing is taken for the lab's because it was in the answer: that is looked at, too.
        found = {
            one.id: one for one in _list(clients, region, kind, mine)
            if _tags(lab, owner) <= {
                (tag["Key"], tag["Value"]) for tag in one.item.get("Tags") or ()
            }
        }
        # What is in a VPC of the lab goes with it, whatever its tags.
        for name_of_vpc in kind.vpc.split() if vpcs else ():
            inside = [{"Name": name_of_vpc, "Values": vpcs}]
            found |= {
                one.id: one for one in _list(clients, region, kind, inside)
                if any(vpc in str(one.item) for vpc in vpcs)
            }
        return found

    found = fan_out(listed, kinds.NAMES)
    listed_ids = {id for things in found.values() for id in things}
    return [
        *(Left(type, region, id, "", "", {}) for id, type in tagged.items()
          if type not in kinds.TYPES and id not in listed_ids),
        *(one for name in kinds.NAMES for one in found[name].values()),
    ]


def _tagged(clients: Clients, region: str, lab: str, owner: str) -> dict[str, str]:
    """The type of everything in EC2 that has the lab's tags, by id; also types not known here."""
    found: dict[str, set[tuple[str, str]]] = {}
    types = {}
    for one in clients.items(
        "ec2", region, "describe_tags", "Tags",
        Filters=[{"Name": "key", "Values": [tags.LAB, tags.OWNER]},
                 {"Name": "value", "Values": [lab, owner]}],
    ):
        found.setdefault(one["ResourceId"], set()).add((one["Key"], one["Value"]))
        types[one["ResourceId"]] = one["ResourceType"]
    return {id: types[id] for id, has in found.items() if _tags(lab, owner) <= has}


def _tags(lab: str, owner: str) -> set[tuple[str, str]]:
    return {(tags.LAB, lab), (tags.OWNER, owner)}


def _list(
    clients: Clients, region: str, kind: Kind, filters: Sequence[Mapping[str, Any]]
) -> Iterator[Left]:
    listed = clients.items(
        "ec2", region, kind.operation, kind.items, Filters=filters, **kind.asked
    )
    if kind.name == kinds.INSTANCE:
        listed = [instance for reservation in listed for instance in reservation["Instances"]]
    for item in listed:
        if kind.counts(item):
            yield Left(kind.name, region, item[kind.id], _name(item), kind.state(item), item)


def _name(item: Mapping[str, Any]) -> str:
    for tag in item.get("Tags") or ():
        if tag["Key"] == tags.NAME:
            return str(tag["Value"])
    return str(item.get("GroupName") or "")


def _identities(clients: Clients, lab: str, owner: str) -> Iterator[Left]:
    """Roles and instance profiles with the lab's tags; AWS's own are passed over."""
    iam = clients("iam")
    roles = clients.items("iam", GLOBAL_REGION, "list_roles", "Roles")
    profiles = clients.items("iam", GLOBAL_REGION, "list_instance_profiles", "InstanceProfiles")
    by_key = {
        **{f"{PROFILE} {one['InstanceProfileName']}": (PROFILE, one) for one in profiles},
        **{
            f"{ROLE} {one['RoleName']}": (ROLE, one) for one in roles
            if not one["Path"].startswith(("/aws-service-role/", "/aws-reserved/"))
        },
    }

    def tagged(key: str) -> bool:
        kind, one = by_key[key]
        with spoken(EVERYWHERE):
            if kind == ROLE:
                found = iam.list_role_tags(RoleName=one["RoleName"])
            else:
                name = one["InstanceProfileName"]
                found = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        return _tags(lab, owner) <= {(tag["Key"], tag["Value"]) for tag in found.get("Tags", ())}

    for key, mine in fan_out(tagged, by_key).items():
        if mine:
            kind, one = by_key[key]
            id = one["RoleName" if kind == ROLE else "InstanceProfileName"]
            yield Left(kind, EVERYWHERE, id, "", "", one, Decimal(0))


def priced(found: Sequence[Left], prices: Prices) -> list[Left]:
    """The same with what each costs an hour, as far as the price list tells."""
    by_name = {f"{one.region} {one.kind} {one.id}": one for one in found}

    def one(name: str) -> Left:
        left = by_name[name]
        try:
            return replace(left, hourly=_hourly(left, prices))
        except PriceUnknown:
            return left

    return list(fan_out(one, by_name).values())


def _hourly(left: Left, prices: Prices) -> Decimal | None:
    """US dollars an hour. None for what is paid for in a way that is not counted here."""
    item, region = left.item, left.region
    if left.kind == kinds.INSTANCE:
        if left.state not in ("pending", "running"):
            return Decimal(0)
        spot = item.get("InstanceLifecycle") == "spot"
        machine = prices.instance(region, item["InstanceType"], spot=spot).hourly
        public = prices.address(region).hourly if item.get("PublicIpAddress") else Decimal(0)
        return machine + public
    if left.kind == kinds.VOLUME:
        if item.get("VolumeType") != "gp3":
            return None
        return prices.volume(region).hourly * int(item["Size"])
    if left.kind == kinds.ADDRESS:
        # The price is that of an address in use; one that lies idle costs the same.
        return prices.address(region).hourly if not item.get("InstanceId") else Decimal(0)
    free = left.kind in kinds.NAMES and left.kind not in ("snapshot", kinds.NAT, "VPC endpoint")
    return Decimal(0) if free else None
