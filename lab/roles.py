"""The roles that hosts have, one line each. Everything that depends on a role is derived from it:

the datacenters' keys in the lab file (`kafka = 3`), the keys of [names], [aws.instance_types] and
[aws.volume_gb], and the hosts' names and addresses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Role:
    """One kind of host.

    short: what `{role}` in a host's name becomes. meaning: of the datacenter's key, for
    docs/lab-file.md. first_offset: a host's address is its subnet's first one, plus this, plus the
    host's number, which counts from 1. least, most, usual: how many hosts a datacenter may have,
    and how many it has by default. instance_type, volume_gb: its machine on EC2, volume in GiB.
    """

    name: str
    short: str
    meaning: str
    first_offset: int
    least: int
    most: int
    usual: int
    instance_type: str
    volume_gb: int

    def offsets(self) -> range:
        """Every offset in its subnet that a host of this role may ever have."""
        return range(self.first_offset + 1, self.first_offset + self.most + 1)


# The first four addresses of a subnet and its last one belong to AWS (VPC user guide, "Subnet
# sizing"); a test holds the offsets apart. Controllers have the place of ZooKeeper's servers: a
# datacenter has the ones or the others.
ROLES: tuple[Role, ...] = (
    Role("control", "ctl", "control hosts, from which a person works",
         9, 0, 1, 1, "t3.micro", 10),
    Role("zookeeper", "zk", "servers; an even number is a warning, since it bears no more failures",
         20, 1, 9, 3, "t3.micro", 10),
    Role("controller", "kraft", "hosts for KRaft's controllers alone; an even number is a warning",
         20, 0, 9, 3, "t3.micro", 10),
    Role("kafka", "kafka", "brokers", 30, 1, 100, 3, "t3.small", 20),
    Role("connect", "connect",
         "hosts for Kafka Connect alone; with 0 its workers run on the control host",
         200, 0, 9, 0, "t3.small", 10),
    Role("store", "store",
         "hosts for what sinks write into; with 0 it is on the control host",
         209, 0, 1, 0, "t3.small", 10),
)
NAMES: tuple[str, ...] = tuple(role.name for role in ROLES)


def role(name: str, among: Iterable[Role] = ROLES) -> Role:
    """The role of that name. Raises StopIteration for a name that is none."""
    return next(one for one in among if one.name == name)
