"""What a lab takes of EC2, as a pure function of the lab file: for stacks, prices and checks."""

from __future__ import annotations

from collections.abc import Mapping

from lab.options.aws import Architecture, Image, architecture
from lab.services.registry import memory_mb
from lab.topology import Datacenter, Host, Topology

# Public parameters that always name the newest image: AL2023 user guide, "Get started with
# kernel", and the Debian wiki, "Cloud/AmazonEC2Image".
IMAGES: Mapping[tuple[Image, Architecture], str] = {
    ("al2023", "x86_64"): "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
    ("al2023", "arm64"): "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
    ("debian12", "x86_64"): "/aws/service/debian/release/12/latest/amd64",
    ("debian12", "arm64"): "/aws/service/debian/release/12/latest/arm64",
}


# GiB of a `large` of each family whose types have twice as much with each next size (EC2 user
# guide, "Instance types"), as far as labs are made of them.
LARGE = {"t2": 8, "t3": 8, "t3a": 8, "t4g": 8, **{
    f"{letter}{generation}": gib for letter, gib in (("c", 4), ("m", 8), ("r", 16))
    for generation in ("5", "5a", "6a", "6g", "6i", "7a", "7g", "7i", "8g")
}}
SIZES = ("nano", "micro", "small", "medium", "large", "xlarge", "2xlarge")
SYSTEM_MB = 200  # of what is resident beside a lab's services: kernel, systemd, agents


def region(topology: Topology, datacenter: Datacenter) -> str:
    """The datacenter's own region, or the lab's. Raises LookupError where neither is given."""
    config = topology.config
    own = next(one.region for one in config.datacenters if one.name == datacenter.name)
    chosen = own or config.aws.region
    if chosen is None:
        raise LookupError(f"datacenter {datacenter.name} has no region")
    return chosen


def regions(topology: Topology) -> tuple[str, ...]:
    """Every region of the lab once, in the order of its datacenters."""
    return tuple(dict.fromkeys(region(topology, one) for one in topology.datacenters))


def instance_type(topology: Topology, host: Host) -> str:
    return topology.config.aws.instance_types.of(host.role)


def instance_mb(type_name: str) -> int | None:
    """The memory of an instance type, in MiB; None for one that is not known here."""
    family, _, size = type_name.partition(".")
    if family not in LARGE or size not in SIZES:
        return None
    return int(LARGE[family] * 1024 * 2.0 ** (SIZES.index(size) - SIZES.index("large")))


def needed_mb(topology: Topology, host: Host) -> int:
    """What a host's services and its system have resident at work, in MiB."""
    return SYSTEM_MB + memory_mb(host, topology)


def volume_gb(topology: Topology, host: Host) -> int:
    return topology.config.aws.volume_gb.of(host.role)


def image_id(topology: Topology, datacenter: Datacenter) -> str | None:
    """The image that the lab file names for the datacenter's region, if it names any."""
    found = topology.config.aws.image_ids.get(region(topology, datacenter))
    return None if found is None else str(found)


def image_parameter(topology: Topology, host: Host) -> str:
    """The public parameter that names the image of a host."""
    image = topology.config.aws.image
    return IMAGES[image, architecture(instance_type(topology, host))]
