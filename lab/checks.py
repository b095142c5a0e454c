"""What only the whole lab shows: problems between fields, and what is allowed but unwise."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from lab.config import LABEL, MAX_PORT, Datacenter, Lab
from lab.mirrors import identity_cycle
from lab.problems import Problem
from lab.topology import (
    EXTERNAL_OFFSET,
    FIRST_OFFSET,
    PORTS_PER_DATACENTER,
    ROLES,
    host_names,
    subnets,
)

FIRST_EPHEMERAL_PORT = 32768  # Linux, ip_local_port_range
MAX_FQDN = 253  # RFC 1035
WIDEST_ADMIN_PREFIX = 8  # no organization is larger; two halves of the internet are the internet
WIDEST_VPC_PREFIX = 16  # VPC user guide, "VPC CIDR blocks"
LINKS = "links"
# What the lab itself decides; anything else of Kafka's may stand in [kafka.config].
RESERVED_SETTINGS = {
    "broker.id": "the host's number",
    "broker.rack": "the host's zone",
    "listeners": "INTERNAL and EXTERNAL",
    "advertised.listeners": "INTERNAL and EXTERNAL",
    "listener.security.protocol.map": "INTERNAL and EXTERNAL",
    "inter.broker.listener.name": "INTERNAL",
    "log.dirs": "/data/kafka-logs",
    "log.dir": "/data/kafka-logs",
    "zookeeper.connect": "the datacenter's ensemble",
    "num.partitions": "kafka.partitions",
    "default.replication.factor": "kafka.replication_factor",
    "min.insync.replicas": "kafka.min_insync_replicas",
    "offsets.topic.num.partitions": "kafka.offsets_partitions",
    "process.roles": "ZooKeeper",
}


def findings(lab: Lab) -> tuple[list[Problem], list[Problem]]:
    """The errors and the warnings of a lab whose fields are each right for themselves."""
    errors = [
        *_names(lab), *_networks(lab), *_links(lab), *_mirrors(lab), *_replication(lab),
        *_settings(lab),
        *_ports(lab), *_aws(lab),
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
    counts = (datacenter.control, datacenter.zookeeper, datacenter.kafka, datacenter.connect)
    return max(
        FIRST_OFFSET[role] + count for role, count in zip(ROLES, counts, strict=True) if count
    )


def _links(lab: Lab) -> Iterator[Problem]:
    known = [datacenter.name for datacenter in lab.datacenters]
    for index, link in enumerate(lab.links, 1):
        field = f"links[{index}].between"
        for name in link.between:
            if name not in known:
                yield Problem(field, repr(name), _no_such(name, known))
        if link.between[0] == link.between[1]:
            yield Problem(field, repr(link.between[0]), "links a datacenter to itself")


def _mirrors(lab: Lab) -> Iterator[Problem]:
    datacenters = {datacenter.name: datacenter for datacenter in lab.datacenters}
    linked = {frozenset(link.between) for link in lab.links}
    seen: set[str] = set()
    for index, mirror in enumerate(lab.mirrors, 1):
        field = f"mirrors[{index}]"
        ends = {"from": mirror.source, "to": mirror.target}
        strangers = {key: name for key, name in ends.items() if name not in datacenters}
        for key, name in strangers.items():
            yield Problem(f"{field}.{key}", repr(name), _no_such(name, list(datacenters)))
        if strangers:
            continue
        if mirror.source == mirror.target:
            yield Problem(f"{field}.to", repr(mirror.target), "mirrors a datacenter to itself")
        elif frozenset(ends.values()) not in linked:
            yield Problem(
                field, mirror.name, "the two are not linked; accepted: with "
                f'[[links]] between = ["{mirror.source}", "{mirror.target}"]',
            )
        if mirror.name in seen:
            yield Problem(field, mirror.name, "is there already; accepted: one of each direction")
        seen.add(mirror.name)
        target = datacenters[mirror.target]
        if not target.control and not target.connect:
            yield Problem(
                field, mirror.name, f"{target.name} has no host for Kafka Connect; "
                "accepted: with control = 1 or connect = 1 there",
            )
    ring = identity_cycle(lab.mirrors)
    if ring:
        yield Problem(
            "mirrors", " to ".join((*ring, ring[0])), "a ring with the identity policy in it, in "
            'which records would come back; accepted: policy = "default" in all of it',
        )


def _no_such(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else "accepted: " + ", ".join(known)
    return f"no such datacenter; {hint}"


def _replication(lab: Lab) -> Iterator[Problem]:
    smallest = min(lab.datacenters, key=lambda datacenter: datacenter.kafka)
    factor = lab.kafka.replication_factor
    if factor is not None and factor > smallest.kafka:
        yield Problem(
            "kafka.replication_factor", str(factor),
            f"more than the {smallest.kafka} broker(s) of {smallest.name}; "
            f"accepted: at most {smallest.kafka}",
        )
    for index, datacenter in enumerate(lab.datacenters, 1):
        copies = min(factor or 3, datacenter.kafka)
        insync = lab.kafka.min_insync_replicas
        if insync is not None and insync > copies:
            yield Problem(
                "kafka.min_insync_replicas", str(insync),
                f"more than the {copies} replica(s) in datacenters[{index}]; "
                f"accepted: at most {copies}",
            )
            return


def _settings(lab: Lab) -> Iterator[Problem]:
    for key, value in lab.kafka.config.items():
        if key in RESERVED_SETTINGS:
            yield Problem(
                f"kafka.config.{key}", repr(value),
                f"decided by the lab ({RESERVED_SETTINGS[key]}); "
                "accepted: any other broker setting",
            )
        elif "\n" in f"{key}{value}" or not key.isprintable() or not key.strip():
            yield Problem(
                f"kafka.config.{key!r}", repr(value), "accepted: a key and a value on one line"
            )


def _ports(lab: Lab) -> Iterator[Problem]:
    last = lab.local.port_base + PORTS_PER_DATACENTER * len(lab.datacenters)
    if last > MAX_PORT:
        highest = MAX_PORT - PORTS_PER_DATACENTER * len(lab.datacenters)
        yield Problem(
            "local.port_base", str(lab.local.port_base),
            f"leaves no {PORTS_PER_DATACENTER} ports a datacenter below {MAX_PORT}; "
            f"accepted: at most {highest}",
        )
    for index, datacenter in enumerate(lab.datacenters, 1):
        if FIRST_OFFSET["kafka"] + datacenter.kafka >= EXTERNAL_OFFSET:
            yield Problem(f"datacenters[{index}].kafka", str(datacenter.kafka), "too many brokers")


def _aws(lab: Lab) -> Iterator[Problem]:
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


def for_aws(lab: Lab) -> tuple[Problem, ...]:
    """What a lab that may be made of containers still lacks before it can be made in AWS."""
    return tuple(_lacking_for_aws(lab))


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
    for index, datacenter in enumerate(lab.datacenters, 1):
        if datacenter.cidr.prefixlen < WIDEST_VPC_PREFIX:
            yield Problem(
                f"datacenters[{index}].cidr", repr(str(datacenter.cidr)),
                f"too large for a VPC; accepted on AWS: /{WIDEST_VPC_PREFIX} or smaller",
            )


def _warnings(lab: Lab) -> Iterator[Problem]:
    last = lab.local.port_base + PORTS_PER_DATACENTER * len(lab.datacenters)
    if last > FIRST_EPHEMERAL_PORT:
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
    for index, datacenter in enumerate(lab.datacenters, 1):
        count = datacenter.zookeeper
        if count % 2 == 0:
            yield Problem(
                f"datacenters[{index}].zookeeper", str(count),
                f"an even ensemble bears no more failures than one of {count - 1} "
                f"(a majority of {count} is {count // 2 + 1}); {count + 1} would",
            )
