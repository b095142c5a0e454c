"""Letting an address in for a while: rules in the lab's security groups that have an end.

They are beside those that Terraform makes, marked by their tags: who let it in, and until when. The
configuration says nothing of them, so no plan takes them away and none is drift. The first `fab`
after its end that looks at AWS takes a rule away.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Any, Protocol

from lab.aws import tags
from lab.aws.checks import WIDEST_ADMIN_PREFIX
from lab.counted import counted
from lab.topology import Topology
from scripts.errors import LabError, UsageError, one_line
from scripts.platforms import Steps
from scripts.platforms.aws.clients import REFUSED, AwsError, Clients, portions
from scripts.platforms.aws.inventory import owned

WHO_AM_I = "https://checkip.amazonaws.com"  # AWS's own; its answer is the address that asked it
TIMEOUT_S = 10
LONGEST = timedelta(days=7)
UNITS = {"m": "minutes", "h": "hours", "d": "days"}
DURATION = re.compile(r"([1-9]\d{0,4})([mhd])")
TAG_VALUE = re.compile(r"[^\w+=.:/@ -]", re.ASCII)  # EC2 user guide, "Tag restrictions"
LONGEST_TAG = 256
DUPLICATE = "InvalidPermission.Duplicate"


class Account(Protocol):
    """What of the platform is asked here."""

    topology: Topology
    regions: tuple[str, ...]
    steps: Steps
    say: Callable[[str], None]

    @property
    def clients(self) -> Clients: ...


@dataclass(frozen=True)
class Allowed:
    """One rule that lets a network in. `until` is None where its tag is no time: at once."""

    region: str
    id: str
    group: str
    cidr: str
    ports: str
    until: datetime | None
    by: str

    def over(self, now: datetime) -> bool:
        return self.until is None or self.until <= now


def duration(text: str) -> timedelta:
    """What --for says. Raises UsageError."""
    match = DURATION.fullmatch(text)
    found = timedelta(**{UNITS[match[2]]: int(match[1])}) if match else None
    if found is None or found > LONGEST:
        raise UsageError(
            f"--for {text}", hint=f"accepted: such as 90m, 2h or 1d, at most {LONGEST.days}d"
        )
    return found


def networks(given: Sequence[str], *, removed: bool = False) -> tuple[IPv4Network, ...]:
    """What --cidr says, each once. Raises UsageError, also for (nearly) everybody said once, unless
    it is to be shut out."""
    found = []
    for text in given:
        try:
            found.append(IPv4Network(text))
        except ValueError as error:
            raise UsageError(
                f"--cidr {text}: {one_line(error)}", hint="accepted: such as 203.0.113.7/32"
            ) from error
    for one in found:
        if not removed and one.prefixlen < WIDEST_ADMIN_PREFIX and found.count(one) < 2:
            raise UsageError(
                f"--cidr {one} lets (nearly) everybody in, and Kafka in the lab asks for no "
                "password", hint=f"say it twice if you mean it: --cidr {one} --cidr {one}",
            )
    return tuple(dict.fromkeys(found))


def own_address(emulated: bool) -> IPv4Network:
    """This machine's public address, as AWS sees it. Raises LabError."""
    if emulated:
        raise UsageError("an emulator stands for AWS here, and knows no address of yours",
                         hint="name it with --cidr")
    hint = "name your address with --cidr"
    try:
        with urllib.request.urlopen(WHO_AM_I, timeout=TIMEOUT_S) as answer:
            text = answer.read(100).decode("ascii", "replace").strip()
        address = IPv4Address(text)
    except AddressValueError as error:
        raise LabError(f"{WHO_AM_I} told no address: {one_line(text)}", hint=hint) from error
    except OSError as error:
        raise LabError(f"{WHO_AM_I} does not answer: {one_line(error)}", hint=hint) from error
    if not address.is_global:
        raise LabError(f"{WHO_AM_I} told {address}, which is no public address", hint=hint)
    return IPv4Network(address)


def listed(aws: Account) -> list[Allowed]:
    """Everything that was let in for a while, whose end has passed, too."""
    config = aws.topology.config
    marked = [
        *owned(config.name, config.owner), {"Name": "tag-key", "Values": [tags.ALLOWED_BY]},
    ]
    found = aws.clients.each(
        lambda region: [
            _allowed(region, one) for one in aws.clients.items(
                "ec2", region, "describe_security_group_rules", "SecurityGroupRules",
                Filters=marked,
            ) if tags.ALLOWED_BY in _tags(one)
        ],
        aws.regions,
    )
    return sorted(
        (one for some in found.values() for one in some),
        key=lambda one: (one.cidr, one.region, one.group, one.ports),
    )


