"""The whole lab file as frozen models, each of which checks its own fields.

`lab.checks` finds what only shows when fields are seen together, such as overlapping networks and
colliding names. `lab.file` reads the file.
"""

from __future__ import annotations

import difflib
import re
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from lab.options.aws import Aws, Region, SubnetId, VpcId
from lab.options.connect import Connect
from lab.options.connectors import Connector
from lab.options.controller import Controller
from lab.options.hosts import Hosts
from lab.options.kafka import Kafka
from lab.options.mirrors import Mirror, Mirroring
from lab.options.monitoring import Monitoring
from lab.options.objectives import Objectives
from lab.options.registry import Registry
from lab.options.section import LABEL, MAX_PORT, Label, Section, keyed, shown
from lab.options.security import Security
from lab.options.sinks import Elasticsearch, HBase, OpenSearch, Sink
from lab.options.topics import Topic
from lab.options.users import Client, User
from lab.options.zookeeper import ZooKeeper
from lab.roles import ROLES, Role
from lab.versions import VERSIONS, ZOOKEEPER, KafkaVersion, Metadata

PRIVATE_RANGES = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))


def _domain(value: str) -> str:
    if len(value) > 200 or not all(LABEL.fullmatch(part) for part in value.split(".")):
        raise ValueError("accepted: RFC 1123 labels joined by dots, such as lab.internal")
    return value


def _private(value: IPv4Network) -> IPv4Network:
    if not any(value.subnet_of(block) for block in PRIVATE_RANGES):
        raise ValueError(
            "a public range; accepted: one inside " + ", ".join(map(str, PRIVATE_RANGES))
        )
    return value


def _is_zone(name: str) -> bool:
    """Whether it is among `available_timezones`, which reads the beginning of 600 files."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return not name.startswith(("posix/", "right/", "posixrules"))


def _timezone(value: str) -> str:
    if not _is_zone(value):
        near = difflib.get_close_matches(value, available_timezones(), 1, 0.5)
        raise ValueError(
            f"not in the time zone database; accepted: {near[0] if near else 'UTC'} and its like"
        )
    return value


def _ports(value: object) -> object:
    """`"9000-9999"` or `9092` as the pair (first, last)."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(r"\d{1,5}(-\d{1,5})?", value):
        raise ValueError("accepted: a port or a range such as 0-65535")
    first, _, last = value.partition("-")
    pair = int(first), int(last or first)
    if not pair[0] <= pair[1] <= MAX_PORT:
        raise ValueError("accepted: first and last port, ascending, at most 65535")
    return pair


def _pattern(value: str) -> str:
    known = {"owner", "datacenter", "role", "number"}
    used = re.findall(r"\{(.*?)\}", value)
    if "number" not in used or "role" not in used or not set(used) <= known:
        raise ValueError("accepted: {owner}, {datacenter}, and needed: {role}, {number}")
    if not value.startswith("{owner}"):
        raise ValueError("accepted: a pattern that starts with {owner}")
    return value


Domain = Annotated[str, AfterValidator(_domain)]
PrivateNetwork = Annotated[IPv4Network, AfterValidator(_private)]
Timezone = Annotated[str, AfterValidator(_timezone)]
PortRange = Annotated[tuple[int, int], BeforeValidator(_ports)]
Pattern = Annotated[str, AfterValidator(_pattern)]


# A key for each role (lab.roles): its short name, and the number of its hosts in a datacenter.
_Shorts: Any = keyed("_Shorts", {
    role.name: (Label, Field(role.short, description="what `{role}` becomes")) for role in ROLES
})


def _usual(role: Role, said: dict[str, Any]) -> int:
    """How many hosts of a role a datacenter has that does not say it, by what it says before."""
    kraft = said.get("metadata") not in (None, ZOOKEEPER)
    if role.name == "zookeeper":
        return 0 if kraft else role.usual
    if role.name == "controller":
        return role.usual if kraft and not said.get("combined") and not said.get("zookeeper") else 0
    return role.usual


def _count(role: Role) -> tuple[Any, Any]:
    described = f"{role.least} to {role.most} {role.meaning}"
    kind = Annotated[int, Field(ge=role.least, le=role.most)]
    if role.name in USUALLY:
        return kind, Field(
            default_factory=lambda said: _usual(role, said), description=described,
            json_schema_extra=shown(USUALLY[role.name]),
        )
    return kind, Field(role.usual, description=described)


# Defaults that follow from what else a datacenter says.
USUALLY = {"zookeeper": "`3`, none with KRaft", "controller": "`3` with KRaft, unless brokers or "
                                                             "ZooKeeper's hosts are controllers"}
_Counts: Any = keyed("_Counts", {
    # Before the counts, which follow from them.
    "version": (KafkaVersion, Field(
        "3.9.2", description="of Kafka here ([which](versions.md))",
        json_schema_extra=shown("that of `[kafka]`"),
    )),
    "metadata": (Metadata, Field(
        ZOOKEEPER, description='where its cluster keeps its metadata, `"zookeeper"` or `"kraft"`',
        json_schema_extra=shown("that of `[kafka]`"),
    )),
    "combined": (Annotated[int, Field(ge=0, le=9)], Field(
        0, description="how many brokers, the first ones, are controllers as well (with KRaft)",
    )),
    **{role.name: _count(role) for role in ROLES},
})


