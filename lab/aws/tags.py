"""The tags on all that belongs to a lab in AWS: the stacks write them, the tasks look for them.

`Name` is a host's name, as in the topology. The lab's name and the owner together identify a lab:
in an account that a class shares, many labs have the same name.
"""

from __future__ import annotations

from datetime import UTC, datetime

NAME = "Name"
LAB = "lab"
OWNER = "owner"
DATACENTER = "datacenter"
ROLE = "role"
EXPIRES = "expires"  # see `moment`
ALLOWED_BY = "allowed-by"  # of a rule that lets an address in for a while: who made it

OURS = frozenset({NAME, LAB, OWNER, DATACENTER, ROLE, EXPIRES, ALLOWED_BY})

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
