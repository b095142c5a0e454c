"""What only the whole lab shows: problems between fields, and what is allowed but unwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from lab.aws import checks as aws
from lab.model import Datacenter, Lab
from lab.options.section import LABEL, MAX_PORT
from lab.problems import Problem, no_such_datacenter
from lab.roles import ROLES
from lab.services.registry import SERVICES
from lab.topology import PORTS_PER_DATACENTER, host_names, subnets

FIRST_EPHEMERAL_PORT = 32768  # Linux, ip_local_port_range
MAX_FQDN = 253  # RFC 1035


def findings(lab: Lab) -> tuple[list[Problem], list[Problem]]:
    """The errors and the warnings of a lab in which each field is right by itself."""
    errors = [
        *_names(lab), *_networks(lab), *_links(lab), *_ports(lab), *aws.findings(lab),
        *(problem for service in SERVICES.values() for problem in service.check(lab)),
    ]
    return errors, list(_warnings(lab))


def _names(lab: Lab) -> Iterator[Problem]:
    seen: Counter[str] = Counter(datacenter.name for datacenter in lab.datacenters)
    for index, datacenter in enumerate(lab.datacenters, 1):
        field = f"datacenters[{index}].name"
        if seen[datacenter.name] > 1:
            yield Problem(field, repr(datacenter.name), "used twice; accepted: a name of its own")
    hosts = Counter(
        name for name_of in {d.name: d for d in lab.datacenters}.values()
        for _, _, name in host_names(lab, name_of)
    )
    twice = [name for name, count in hosts.items() if count > 1]
    if twice:
        yield Problem(
            "names.pattern", repr(lab.names.pattern),
            f"gives {twice[0]} to more than one host; accepted: a pattern with {{datacenter}}, "
            "and short names that differ",
        )
    for name in hosts:
        if not LABEL.fullmatch(name) or len(name) + 1 + len(lab.domain) > MAX_FQDN:
            yield Problem(
                "names.pattern", repr(lab.names.pattern),
                f"gives the host name {name!r}; accepted: RFC 1123 labels of at most "
                f"63 characters, {MAX_FQDN} with the domain",
            )
            return


def _networks(lab: Lab) -> Iterator[Problem]:
    for index, datacenter in enumerate(lab.datacenters, 1):
        needed = _last_offset(datacenter) + 2  # the last address is the broadcast address
        zones = subnets(datacenter)
        if not zones or zones[0].num_addresses < needed:
            prefix = 32 - (needed - 1).bit_length() - {1: 0, 2: 1, 3: 2}[datacenter.zones]
            yield Problem(
                f"datacenters[{index}].cidr", repr(str(datacenter.cidr)),
                f"too small for its hosts; accepted: /{prefix} or larger",
            )
    for (i, one), (j, two) in combinations(enumerate(lab.datacenters, 1), 2):
        if one.cidr.overlaps(two.cidr):
            yield Problem(
                f"datacenters[{j}].cidr", repr(str(two.cidr)),
                f"overlaps {one.cidr} of datacenters[{i}]; accepted: a range of its own",
            )


def _last_offset(datacenter: Datacenter) -> int:
    return max(
        role.first_offset + datacenter.count(role.name)
        for role in ROLES if datacenter.count(role.name)
    )


def _links(lab: Lab) -> Iterator[Problem]:
    known = [datacenter.name for datacenter in lab.datacenters]
    for index, link in enumerate(lab.links, 1):
        field = f"links[{index}].between"
        for name in link.between:
            if name not in known:
                yield Problem(field, repr(name), no_such_datacenter(name, known))
        if link.between[0] == link.between[1]:
            yield Problem(field, repr(link.between[0]), "links a datacenter to itself")


def _last_port(lab: Lab) -> int:
    return lab.local.port_base + PORTS_PER_DATACENTER * len(lab.datacenters) - 1


def _ports(lab: Lab) -> Iterator[Problem]:
    beyond = _last_port(lab) - MAX_PORT
    if beyond > 0:
        yield Problem(
            "local.port_base", str(lab.local.port_base),
            f"leaves no {PORTS_PER_DATACENTER} ports a datacenter up to {MAX_PORT}; "
            f"accepted: at most {lab.local.port_base - beyond}",
        )


def _warnings(lab: Lab) -> Iterator[Problem]:
    if _last_port(lab) >= FIRST_EPHEMERAL_PORT:
        yield Problem(
            "local.port_base", str(lab.local.port_base),
            f"reaches the ports from {FIRST_EPHEMERAL_PORT} on, any of which a connection of this "
            "machine may hold just when it is needed",
        )
    if lab.aws.world_open:
        yield Problem(
            "aws.world_open", "true",
            "whoever is in admin_cidrs, and that may be the whole internet, reaches every host of "
            "the lab on AWS, and Kafka without a password",
        )
    for service in SERVICES.values():
        yield from service.advise(lab)