class Names(_Shorts):  # type: ignore[misc]
    """How hosts are named."""

    pattern: Pattern = Field(
        "{owner}-{datacenter}-{role}{number}",
        description="of host names; starts with `{owner}`; `{number}` has two digits",
    )

    def short(self, role: str) -> str:
        return str(getattr(self, role))


class Network(Section):
    """Who may reach a host from outside its own datacenter."""

    lab_ports: PortRange = Field(
        (0, MAX_PORT),
        description="TCP ports that your machine may reach on every host, besides SSH",
        json_schema_extra=shown(f'`"0-{MAX_PORT}"`'),
    )


class Local(Section):
    """A lab of containers on this machine."""

    port_base: Annotated[int, Field(ge=1024, le=60000)] = Field(
        20000, description="the first port used on 127.0.0.1; each datacenter takes 1000; from "
                           "32768 on, outgoing connections may be in the way",
    )


class Datacenter(_Counts):  # type: ignore[misc]
    """One network with one ensemble and one cluster."""

    name: Label = Field(description="unique in the lab")
    cidr: PrivateNetwork = Field(
        description="a private network, large enough, that overlaps no other",
    )
    region: Region | None = Field(
        None, description='where this datacenter is on EC2, such as `"eu-central-1"`',
        json_schema_extra=shown("that of `[aws]`"),
    )
    zones: Annotated[int, Field(ge=1, le=3)] = Field(
        1, description="1 to 3 subnets; hosts are spread over them and `broker.rack` names them",
    )
    vpc_id: VpcId | None = Field(
        None, description="a VPC that exists already, on EC2; the lab then makes no network there",
        json_schema_extra=shown("a VPC of its own"),
    )
    subnet_ids: tuple[SubnetId, ...] = Field(
        (), description="its subnets, one for each of `zones`, each with its part of `cidr`",
        json_schema_extra=shown("needed with `vpc_id`"),
    )

    def count(self, role: str) -> int:
        """The number of its hosts of a role."""
        return int(getattr(self, role))

    @property
    def kraft(self) -> bool:
        """Whether its cluster keeps its metadata itself, or is to."""
        return bool(self.metadata != ZOOKEEPER)

    # What follows from that but while metadata moves (lab.migration.way.OnTheWay).

    @property
    def servers(self) -> bool:
        """Whether it has ZooKeeper."""
        return not self.kraft

    @property
    def quorum(self) -> bool:
        """Whether it has controllers of KRaft."""
        return self.kraft

    @property
    def led(self) -> bool:
        """Whether these control its cluster."""
        return self.kraft

    def keeps(self, host: str) -> str:
        """Where the broker or the controller of a host has its metadata: ZOOKEEPER, KRAFT, BOTH."""
        del host
        return str(self.metadata)


class Link(Section):
    """Two datacenters that may talk to each other."""

    between: tuple[Label, Label] = Field(
        description='two datacenters whose hosts may reach each other: `between = ["dc1", "dc2"]`',
    )


OF_ALL = {"version": VERSIONS, "metadata": get_args(Metadata)}


class Lab(Section):
    """The whole lab file; a line here for each section."""

    name: Label = Field(
        "kafkalab", description="the lab's name; labs with different names, networks and ports run "
                                "side by side",
    )
    owner: Label = Field(description="your nickname, the first part of every host name")
    domain: Domain = Field("lab.internal", description="the last part of every host's full name")
    timezone: Timezone = Field(
        "UTC", description="a name from the time zone database, set on every host",
    )
    language: Literal["en", "ko"] = Field(
        "en", description="what exercises speak to you in: `en` or `ko`",
    )
    names: Names = Names()
    network: Network = Network()
    local: Local = Local()
    aws: Aws = Aws()
    hosts: Hosts = Hosts()
    zookeeper: ZooKeeper = ZooKeeper()
    controller: Controller = Controller()
    kafka: Kafka = Kafka()
    connect: Connect = Connect()
    mirroring: Mirroring = Mirroring()
    security: Security = Security()
    registry: Registry = Registry()
    monitoring: Monitoring = Monitoring()
    elasticsearch: Elasticsearch = Elasticsearch()
    opensearch: OpenSearch = OpenSearch()
    hbase: HBase = HBase()
    objectives: Objectives = Objectives()
    datacenters: Annotated[tuple[Datacenter, ...], Field(min_length=1, max_length=12)]
    links: tuple[Link, ...] = ()
    topics: tuple[Topic, ...] = ()
    mirrors: tuple[Mirror, ...] = ()
    connectors: tuple[Connector, ...] = ()
    sinks: tuple[Sink, ...] = ()
    users: tuple[User, ...] = ()
    clients: tuple[Client, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _of_all(cls, data: Any) -> Any:
        """What [kafka] says of all datacenters goes to each that says nothing else; what is wrong
        in it is told once, where it stands."""
        if not isinstance(data, dict) or not isinstance(kafka := data.get("kafka"), dict):
            return data
        if not isinstance(places := data.get("datacenters"), list | tuple):
            return data
        said = {key: kafka[key] for key, accepted in OF_ALL.items()
                if kafka.get(key) in accepted}
        return {**data, "datacenters": [
            {**said, **one} if isinstance(one, dict) else one for one in places
        ]}

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of Kafka in it, each once."""
        return tuple(dict.fromkeys(one.version for one in self.datacenters))
