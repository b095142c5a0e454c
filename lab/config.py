"""The lab file: lab.toml as frozen models, with every error at once.

A lab file is read in two steps. The models check each field for itself; `lab.checks` then looks at
what only shows in the whole (overlapping networks, names that collide). Both kinds of finding are
collected and shown together, each naming its field, the value and what would be accepted.
"""

from __future__ import annotations

import contextlib
import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from lab.aws import Aws, Region
from lab.drills.objectives import Objectives
from lab.mirrors import Mirror, Mirroring
from lab.problems import Problem, field_name, worded
from lab.section import Section

KafkaVersion = Literal["3.9.2", "3.9.1"]  # the last line that runs with ZooKeeper
PRIVATE_RANGES = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123, in lower case
MAX_PORT = 65535


class LabFileError(Exception):
    """A lab file that cannot be used: all its problems, one line each."""

    exit_code = 2

    def __init__(self, path: str, problems: tuple[Problem, ...]) -> None:
        self.path, self.problems = path, problems
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))


def _label(value: str) -> str:
    if not LABEL.fullmatch(value):
        raise ValueError("accepted: 1 to 63 of a-z, 0-9 and inner hyphens (RFC 1123)")
    return value


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


def _timezone(value: str) -> str:
    zones = available_timezones()
    if value not in zones:
        near = difflib.get_close_matches(value, zones, 1, 0.5)
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


Label = Annotated[str, AfterValidator(_label)]
Domain = Annotated[str, AfterValidator(_domain)]
PrivateNetwork = Annotated[IPv4Network, AfterValidator(_private)]
Timezone = Annotated[str, AfterValidator(_timezone)]
PortRange = Annotated[tuple[int, int], BeforeValidator(_ports)]
Pattern = Annotated[str, AfterValidator(_pattern)]
Setting = str | int | bool
JvmOptions = tuple[Annotated[str, Field(pattern=r"^-[^\s\"'\\%$]+$")], ...]
# A small heap collected by one thread and no second compiler: starts in two thirds of the time.
LAB_JVM: JvmOptions = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
HeapMb = Annotated[int, Field(ge=32, le=32768)]


class Names(Section):
    """How hosts are called: `pattern` with the short name of a host's role put in."""

    pattern: Pattern = "{owner}-{datacenter}-{role}{number}"
    control: Label = "ctl"
    zookeeper: Label = "zk"
    kafka: Label = "kafka"
    connect: Label = "connect"


class Network(Section):
    """Who may reach a host beside its own datacenter. Ports are TCP."""

    lab_ports: PortRange = (0, MAX_PORT)


class Local(Section):
    """The containers on this machine."""

    port_base: Annotated[int, Field(ge=1024, le=60000)] = 20000


class ZooKeeper(Section):
    """Every ensemble. Times in milliseconds or, where ZooKeeper counts so, in ticks."""

    heap_mb: HeapMb = 96
    jvm_options: JvmOptions = LAB_JVM
    tick_time_ms: Annotated[int, Field(ge=500, le=10000)] = 2000
    init_limit: Annotated[int, Field(ge=2, le=100)] = 10
    sync_limit: Annotated[int, Field(ge=2, le=100)] = 5


class Kafka(Section):
    """Every cluster. What is not given follows from the number of brokers."""

    version: KafkaVersion = "3.9.2"
    heap_mb: HeapMb = 256
    jvm_options: JvmOptions = LAB_JVM
    partitions: Annotated[int, Field(ge=1, le=1000)] = 3
    replication_factor: Annotated[int, Field(ge=1, le=9)] | None = None
    min_insync_replicas: Annotated[int, Field(ge=1, le=9)] | None = None
    offsets_partitions: Annotated[int, Field(ge=1, le=200)] = 6
    config: dict[str, Setting] = Field(default_factory=dict)


class Connect(Section):
    """The Kafka Connect workers of every datacenter that something is mirrored into."""

    heap_mb: HeapMb = 192
    jvm_options: JvmOptions = LAB_JVM


class Datacenter(Section):
    """One network with one ensemble and one cluster, spread over `zones` subnets."""

    name: Label
    cidr: PrivateNetwork
    region: Region | None = None
    zones: Annotated[int, Field(ge=1, le=3)] = 1
    control: Annotated[int, Field(ge=0, le=1)] = 1
    zookeeper: Annotated[int, Field(ge=1, le=9)] = 3
    kafka: Annotated[int, Field(ge=1, le=100)] = 3
    connect: Annotated[int, Field(ge=0, le=9)] = 0


