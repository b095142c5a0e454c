"""The tags that everything of a lab carries in AWS: what the stacks write, the tasks look for.

`Name` is a host's name, as in the topology. Lab and owner together say whose a thing is: in an
account that a class shares, many a lab has the same name.
"""

from __future__ import annotations

from datetime import UTC, datetime

NAME = "Name"
LAB = "lab"
OWNER = "owner"
DATACENTER = "datacenter"
ROLE = "role"
EXPIRES = "expires"  # see `moment`

FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # what Terraform's timestamp() and timeadd() give, too (RFC 3339)


def moment(text: str | None) -> datetime | None:
    """The time (UTC) that an `expires` tag names; None where there is none or another text."""
    try:
        return datetime.strptime(text or "", FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def expires(at: datetime) -> str:
    """The value of the `expires` tag for a time with a zone, to the second."""
    return at.astimezone(UTC).strftime(FORMAT)
