"""What becomes of a lab in AWS, before any engine is asked: names, tags, rules, links. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from lab.aws.checks import LINKS
from lab.aws.sizes import image_id, image_parameter, instance_type, region
from lab.aws.tags import DATACENTER, EXPIRES, LAB, NAME, OWNER, ROLE
from lab.topology import Datacenter, Host, Topology

ALL_IPV4 = "0.0.0.0/0"


@dataclass(frozen=True)
class Ingress:
    """One rule of a security group: one source, and TCP ports or (None) everything.

    `id` depends on the rule alone, so a source that is added replaces no other rule.
    """

    id: str
    description: str
    source: IPv4Network
    ports: tuple[int, int] | None


@dataclass(frozen=True)
class Peering:
    """Two datacenters that are to reach each other, each with its region."""

    id: str
    ends: tuple[Datacenter, Datacenter]
    regions: tuple[str, str]


def stack_name(lab: str, part: str) -> str:
    """A stack's name. Neither a lab's nor a datacenter's name can hold the underscore."""
    return f"{lab}_{part}"


def links_stack(topology: Topology) -> str:
    return stack_name(topology.lab, LINKS)


def lab_tags(topology: Topology) -> dict[str, str]:
    """The tags of everything that belongs to a lab."""
    return {LAB: topology.lab, OWNER: topology.config.owner}


def given_tags(topology: Topology, tags: Mapping[str, str]) -> dict[str, str]:
    """What everything gets that is made with such tags: those of the lab file, too."""
    return {**topology.config.aws.own_tags, **tags}


def datacenter_tags(topology: Topology, datacenter: Datacenter) -> dict[str, str]:
    return lab_tags(topology) | {DATACENTER: datacenter.name}


def host_tags(topology: Topology, host: Host) -> dict[str, str]:
    """What only an instance and its volume have. The time is that of the launch, in UTC."""
    tags = {NAME: host.name, ROLE: host.role}
    if (hours := topology.config.aws.ttl_hours) is not None:
        tags[EXPIRES] = f'${{timeadd(timestamp(), "{hours}h")}}'
    return tags


def host_id(host: Host) -> str:
    """What a host is called within its stack: always an identifier, whatever its owner is called.

    It depends on role and number alone, so a host keeps its place when hosts are renamed.
    """
    return f"{host.role}-{host.number:02}"


def title(topology: Topology, datacenter: Datacenter) -> str:
    """What a person sees in the console for the parts of a datacenter."""
    return f"{topology.config.owner}-{topology.lab}-{datacenter.name}"


def ingress(topology: Topology, datacenter: Datacenter) -> tuple[Ingress, ...]:
    """The lab's rules, a source each; what two rules both say is said once, as AWS demands."""
    found: dict[tuple[IPv4Network, tuple[int, int] | None], Ingress] = {}
    for rule in topology.rules(datacenter, topology.config.aws.admin_cidrs):
        for source in rule.sources:
            marked = str(source).replace(".", "-").replace("/", "-")
            found.setdefault(
                (source, rule.ports),
                Ingress(f"{rule.name}-{marked}", rule.name, source, rule.ports),
            )
    return tuple(found.values())


def instance_types(topology: Topology, datacenter: Datacenter) -> tuple[str, ...]:
    """Each type that the datacenter's hosts need, once, in the order of the roles."""
    used = [instance_type(topology, host) for host in datacenter.hosts]
    return tuple(dict.fromkeys(used))


def images(topology: Topology, datacenter: Datacenter) -> tuple[str, ...]:
    """The parameters of the images that the datacenter's hosts start from, each once."""
    if image_id(topology, datacenter):
        return ()
    return tuple(dict.fromkeys(image_parameter(topology, host) for host in datacenter.hosts))


def peerings(topology: Topology) -> Iterator[Peering]:
    """The links of the lab, each pair once however often it is written, in the file's order.

    Networks that exist already are routed to each other by somebody else.
    """
    order = [datacenter.name for datacenter in topology.datacenters]
    pairs = [tuple(sorted(link.between, key=order.index)) for link in topology.config.links]
    for names in dict.fromkeys(pairs):
        first, second = (topology.datacenter(name) for name in names)
        if first.config.vpc_id:
            continue
        yield Peering(
            f"{first.name}_{second.name}",
            (first, second),
            (region(topology, first), region(topology, second)),
        )


