"""The lab's machines as EC2 has them: read by tag, all regions at once, never from a file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from lab.aws import tags
from lab.standing import Standing
from lab.topology import EXTERNAL_PORT, SSH_PORT, Topology
from scripts.errors import LabError, UsageError, one_line
from scripts.platforms.aws.clients import Clients

# EC2 user guide, "Instance lifecycle". A terminated instance is only a memory.
ALIVE = ("pending", "running", "stopping", "stopped")
ADDRESS_MAP = "KAFKALAB_ADDRESS_MAP"


@dataclass(frozen=True)
class Machine:
    """One instance. `public` is its public address, if it has one; `private` is the lab's."""

    name: str
    id: str
    region: str
    state: str
    type: str
    datacenter: str
    public: str | None
    private: str
    spot: bool
    expires: datetime | None
    zone: str = ""  # the zone's id (euc1-az2), which names the same place in every account
    role: str = ""

    @property
    def running(self) -> bool:
        return self.state == "running"


def owned(lab: str, owner: str) -> list[dict[str, Any]]:
    """The filters (EC2) that leave what carries the tags of one lab of one owner."""
    return [
        {"Name": f"tag:{tags.LAB}", "Values": [lab]},
        {"Name": f"tag:{tags.OWNER}", "Values": [owner]},
    ]


def machines(
    clients: Clients, regions: Iterable[str], lab: str, owner: str,
    states: Iterable[str] = ALIVE,
) -> dict[str, Machine]:
    """Every host of the lab by name. Raises LabError where two have the same name, or one none."""
    chosen = [*owned(lab, owner), {"Name": "instance-state-name", "Values": list(states)}]
    found = clients.each(
        lambda region: [
            _machine(instance, region)
            for reservation in clients.items(
                "ec2", region, "describe_instances", "Reservations", Filters=chosen
            )
            for instance in reservation["Instances"]
        ],
        regions,
    )
    result: dict[str, Machine] = {}
    for one in sorted((m for group in found.values() for m in group), key=lambda m: m.name):
        if not one.name:
            raise LabError(
                "an instance with the lab's tags has no Name", where=f"{one.region} {one.id}",
                hint="see `fab audit`; give it its name, or take the tags away",
            )
        if (other := result.setdefault(one.name, one)) is not one:
            raise LabError(
                f"two instances have this name: {other.id} in {other.region} and {one.id} in "
                f"{one.region}", where=one.name, hint="end the one that Terraform does not know",
            )
    return result


def _machine(instance: Mapping[str, Any], region: str) -> Machine:
    has = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())}
    placed = instance.get("Placement", {})
    return Machine(
        name=has.get(tags.NAME, ""), id=instance["InstanceId"], region=region,
        state=instance["State"]["Name"], type=instance["InstanceType"],
        datacenter=has.get(tags.DATACENTER, ""),
        # An instance that stops or starts has none, and some answers then have "".
        public=instance.get("PublicIpAddress") or None,
        private=instance.get("PrivateIpAddress") or "",
        spot=instance.get("InstanceLifecycle") == "spot",
        expires=tags.moment(has.get(tags.EXPIRES)),
        zone=placed.get("AvailabilityZoneId") or placed.get("AvailabilityZone") or "",
        role=has.get(tags.ROLE, ""),
    )


def standings(there: Iterable[Machine], domain: str) -> list[Standing]:
    """The machines as hosts of the lab, by their tags; without those that have no address yet."""
    return [
        Standing(one.name, f"{one.name}.{domain}", one.datacenter, one.role,
                 IPv4Address(one.private))
        for one in there if one.private
    ]


@dataclass(frozen=True)
class Reached:
    """Where a machine is reached from here: SSH, and the EXTERNAL listener of a broker."""

    ssh: tuple[str, int]
    external: tuple[str, int]


class Addresses:
    """How machines are reached: at their public addresses, or where they have none at their own, or
    on ports of this machine (`tunnels`, by the machine's name).

    For emulators only, KAFKALAB_ADDRESS_MAP names a JSON file that says otherwise: by private
    address, {"ssh": [host, port], "external": [host, port]}. A machine that is missing there is not
    reached at all, since an emulator's public addresses belong to somebody else.
    """

    def __init__(
        self, *, public: bool = True, tunnels: Mapping[str, Reached] | None = None
    ) -> None:
        self._public, self._tunnels = public, tunnels
        name = os.environ.get(ADDRESS_MAP)
        self._instead = _load(Path(name)) if name else None

    @property
    def mapped(self) -> bool:
        """Whether an emulator's map stands in for public addresses."""
        return self._instead is not None

    def of(self, machine: Machine) -> Reached | None:
        """None while it has no address."""
        if self._instead is not None:
            return self._instead.get(machine.private) if machine.running else None
        if self._tunnels is not None:
            return self._tunnels.get(machine.name) if machine.running else None
        address = machine.public if self._public else machine.private
        if not address:
            return None
        return Reached((address, SSH_PORT), (address, EXTERNAL_PORT))


def tunnels(topology: Topology) -> dict[str, Reached]:
    """Where `fab tunnel` leads to each host from: the ports that a local lab would have here."""
    return {
        host.name: Reached(("127.0.0.1", host.ssh_port),
                           ("127.0.0.1", host.external_port or host.ssh_port))
        for host in topology.hosts
    }


def _load(path: Path) -> dict[str, Reached]:
    try:
        return {
            private: Reached(_pair(one["ssh"]), _pair(one.get("external", one["ssh"])))
            for private, one in json.loads(path.read_text(encoding="utf-8")).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{ADDRESS_MAP}={path} cannot be used: {one_line(error)}",
            hint='accepted: {"10.1.0.10": {"ssh": ["127.0.0.1", 2210], "external": […]}, …}',
        ) from error


def _pair(value: Any) -> tuple[str, int]:
    host, port = value
    return str(host), int(port)
