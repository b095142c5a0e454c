"""Moving the hour at which the hosts end themselves.

Each host looks every minute at its own tag `expires` (stacks/expire.py), so to move the tag is to
move the end: nothing has to be reached over SSH, and a host that is stopped has it, too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lab.aws import tags
from scripts.errors import LabError
from scripts.platforms.aws.clients import portions
from scripts.platforms.aws.inventory import owned

if TYPE_CHECKING:
    from scripts.platforms.aws import Aws

MAX_HOURS = 8760  # as in the lab file


def extend(aws: Aws, hours: int) -> tuple[datetime, int]:
    """Let the lab live for `hours` from now: the new end, and how many hosts have it.

    Raises LabError where there is no host that ends itself.
    """
    there = aws.machines()
    if not there:
        raise LabError("no host of the lab is in AWS", hint="`cdktf deploy '*'` makes it")
    if all(one.expires is None for one in there.values()):
        raise LabError(
            "the hosts have no end that could be moved", hint="ttl_hours in [aws] gives them one"
        )
    end = (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0)
    config = aws.topology.config
    marked = [
        *owned(config.name, config.owner), {"Name": "tag-key", "Values": [tags.EXPIRES]},
    ]

    def region(name: str) -> int:
        hosts = [one.id for one in there.values() if one.region == name and one.expires]
        volumes = [
            one["VolumeId"] for one in aws.clients.items(
                "ec2", name, "describe_volumes", "Volumes", Filters=marked
            )
        ]
        for part in portions([*hosts, *volumes]):
            aws.clients("ec2", name).create_tags(
                Resources=part,
                Tags=[{"Key": tags.EXPIRES, "Value": tags.expires(end)}],
            )
        return len(hosts)

    return end, sum(aws.clients.each(region, aws.regions).values())
