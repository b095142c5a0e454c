"""Whether an account is ready for the lab: everything that would stop it half-way, all at once."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.aws import sizes, tags
from lab.packages import FAMILY, names
from lab.paths import LOGIN_KEY
from lab.services.registry import running_on
from lab.standing import leaving
from scripts.errors import CommandError, LabError, few, one_line
from scripts.platforms.aws import cost, given
from scripts.platforms.aws.audit import ENABLED
from scripts.platforms.aws.clients import AwsError, fan_out, spoken
from scripts.platforms.aws.inventory import machines, standings
from scripts.platforms.aws.prices import Prices
from scripts.platforms.login import login_pair
from scripts.workstation import process

if TYPE_CHECKING:
    from scripts.platforms.aws import Aws

# Service Quotas: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances" and "All
# Standard Spot Instance Requests", in vCPUs; "VPCs per Region".
ON_DEMAND_QUOTA, SPOT_QUOTA, VPC_QUOTA = "L-1216C47A", "L-34B43A08", "L-F678F1CE"
STANDARD = "acdhimrtz"
OTHER_QUOTA = ("inf", "trn", "dl", "hpc")  # families that begin like a standard one
LIVE_PEERING = ("pending-acceptance", "provisioning", "active")


@dataclass(frozen=True)
class Finding:
    """One check. `held` None: it could not be told, which is no reason to stop."""

    where: str
    what: str
    held: bool | None
    seen: str

    @property
    def word(self) -> str:
        return {True: "ok", False: "failed", None: "unknown"}[self.held]


def check(aws: Aws) -> tuple[list[Finding], cost.Bill | None]:
    """Every finding, and the price of the lab. Without credentials nothing more is asked."""
    findings = [_key(aws)]
    try:
        with spoken(aws.regions[0]):
            who = aws.clients("sts", aws.regions[0]).get_caller_identity()
    except AwsError as error:
        return [*findings, Finding("account", "credentials", False, str(error))], None
    findings.append(Finding("account", "credentials", True, f"{who['Account']}, {who['Arn']}"))
    regions, usable = _regions(aws)
    findings += regions
    by_region = fan_out(lambda region: list(_region(aws, region)), usable)
    findings += [one for region in usable for one in by_region[region]]
    findings += _there(aws, usable)
    bill = cost.bill(Prices(aws.clients), cost.items(aws.topology))
    return findings, bill


def _key(aws: Aws) -> Finding:
    """The private key that logs in fits the public one, and is nobody else's."""
    path, config = aws.key_file, aws.topology.config.aws
    own = aws.state / LOGIN_KEY
    if path == own and config.public_key is None and not path.exists():
        login_pair(path, f"kafkalab {aws.topology.lab}")
        return Finding("workstation", "key", True, f"made {path}, the lab's own")
    if not path.exists():
        hint = "KAFKALAB_KEY names the private key of aws.public_key"
        return Finding("workstation", "key", False, f"{path} is missing ({hint})")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding("workstation", "key", False, f"{path} is open to others (chmod 600)")
    try:
        said = process.run(["ssh-keygen", "-y", "-P", "", "-f", str(path)])
    except CommandError as error:
        return Finding("workstation", "key", False, f"{path}: {one_line(error.stderr) or error}")
    public = public_key(aws, path)
    if public is not None and said.stdout.split()[:2] != public.split()[:2]:
        return Finding("workstation", "key", False, f"{path} does not fit aws.public_key")
    return Finding("workstation", "key", True, str(path))


def public_key(aws: Aws, private: Path) -> str | None:
    """The public key's line: the lab file's own, or that of the file beside the private key."""
    text = aws.topology.config.aws.public_key
    if text and not text.endswith(".pub"):
        return text
    beside = private.with_name(private.name + ".pub")
    return beside.read_text(encoding="utf-8") if beside.exists() else None


def _regions(aws: Aws) -> tuple[list[Finding], list[str]]:
    """Which regions of the lab are enabled, and those."""
    near = aws.regions[0]
    try:
        listed = aws.clients.items("ec2", near, "describe_regions", "Regions", AllRegions=True)
    except AwsError as error:
        return [Finding(near, "region", False, str(error))], []
    status = {one["RegionName"]: one.get("OptInStatus", "") for one in listed}
    findings, usable = [], []
    for region in aws.regions:
        found = status.get(region, "unknown to AWS")
        findings.append(Finding(region, "region", found in ENABLED, found))
        if found in ENABLED:
            usable.append(region)
    return findings, usable


