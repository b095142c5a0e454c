"""The sections [[users]] and [[clients]]."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from lab import rights
from lab.options.section import Label, Section, shown

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,99}")
NOBODY = "ANONYMOUS"  # whom Kafka takes a client for that says no name


def _named(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("accepted: 1 to 100 of A-Z, a-z, 0-9, dots, _, @ and hyphens, of which a "
                         "letter, a digit or _ comes first")
    return value


def _user(value: str) -> str:
    if value == NOBODY:
        raise ValueError("whoever says no name is called so; accepted: another name")
    if value.startswith("kafkalab"):
        raise ValueError("names that begin with kafkalab are the lab's own")
    return _named(value)


def _right(value: str) -> str:
    """A right as the lab tells it. Raises ValueError."""
    return str(rights.right(value))


Rate = Annotated[int, Field(ge=1, le=2**53)]


class Quotas(Section):
    """What somebody may ask of each broker. Kafka lets more wait, and refuses nothing."""

    producer_byte_rate: Rate | None = Field(
        None, description="bytes a second that a broker takes", json_schema_extra=shown("no limit"),
    )
    consumer_byte_rate: Rate | None = Field(
        None, description="bytes a second that a broker sends", json_schema_extra=shown("no limit"),
    )
    request_percentage: Annotated[float, Field(gt=0, le=100_000)] | None = Field(
        None, description="percent of one thread's time on a broker",
        json_schema_extra=shown("no limit"),
    )

    def settings(self) -> dict[str, str]:
        """Those that are set, each as its number is told."""
        return {name: number(value) for name, value in self if value is not None}


def number(value: float) -> str:
    """A quota's number as the lab tells it; Kafka has all of them as floating point."""
    return str(int(value)) if value == int(value) else str(value)


class User(Section):
    """One user that the lab makes, with a password of its own, and keeps as the file says."""

    name: Annotated[str, AfterValidator(_user)] = Field(description="the user's name")
    datacenters: tuple[Label, ...] = Field(
        (), description="the datacenters that know it", json_schema_extra=shown("all"),
    )
    acls: tuple[Annotated[str, AfterValidator(_right)], ...] = Field(
        (), description='what it may do, a line each: `acls = ["read topic orders", "write topic '
                        'orders-*", "read group app"]`',
    )
    quotas: Quotas = Quotas()
    absent: bool = Field(False, description="`true` removes a user that the lab made")


class Client(Section):
    """Clients that say one client id, and what they may ask for. An id is no proof of anything."""

    id: Annotated[str, AfterValidator(_named)] = Field(description="their `client.id`")
    datacenters: tuple[Label, ...] = Field(
        (), description="the datacenters where it holds", json_schema_extra=shown("all"),
    )
    quotas: Quotas = Quotas()
    absent: bool = Field(False, description="`true` takes the quotas away that the lab set")
