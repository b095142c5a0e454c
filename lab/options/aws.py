"""The [aws] section of the lab file: what a lab on EC2 has to know beside its topology.

All of it has a harmless default, so that a lab that only ever runs locally does not mention it;
`lab.aws.checks.for_aws` names what has to be filled in before anything is made in an account.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from lab.options.section import Section, keyed
from lab.roles import ROLES

Architecture = Literal["x86_64", "arm64"]
Image = Literal["al2023", "debian12"]

USER = "student"  # who logs in to every host, with sudo and without a password

REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}")
INSTANCE_TYPE = re.compile(r"(?P<family>[a-z][a-z0-9-]*)\.[a-z0-9-]+")
# What EC2 takes as a key pair of one's own (EC2 user guide, "Create key pairs").
PUBLIC_KEY = re.compile(r"ssh-(ed25519|rsa) AAAA[A-Za-z0-9+/]{40,}={0,2}( [^\n\r]*)?")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PROFILE = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
KEY_PREFIX = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?/?")


def _region(value: str) -> str:
    if not REGION.fullmatch(value):
        raise ValueError("accepted: a region's code such as eu-central-1")
    return value


def _instance_type(value: str) -> str:
    match = INSTANCE_TYPE.fullmatch(value)
    if not match or match["family"].startswith("mac"):
        raise ValueError("accepted: a type of EC2 that runs Linux, such as t3.small or t4g.small")
    return value


def _public_key(value: str) -> str:
    if not PUBLIC_KEY.fullmatch(value.strip()) and not value.endswith(".pub"):
        raise ValueError(
            "accepted: the line of an ssh-ed25519 or ssh-rsa public key, or the path of its .pub "
            "file"
        )
    return value.strip()


def _bucket(value: str) -> str:
    if not BUCKET.fullmatch(value) or ".." in value:
        raise ValueError("accepted: a bucket's name, 3 to 63 of a-z, 0-9, dots and hyphens")
    return value


def _profile(value: str) -> str:
    if not PROFILE.fullmatch(value):
        raise ValueError("accepted: an instance profile's name (not its ARN)")
    return value


def _key_prefix(value: str) -> str:
    if not KEY_PREFIX.fullmatch(value):
        raise ValueError("accepted: names of letters, digits, _ . - joined by slashes")
    return value


def _url(value: str) -> str:
    if not URL.fullmatch(value):
        raise ValueError("accepted: a URL such as http://127.0.0.1:5000")
    return value.rstrip("/")


Region = Annotated[str, AfterValidator(_region)]
InstanceType = Annotated[str, AfterValidator(_instance_type)]
VolumeGb = Annotated[int, Field(ge=8, le=16384)]  # the images need 8; gp3 ends at 16 TiB
_Types: Any = keyed("_Types", {
    role.name: (InstanceType, role.instance_type) for role in ROLES
})
_Sizes: Any = keyed("_Sizes", {
    role.name: (VolumeGb, role.volume_gb) for role in ROLES
})


class InstanceTypes(_Types):  # type: ignore[misc]
    """The instance type of each role."""

    def of(self, role: str) -> str:
        return str(getattr(self, role))


class VolumeSizes(_Sizes):  # type: ignore[misc]
    """The root volume of each role, in GiB."""

    def of(self, role: str) -> int:
        return int(getattr(self, role))


class Backend(Section):
    """Where Terraform keeps its state: beside the lab file, or in a bucket that locks by itself."""

    kind: Literal["local", "s3"] = "local"
    bucket: Annotated[str, AfterValidator(_bucket)] | None = None
    region: Region | None = None
    key_prefix: Annotated[str, AfterValidator(_key_prefix)] = "kafkalab"
    use_lockfile: bool = True


class Aws(Section):
    """A lab in one AWS account. `region` is that of each datacenter that names none of its own.

    `admin_cidrs` is where people sit: SSH and the lab's ports are open to it and to nobody else.
    `ttl_hours`: hosts end themselves this long after they were made; None lets them run.
    `public_key` is the text of a public SSH key or the path of a .pub file.
    `endpoint_url` points Terraform at an emulator instead of AWS.
    """

    region: Region | None = None
    admin_cidrs: tuple[IPv4Network, ...] = ()
    world_open: bool = False
    image: Image = "al2023"
    instance_types: InstanceTypes = InstanceTypes()
    volume_gb: VolumeSizes = VolumeSizes()
    spot: bool = False
    instance_profile: Annotated[str, AfterValidator(_profile)] | None = None
    ttl_hours: Annotated[int, Field(ge=1, le=8760)] | None = None
    public_key: Annotated[str, AfterValidator(_public_key)] | None = None
    endpoint_url: Annotated[str, AfterValidator(_url)] | None = None
    backend: Backend = Backend()


def architecture(instance_type: str) -> Architecture:
    """What an instance type's processors run.

    Graviton families have a g among the letters after their generation (t4g, m7gd, im4gn); the
    first one of all is a1 (EC2 user guide, "Amazon EC2 instance type naming conventions").
    """
    family = instance_type.partition(".")[0]
    match = re.match(r"[a-z]+\d+([a-z]*)", family)
    return "arm64" if family == "a1" or (match and "g" in match[1]) else "x86_64"