def _region(aws: Aws, region: str) -> Iterator[Finding]:
    """All checks of one region; what a check cannot find out is its own finding."""
    checks: tuple[tuple[str, Callable[[Aws, str], Iterator[Finding]]], ...] = (
        ("image", _images), ("packages", _packages), ("instance types", _types),
        ("vCPU quota", _quota), ("VPC quota", _vpcs), ("networks", _networks),
        ("subnets", _subnets),
    )
    for what, work in checks:
        try:
            with spoken(region):
                yield from work(aws, region)
        except AwsError as error:
            yield Finding(region, what, None if what.endswith("quota") else False, str(error))


def _hosts(aws: Aws, region: str) -> list[Any]:
    datacenters = [d for d in aws.topology.datacenters if sizes.region(aws.topology, d) == region]
    return [host for datacenter in datacenters for host in datacenter.hosts]


def _images(aws: Aws, region: str) -> Iterator[Finding]:
    if own := aws.topology.config.aws.image_ids.get(region):
        types = {sizes.instance_type(aws.topology, host) for host in _hosts(aws, region)}
        yield Finding(region, "image", *given.image(aws.clients, region, str(own), types))
        return
    for name in sorted({sizes.image_parameter(aws.topology, h) for h in _hosts(aws, region)}):
        try:
            with spoken(region):
                found = aws.clients("ssm", region).get_parameter(Name=name)["Parameter"]["Value"]
            yield Finding(region, "image", True, f"{name}: {found}")
        except AwsError as error:
            yield Finding(region, "image", False, f"{name}: {error}")


def _packages(aws: Aws, region: str) -> Iterator[Finding]:
    """What services cannot run without, and the hosts' distribution does not have."""
    topology = aws.topology
    image = topology.config.aws.image
    lacking = sorted({
        name for host in _hosts(aws, region) for one in running_on(host, topology)
        for name in one.software(topology.config) if not names([name], FAMILY[image])
    })
    if lacking:
        yield Finding(region, "packages", False,
                      f'{image} has no {", ".join(lacking)}; say image = "debian12" in [aws]')


def _types(aws: Aws, region: str) -> Iterator[Finding]:
    wanted = sorted({sizes.instance_type(aws.topology, host) for host in _hosts(aws, region)})
    offered = {
        one["InstanceType"] for one in aws.clients.items(
            "ec2", region, "describe_instance_type_offerings", "InstanceTypeOfferings",
            Filters=[{"Name": "instance-type", "Values": wanted}],
        )
    }
    absent = [one for one in wanted if one not in offered]
    seen = f"not offered: {', '.join(absent)}" if absent else ", ".join(wanted)
    yield Finding(region, "instance types", not absent, seen)


def _quota(aws: Aws, region: str) -> Iterator[Finding]:
    """vCPUs: what the account may run, what runs in it, and what the lab's missing hosts need."""
    spot = aws.topology.config.aws.spot
    running = [
        one for reservation in aws.clients.items(
            "ec2", region, "describe_instances", "Reservations",
            Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}],
        ) for one in reservation["Instances"]
    ]
    config, mine = aws.topology.config, set()
    used = 0
    for one in running:
        has = {tag["Key"]: tag["Value"] for tag in one.get("Tags", ())}
        if (has.get(tags.LAB), has.get(tags.OWNER)) == (config.name, config.owner):
            mine.add(has.get(tags.NAME))
        if standard(one["InstanceType"]) and (one.get("InstanceLifecycle") == "spot") == spot:
            cpu = one.get("CpuOptions", {})
            used += cpu.get("CoreCount", 1) * cpu.get("ThreadsPerCore", 1)
    types = Counter(
        sizes.instance_type(aws.topology, host)
        for host in _hosts(aws, region) if host.name not in mine
    )
    counted = {name: number for name, number in types.items() if standard(name)}
    needed = 0
    if counted:
        for one in aws.clients.items(
            "ec2", region, "describe_instance_types", "InstanceTypes",
            InstanceTypes=sorted(counted),
        ):
            needed += one["VCpuInfo"]["DefaultVCpus"] * counted[one["InstanceType"]]
    code = SPOT_QUOTA if spot else ON_DEMAND_QUOTA
    limit = int(_limit(aws, region, "ec2", code))
    seen = f"{limit} vCPUs{' on spot' if spot else ''}, {used} in use, {needed} more needed"
    if used + needed > limit:
        seen += f"; ask for more: Service Quotas, {code}"
    if others := sorted(types.keys() - counted.keys()):
        seen += f"; {', '.join(others)} has a quota of its own, which is not checked"
    yield Finding(region, "vCPU quota", used + needed <= limit, seen)


def standard(instance_type: str) -> bool:
    """Whether a type counts towards the quota of the standard families."""
    family = instance_type.partition(".")[0]
    return family[:1] in STANDARD and not family.startswith(OTHER_QUOTA)


