"""The section [aws]: what a lab on EC2 needs to know besides its topology.

Every key has a harmless default, so a lab that only runs locally need not have the section.
`lab.aws.checks.for_aws` names what must be filled in before anything is made in an account.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from lab.options.section import Section, Setting, Settings, keyed, shown
from lab.roles import ROLES

Architecture = Literal["x86_64", "arm64"]
Image = Literal["al2023", "debian12"]

REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d{1,2}")
INSTANCE_TYPE = re.compile(r"(?P<family>[a-z][a-z0-9-]*)\.[a-z0-9-]+")
# The keys that EC2 lets one import (EC2 user guide, "Create key pairs").
PUBLIC_KEY = re.compile(r"ssh-(ed25519|rsa) AAAA[A-Za-z0-9+/]{40,}={0,2}( [^\n\r]*)?")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PROFILE = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
KEY_PREFIX = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
IMAGE_ID = re.compile(r"ami-[0-9a-f]{8,17}")
VPC_ID = re.compile(r"vpc-[0-9a-f]{8,17}")
SUBNET_ID = re.compile(r"subnet-[0-9a-f]{8,17}")
# EC2 user guide, "Tag restrictions": what every service takes, so never Terraform's own signs.
TAG_KEY = re.compile(r"[\w .:/=+@-]{1,128}", re.ASCII)
MOST_TAGS = 40
TAG_VALUE = re.compile(r"[\w .:/=+@-]{0,256}", re.ASCII)
# Never an option of ssh's: it begins with a letter or a digit.
BASTION = re.compile(r"([A-Za-z0-9_][\w.-]*@)?[A-Za-z0-9][A-Za-z0-9.-]*(:\d{1,5})?", re.ASCII)
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


def _id(pattern: re.Pattern[str], example: str) -> Any:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(f"accepted: an id such as {example}")
        return value

    return AfterValidator(check)


def _bastion(value: str) -> str:
    if not BASTION.fullmatch(value):
        raise ValueError("accepted: a machine that SSH knows, such as me@bastion.example.org")
    return value


def _own_tags(value: dict[str, Setting]) -> dict[str, Setting]:
    for key, text in value.items():
        if not TAG_KEY.fullmatch(key) or key.lower().startswith("aws:"):
            raise ValueError(f"the key {key!r}; accepted: 1 to 128 letters, digits, blanks and "
                             "_.:/=+-@, not beginning with aws:")
        if not isinstance(text, str) or not TAG_VALUE.fullmatch(text):
            raise ValueError(f"the value of {key!r}; accepted: a text of up to 256 letters, "
                             "digits, blanks and _.:/=+-@")
    if len(value) > MOST_TAGS:
        raise ValueError(f"accepted: at most {MOST_TAGS}, since AWS takes 50 with the lab's own")
    return value


def _images(value: dict[str, Setting]) -> dict[str, Setting]:
    for region, id in value.items():
        _region(region)
        if not isinstance(id, str) or not IMAGE_ID.fullmatch(id):
            raise ValueError(f"{id!r}; accepted: an id such as ami-0123456789abcdef0")
    return value


def _url(value: str) -> str:
    if not URL.fullmatch(value):
        raise ValueError("accepted: a URL such as http://127.0.0.1:5000")
    return value.rstrip("/")


Region = Annotated[str, AfterValidator(_region)]
VpcId = Annotated[str, _id(VPC_ID, "vpc-0123456789abcdef0")]
SubnetId = Annotated[str, _id(SUBNET_ID, "subnet-0123456789abcdef0")]
OwnTags = Annotated[Settings, AfterValidator(_own_tags)]
ImageIds = Annotated[Settings, AfterValidator(_images)]
InstanceType = Annotated[str, AfterValidator(_instance_type)]
VolumeGb = Annotated[int, Field(ge=8, le=16384)]  # the images need 8; gp3 ends at 16 TiB
_Types: Any = keyed("_Types", {
    role.name: (InstanceType, Field(
        role.instance_type,
        description="instance type of each role; arm64 types such as `t4g.small` get their own "
                    "image",
    )) for role in ROLES
})
_Sizes: Any = keyed("_Sizes", {
    role.name: (VolumeGb, Field(
        role.volume_gb, description="root volume of each role, in GiB; encrypted gp3",
    )) for role in ROLES
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
    """Where Terraform keeps its state."""

    kind: Literal["local", "s3"] = Field(
        "local", description="where Terraform keeps its state: `\"local\"` beside the lab file, "
                             "`\"s3\"` in a bucket, as `key_prefix/owner/stack.tfstate`",
    )
    bucket: Annotated[str, AfterValidator(_bucket)] | None = Field(
        None, description="the bucket's name", json_schema_extra=shown('needed with `"s3"`'),
    )
    region: Region | None = Field(
        None, description="the bucket's region", json_schema_extra=shown("that of `[aws]`"),
    )
    key_prefix: Annotated[str, AfterValidator(_key_prefix)] = Field(
        "kafkalab", description="the folder in the bucket",
    )
    use_lockfile: bool = Field(
        True, description="lock the state in the bucket itself, which Terraform can from 1.10 on",
    )


class Aws(Section):
    """A lab in one AWS account."""

    region: Region | None = Field(
        None, description="of every datacenter that names none of its own",
        json_schema_extra=shown("needed on AWS"),
    )
    admin_cidrs: tuple[IPv4Network, ...] = Field(
        (), description="where you sit: SSH and `lab_ports` are open to these networks and to "
                        "nobody else",
        json_schema_extra=shown("needed on AWS"),
    )
    world_open: bool = Field(
        False, description="allows `admin_cidrs` as wide as `0.0.0.0/0`; every command then warns",
    )
    image: Image = Field(
        "al2023",
        description='or `"debian12"`; always the newest, and a newer one replaces no host',
    )
    image_ids: ImageIds = Field(
        {}, description="an image of your own by its id, for each region of the lab, such as "
                        '`{ eu-central-1 = "ami-0123456789abcdef0" }`; made from what `image` says',
        json_schema_extra=shown("none: the public image"),
    )
    instance_types: InstanceTypes = InstanceTypes()
    volume_gb: VolumeSizes = VolumeSizes()
    spot: bool = Field(False, description="cheaper hosts that EC2 may take back")
    public_addresses: bool = Field(
        True, description="`false`: hosts have private addresses alone, and are reached there; "
                          "for networks that exist (`vpc_id`)",
    )
    session_manager: bool = Field(
        False, description="hosts are reached through Session Manager, while `fab tunnel` runs",
    )
    bastion: Annotated[str, AfterValidator(_bastion)] | None = Field(
        None, description="hosts are reached through this machine by SSH, while `fab tunnel` runs, "
                          'such as `"me@bastion.example.org"`, with `:PORT` if need be',
    )
    tags: OwnTags = Field(
        {}, description="tags of your own on everything that is made, such as "
                        '`{ cost-center = "4711" }`',
        json_schema_extra=shown("none"),
    )
    instance_profile: Annotated[str, AfterValidator(_profile)] | None = Field(
        None, description="name of an IAM instance profile (the SSM agent needs one)",
    )
    ttl_hours: Annotated[int, Field(ge=1, le=8760)] | None = Field(
        None, description="hosts end themselves, with their data, this long after they were made; "
                          "`sudo poweroff` then also ends a host for good",
        json_schema_extra=shown("none: they run on"),
    )
    public_key: Annotated[str, AfterValidator(_public_key)] | None = Field(
        None, description="the text of a public SSH key (ed25519 or RSA), or the path of a `.pub` "
                          "file relative to the lab file; `KAFKALAB_PUBLIC_KEY` can say it instead",
        json_schema_extra=shown("the lab's own"),
    )
    endpoint_url: Annotated[str, AfterValidator(_url)] | None = Field(
        None, description="an emulator to talk to instead of AWS; `AWS_ENDPOINT_URL` does the same",
    )
    backend: Backend = Backend()

    @property
    def own_tags(self) -> dict[str, str]:
        """Tags of somebody's own, as text."""
        return {key: str(value) for key, value in self.tags.items()}

    @property
    def tunnelled(self) -> bool:
        """Whether hosts are reached on ports of this machine, which `fab tunnel` opens."""
        return self.session_manager or self.bastion is not None


def architecture(instance_type: str) -> Architecture:
    """The instruction set of an instance type.

    Graviton families have a g among the letters after their generation (t4g, m7gd, im4gn); the very
    first one was a1 (EC2 user guide, "Amazon EC2 instance type naming conventions").
    """
    family = instance_type.partition(".")[0]
    match = re.match(r"[a-z]+\d+([a-z]*)", family)
    return "arm64" if family == "a1" or (match and "g" in match[1]) else "x86_64"