class Link(Section):
    """Two datacenters that may talk to each other."""

    between: tuple[Label, Label]


class Lab(Section):
    """Everything one lab file says."""

    name: Label = "kafkalab"
    owner: Label
    domain: Domain = "lab.internal"
    timezone: Timezone = "UTC"
    names: Names = Names()
    network: Network = Network()
    local: Local = Local()
    aws: Aws = Aws()
    zookeeper: ZooKeeper = ZooKeeper()
    kafka: Kafka = Kafka()
    connect: Connect = Connect()
    mirroring: Mirroring = Mirroring()
    objectives: Objectives = Objectives()
    datacenters: Annotated[tuple[Datacenter, ...], Field(min_length=1, max_length=9)]
    links: tuple[Link, ...] = ()
    mirrors: tuple[Mirror, ...] = ()


@dataclass(frozen=True)
class LabFile:
    """A usable lab file: its model, and what is allowed but unwise."""

    path: str
    lab: Lab
    warnings: tuple[Problem, ...]


def load(path: Path) -> LabFile:
    """Read and check a lab file. Raises LabFileError with every problem in it."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        hint = f"{reason}; name another file with LAB=PATH"
        raise LabFileError(str(path), (Problem("file", "", hint),)) from error
    except tomllib.TOMLDecodeError as error:
        raise LabFileError(str(path), (Problem("TOML", "", str(error)),)) from error
    return parse(data, path=str(path))


def parse(data: dict[str, Any], *, path: str = "lab.toml") -> LabFile:
    """Check a lab file that is already read. Raises LabFileError with every problem in it.

    Fields that are wrong for themselves are reported and then left out, so that what concerns the
    whole lab is found in the same run.
    """
    from lab.checks import findings  # noqa: PLC0415 - checks needs these models

    problems: list[Problem] = []
    lab = _validate(data, problems)
    if lab is None:
        lab = _validate(_without(data, problems), [])
    if lab is None:
        raise LabFileError(path, tuple(problems))
    errors, warnings = findings(lab)
    known = {problem.field for problem in problems}
    problems += [error for error in errors if error.field not in known]
    if problems:
        raise LabFileError(path, tuple(problems))
    return LabFile(path, lab, tuple(warnings))


def _validate(data: dict[str, Any], problems: list[Problem]) -> Lab | None:
    try:
        return Lab.model_validate(data)
    except ValidationError as error:
        details = [dict(detail) for detail in error.errors(include_url=False)]
        # A list whose items are all wrong is also reported as empty, which it is not.
        problems += [
            worded(detail, Lab) for detail in details
            if not (detail["type"] == "too_short" and detail["input"])
        ]
        return None


def _without(data: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The data with each wrong field left out, or replaced by a harmless one where it is needed."""
    bad = {problem.field for problem in problems}

    def prune(value: Any, location: tuple[str | int, ...]) -> Any:
        if isinstance(value, dict):
            return {
                key: prune(item, (*location, key)) for key, item in value.items()
                if field_name((*location, key)) not in bad
            }
        if isinstance(value, list):
            return [
                prune(item, (*location, index)) for index, item in enumerate(value)
                if location != ("links",) or f"links[{index + 1}].between" not in bad
            ]
        return value

    pruned: dict[str, Any] = prune(data, ())
    pruned.setdefault("owner", "x")
    datacenters = pruned.get("datacenters")
    if isinstance(datacenters, list):
        free = _free_networks(datacenters)
        for index, datacenter in enumerate(datacenters):
            if isinstance(datacenter, dict):
                datacenter.setdefault("name", f"x-{index}-x")
                if "cidr" not in datacenter:
                    datacenter["cidr"] = str(next(free))
    return pruned


def _free_networks(datacenters: list[Any]) -> Iterator[IPv4Network]:
    """Networks that none of the datacenters uses, to stand in for one that cannot be read."""
    used = []
    for datacenter in datacenters:
        with contextlib.suppress(ValueError, AttributeError):
            used.append(IPv4Network(datacenter.get("cidr")))
    candidates = (block for big in PRIVATE_RANGES for block in big.subnets(new_prefix=20))
    return (block for block in candidates if not any(block.overlaps(other) for other in used))