def _limit(aws: Aws, region: str, service: str, code: str) -> float:
    with spoken(region):
        answer = aws.clients("service-quotas", region).get_service_quota(
            ServiceCode=service, QuotaCode=code
        )
    return float(answer["Quota"]["Value"])


def _vpcs(aws: Aws, region: str) -> Iterator[Finding]:
    there = aws.clients.items("ec2", region, "describe_vpcs", "Vpcs")
    have = {name for vpc in there if (name := _datacenter(aws, vpc))}
    needed = [
        d.name for d in aws.topology.datacenters
        if sizes.region(aws.topology, d) == region and d.name not in have
        and not d.config.vpc_id
    ]
    limit = int(_limit(aws, region, "vpc", VPC_QUOTA))
    seen = f"{limit} VPCs, {len(there)} there, {len(needed)} more needed"
    held = len(there) + len(needed) <= limit
    if not held:
        seen += f"; ask for more: Service Quotas, {VPC_QUOTA}"
    yield Finding(region, "VPC quota", held, seen)


def _datacenter(aws: Aws, vpc: dict[str, Any]) -> str | None:
    """Which datacenter of this lab a VPC is, if any."""
    config = aws.topology.config
    has = {tag["Key"]: tag["Value"] for tag in vpc.get("Tags", ())}
    mine = (has.get(tags.LAB), has.get(tags.OWNER)) == (config.name, config.owner)
    return has.get(tags.DATACENTER) if mine else None


def _networks(aws: Aws, region: str) -> Iterator[Finding]:
    """Other networks with the lab's addresses: a peered one is an error, others are reported.

    Two VPCs of one network may stand side by side as long as nothing routes between them.
    """
    there = aws.clients.items("ec2", region, "describe_vpcs", "Vpcs")
    peered = {
        side["VpcId"]
        for one in aws.clients.items(
            "ec2", region, "describe_vpc_peering_connections", "VpcPeeringConnections",
            Filters=[{"Name": "status-code", "Values": list(LIVE_PEERING)}],
        )
        for side in (one["RequesterVpcInfo"], one["AccepterVpcInfo"]) if "VpcId" in side
    }
    clashes: list[str] = []
    neighbours: list[str] = []
    ours = {one.config.vpc_id for one in aws.topology.datacenters}
    for vpc in there:
        if _datacenter(aws, vpc) or vpc["VpcId"] in ours:
            continue
        for block in _blocks(vpc):
            for datacenter in aws.topology.datacenters:
                if datacenter.cidr.overlaps(block):
                    text = f"{datacenter.cidr} of {datacenter.name} overlaps {block} of "
                    chosen = clashes if vpc["VpcId"] in peered else neighbours
                    chosen.append(text + vpc["VpcId"])
    seen = "; ".join(f"{text}, which is peered" for text in clashes) or "no clash"
    if neighbours:
        seen += f" ({'; '.join(neighbours)}, which is not peered: never link the two)"
    yield Finding(region, "networks", not clashes, seen)


def _blocks(vpc: dict[str, Any]) -> list[IPv4Network]:
    return [
        IPv4Network(one["CidrBlock"]) for one in vpc.get("CidrBlockAssociationSet", ())
        if one.get("CidrBlockState", {}).get("State") in ("associating", "associated")
    ]


def _subnets(aws: Aws, region: str) -> Iterator[Finding]:
    """Subnets that exist already: in their VPC, and with room for the hosts at their addresses."""
    for datacenter in aws.topology.datacenters:
        if datacenter.config.vpc_id and sizes.region(aws.topology, datacenter) == region:
            wrong = list(given.unfit(aws, region, datacenter))
            seen = "; ".join(wrong) or ", ".join(datacenter.config.subnet_ids)
            yield Finding(datacenter.name, "subnets", not wrong, seen)


def _there(aws: Aws, regions: list[str]) -> Iterator[Finding]:
    """What of the lab is there already, and whether it is clear which host is which."""
    config = aws.topology.config
    try:
        found = machines(aws.clients, regions, config.name, config.owner)
    except LabError as error:
        yield Finding("account", "hosts", False, str(error))
        return
    yield Finding("account", "hosts", True, f"{len(found)} of the lab are there")
    leavers = leaving(aws.topology, standings(found.values(), config.domain))
    for datacenter in dict.fromkeys(one.datacenter for one in leavers):
        names = few([one.name for one in leavers if one.datacenter == datacenter])
        if any(one.broker for one in leavers if one.datacenter == datacenter):
            yield Finding(datacenter, "fewer brokers", None, (
                f"not in the lab file: {names}; Terraform ends them with what they have: empty "
                f"them first, `LAB_PLATFORM=aws fab kafka.balance --datacenter {datacenter}`"))
        else:
            yield Finding(datacenter, "a datacenter less", None, (
                f"not in the lab file: {names}; Terraform ends them with all their data"))