def let_in(aws: Account, cidr: IPv4Network, until: datetime) -> int:
    """Open SSH and the lab's ports to a network, in every group of the lab; in how many.

    A rule that is there already gets the new end. Raises LabError where there is no group.
    """
    there = {(one.group, one.ports): one for one in listed(aws) if one.cidr == str(cidr)}
    groups = _groups(aws)
    if not any(groups.values()):
        raise LabError("no security group of the lab is in AWS", hint=aws.steps.absent)
    by = TAG_VALUE.sub("_", str(aws.clients("sts").get_caller_identity()["Arn"]))[-LONGEST_TAG:]
    ends = {tags.EXPIRES: tags.expires(until), tags.ALLOWED_BY: by}

    def region(name: str) -> int:
        client = aws.clients("ec2", name)
        for group, datacenter in groups[name].items():
            for first, last in _ports(aws, cidr):
                old = there.get((group, _span(first, last)))
                if old:
                    client.create_tags(Resources=[old.id], Tags=_given(ends))
                else:
                    _open(client, group, cidr, (first, last), _own(aws, datacenter, cidr) | ends)
        return len(groups[name])

    return sum(aws.clients.each(region, aws.regions).values())


def take_out(aws: Account, rules: Iterable[Allowed]) -> int:
    """Take rules away; how many. One that is gone already is no error."""
    rules = list(rules)
    by_region: dict[str, dict[str, list[str]]] = {}
    for one in rules:
        by_region.setdefault(one.region, {}).setdefault(one.group, []).append(one.id)

    def region(name: str) -> None:
        for group, ids in by_region[name].items():
            for part in portions(ids):
                aws.clients("ec2", name).revoke_security_group_ingress(
                    GroupId=group, SecurityGroupRuleIds=part
                )

    try:
        aws.clients.each(region, by_region)
    except AwsError as error:
        if not error.gone:
            raise
    return len(rules)


def sweep(aws: Account) -> None:
    """Take away what has come to its end, and say so.

    Who may not look or change hears nothing of it: the next one who may does it. Raises AwsError
    for all else.
    """
    now = datetime.now(UTC)
    try:
        over = [one for one in listed(aws) if one.over(now)]
        take_out(aws, over)
    except AwsError as error:
        if error.code not in REFUSED:
            raise
    else:
        if over:
            past = ", ".join(dict.fromkeys(one.cidr for one in over))
            aws.say(f"no longer let in, its time is over: {past} "
                    f"({counted(len(over), 'rule')})")


def _groups(aws: Account) -> Mapping[str, Mapping[str, str]]:
    """The lab's own groups by region: their ids, with the datacenter of each."""
    config = aws.topology.config
    return aws.clients.each(
        lambda region: {
            one["GroupId"]: _tags(one).get(tags.DATACENTER, "") for one in aws.clients.items(
                "ec2", region, "describe_security_groups", "SecurityGroups",
                Filters=owned(config.name, config.owner),
            ) if one["GroupName"] != "default"
        },
        aws.regions,
    )


def _ports(aws: Account, cidr: IPv4Network) -> list[tuple[int, int]]:
    """What the lab's rules open to where people sit; the same in every datacenter."""
    rules = aws.topology.rules(aws.topology.datacenters[0], (cidr,))
    return [rule.ports for rule in rules if rule.ports and rule.sources == (cidr,)]


def _open(
    client: Any, group: str, cidr: IPv4Network, ports: tuple[int, int], has: Mapping[str, str]
) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - 0.2 s

    try:
        client.authorize_security_group_ingress(
            GroupId=group,
            IpPermissions=[{
                "IpProtocol": "tcp", "FromPort": ports[0], "ToPort": ports[1],
                "IpRanges": [{"CidrIp": str(cidr), "Description": "allowed for a while"}],
            }],
            TagSpecifications=[{"ResourceType": "security-group-rule", "Tags": _given(has)}],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != DUPLICATE:
            raise
        raise LabError(
            f"{cidr} is let in to {_span(*ports)} already, by a rule without an end",
            where=group, hint="see the group in the EC2 console",
        ) from error


def _own(aws: Account, datacenter: str, cidr: IPv4Network) -> dict[str, str]:
    config = aws.topology.config
    return {
        **config.aws.own_tags, tags.LAB: config.name, tags.OWNER: config.owner,
        tags.DATACENTER: datacenter, tags.NAME: f"allowed {cidr}",
    }


def _allowed(region: str, rule: Mapping[str, Any]) -> Allowed:
    has = _tags(rule)
    return Allowed(
        region, rule["SecurityGroupRuleId"], rule["GroupId"], rule.get("CidrIpv4", ""),
        _span(rule["FromPort"], rule["ToPort"]), tags.moment(has.get(tags.EXPIRES)),
        has[tags.ALLOWED_BY],
    )


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _tags(item: Mapping[str, Any]) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in item.get("Tags") or ()}


def _given(has: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in has.items()]
